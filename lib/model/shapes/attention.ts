/** Step 1 of the road: shapes of attention as one operator, with its caches of keys and values. */

import type { DType } from '../profile.js';
import { known, product, size, sum } from './dims.js';
import {
  type Call,
  type Dims,
  dims,
  dtype,
  each,
  has,
  input,
  int,
  ints,
  like,
  type Outcome,
  type Rule,
  type Rules,
  same,
  scalar,
} from './rule.js';

type Dim = number | null;

const at = (shape: Dims | null, axis: number): Dim => shape?.at(axis) ?? null;

/** A number of heads that an attribute gives. */
function heads(call: Call, name: string): Dim {
  return size(int(call, name, null));
}

const times = (one: Dim, other: Dim): Dim => size(product([one, other]));
const over = (whole: Dim, parts: Dim): Dim => size(known((a, b) => a! / b!, whole, parts));

/** The operator of ONNX itself: heads are an axis of 4-dimensional inputs, and an attribute beside 3-dimensional ones. */
const attention: Rule = (call) => {
  const [query, key, value] = [dims(call, 0), dims(call, 1), dims(call, 2)];
  const type = dtype(call, 0);
  if (query === null || key === null || value === null) return [{ dtype: type, shape: null }];
  const split = query.length === 4;
  const queryHeads = split ? at(query, 1) : heads(call, 'q_num_heads');
  const cacheHeads = key.length === 4 ? at(key, 1) : heads(call, 'kv_num_heads');
  const width = (shape: Dims) => (shape.length === 4 ? at(shape, 3) : over(at(shape, 2), cacheHeads));
  const [batch, steps] = [at(query, 0), at(query, -2)];
  const total = sum([at(key, -2), has(call, 4) ? at(dims(call, 4), 2) : 0]);
  const out = split ? [batch, queryHeads, steps, width(value)] : [batch, steps, times(queryHeads, width(value))];
  return [
    { dtype: type, shape: out },
    { dtype: dtype(call, 4, 1), shape: [batch, cacheHeads, total, width(key)] },
    { dtype: dtype(call, 5, 2), shape: [batch, cacheHeads, total, width(value)] },
    { dtype: type, shape: [batch, queryHeads, steps, total] },
  ];
};

/** Projection and attention in one: the weights make queries, keys and values side by side. */
const projected =
  (weightsAt: number, pastAt: number, type: (call: Call) => DType): Rule =>
  (call) => {
    const from = dims(call, 0);
    const [batch, steps] = [at(from, 0), at(from, 1)];
    const widths = ints(call, 'qkv_hidden_sizes');
    const third = over(at(dims(call, weightsAt), 1) ?? at(dims(call, 2), 0), 3);
    const past = dims(call, pastAt);
    const shared = int(call, 'past_present_share_buffer', 0) === 1;
    const count = heads(call, 'num_heads');
    const total = has(call, pastAt) ? sum([at(past, 3), shared ? 0 : steps]) : steps;
    const present = [2, batch, count, total, over(size(widths?.[0]) ?? third, count)];
    return [
      { dtype: type(call), shape: [batch, steps, size(widths?.[2]) ?? third] },
      { dtype: type(call), shape: present },
    ];
  };

/** Queries, keys and values apart, or packed: `[batch, steps, heads, 3, width]`, or keys with values as `[…, 2, width]`. */
const multiHead: Rule = (call) => {
  const [query, key, value] = [dims(call, 0), dims(call, 1), dims(call, 2)];
  const type = dtype(call, 0);
  if (query === null) return [{ dtype: type, shape: null }];
  const packed = query.length === 5;
  const count = packed ? at(query, 2) : heads(call, 'num_heads');
  const inside = packed ? times(at(query, 2), at(query, 4)) : at(query, 2);
  const split = value?.length === 4;
  const out = split ? times(at(value, 1), at(value, 3)) : value?.length === 3 ? at(value, 2) : inside;
  const [batch, steps] = [at(query, 0), at(query, 1)];
  const shared = int(call, 'past_present_share_buffer', 0) === 1;
  const fresh = key === null ? (has(call, 1) ? null : steps) : at(key, key.length === 4 ? 2 : 1);
  const total = has(call, 6) ? sum([at(dims(call, 6), 2), shared ? 0 : fresh]) : fresh;
  return [
    { dtype: type, shape: [batch, steps, out] },
    { dtype: type, shape: [batch, count, total, over(inside, count)] },
    { dtype: type, shape: [batch, count, total, over(out, count)] },
    { dtype: type, shape: [batch, count, steps, total] },
  ];
};

/** As `multiHead`, with the caches at other places. */
const maskedMultiHead: Rule = (call) => {
  const [query, value] = [dims(call, 0), dims(call, 2)];
  const out = value?.length === 4 ? times(at(value, 1), at(value, 3)) : (at(value, 2) ?? at(query, 2));
  const present = (index: number): Outcome => like(call, index);
  return [{ dtype: dtype(call, 0), shape: [at(query, 0), at(query, 1), out] }, present(5), present(6)];
};

