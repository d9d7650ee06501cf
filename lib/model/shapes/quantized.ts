/** Step 1 of the road: shapes and types of operators that quantize, and of those that work on quantized values. */

import { dtypeOfCode } from '../dtypes.js';
import type { DType } from '../profile.js';
import { channelsLast } from './convolution.js';
import { broadcast } from './dims.js';
import { joined } from './pieces.js';
import { globalPool, reducedShape } from './reductions.js';
import { type Call, dims, dtype, each, has, input, int, type Rule, type Rules, same } from './rule.js';

/** The type that an attribute names, if it names one. */
function namedType(call: Call): DType | null {
  const found = dtypeOfCode(int(call, 'output_dtype', 0));
  return found === undefined || found === 'undefined' ? null : found;
}

/** Integers of the zero point's type. */
const quantize: Rule = (call) => {
  const { shape, stored } = input(call, 0);
  return [{ dtype: has(call, 2) ? dtype(call, 2) : (namedType(call) ?? 'uint8'), shape, stored }];
};

/** Floats of the scale's type. */
const dequantize: Rule = (call) => {
  const { shape, stored } = input(call, 0);
  return [{ dtype: namedType(call) ?? dtype(call, 1), shape, stored }];
};

const dynamicQuantize: Rule = (call) => [
  { dtype: 'uint8', shape: dims(call, 0) },
  { dtype: 'float32', shape: [] },
  { dtype: 'uint8', shape: [] },
];

/** Inputs at these places, each followed by its scale and zero point, broadcast to each other. */
const quantizedBroadcast =
  (places: readonly number[], type: (call: Call) => DType): Rule =>
  (call) => [{ dtype: type(call), shape: broadcast(places.map((place) => dims(call, place))) }];

/** Scale and zero point of the result, then the inputs, each with its own. */
const quantizedConcat: Rule = (call) => {
  const inputs = call.inputs.flatMap((_, at) => (at >= 2 && at % 3 === 2 ? [input(call, at)] : []));
  const { shape } = joined(inputs, int(call, 'axis', null));
  return [{ dtype: dtype(call, 1, 2), shape }];
};

const quantizedMean: Rule = (call) => [
  // Its other inputs are scales, never axes.
  { dtype: dtype(call, 0), shape: reducedShape({ ...call, inputs: call.inputs.slice(0, 1) }) },
];

const flagged = (call: Call) => int(call, 'channels_last', 0) === 1;

export const quantized: Rules = {
  ...each(quantize, ['QuantizeLinear', 'com.microsoft:QuantizeLinear']),
  ...each(dequantize, ['DequantizeLinear', 'com.microsoft:DequantizeLinear']),
  ...each(
    quantizedBroadcast([0, 3], (call) => dtype(call, 0, 3)),
    ['com.microsoft:QLinearAdd', 'com.microsoft:QLinearMul'],
  ),
  ...each(same, [
    'com.microsoft:QLinearLeakyRelu',
    'com.microsoft:QLinearSigmoid',
    'com.microsoft:QLinearSoftmax',
    'com.microsoft:QOrderedGelu',
  ]),
  ...each(same, ['com.microsoft:QOrderedAttention', 'com.microsoft:QOrderedLayerNormalization']),
  DynamicQuantizeLinear: dynamicQuantize,
  'com.microsoft:MulInteger': quantizedBroadcast([0, 2], () => 'int32'),
  'com.microsoft:QLinearConcat': quantizedConcat,
  'com.microsoft:QLinearGlobalAveragePool': channelsLast(globalPool, flagged),
  'com.microsoft:QLinearReduceMean': quantizedMean,
  'com.microsoft:QLinearWhere': quantizedBroadcast([0, 1, 4], (call) => dtype(call, 1, 4)),
};
