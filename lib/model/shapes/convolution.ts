/** Step 1 of the road: shapes of convolutions and of pooling. */

import type { DType } from '../profile.js';
import { known, product, size, unknownDims } from './dims.js';
import {
  type Call,
  type Dims,
  dims,
  dtype,
  each,
  input,
  int,
  ints,
  type Outcome,
  ofDomain,
  type Rule,
  type Rules,
  text,
} from './rule.js';

/** How a window moves over one axis. */
interface Window {
  readonly kernel: number | null;
  readonly stride: number;
  readonly dilation: number;
  readonly begin: number;
  readonly end: number;
}

const SAME = /^SAME_(UPPER|LOWER)$/;

/** The windows of a node over its image axes, from its attributes. */
function windows(call: Call, kernel: Dims): Window[] {
  const [strides, dilations, pads] = [ints(call, 'strides'), ints(call, 'dilations'), ints(call, 'pads')];
  const padded = text(call, 'auto_pad', 'NOTSET') === 'NOTSET';
  return kernel.map((each, axis) => ({
    kernel: each,
    stride: strides?.[axis] ?? 1,
    dilation: dilations?.[axis] ?? 1,
    begin: padded ? (pads?.[axis] ?? 0) : 0,
    end: padded ? (pads?.[axis + kernel.length] ?? 0) : 0,
  }));
}

/** How many positions a window has on an axis of `dim` elements. With `ceil`, the last may reach beyond the end, but has to begin before it. */
function positions(dim: number | null, { kernel, stride, dilation, begin, end }: Window, ceil: boolean): number | null {
  if (dim === null || kernel === null || stride < 1) return null;
  const room = dim + begin + end - ((kernel - 1) * dilation + 1);
  const count = (ceil ? Math.ceil(room / stride) : Math.floor(room / stride)) + 1;
  return size(ceil && (count - 1) * stride >= dim + begin ? count - 1 : count);
}

function imageDims(call: Call, image: Dims, kernel: Dims, ceil = false): Dims {
  const moving = windows(call, kernel);
  if (SAME.test(text(call, 'auto_pad', ''))) {
    return image.map((dim, axis) => size(known((each) => Math.ceil(each! / moving[axis]!.stride), dim)));
  }
  return image.map((dim, axis) => positions(dim, moving[axis]!, ceil));
}

/** The kernel's sizes, one for each axis of the image. */
function kernelOf(call: Call, image: Dims, weights: Dims | null): Dims {
  const given = ints(call, 'kernel_shape') ?? weights?.slice(2);
  return given?.length === image.length ? given : unknownDims(image.length);
}

/** A convolution whose weights are that input. */
const convolution =
  (weightsAt: number, type: (call: Call) => DType): Rule =>
  (call) => {
    const weights = dims(call, weightsAt);
    const from = dims(call, 0) ?? (weights && unknownDims(weights.length));
    if (from === null || from.length < 2) return [{ dtype: type(call), shape: null }];
    const [batch, , ...image] = from as [number | null, number | null, ...Dims];
    const shape = [batch, weights?.[0] ?? null, ...imageDims(call, image, kernelOf(call, image, weights))];
    return [{ dtype: type(call), shape }];
  };

const convTranspose: Rule = (call) => {
  const weights = dims(call, 1);
  const from = dims(call, 0) ?? (weights && unknownDims(weights.length));
  if (from === null || from.length < 2) return [{ dtype: dtype(call, 0), shape: null }];
  const [batch, , ...image] = from as [number | null, number | null, ...Dims];
  const channels = size(known((each) => each! * int(call, 'group', 1), weights?.[1] ?? null));
  return [{ dtype: dtype(call, 0), shape: [batch, channels, ...spread(call, image, kernelOf(call, image, weights))] }];
};

/** The image from which a convolution with these attributes makes this one. */
function spread(call: Call, image: Dims, kernel: Dims): Dims {
  const target = ints(call, 'output_shape');
  if (target !== null && target.length >= image.length) return target.slice(target.length - image.length).map(size);
  const extra = ints(call, 'output_padding');
  const same = SAME.test(text(call, 'auto_pad', ''));
  const moving = windows(call, kernel);
  return image.map((dim, axis) => {
    const { kernel: width, stride, dilation, begin, end } = moving[axis]!;
    const full = known((each, k) => (each! - 1) * stride + (extra?.[axis] ?? 0) + (k! - 1) * dilation + 1, dim, width);
    return size(same ? known((each) => each! * stride, dim) : known((each) => each! - begin - end, full));
  });
}

