/** Step 1 of the road: shapes of operators that cut tensors, join them and repeat them. */

import { dtypes } from '../dtypes.js';
import { axesOf, axisOf, broadcast, known, ofRank, size, sum, unknownDims, withDim } from './dims.js';
import {
  type Dims,
  dims,
  dtype,
  type Elements,
  has,
  input,
  int,
  ints,
  type Known,
  like,
  listed,
  type Outcome,
  type Rule,
  type Rules,
} from './rule.js';
import { broadcastElement, fewElements, strides, take } from './values.js';

interface Cut {
  readonly start: number;
  readonly step: number;
  readonly length: number;
}

/** What a slice takes of an axis of `dim` elements. */
function cut(dim: number | null, start: number | null, end: number | null, step: number | null): Cut | null {
  if (dim === null || start === null || end === null || !step) return null;
  const from = start < 0 ? start + dim : start;
  const to = end < 0 ? end + dim : end;
  const clamp = (value: number, least: number, most: number) => Math.min(Math.max(value, least), most);
  const first = step > 0 ? clamp(from, 0, dim) : clamp(from, 0, dim - 1);
  const last = step > 0 ? clamp(to, 0, dim) : clamp(to, -1, dim - 1);
  return { start: first, step, length: Math.max(0, Math.ceil((last - first) / step)) };
}

const slice: Rule = (call) => {
  const { shape, values } = input(call, 0);
  const starts = listed(call, 1, 'starts');
  const ends = listed(call, 2, 'ends');
  const axesGiven = listed(call, 3, 'axes');
  const stepsGiven = has(call, 4) ? input(call, 4).values : undefined;
  if (shape === null) return [{ dtype: dtype(call, 0), shape: null }];
  const count = starts?.length ?? ends?.length ?? dims(call, 1)?.[0] ?? null;
  const axes =
    axesGiven === undefined && count !== null && count <= shape.length
      ? unknownDims(count).map((_, axis) => axis)
      : axesGiven;
  const cutAxes = axes && axesOf(axes, shape.length);
  if (!cutAxes) return [{ dtype: dtype(call, 0), shape: unknownDims(shape.length) }];
  const cuts = shape.map((dim, axis) => {
    const at = cutAxes.indexOf(axis);
    if (at < 0) return dim === null ? null : { start: 0, step: 1, length: dim };
    const step = stepsGiven === undefined ? 1 : (stepsGiven?.[at] ?? null);
    return cut(dim, starts?.[at] ?? null, ends?.[at] ?? null, step);
  });
  const to = cuts.map((each) => each?.length ?? null);
  const steps = strides(shape);
  const source = (at: readonly number[]) =>
    values![at.reduce((index, each, axis) => index + (cuts[axis]!.start + each * cuts[axis]!.step) * steps[axis]!, 0)]!;
  return [{ dtype: dtype(call, 0), shape: to, values: values && take(to, source) }];
};

/** The elements of a list of which only the length is known are unknown ones: beside known ones they count. */
function partsOf(input: Known): Elements | null {
  if (input.values !== null) return input.values;
  const count = input.shape?.length === 1 && dtypes[input.dtype].kind === 'signed' ? fewElements(input.shape) : null;
  return count === null ? null : unknownDims(count);
}

/** The tensors one after the other along an axis. */
export function joined(inputs: readonly Known[], axisGiven: number | null): Outcome {
  const type = inputs.find((each) => each.dtype !== 'undefined')?.dtype ?? 'undefined';
  const shapes = inputs.map(({ shape }) => shape);
  const one = shapes.find((shape) => shape !== null) ?? null;
  const axis = one && axisOf(axisGiven, one.length);
  if (one === null || axis === null || shapes.some((shape) => shape !== null && shape.length !== one.length)) {
    return { dtype: type, shape: null };
  }
  const sizes = shapes.map((shape) => shape?.[axis] ?? null);
  const shape = one.map((_, at) => {
    if (at === axis) return sum(sizes);
    return shapes.map((each) => each?.[at] ?? null).find((dim) => dim !== null) ?? null;
  });
  return { dtype: type, shape, values: joinedValues(inputs, sizes, shape, axis) };
}

function joinedValues(inputs: readonly Known[], sizes: Dims, shape: Dims, axis: number): Elements | null {
  if (inputs.every(({ values }) => values === null) || fewElements(shape) === null) return null;
  const parts = inputs.map(partsOf);
  if (parts.some((part) => part === null)) return null;
  const steps = inputs.map((each) => strides(each.shape!));
  return take(shape, (at) => {
    let along = at[axis]!;
    let from = 0;
    for (; along >= sizes[from]!; from += 1) along -= sizes[from]!;
    return parts[from]![at.reduce((sum, each, a) => sum + (a === axis ? along : each) * steps[from]![a]!, 0)] ?? null;
  });
}

