/** Step 1 of the road: the elements of small values, computed while shapes are inferred. */

import { dtypes } from '../dtypes.js';
import type { DType } from '../profile.js';
import { product } from './dims.js';
import { type Dims, type Elements, type Known, MOST_ELEMENTS } from './rule.js';

/** How many elements a value of this shape has, where they are few and known. */
export function fewElements(shape: Dims | null): number | null {
  const elements = shape === null || shape.includes(null) ? null : product(shape);
  return elements !== null && elements <= MOST_ELEMENTS ? elements : null;
}

/** The number as the type can hold it; null where it is none of the type's. */
export function representable(dtype: DType, value: number | null): number | null {
  if (value === null) return null;
  const { kind, bits } = dtypes[dtype];
  if (kind === 'bool') return value === 0 ? 0 : 1;
  if (kind === 'float') return dtype === 'float32' ? Math.fround(value) : value;
  if (!Number.isInteger(value)) return null;
  // 64-bit sentinels such as the largest integer are rounded when they are read, and have to pass.
  if (kind === 'signed') return Math.abs(value) <= 2 ** (bits - 1) ? value + 0 : null;
  return kind === 'unsigned' && value >= 0 && value <= 2 ** bits ? value + 0 : null;
}

/** How far apart two neighbours of each axis are. */
export function strides(shape: Dims): number[] {
  const steps = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
    steps[axis] = step;
    step *= shape[axis] ?? 1;
  }
  return steps;
}

/** Elements of an output, each taken from where `source` says for its coordinates. */
export function take(shape: Dims | null, source: (at: readonly number[]) => number | null): Elements | null {
  const count = fewElements(shape);
  if (shape === null || count === null) return null;
  const at = shape.map(() => 0);
  return Array.from({ length: count }, () => {
    const element = source(at);
    for (let axis = at.length - 1; axis >= 0; axis -= 1) {
      at[axis]! += 1;
      if (at[axis]! < shape[axis]!) break;
      at[axis] = 0;
    }
    return element;
  });
}

/** The element at these coordinates of an output to which the value is broadcast. */
export function broadcastElement(
  { shape, values }: Known,
  at: readonly number[],
  steps: readonly number[],
): number | null {
  const skipped = at.length - steps.length;
  const index = steps.reduce((sum, step, axis) => (shape![axis] === 1 ? sum : sum + step * at[axis + skipped]!), 0);
  return values![index] ?? null;
}

/** Elements of an output that is computed from those of its inputs, one by one. */
export function combine(
  inputs: readonly Known[],
  shape: Dims | null,
  compute: (...elements: (number | null)[]) => number | null,
): Elements | null {
  if (inputs.length > MOST_ELEMENTS || inputs.some((input) => input.values === null || input.shape === null))
    return null;
  const count = fewElements(shape);
  if (count === null) return null;
  // As many elements as the output stand in the same order, whatever the shape.
  if (inputs.every(({ values }) => values!.length === count || values!.length === 1)) {
    const lists = inputs.map(({ values }) => values!);
    return Array.from({ length: count }, (_, at) => compute(...lists.map((list) => list[list.length === 1 ? 0 : at]!)));
  }
  const steps = inputs.map((input) => strides(input.shape!));
  return take(shape, (at) => compute(...inputs.map((input, index) => broadcastElement(input, at, steps[index]!))));
}

/** Applies a function of numbers where all of them are known. */
export function whereKnown(
  compute: (...numbers: number[]) => number,
): (...elements: (number | null)[]) => number | null {
  return (...elements) => (elements.every((element) => element !== null) ? compute(...elements) : null);
}