const pool: Rule = (call) => {
  const from = dims(call, 0);
  if (from === null || from.length < 2) return [{ dtype: dtype(call, 0), shape: null }];
  const [batch, channels, ...image] = from as [number | null, number | null, ...Dims];
  const to = imageDims(call, image, kernelOf(call, image, null), int(call, 'ceil_mode', 0) === 1);
  return [{ dtype: dtype(call, 0), shape: [batch, channels, ...to] }];
};

/** The largest elements and where they were. */
const maxPool: Rule = (call) => {
  const [pooled] = pool(call) as [Outcome];
  return [pooled, { dtype: 'int64', shape: pooled.shape }];
};

const maxUnpool: Rule = (call) => {
  const from = dims(call, 0);
  const target = input(call, 2).values;
  if (target !== null) return [{ dtype: dtype(call, 0), shape: target.map(size) }];
  if (from === null || from.length < 2 || call.inputs.length > 2)
    return [{ dtype: dtype(call, 0), shape: from && unknownDims(from.length) }];
  const [batch, channels, ...image] = from as [number | null, number | null, ...Dims];
  return [{ dtype: dtype(call, 0), shape: [batch, channels, ...spread(call, image, kernelOf(call, image, null))] }];
};

/** Columns, one for each position of a block, back to the image. */
const columnsToImage: Rule = (call) => {
  const from = dims(call, 0);
  const image = input(call, 1).values?.map(size) ?? null;
  const block = input(call, 2).values?.map(size) ?? null;
  const channels = known((all, each) => all! / each!, from?.[1] ?? null, block && product(block));
  return [{ dtype: dtype(call, 0), shape: image && [from?.[0] ?? null, size(channels), ...image] }];
};

/** The same rule for images whose channels come last. */
export const channelsLast =
  (rule: Rule, when: (call: Call) => boolean = () => true): Rule =>
  (call) => {
    const shape = dims(call, 0);
    if (shape === null || shape.length < 3 || !when(call)) return rule(call);
    const first = [shape[0]!, shape.at(-1)!, ...shape.slice(1, -1)];
    const moved = { ...call, inputs: call.inputs.with(0, { ...input(call, 0), shape: first, values: null }) };
    return rule(moved).map((outcome) => ({ ...outcome, shape: outcome.shape && lastAgain(outcome.shape) }));
  };

function lastAgain([batch, channels, ...image]: Dims): Dims {
  return [batch ?? null, ...image, channels ?? null];
}

const conv = convolution(1, (call) => dtype(call, 0));
const flagged = (call: Call) => int(call, 'channels_last', 0) === 1;

/** A transposed convolution whose padding is an input. */
const withDynamicPads: Rule = (call) => {
  const pads = input(call, 2).values;
  const values = pads?.every((each) => each !== null) ? pads : null;
  if (values === null)
    return convTranspose(call).map(({ dtype, shape }) => ({
      dtype,
      shape: shape && [...shape.slice(0, 2), ...unknownDims(shape.length - 2)],
    }));
  return convTranspose({
    ...call,
    node: { ...call.node, attributes: { ...call.node.attributes, pads: { type: 'ints', values } } },
  });
};

const blocked: Rules = { AveragePool: pool, Conv: conv, MaxPool: maxPool };

export const convolutions: Rules = {
  ...each(pool, ['AveragePool', 'LpPool']),
  ...ofDomain('com.microsoft.nchwc', blocked),
  ...each(channelsLast(conv), ['com.microsoft:NhwcConv', 'com.microsoft:NhwcFusedConv']),
  Col2Im: columnsToImage,
  Conv: conv,
  ConvInteger: convolution(1, () => 'int32'),
  ConvTranspose: convTranspose,
  DeformConv: conv,
  MaxPool: maxPool,
  MaxUnpool: maxUnpool,
  QLinearConv: convolution(3, (call) => dtype(call, 7, 0)),
  'com.microsoft:ConvTransposeWithDynamicPads': withDynamicPads,
  'com.microsoft:FusedConv': conv,
  'com.microsoft:MaxpoolWithMask': maxPool,
  'com.microsoft:NhwcMaxPool': channelsLast(pool),
  'com.microsoft:QLinearAveragePool': channelsLast(pool, flagged),
  'com.microsoft:QLinearConv': channelsLast(
    convolution(3, (call) => dtype(call, 7, 0)),
    flagged,
  ),
};
