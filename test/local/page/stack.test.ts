import { describe, expect, test } from 'vitest';
import { points, stacked } from '../../../lib/local/page/stack.js';

describe('values on top of each other', () => {
  test('add up from the first to the last; a gap in one is no gap in all', () => {
    expect(
      stacked([
        [1, 2, null, null],
        [10, null, 30, null],
        [100, 200, 300, null],
      ]),
    ).toEqual([
      [1, 2, null, null],
      [11, 2, 30, null],
      [111, 202, 330, null],
    ]);
  });

  test('are counted without the gaps', () => {
    expect(points([[1, null], [0, null], []])).toBe(2);
  });
});
