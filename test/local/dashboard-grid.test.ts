import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gridOf, onGrid } from '../../lib/local/dashboard/ask.js';
import { lastOf, shares, spread, timesOf } from '../../lib/local/page/grid.js';

const whole = (min: number, max: number) => fc.integer({ min, max });

describe('the grid of a chart', () => {
  test('ends at the last whole step, so that points stay where they are', () => {
    expect(gridOf(1003.7, 300, 5)).toEqual({ start: 700, end: 1000, step: 5 });
    expect(gridOf(1004.9, 300, 5)).toEqual({ start: 700, end: 1000, step: 5 });
    expect(timesOf(gridOf(1003.7, 20, 5))).toEqual([980, 985, 990, 995, 1000]);
  });

  test('takes every sample of its own times to its place, and drops others', () => {
    fc.assert(
      fc.property(
        whole(100_000, 200_000),
        whole(1, 60),
        whole(1, 100),
        fc.array(whole(-3, 103)),
        (now, step, steps, places) => {
          const grid = gridOf(now, steps * step, step);
          const values = onGrid(
            places.map((place) => [grid.start + place * step, `${place}`]),
            grid,
          );
          expect(values).toHaveLength(steps + 1);
          values.forEach((value, place) => {
            expect(value).toBe(places.includes(place) ? place : null);
          });
        },
      ),
    );
  });

  test('reads what is no number as a gap', () => {
    const grid = gridOf(20, 15, 5);
    expect(
      onGrid(
        [
          [5, 'NaN'],
          [10, '+Inf'],
          [15, '1e-3'],
          [20, '0'],
        ],
        grid,
      ),
    ).toEqual([null, null, 0.001, 0]);
  });
});

describe('values over time', () => {
  test('have a latest value only among the last few points', () => {
    expect(lastOf([1, 2, null, null])).toBe(2);
    expect(lastOf([9, null, null, null, null, null])).toBe(null);
  });

  test('have a least and a greatest one, where anything was measured', () => {
    expect(spread([null, 3, 1, 2, null])).toEqual([1, 3]);
    expect(spread([null, null])).toBe(null);
  });

  test('as shares come to one at every point, and are nothing where nothing was measured', () => {
    expect(
      shares([
        [1, null, 0],
        [3, null, 0],
      ]),
    ).toEqual([
      [0.25, null, null],
      [0.75, null, null],
    ]);
  });
});
