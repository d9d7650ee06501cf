import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { burnPairs, burnThresholds } from '../../lib/monitoring/burn-rate.js';

const DAY = 86_400;

const shares = (target: number, days: number) =>
  burnThresholds(target, days * DAY).thresholds.map(({ factor, badShare }) => [factor, badShare]);

describe('burn rates', () => {
  test('over 30 days are those of the table, for 99.9 % and for 99 %', () => {
    expect(shares(0.999, 30)).toEqual([
      [14.4, 0.0144],
      [6, 0.006],
      [3, 0.003],
      [1, 0.001],
    ]);
    expect(shares(0.99, 30)).toEqual([
      [14.4, 0.144],
      [6, 0.06],
      [3, 0.03],
      [1, 0.01],
    ]);
  });

  test('a pair that would need more than all requests to fail is dropped, and the plan says so', () => {
    const { thresholds, notes } = burnThresholds(0.93, 30 * DAY);
    expect(thresholds.map(({ longSeconds }) => longSeconds / 3600)).toEqual([6, 24, 72]);
    expect(notes).toEqual([
      'no alert on the 1 h window: it would need more than 100.8 % of all requests to fail, which cannot happen',
    ]);
    expect(burnThresholds(0.94, 30 * DAY).notes).toEqual([]);
  });

  test('a short period raises factors to 1 and drops windows longer than itself', () => {
    const { thresholds, notes } = burnThresholds(0.999, DAY);
    expect(thresholds.map(({ longSeconds, factor }) => [longSeconds / 3600, factor])).toEqual([
      [1, 1],
      [6, 1],
      [24, 1],
    ]);
    expect(notes).toEqual([
      'the alert on the 1 h window fires at burn rate 1, not 0.48: below 1 it would fire while the objective is met',
      'the alert on the 6 h window fires at burn rate 1, not 0.2: below 1 it would fire while the objective is met',
      'the alert on the 24 h window fires at burn rate 1, not 0.1: below 1 it would fire while the objective is met',
      "no alert on the 72 h window: it is longer than the objective's period of 24 h",
    ]);
  });

  test('can fire, never fire while the objective is met, and account for every pair', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true }),
        fc.integer({ min: 1, max: 90 }),
        (target, days) => {
          const { thresholds, notes } = burnThresholds(target, days * DAY);
          for (const { badShare, factor, longSeconds, shortSeconds } of thresholds) {
            expect(badShare).toBeLessThan(1);
            expect(badShare).toBeGreaterThanOrEqual((1 - target) * (1 - 1e-9));
            expect(factor).toBeGreaterThanOrEqual(1);
            expect(shortSeconds).toBeLessThan(longSeconds);
          }
          const dropped = notes.filter((note) => note.startsWith('no alert'));
          expect(thresholds.length + dropped.length).toBe(burnPairs.length);
        },
      ),
    );
  });
});
