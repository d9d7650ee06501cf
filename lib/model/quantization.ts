/** Step 1 of the road: how a model's weights are already reduced, by rules in order. */

import { type WiredNode, wiredNodes } from './constants.js';
import { dtypes } from './dtypes.js';
import { allNodes, allTensors, type Graph, type Tensor } from './graph.js';
import type { Quantization } from './profile.js';

interface Traits {
  readonly ops: ReadonlySet<string>;
  readonly wired: readonly WiredNode[];
  readonly tensors: readonly Tensor[];
}

/** Ranges of activations are measured in every run. */
const dynamicOps = /^(DynamicQuantize.*|MatMulInteger(16|ToFloat)?|ConvInteger)$/;
/** Operators that compute with quantized values themselves. */
const quantizedOps = /^(QLinear.*|QGemm|QAttention|QEmbedLayerNormalization|QOrdered.*)$/;
/** Only the weights are small; they are unpacked before they are used. */
const packedOps = /^(MatMulNBits.*|MatMulBnb4|MatMulFpQ4|GatherBlockQuantized|QMoE|MatMulBlockQuantized.*|GemmFloat8)$/;

const rules: readonly (readonly [Quantization, (traits: Traits) => boolean])[] = [
  ['dynamic', ({ ops }) => some(ops, dynamicOps)],
  ['qoperator', ({ ops }) => some(ops, quantizedOps)],
  ['qdq', ({ wired }) => wired.some(({ node, constant }) => node.op === 'QuantizeLinear' && constant[0] === false)],
  ['weight-only', ({ ops }) => some(ops, packedOps)],
  [
    'weight-only',
    ({ wired }) => wired.some(({ node, constant }) => node.op === 'DequantizeLinear' && constant[0] === true),
  ],
  ['float16', ({ tensors }) => 2 * halfBytes(tensors) > floatBytes(tensors)],
];

/** How the weights are already reduced; `none` when no rule holds. */
export function quantizationOf(graph: Graph): Quantization {
  const traits = {
    ops: new Set(allNodes(graph).map(({ op }) => op)),
    wired: wiredNodes(graph),
    tensors: allTensors(graph),
  };
  return rules.find(([, holds]) => holds(traits))?.[0] ?? 'none';
}

function some(ops: ReadonlySet<string>, pattern: RegExp): boolean {
  return [...ops].some((op) => pattern.test(op));
}

function halfBytes(tensors: readonly Tensor[]): number {
  return floatBytes(tensors.filter(({ dtype }) => dtypes[dtype].bits === 16));
}

function floatBytes(tensors: readonly Tensor[]): number {
  return tensors.filter(({ dtype }) => dtypes[dtype].kind === 'float').reduce((sum, { bytes }) => sum + bytes, 0);
}
