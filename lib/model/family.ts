/** Step 1 of the road: what kind of network a graph is, by rules in order. */

import { type WiredNode, wiredNodes } from './constants.js';
import { allNodes, type Graph, type Node } from './graph.js';
import type { Family, TensorInfo } from './profile.js';

/** What the rules look at. */
interface Traits {
  /** How often each operator occurs, whatever its domain. */
  readonly ops: ReadonlyMap<string, number>;
  readonly nodes: readonly Node[];
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly convolutions: number;
  readonly products: number;
  /** Values are weighed by each other, not only by weights. */
  readonly attention: boolean;
  /** An input has four axes. */
  readonly image: boolean;
}

const convolutions = ['Conv', 'ConvTranspose', 'FusedConv', 'NhwcConv', 'NhwcFusedConv', 'QLinearConv', 'ConvInteger'];
const recurrences = ['LSTM', 'GRU', 'RNN', 'DynamicQuantizeLSTM', 'AttnLSTM'];
const softmaxes = ['Softmax', 'QLinearSoftmax', 'BiasSoftmax'];
const attentions = [
  'Attention',
  'MultiHeadAttention',
  'PackedAttention',
  'PackedMultiHeadAttention',
  'LongformerAttention',
  'QAttention',
  'QOrderedAttention',
  'LinearAttention',
];
const decoding = [
  'GroupQueryAttention',
  'DecoderAttention',
  'DecoderMaskedMultiHeadAttention',
  'DecoderMaskedSelfAttention',
  'PagedAttention',
  'SparseAttention',
  'GreedySearch',
  'BeamSearch',
  'WhisperBeamSearch',
  'Sampling',
];
const boxing = ['NonMaxSuppression', 'EfficientNMS_TRT', 'BatchedNMS_TRT', 'RoiAlign', 'MaxRoiPool', 'CropAndResize'];
const enlarging = ['Resize', 'Upsample', 'ConvTranspose'];
const classicModels = [
  'TreeEnsemble',
  'TreeEnsembleClassifier',
  'TreeEnsembleRegressor',
  'LinearClassifier',
  'LinearRegressor',
  'SVMClassifier',
  'SVMRegressor',
];

/** The inputs of a product of two matrices: the data and the weights, unless both are data. */
const factors: Readonly<Record<string, readonly [number, number]>> = {
  MatMul: [0, 1],
  FusedMatMul: [0, 1],
  Gemm: [0, 1],
  FusedGemm: [0, 1],
  Einsum: [0, 1],
  MatMulInteger: [0, 1],
  MatMulIntegerToFloat: [0, 1],
  DynamicQuantizeMatMul: [0, 1],
  MatMulNBits: [0, 1],
  MatMulBnb4: [0, 1],
  QLinearMatMul: [0, 3],
  QGemm: [0, 3],
};

/** An input that carries what earlier steps computed. */
const cacheName = /past_?(key|value|seq|self|cross)|key_values|kv_?cache|cache_?(k|v|key|value)|^past(_\d+)?$/i;
const boxName = /(^|[^a-z])(b?boxes|bbox|detections?)($|[^a-z])/i;

/** The first rule that holds names the family. */
const rules: readonly (readonly [Family, (traits: Traits) => boolean])[] = [
  ['recurrent', ({ ops }) => has(ops, recurrences)],
  ['decoder', ({ ops }) => has(ops, decoding)],
  ['decoder', ({ inputs }) => inputs.some(({ name }) => cacheName.test(name))],
  ['decoder', ({ nodes }) => nodes.some(isCausal)],
  ['decoder', ({ attention, image, ops }) => attention && !image && has(ops, ['Trilu'])],
  ['detector', ({ ops, outputs }) => has(ops, boxing) || outputs.some(({ name }) => boxName.test(name))],
  ['detector', (traits) => traits.convolutions >= 10 && mergesScales(traits) && listsBoxes(traits.outputs)],
  ['vit', ({ attention, image, convolutions, products }) => attention && image && convolutions < products],
  ['encoder', ({ attention, image }) => attention && !image],
  ['cnn', ({ convolutions }) => convolutions > 0],
  ['classic', ({ nodes }) => nodes.some(({ domain, op }) => domain === 'ai.onnx.ml' && classicModels.includes(op))],
  ['mlp', ({ products }) => products > 0],
  ['classic', ({ nodes }) => nodes.some(({ domain }) => domain === 'ai.onnx.ml')],
];

/** The family of a graph; `other` when no rule holds. */
export function familyOf(graph: Graph): Family {
  const traits = traitsOf(graph);
  return rules.find(([, holds]) => holds(traits))?.[0] ?? 'other';
}

function traitsOf(graph: Graph): Traits {
  const nodes = allNodes(graph);
  const ops = new Map<string, number>();
  for (const { op } of nodes) ops.set(op, (ops.get(op) ?? 0) + 1);
  const stored = new Set(graph.main.initializers.map(({ name }) => name));
  const inputs = graph.main.inputs.filter(({ name }) => !stored.has(name));
  const computed = wiredNodes(graph).filter(multipliesComputed).length;
  return {
    ops,
    nodes,
    inputs,
    outputs: graph.main.outputs,
    convolutions: count(ops, convolutions),
    products: count(ops, Object.keys(factors)),
    attention: has(ops, attentions) || (has(ops, softmaxes) && computed >= 2),
    image: inputs.some(({ shape }) => shape?.length === 4),
  };
}

function count(ops: ReadonlyMap<string, number>, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + (ops.get(name) ?? 0), 0);
}

function has(ops: ReadonlyMap<string, number>, names: readonly string[]): boolean {
  return count(ops, names) > 0;
}

function multipliesComputed({ node, constant }: WiredNode): boolean {
  const pair = factors[node.op];
  return pair?.every((input) => constant[input] === false) ?? false;
}

/** Looks back only: each place sees those before it. */
function isCausal({ attributes }: Node): boolean {
  const { is_causal: standard, unidirectional: contributed } = attributes;
  return [standard, contributed].some((flag) => flag?.type === 'int' && flag.value === 1);
}

/** Coarse features are enlarged and joined with fine ones, and squashed into scores. */
function mergesScales({ ops }: Traits): boolean {
  return has(ops, enlarging) && count(ops, ['Concat', 'QLinearConcat']) >= 2 && has(ops, ['Sigmoid', 'QLinearSigmoid']);
}

/** One list of candidates, or one grid of them for each scale. */
function listsBoxes(outputs: readonly TensorInfo[]): boolean {
  const ranks = outputs.map(({ shape }) => shape?.length ?? 0);
  return ranks.every((rank) => rank === 3) || (ranks.length >= 2 && ranks.every((rank) => rank === 4 || rank === 5));
}
