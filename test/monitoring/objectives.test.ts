import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProblemsError } from '../../lib/errors.js';
import { loadCatalogue, metricOf } from '../../lib/monitoring/catalogue.js';
import { planObjectives, sloProblems } from '../../lib/monitoring/objectives.js';

const catalogue = loadCatalogue();
const { buckets } = metricOf(catalogue, 'http_server_request_duration_seconds');

const boundOf = (p99Ms: number): number => {
  const { bad } = planObjectives({ p99Ms }, catalogue)[1]!;
  if (bad.op !== 'above') throw new Error('slow answers are counted above a bound');
  return bad.bound;
};

describe('objectives', () => {
  test('are 99.9 % availability over 30 days when nothing is asked for', () => {
    const objectives = planObjectives({}, catalogue);
    expect(objectives.map(({ id, title, target, periodSeconds }) => ({ id, title, target, periodSeconds }))).toEqual([
      {
        id: 'availability',
        title: '99.9 % of requests answered without a server error',
        target: 0.999,
        periodSeconds: 2_592_000,
      },
    ]);
  });

  test('count latency at the bound asked for, where the histogram has it', () => {
    const [, latency] = planObjectives({ p99Ms: 50 }, catalogue);
    expect(latency).toMatchObject({ title: '99 % of answers within 50 ms', target: 0.99, notes: [] });
    expect(boundOf(50)).toBe(0.05);
  });

  test('take the next bound above elsewhere, and say so', () => {
    const [, latency] = planObjectives({ p99Ms: 60 }, catalogue);
    expect(boundOf(60)).toBe(0.075);
    expect(latency!.notes).toEqual([
      "answers count as slow above 75 ms, the histogram's next bound above the 60 ms asked for",
    ]);
  });

  test('never count an answer within p99Ms as slow', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 10_000, noNaN: true }), (p99Ms) => {
        const bound = boundOf(p99Ms);
        expect(bound * 1000).toBeGreaterThanOrEqual(p99Ms);
        expect(buckets.filter((other) => other < bound && other * 1000 >= p99Ms)).toEqual([]);
      }),
    );
  });

  test('that cannot be kept are refused, all at once', () => {
    const slo = { availability: 100, p99Ms: 10_001, periodDays: 0 };
    expect(() => planObjectives(slo, catalogue)).toThrow(ProblemsError);
    expect(sloProblems(slo, catalogue)).toEqual([
      {
        where: 'monitoring.slo.availability',
        what: '100 % is not above 0 and below 100. Every request cannot be promised to succeed; 99.9 leaves one in a thousand',
      },
      {
        where: 'monitoring.slo.p99Ms',
        what: "10001 ms is not above 0 and at most 10000 ms, where the server's histogram ends",
      },
      { where: 'monitoring.slo.periodDays', what: '0 days is not between 1 and 90' },
    ]);
  });

  test.each([0, -1, 100.1, Number.NaN])('an availability of %s %% is refused', (availability) => {
    expect(sloProblems({ availability }, catalogue).map(({ where }) => where)).toEqual(['monitoring.slo.availability']);
  });

  test.each([0, -5, Number.NaN, Number.POSITIVE_INFINITY])('a p99 of %s ms is refused', (p99Ms) => {
    expect(sloProblems({ p99Ms }, catalogue).map(({ where }) => where)).toEqual(['monitoring.slo.p99Ms']);
  });
});
