/** Amounts are the polynomials that their samples lie on. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plus, quantityOf, times } from '../../lib/model/work/quantity.js';
import { amount, type Quantity } from '../../lib/model/work.js';

const coefficient = fc.integer({ min: 0, max: 2 ** 38 });

test('integer polynomials come back exactly', () => {
  fc.assert(
    fc.property(coefficient, coefficient, coefficient, (fixed, perRow, squared) => {
      const quantity: Quantity = [fixed, perRow, squared];
      expect(quantityOf([1, 2, 4].map((rows) => amount(quantity, rows)))).toEqual(quantity);
    }),
  );
});

test('no amount falls below the smallest sample or falls with more rows', () => {
  const sample = fc.integer({ min: 0, max: 1e9 });
  fc.assert(
    fc.property(sample, sample, sample, (one, two, four) => {
      const samples = [one, two, four].sort((a, b) => a - b);
      const quantity = quantityOf(samples);
      const amounts = [4, 8, 64].map((rows) => amount(quantity, rows));
      expect(amounts).toEqual([...amounts].sort((a, b) => a - b));
      expect(amounts[0]).toBeGreaterThanOrEqual(samples[0]!);
    }),
  );
});

test.each<[readonly number[], Quantity]>([
  [[7], [7, 0, 0]],
  [
    [7, 7, 7],
    [7, 0, 0],
  ],
  [
    [100, 200, 300],
    [100 / 3, 200 / 3, 0],
  ],
  [
    [300, 200, 100],
    [300, 0, 0],
  ],
  [
    [3, 5, 9],
    [1, 2, 0],
  ],
])('%j: %j', (samples, quantity) => {
  const found = quantityOf(samples);
  for (const [at, value] of quantity.entries()) expect(found[at]).toBeCloseTo(value, 9);
});

test('quantities are added and multiplied', () => {
  expect(plus([1, 2, 3], times([1, 2, 3], 2))).toEqual([3, 6, 9]);
});
