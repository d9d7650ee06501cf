/** Step 1 of the road: amounts as polynomials of the rows, from what batches of 1, 2 and 4 rows take. */

import type { Quantity } from '../work.js';

/** Batches that are looked at; a second-degree polynomial needs three. */
export const sampledRows = [1, 2, 4] as const;

/** An amount for every sampled batch, or a single one where the batch is fixed. */
export type Samples = readonly number[];

export const nothing: Quantity = [0, 0, 0];

/**
 * The polynomial through the samples.
 *
 * An amount that grows slower than the rows (the best 300 of them, say) lies on none that could be trusted beyond the samples: it gets
 * the line through its ends instead, so that no amount falls when rows are added.
 */
export function quantityOf(samples: Samples): Quantity {
  const [one = 0, two = one, four = two] = samples;
  const squared = tidy((four - two - 2 * (two - one)) / 6, four);
  const perRow = tidy(two - one - 3 * squared, four);
  if (squared >= 0 && perRow >= 0) return [tidy(one - perRow - squared, four), perRow, squared];
  const slope = Math.max(0, tidy((four - one) / 3, four));
  return [slope === 0 ? Math.max(one, two, four) : tidy(one - slope, four), slope, 0];
}

/** Removes what dividing by 6 leaves behind; `scale` is the size of the numbers it comes from. */
function tidy(value: number, scale: number): number {
  const rounded = Math.round(value);
  return Math.abs(value - rounded) <= 1e-9 * Math.max(1, Math.abs(scale)) ? rounded + 0 : value;
}

export function times([fixed, perRow, perRowSquared]: Quantity, factor: number): Quantity {
  return [fixed * factor, perRow * factor, perRowSquared * factor];
}

export function plus(one: Quantity, other: Quantity): Quantity {
  return [one[0] + other[0], one[1] + other[1], one[2] + other[2]];
}
