import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MIN_BAD_REQUESTS } from '../../lib/monitoring/burn-rate.js';
import { RUNG_FACTOR, type Rung, shareLadder } from '../../lib/monitoring/share-ladder.js';

const fires = (bad: number, total: number) => (rung: Rung) =>
  bad >= rung.bad && total > rung.above && (rung.upTo === null || total <= rung.upTo);

test('rungs of the quickest page at 99.9 %', () => {
  expect(shareLadder(0.0144, 50 * 3600)).toEqual([
    { bad: 5, above: 0, upTo: 347 },
    { bad: 25, above: 347, upTo: 1736 },
    { bad: 125, above: 1736, upTo: 8680 },
    { bad: 625, above: 8680, upTo: 43_402 },
    { bad: 3125, above: 43_402, upTo: null },
  ]);
});

describe('of any requests', () => {
  const cases = fc
    .record({
      badShare: fc.double({ min: 1e-5, max: 0.99, noNaN: true }),
      most: fc.integer({ min: 1, max: 1e9 }),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      spoiled: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    .map(({ badShare, most, part, spoiled }) => {
      const total = Math.ceil(part * most);
      return { badShare, most, total, bad: Math.round(spoiled * total) };
    });

  test('a rung that fires proves the share', () => {
    fc.assert(
      fc.property(cases, ({ badShare, most, total, bad }) => {
        if (shareLadder(badShare, most).some(fires(bad, total))) {
          expect(bad).toBeGreaterThanOrEqual(badShare * total * (1 - 1e-9));
          expect(bad).toBeGreaterThanOrEqual(MIN_BAD_REQUESTS);
        }
      }),
    );
  });

  test('a share above the factor makes one fire, and no other', () => {
    fc.assert(
      fc.property(cases, ({ badShare, most, total, bad }) => {
        const firing = shareLadder(badShare, most).filter(fires(bad, total));
        expect(firing.length).toBeLessThanOrEqual(1);
        if (bad >= MIN_BAD_REQUESTS && bad > RUNG_FACTOR * badShare * total) expect(firing).toHaveLength(1);
      }),
    );
  });

  test('there are few of them', () => {
    fc.assert(
      fc.property(cases, ({ badShare, most }) => {
        expect(shareLadder(badShare, most).length).toBeLessThanOrEqual(
          2 + Math.max(0, Math.log(most / MIN_BAD_REQUESTS) / Math.log(RUNG_FACTOR)),
        );
      }),
    );
  });
});
