/** Step 1 of the road: arithmetic on sizes of which some are unknown. */

import { type Dims, MOST_AXES } from './rule.js';

/** A size, or null where the number can be none. */
export function size(value: number | null | undefined): number | null {
  return value !== undefined && Number.isSafeInteger(value) && value! >= 0 ? value : null;
}

/** An axis counted from the front; null when the tensor has no such axis. */
export function axisOf(axis: number | null, rank: number): number | null {
  if (axis === null) return null;
  const front = axis < 0 ? axis + rank : axis;
  return Number.isInteger(front) && front >= 0 && front < rank ? front : null;
}

/** Axes counted from the front; null when one is unknown or the tensor does not have it. */
export function axesOf(axes: Dims, rank: number): number[] | null {
  const found = axes.map((axis) => axisOf(axis, rank));
  return found.every((axis) => axis !== null) ? found : null;
}

export function unknownDims(rank: number): null[] {
  return Array.from({ length: rank }, () => null);
}

/** A shape of which the rank is all that is known. */
export function ofRank(rank: number | null): Dims | null {
  return rank === null || rank > MOST_AXES ? null : unknownDims(rank);
}

/** Product of sizes; null when one is unknown and none is 0. */
export function product(dims: Dims): number | null {
  if (dims.includes(0)) return 0;
  if (dims.includes(null)) return null;
  let all = 1;
  for (const dim of dims) all *= dim!;
  return all;
}

/** Sum of sizes; null when one is unknown. */
export function sum(dims: Dims): number | null {
  return dims.reduce((total, dim) => (total === null || dim === null ? null : total + dim), 0);
}

/** A computation with numbers, unknown when one of them is. */
export function known(
  compute: (...numbers: number[]) => number,
  ...operands: readonly (number | null)[]
): number | null {
  return operands.every((operand) => operand !== null) ? compute(...operands) : null;
}

/** The shape with another size at an axis. */
export function withDim(dims: Dims, axis: number, dim: number | null): Dims {
  return dims.with(axis, dim);
}

/** Numpy's broadcasting. An unknown size beside one above 1 is that one. */
export function broadcast(shapes: readonly (Dims | null)[]): Dims | null {
  return shapes.reduce((one, other) => (one === null || other === null ? null : broadcastTwo(one, other)));
}

function broadcastTwo(one: Dims, other: Dims): Dims {
  const rank = Math.max(one.length, other.length);
  return Array.from({ length: rank }, (_, at) => {
    const a = at + one.length < rank ? 1 : one[at + one.length - rank]!;
    const b = at + other.length < rank ? 1 : other[at + other.length - rank]!;
    if (a === 1 || a === b) return b;
    if (b === 1) return a;
    return a === null || b === null ? (a ?? b) : null;
  });
}

/** What holds for a value that has either shape. */
export function eitherShape(one: Dims | null, other: Dims | null): Dims | null {
  if (one === null || other === null || one.length !== other.length) return null;
  return one.map((dim, at) => (dim === other[at] ? dim : null));
}

/** What is known of a value that has both shapes, the first being right where they contradict. */
export function bothShapes(one: Dims | null, other: Dims | null): Dims | null {
  if (one === null || other === null) return one ?? other;
  return one.length === other.length ? one.map((dim, at) => dim ?? other[at]!) : one;
}
