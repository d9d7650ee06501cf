/** Step 1 of the road: shapes of normalizations, dropout and losses. */

import { dtypeOfCode } from '../dtypes.js';
import { axisOf } from './dims.js';
import { type Dims, dims, dtype, each, int, like, type Rule, type Rules, same, text } from './rule.js';

/** Beside the result, what training keeps of every channel. */
const batchNormalization: Rule = (call) => {
  const channel = dims(call, 1) ?? [dims(call, 0)?.[1] ?? null];
  const statistics = { dtype: dtype(call, 3, 0), shape: channel };
  return [like(call), statistics, statistics, statistics, statistics];
};

/** The shape with 1 for every axis that is normalized. */
function statisticsShape(shape: Dims | null, axis: number): Dims | null {
  const first = shape && axisOf(axis, shape.length);
  return shape && first !== null ? shape.map((dim, at) => (at < first ? dim : 1)) : null;
}

const layerNormalization: Rule = (call) => {
  const type = dtypeOfCode(int(call, 'stash_type', 1)) ?? 'float32';
  const statistics = { dtype: type, shape: statisticsShape(dims(call, 0), int(call, 'axis', -1)) };
  return [like(call), statistics, statistics];
};

/** The last output is the sum before normalization. */
const skipNormalization: Rule = (call) => {
  const statistics = { dtype: 'float32', shape: statisticsShape(dims(call, 0), -1) } as const;
  return [like(call), statistics, statistics, like(call)];
};

const skipGroupNorm: Rule = (call) => [like(call), like(call)];

/** Embeddings of words, summed and normalized; then the length of every row, and the sum. */
const embedLayerNormalization: Rule = (call) => {
  const ids = dims(call, 0);
  const hidden = dims(call, 2)?.[1] ?? null;
  const shape = [ids?.[0] ?? null, ids?.[1] ?? null, hidden];
  // The quantized form has the scales behind the weights, and keeps the type of the first.
  const type = call.node.op === 'EmbedLayerNormalization' ? dtype(call, 2) : 'float32';
  return [
    { dtype: type, shape },
    { dtype: 'int32', shape: [ids?.[0] ?? null] },
    { dtype: type, shape },
  ];
};

/** The mask was of the input's type before operator set 10. */
const dropout: Rule = (call) => [
  like(call),
  { dtype: call.version < 10 ? dtype(call, 0) : 'bool', shape: dims(call, 0) },
];

const biasDropout: Rule = (call) => [like(call), { dtype: 'bool', shape: dims(call, 0) }];

/** A loss for each target, or their mean or sum; then the logarithms of the probabilities. */
const loss: Rule = (call) => {
  const whole = text(call, 'reduction', 'mean') !== 'none';
  return [{ dtype: dtype(call, 0), shape: whole ? [] : dims(call, 1) }, like(call)];
};

export const normalizations: Rules = {
  ...each(same, ['GroupNormalization', 'InstanceNormalization', 'com.microsoft:GroupNorm']),
  ...each(layerNormalization, ['LayerNormalization', 'RMSNormalization', 'SimplifiedLayerNormalization']),
  ...each(skipNormalization, [
    'com.microsoft:SkipLayerNormalization',
    'com.microsoft:SkipSimplifiedLayerNormalization',
  ]),
  ...each(embedLayerNormalization, ['com.microsoft:EmbedLayerNormalization', 'com.microsoft:QEmbedLayerNormalization']),
  ...each(loss, ['NegativeLogLikelihoodLoss', 'SoftmaxCrossEntropyLoss']),
  BatchNormalization: batchNormalization,
  Dropout: dropout,
  'com.microsoft:BiasDropout': biasDropout,
  'com.microsoft:SkipGroupNorm': skipGroupNorm,
};
