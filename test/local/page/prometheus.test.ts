import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gridOf, onGrid, timesOf } from '../../../lib/local/page/prometheus.js';

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
