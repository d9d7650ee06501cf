/** Step 1 of the road: shapes of operators that keep every element and change how a tensor is seen. */

import { axesOf, axisOf, known, ofRank, product, size, unknownDims } from './dims.js';
import {
  type Call,
  type Dims,
  dims,
  dtype,
  type Elements,
  input,
  int,
  ints,
  like,
  listed,
  type Rule,
  type Rules,
} from './rule.js';
import { strides, take } from './values.js';

/** The input's elements in another shape. */
function reshaped(call: Call, shape: Dims | null) {
  const { values, stored } = input(call, 0);
  return [{ dtype: dtype(call, 0), shape, values, stored }];
}

const shapeOf: Rule = (call) => {
  const from = dims(call, 0);
  if (from === null) return [{ dtype: 'int64', shape: [null] }];
  const values = from.slice(int(call, 'start', 0), int(call, 'end', from.length));
  return [{ dtype: 'int64', shape: [values.length], values }];
};

const sizeOf: Rule = (call) => {
  const from = dims(call, 0);
  return [{ dtype: 'int64', shape: [], values: from && [product(from)] }];
};

/** Sizes for a target of `Reshape`: 0 copies the input's size, -1 is what is left. */
function targetDims(from: Dims | null, target: Elements, copiesZero: boolean): Dims {
  const copied = target.map((dim) => dim === 0 && copiesZero);
  const explicit = target.map((dim, axis) => (copied[axis] ? size(from?.[axis]) : size(dim)));
  const open = target.flatMap((dim, axis) => ((dim === -1 || dim === null) && !copied[axis] ? [axis] : []));
  if (open.length !== 1 || from === null) return explicit;
  // Sizes that are copied stand on both sides: what is left does not depend on them.
  const left = product(from.filter((_, axis) => !copied[axis]));
  const taken = product(target.map((dim, axis) => (copied[axis] || axis === open[0] ? 1 : size(dim))));
  const rest = known((all, others) => all! / others!, left, taken);
  return explicit.with(open[0]!, size(rest));
}

const reshape: Rule = (call) => {
  const target = listed(call, 1, 'shape');
  if (target) return reshaped(call, targetDims(dims(call, 0), target, int(call, 'allowzero', 0) === 0));
  const rank = dims(call, 1)?.[0] ?? null;
  return reshaped(call, ofRank(rank));
};

const transpose: Rule = (call) => {
  const { shape, values, stored } = input(call, 0);
  const order = shape && axesOf(ints(call, 'perm') ?? shape.map((_, axis) => shape.length - 1 - axis), shape.length);
  if (shape === null || order?.length !== shape.length) return [{ dtype: dtype(call, 0), shape: null, stored }];
  const to = order.map((axis) => shape[axis]!);
  const steps = strides(shape);
  const moved =
    values && take(to, (at) => values[at.reduce((sum, each, axis) => sum + each * steps[order[axis]!]!, 0)]!);
  return [{ dtype: dtype(call, 0), shape: to, values: moved, stored }];
};

const squeeze: Rule = (call) => {
  const from = dims(call, 0);
  const axes = listed(call, 1, 'axes');
  if (from === null || axes === null) return reshaped(call, null);
  if (axes === undefined) return reshaped(call, from.includes(null) ? null : from.filter((dim) => dim !== 1));
  const dropped = axesOf(axes, from.length);
  return reshaped(call, dropped && from.filter((_, axis) => !dropped.includes(axis)));
};

const unsqueeze: Rule = (call) => {
  const from = dims(call, 0);
  const axes = listed(call, 1, 'axes');
  if (from === null || !axes) return reshaped(call, null);
  const added = axesOf(axes, from.length + axes.length);
  if (added === null || new Set(added).size < added.length) return reshaped(call, null);
  const rest = [...from];
  const rank = from.length + axes.length;
  return reshaped(
    call,
    Array.from({ length: rank }, (_, axis) => (added.includes(axis) ? 1 : rest.shift()!)),
  );
};

const flatten: Rule = (call) => {
  const from = dims(call, 0);
  const axis = int(call, 'axis', 1);
  const front = from && (axis === from.length ? axis : axisOf(axis, from.length));
  if (from === null || front === null) return reshaped(call, [null, null]);
  return reshaped(call, [product(from.slice(0, front)), product(from.slice(front))]);
};

const expandDims: Rule = (call) => {
  const from = dims(call, 0);
  const axis = input(call, 1).values?.[0] ?? null;
  const front = from && axisOf(axis, from.length + 1);
  return reshaped(call, from === null || front === null ? null : from.toSpliced(front, 0, 1));
};

const identity: Rule = (call) => {
  const { shape, values, stored, sequence } = input(call, 0);
  return [{ dtype: dtype(call, 0), shape, values, stored, sequence }];
};

/** Blocks of the image become channels, or channels blocks. */
const blocks =
  (toDepth: boolean): Rule =>
  (call) => {
    const from = dims(call, 0);
    const block = int(call, 'blocksize', 0);
    if (from?.length !== 4 || block < 1) return [{ dtype: dtype(call, 0), shape: from && unknownDims(from.length) }];
    const scaled = (dim: number | null, factor: number) => size(known((each) => each! * factor, dim));
    const [batch, channels, height, width] = from as [number | null, number | null, number | null, number | null];
    const outside = toDepth ? 1 / block : block;
    const shape = [batch, scaled(channels, 1 / outside ** 2), scaled(height, outside), scaled(width, outside)];
    return [{ dtype: dtype(call, 0), shape }];
  };

/** The blocked layout of ONNX Runtime's own kernels, back to the channels that there are. */
const reorderOutput: Rule = (call) => {
  const from = dims(call, 0);
  const channels = size(int(call, 'channels', -1));
  if (from === null || from.length < 3) return [like(call)];
  const [batch, , ...rest] = from as [number | null, number | null];
  const last = int(call, 'channels_last', 0) === 1;
  return [{ dtype: dtype(call, 0), shape: last ? [batch, ...rest, channels] : [batch, channels, ...rest] }];
};

const reorderInput: Rule = (call) => {
  const from = dims(call, 0);
  if (from === null || int(call, 'channels_last', 0) === 0 || from.length < 3) return [like(call)];
  return [{ dtype: dtype(call, 0), shape: [from[0]!, from.at(-1)!, ...from.slice(1, -1)] }];
};

export const layout: Rules = {
  DepthToSpace: blocks(false),
  Flatten: flatten,
  Identity: identity,
  Reshape: reshape,
  Shape: shapeOf,
  Size: sizeOf,
  SpaceToDepth: blocks(true),
  Squeeze: squeeze,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
  'com.microsoft:ExpandDims': expandDims,
  'com.microsoft.nchwc:ReorderInput': reorderInput,
  'com.microsoft.nchwc:ReorderOutput': reorderOutput,
};