const concat: Rule = (call) => [
  joined(
    call.inputs.map((_, at) => input(call, at)),
    int(call, 'axis', call.version < 4 ? 1 : null),
  ),
];

/** How long each part of an axis of `dim` elements is when it is split evenly, the last one getting what is left. */
function evenParts(dim: number | null, count: number): Dims {
  if (dim === null || count < 1) return unknownDims(Math.max(0, count));
  const most = Math.ceil(dim / count);
  return Array.from({ length: count }, (_, at) => Math.max(0, Math.min(most, dim - at * most)));
}

/** Parts of a tensor along an axis. */
export function partsAlong(value: Known, axis: number | null, sizes: Dims): Outcome[] {
  const { dtype, shape, values } = value;
  if (shape === null || axis === null) return sizes.map(() => ({ dtype, shape: null }));
  const steps = strides(shape);
  let offset: number | null = 0;
  return sizes.map((length) => {
    const to = withDim(shape, axis, length);
    const start = offset;
    offset = sum([offset, length]);
    const source = (at: readonly number[]) =>
      values![at.reduce((index, each, a) => index + (a === axis ? each + start! : each) * steps[a]!, 0)] ?? null;
    return { dtype, shape: to, values: values && start !== null ? take(to, source) : null };
  });
}

const split: Rule = (call) => {
  const value = input(call, 0);
  const axis = value.shape && axisOf(int(call, 'axis', 0), value.shape.length);
  const count = call.node.outputs.length;
  const given = listed(call, 1, 'split');
  if (given === null) return partsAlong(value, axis, unknownDims(count));
  return partsAlong(value, axis, given?.map(size) ?? evenParts(axis === null ? null : value.shape![axis]!, count));
};

const expand: Rule = (call) => {
  const from = input(call, 0);
  const target = input(call, 1).values;
  const rank = dims(call, 1)?.[0] ?? null;
  const to = target?.map((dim) => (dim === -1 ? 1 : size(dim))) ?? ofRank(rank);
  const shape = broadcast([from.shape, to]);
  const steps = strides(from.shape ?? []);
  const values = from.values && from.shape && take(shape, (at) => broadcastElement(from, at, steps));
  return [{ dtype: dtype(call, 0), shape, values }];
};

const tile: Rule = (call) => {
  const { shape: from, values } = input(call, 0);
  const repeats = input(call, 1).values;
  const shape = from?.map((dim, axis) => size(known((a, b) => a! * b!, dim, repeats?.[axis] ?? null)));
  const steps = strides(from ?? []);
  const source = (at: readonly number[]) =>
    values![at.reduce((index, each, axis) => index + (each % from![axis]!) * steps[axis]!, 0)] ?? null;
  return [{ dtype: dtype(call, 0), shape, values: values && take(shape ?? null, source) }];
};

const pad: Rule = (call) => {
  const from = dims(call, 0);
  const pads = listed(call, 1, 'pads');
  if (from === null) return [like(call)];
  const axes = has(call, 3)
    ? input(call, 3).values && axesOf(input(call, 3).values!, from.length)
    : from.map((_, axis) => axis);
  if (!pads || axes === null || pads.length !== 2 * axes.length)
    return [{ dtype: dtype(call, 0), shape: unknownDims(from.length) }];
  const shape = from.map((dim, axis) => {
    const at = axes.indexOf(axis);
    return at < 0 ? dim : size(sum([dim, pads[at]!, pads[at + axes.length]!]));
  });
  return [{ dtype: dtype(call, 0), shape }];
};

const centerCropPad: Rule = (call) => {
  const from = dims(call, 0);
  const target = input(call, 1).values;
  const axes = from && axesOf(ints(call, 'axes') ?? from.map((_, axis) => axis), from.length);
  if (from === null || axes === null) return [{ dtype: dtype(call, 0), shape: from && unknownDims(from.length) }];
  return [
    {
      dtype: dtype(call, 0),
      shape: from.map((dim, axis) => (axes.includes(axis) ? size(target?.[axes.indexOf(axis)]) : dim)),
    },
  ];
};

/** Windows of a sequence, one after the other. */
const unfold: Rule = (call) => {
  const from = dims(call, 0);
  const axis = from && axisOf(int(call, 'dim', -1), from.length);
  const window = int(call, 'size', 0);
  const step = int(call, 'step', 1);
  if (from === null || axis === null || window < 1 || step < 1) return [{ dtype: dtype(call, 0), shape: null }];
  const count = size(known((dim) => Math.floor((dim! - window) / step) + 1, from[axis]!));
  return [{ dtype: dtype(call, 0), shape: [...withDim(from, axis, count), window] }];
};

export const pieces: Rules = {
  CenterCropPad: centerCropPad,
  Concat: concat,
  Expand: expand,
  Pad: pad,
  Slice: slice,
  Split: split,
  Tile: tile,
  'com.microsoft:Pad': pad,
  'com.microsoft:UnfoldTensor': unfold,
};
