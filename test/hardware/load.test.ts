import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { capacityPerSecond, type Replica, underLoad } from '../../lib/hardware/load.js';

const single = (runMs: number, changes: Partial<Replica> = {}): Replica => ({
  lanes: 1,
  maxBatch: 1,
  runMs: [runMs],
  requestMs: 0,
  processors: 4,
  shared: false,
  ...changes,
});

/** Powers of two from 1: every run takes `fixed` and `perRow` for each request in it. */
const batched = (fixed: number, perRow: number, doublings: number, changes: Partial<Replica> = {}): Replica => ({
  ...single(fixed + perRow),
  maxBatch: 2 ** doublings,
  runMs: Array.from({ length: doublings + 1 }, (_, power) => fixed + perRow * 2 ** power),
  ...changes,
});

describe('without batching', () => {
  test.each([
    [0.35, 2.3],
    [0.5, 3.45],
    [0.7, 6.7],
  ])('p99 at a utilisation of %d is %d service times', (utilization, times) => {
    expect(underLoad(single(10), utilization * 100)!.p99Ms / 10).toBeCloseTo(times, 0);
  });

  test('a request that comes alone takes its run and its parsing', () => {
    const load = underLoad(single(10, { requestMs: 2 }), 1e-9)!;
    expect(load.p50Ms).toBeCloseTo(12, 6);
    expect(load.p99Ms).toBeCloseTo(12, 6);
  });

  test('85 % of what the lanes could run is carried, and not more', () => {
    expect(capacityPerSecond(single(10, { lanes: 2 }))).toBeCloseTo(170, 6);
    expect(underLoad(single(10, { lanes: 2 }), 170.1)).toBeNull();
  });

  test('parsing that takes longer than the model bounds the rate', () => {
    expect(capacityPerSecond(single(1, { requestMs: 8, processors: 2 }))).toBeCloseTo(0.85 * 250, 6);
  });
});

test('parsing on the processors that run the model takes its share of them', () => {
  const apart = single(10, { lanes: 4, requestMs: 10 });
  expect(capacityPerSecond(apart)).toBeCloseTo(0.85 * 400, 6);
  expect(capacityPerSecond({ ...apart, shared: true })).toBeCloseTo(0.85 * 200, 6);
});

describe('with batching', () => {
  test('a run that costs the same for all carries as many more requests', () => {
    expect(capacityPerSecond(batched(8, 0, 3))).toBeCloseTo(8 * capacityPerSecond(single(8)), 6);
  });

  test('a request waits for the run in flight and takes part in the next', () => {
    const { p50Ms, p99Ms } = underLoad(batched(10, 0, 6), 500)!;
    expect(p50Ms).toBeGreaterThan(14);
    expect(p50Ms).toBeLessThan(16);
    expect(p99Ms).toBeGreaterThan(19);
    expect(p99Ms).toBeLessThan(22);
  });
});

const replicas = fc
  .record({
    fixed: fc.double({ min: 0.1, max: 50, noNaN: true }),
    perRow: fc.double({ min: 0.01, max: 20, noNaN: true }),
    doublings: fc.nat({ max: 6 }),
    lanes: fc.integer({ min: 1, max: 16 }),
  })
  .map(({ fixed, perRow, doublings, lanes }) => batched(fixed, perRow, doublings, { lanes }));

test('p99 is never below p50, and both grow with the rate', () => {
  fc.assert(
    fc.property(replicas, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (replica, share) => {
      const [less, more] = [0.5, 1].map((part) => underLoad(replica, share * part * capacityPerSecond(replica))!);
      expect(more!.p99Ms).toBeGreaterThanOrEqual(more!.p50Ms * 0.999);
      expect(more!.p99Ms).toBeGreaterThanOrEqual(less!.p99Ms * 0.999);
      expect(more!.p50Ms).toBeGreaterThanOrEqual(less!.p50Ms * 0.999);
    }),
  );
});
