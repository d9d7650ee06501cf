/** Step 1 of the road: shapes of operators that reduce axes. */

import { axesOf, axisOf, unknownDims } from './dims.js';
import {
  type Call,
  type Dims,
  dims,
  dtype,
  type Elements,
  each,
  input,
  int,
  listed,
  type Rule,
  type Rules,
  rulesOf,
} from './rule.js';
import { strides, take } from './values.js';

type Fold = (numbers: readonly number[]) => number;

/** Reductions whose numbers shapes are made of. */
const folds: Record<string, Fold> = {
  ReduceMax: (numbers) => Math.max(...numbers),
  ReduceMean: (numbers) => numbers.reduce((sum, value) => sum + value, 0) / numbers.length,
  ReduceMin: (numbers) => Math.min(...numbers),
  ReduceProd: (numbers) => numbers.reduce((product, value) => product * value, 1),
  ReduceSum: (numbers) => numbers.reduce((sum, value) => sum + value, 0),
};

/** Which axes are reduced: all when none are named, unless the node says that this means none; null when unknown. */
function reducedAxes(call: Call, rank: number, index: number): readonly number[] | null {
  const axes = listed(call, index, 'axes');
  if (axes === null) return null;
  if (axes === undefined || axes.length === 0) {
    return int(call, 'noop_with_empty_axes', 0) === 1 ? [] : Array.from({ length: rank }, (_, axis) => axis);
  }
  return axesOf(axes, rank);
}

/** The shape without these axes, or with 1 in their place. */
function withoutAxes(shape: Dims, axes: readonly number[], keep: boolean): Dims {
  return keep
    ? shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
    : shape.filter((_, axis) => !axes.includes(axis));
}

/** The shape after a reduction whose axes are an input or an attribute. */
export function reducedShape(call: Call, index = 1): Dims | null {
  const shape = dims(call, 0);
  const axes = shape && reducedAxes(call, shape.length, index);
  const keep = int(call, 'keepdims', 1) !== 0;
  if (shape === null || axes === null) return shape && keep ? unknownDims(shape.length) : null;
  return withoutAxes(shape, axes, keep);
}

function reducedValues(call: Call, fold: Fold): Elements | null {
  const { shape, values } = input(call, 0);
  const axes = shape && reducedAxes(call, shape.length, 1);
  if (shape === null || values === null || axes === null || shape.includes(null)) return null;
  if (axes.length === 0) return values;
  const inside = withoutAxes(shape, axes, true);
  const steps = strides(inside);
  const groups: (number | null)[][] = take(inside, () => 0)?.map(() => []) ?? [];
  take(shape, (at) => {
    const group = at.reduce((index, each, axis) => (axes.includes(axis) ? index : index + each * steps[axis]!), 0);
    const from = at.reduce((index, each, axis) => index * shape[axis]! + each, 0);
    groups[group]?.push(values[from] ?? null);
    return null;
  });
  return groups.map((group) => (group.every((value) => value !== null) ? fold(group) : null));
}

const reduce: Rule = (call) => [{ dtype: dtype(call, 0), shape: reducedShape(call) }];

const folded =
  (fold: Fold): Rule =>
  (call) => [{ dtype: dtype(call, 0), shape: reducedShape(call), values: reducedValues(call, fold) }];

const argument: Rule = (call) => {
  const shape = dims(call, 0);
  const axis = shape && axisOf(int(call, 'axis', 0), shape.length);
  if (shape === null || axis === null) return [{ dtype: 'int64', shape: null }];
  return [{ dtype: 'int64', shape: withoutAxes(shape, [axis], int(call, 'keepdims', 1) !== 0) }];
};

/** The mean or maximum of everything behind batch and channels. */
export const globalPool: Rule = (call) => {
  const shape = dims(call, 0);
  return [{ dtype: dtype(call, 0), shape: shape?.map((dim, axis) => (axis < 2 ? dim : 1)) }];
};

export const reductions: Rules = {
  ...each(reduce, ['ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp', 'ReduceSumSquare']),
  ...rulesOf(folds, folded),
  ...each(argument, ['ArgMax', 'ArgMin']),
  ...each(globalPool, ['GlobalAveragePool', 'GlobalLpPool', 'GlobalMaxPool']),
  ...each(globalPool, ['com.microsoft.nchwc:GlobalAveragePool', 'com.microsoft.nchwc:GlobalMaxPool']),
  'com.microsoft:ReduceSumInteger': (call) => [
    { dtype: dtype(call, 0) === 'uint8' ? 'uint32' : 'int32', shape: reducedShape(call) },
  ],
};