/** Several heads of queries share keys and values. Without keys, the queries hold all three. */
const grouped =
  (totalAt: number): Rule =>
  (call) => {
    const query = dims(call, 0);
    const type = dtype(call, 0);
    const [count, cacheHeads] = [heads(call, 'num_heads'), heads(call, 'kv_num_heads')];
    const packed = !has(call, 1);
    const width = packed
      ? over(
          at(query, 2),
          known((q, kv) => q! + 2 * kv!, count, cacheHeads),
        )
      : over(at(query, 2), count);
    const [batch, steps] = [at(query, 0), at(query, 1)];
    const past = at(dims(call, 3), 2);
    const total = scalar(call, totalAt);
    const length =
      total === null
        ? has(call, 3)
          ? sum([past, steps])
          : steps
        : known((a, b) => Math.max(a!, b!), past ?? (has(call, 3) ? null : 0), total);
    const present = (index: number): Outcome => ({
      dtype: dtype(call, index, 0),
      shape: [batch, cacheHeads, size(length), at(dims(call, index), 3) ?? width],
    });
    return [
      { dtype: type, shape: query && [batch, steps, times(count, width)] },
      present(3),
      present(4),
      { dtype: type, shape: [batch, count, steps, size(length)] },
    ];
  };

/** The cache has room for all steps, and is written in place. */
const inPlace =
  (caches: readonly number[]): Rule =>
  (call) => {
    const query = dims(call, 0);
    const [count, cacheHeads] = [heads(call, 'num_heads'), heads(call, 'kv_num_heads')];
    const width = has(call, 1)
      ? at(query, -1)
      : times(
          count,
          over(
            at(query, -1),
            known((q, kv) => q! + 2 * kv!, count, cacheHeads),
          ),
        );
    return [
      { dtype: dtype(call, 0), shape: query && [...query.slice(0, -1), width] },
      ...caches.map((index) => like(call, index)),
    ];
  };

/** Rows of different lengths, packed one after the other. */
const packedAttention: Rule = (call) => {
  const widths = ints(call, 'qkv_hidden_sizes');
  const third = over(at(dims(call, 1), 1), 3);
  return [{ dtype: dtype(call, 0), shape: [at(dims(call, 0), 0), size(widths?.[2]) ?? third] }];
};

const packedMultiHead: Rule = (call) => {
  const query = dims(call, 0);
  const inside = query?.length === 4 ? times(at(query, 1), at(query, 3)) : at(query, 1);
  return [{ dtype: dtype(call, 0), shape: [at(query, 0), has(call, 2) ? at(dims(call, 2), 1) : inside] }];
};

const decoderAttention: Rule = (call) => {
  const query = dims(call, 0);
  const count = heads(call, 'num_heads');
  const cache: Outcome = { dtype: dtype(call, 0), shape: [at(query, 1), count, null, over(at(query, 2), count)] };
  return [like(call), cache, cache];
};

/** A bias for each pair of positions, the same for all rows. */
const relativePositionBias: Rule = (call) => [
  { dtype: dtype(call, 0), shape: [1, at(dims(call, 0), 1), size(scalar(call, 1)), size(scalar(call, 2))] },
];

const gatedRelativePositionBias: Rule = (call) => {
  const query = dims(call, 0);
  const steps = input(call, 6).shape?.[1] ?? at(query, 1);
  return [{ dtype: dtype(call, 0), shape: [at(query, 0), heads(call, 'num_heads'), steps, steps] }];
};

/** Queries and keys, both turned. */
const gemmaRotary: Rule = (call) => [like(call, 1), like(call, 3)];

export const attentions: Rules = {
  ...each(same, ['RotaryEmbedding', 'com.microsoft:RotaryEmbedding', 'com.microsoft:LongformerAttention']),
  Attention: attention,
  'com.microsoft:Attention': projected(1, 4, (call) => dtype(call, 0)),
  'com.microsoft:DecoderAttention': decoderAttention,
  'com.microsoft:DecoderMaskedMultiHeadAttention': maskedMultiHead,
  'com.microsoft:DecoderMaskedSelfAttention': projected(1, 4, (call) => dtype(call, 0)),
  'com.microsoft:GatedRelativePositionBias': gatedRelativePositionBias,
  'com.microsoft:GemmaRotaryEmbedding': gemmaRotary,
  'com.microsoft:GroupQueryAttention': grouped(6),
  'com.microsoft:MultiHeadAttention': multiHead,
  'com.microsoft:PackedAttention': packedAttention,
  'com.microsoft:PackedMultiHeadAttention': packedMultiHead,
  'com.microsoft:PagedAttention': inPlace([3, 4]),
  'com.microsoft:QAttention': projected(1, 8, (call) => dtype(call, 3)),
  'com.microsoft:RelativePositionBias': relativePositionBias,
  'com.microsoft:SparseAttention': inPlace([3, 4]),
};
