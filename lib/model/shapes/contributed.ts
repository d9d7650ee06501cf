/** Step 1 of the road: shapes of ONNX Runtime's own operators that fit nowhere else. */

import { known, size } from './dims.js';
import { broadcasting } from './elementwise.js';
import { dims, dtype, each, int, like, ofDomain, type Rule, type Rules, same, scalar } from './rule.js';

/** A bias is added, then half of the channels gate the others. */
const biasSplitGelu: Rule = (call) => {
  const from = dims(call, 0);
  const half = size(known((all) => all! / 2, from?.at(-1) ?? null));
  return [{ dtype: dtype(call, 0), shape: from && [...from.slice(0, -1), half] }];
};

const murmurHash: Rule = (call) => [
  { dtype: int(call, 'positive', 1) === 0 ? 'int32' : 'uint32', shape: dims(call, 0) },
];

/** Rows that are filled up become one row of what they hold; then where each token was. */
const removePadding: Rule = (call) => {
  const from = dims(call, 0);
  const [batch = null, steps = null, width = null] = from ?? [];
  return [
    { dtype: dtype(call, 0), shape: [null, width] },
    { dtype: 'int32', shape: [batch, steps] },
    { dtype: 'int32', shape: [size(known((each) => each! + 1, batch))] },
    { dtype: 'int32', shape: [1] },
  ];
};

const restorePadding: Rule = (call) => {
  const places = dims(call, 1);
  return [{ dtype: dtype(call, 0), shape: [places?.[0] ?? null, places?.[1] ?? null, dims(call, 0)?.[1] ?? null] }];
};

/** Token ids that a search over a decoder makes. */
const search: Rule = (call) => [
  { dtype: 'int32', shape: [dims(call, 0)?.[0] ?? null, size(scalar(call, 4)), size(scalar(call, 1))] },
];

const greedySearch: Rule = (call) => [{ dtype: 'int32', shape: [dims(call, 0)?.[0] ?? null, size(scalar(call, 1))] }];

/** Real numbers become pairs, of which half suffice. */
const realTransform: Rule = (call) => {
  const from = dims(call, 0);
  if (from === null || from.length === 0) return [like(call)];
  return [
    {
      dtype: dtype(call, 0),
      shape: [...from.slice(0, -1), size(known((all) => Math.floor(all! / 2) + 1, from.at(-1)!)), 2],
    },
  ];
};

const inverseTransform: Rule = (call) => {
  const from = dims(call, 0);
  if (from === null || from.length < 2) return [{ dtype: dtype(call, 0), shape: null }];
  return [
    { dtype: dtype(call, 0), shape: [...from.slice(0, -2), size(known((half) => 2 * (half! - 1), from.at(-2)!))] },
  ];
};

/** Text cut into tokens, filled up to the longest row. */
const tokenizer: Rule = (call) => {
  const from = dims(call, 0);
  return [{ dtype: 'string', shape: from && [...from, null] }];
};

const isAllFinite: Rule = () => [{ dtype: 'bool', shape: [] }];

const kept = [
  ...['BiasAdd', 'BiasGelu', 'BiasSoftmax', 'FastGelu', 'Gelu', 'Inverse', 'MoE', 'QMoE', 'QuickGelu'],
  ...['ScaledSiLU', 'Trilu'],
];

export const contributed: Rules = ofDomain('com.microsoft', {
  ...each(same, kept),
  ...each(broadcasting, ['ComplexMul', 'ComplexMulConj']),
  ...each(search, ['BeamSearch', 'WhisperBeamSearch']),
  ...each(greedySearch, ['GreedySearch', 'Sampling']),
  BiasSplitGelu: biasSplitGelu,
  Irfft: inverseTransform,
  IsAllFinite: isAllFinite,
  MurmurHash3: murmurHash,
  RemovePadding: removePadding,
  NGramRepeatBlock: (call) => [like(call, 1)],
  RestorePadding: restorePadding,
  Tokenizer: tokenizer,
  Rfft: realTransform,
});
