/** Step 1 of the road: operators that take a few operations for each element. */

import type { ShapedNode } from '../shaped.js';
import type { KernelKind } from '../work.js';
import { elements, intsOf, product } from './sizes.js';

export interface SimpleOp {
  readonly kind: KernelKind;
  readonly flops: (node: ShapedNode) => number;
}

const perOutput = (operations: number) => (node: ShapedNode) => operations * elements(node.outputs[0]);
const perInput = (operations: number) => (node: ShapedNode) => operations * elements(node.inputs[0]);
/** One operation for each element of each input. */
const perOperand = ({ inputs }: ShapedNode) => inputs.reduce((sum, input) => sum + elements(input), 0);
/** One operation for each element of the window under each output. */
const perWindow = (node: ShapedNode) => elements(node.outputs[0]) * product(intsOf(node, 'kernel_shape') ?? []);

/**
 * Operations for each element, kinds and operators. All these are bound by memory on every processor, so the figures are round:
 * 1 for arithmetic, 4 for divisions and roots, 10 for exponentials, 8 for a normalization.
 */
const groups: readonly (readonly [KernelKind, (node: ShapedNode) => number, string])[] = [
  [
    'elementwise',
    perOutput(1),
    `Add Sub Mul Neg Abs Relu Clip And Or Xor Not Equal Greater Less GreaterOrEqual LessOrEqual Where Sign Ceil Floor Round Cast
    CastLike IsNaN IsInf BitShift BitwiseAnd BitwiseOr BitwiseXor BitwiseNot LeakyRelu PRelu ThresholdedRelu Shrink Dropout Bernoulli
    RandomNormal RandomNormalLike RandomUniform RandomUniformLike com.microsoft:BiasAdd com.microsoft:BiasDropout
    com.microsoft:RemovePadding com.microsoft:RestorePadding`,
  ],
  ['elementwise', perOperand, 'Min Max Mean Sum com.microsoft:BiasSplitGelu'],
  [
    'elementwise',
    perOutput(4),
    `Div Mod Sqrt Reciprocal HardSigmoid HardSwish QuantizeLinear DequantizeLinear DynamicQuantizeLinear CumSum RotaryEmbedding
    com.microsoft:QuantizeLinear com.microsoft:DequantizeLinear com.microsoft:RotaryEmbedding com.microsoft:QLinearAdd
    com.microsoft:QLinearMul com.microsoft:QLinearLeakyRelu com.microsoft:QLinearWhere com.microsoft:GemmaRotaryEmbedding`,
  ],
  [
    'elementwise',
    perOutput(10),
    `Exp Log Erf Tanh Sigmoid Gelu Softplus Softsign Elu Celu Selu Mish Swish Pow Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh
    com.microsoft:Gelu com.microsoft:FastGelu com.microsoft:QuickGelu com.microsoft:BiasGelu com.microsoft:QLinearSigmoid`,
  ],
  [
    'normalization',
    perInput(8),
    `Softmax LogSoftmax Hardmax LayerNormalization InstanceNormalization GroupNormalization MeanVarianceNormalization LpNormalization
    RMSNormalization SimplifiedLayerNormalization LRN SoftmaxCrossEntropyLoss NegativeLogLikelihoodLoss com.microsoft:SkipLayerNormalization
    com.microsoft:SimplifiedLayerNormalization com.microsoft:SkipSimplifiedLayerNormalization com.microsoft:GroupNorm
    com.microsoft:SkipGroupNorm com.microsoft:BiasSoftmax com.microsoft:QLinearSoftmax`,
  ],
  ['normalization', perOutput(8), 'com.microsoft:EmbedLayerNormalization com.microsoft:QEmbedLayerNormalization'],
  ['normalization', perInput(2), 'BatchNormalization'],
  [
    'normalization',
    perInput(1),
    `ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceSumSquare ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ArgMax ArgMin
    com.microsoft:QLinearReduceMean com.microsoft:ReduceSumInteger`,
  ],
  [
    'movement',
    () => 0,
    `Transpose Concat Split Slice Gather GatherElements GatherND Expand Tile Pad DepthToSpace SpaceToDepth Scatter ScatterElements ScatterND
    OneHot Compress Unique NonZero Range ConstantOfShape EyeLike Trilu ReverseSequence CenterCropPad Reshape Squeeze Unsqueeze Flatten
    Identity Shape Size Constant ReorderInput ReorderOutput Einsum Im2Col Col2Im TensorScatter If Loop Scan SequenceConstruct SequenceEmpty SequenceAt SequenceInsert
    SequenceErase SequenceLength SplitToSequence ConcatFromSequence SequenceMap Optional OptionalGetElement OptionalHasElement
    StringConcat StringSplit StringNormalizer RegexFullMatch ImageDecoder TfIdfVectorizer com.microsoft:QLinearConcat
    com.microsoft:GatherND com.microsoft:GatherBlockQuantized com.microsoft:NhwcMaxPool com.microsoft:ExpandDims com.microsoft:Tokenizer
    com.microsoft:Trilu com.microsoft:Unique com.microsoft:CDist`,
  ],
  ['movement', perWindow, 'MaxPool AveragePool LpPool com.microsoft:QLinearAveragePool MaxUnpool'],
  ['movement', perInput(1), 'GlobalAveragePool GlobalMaxPool GlobalLpPool com.microsoft:QLinearGlobalAveragePool'],
  [
    'movement',
    perOutput(8),
    'Resize Upsample GridSample RoiAlign MaxRoiPool AffineGrid com.microsoft:GridSample com.microsoft:CropAndResize',
  ],
  ['movement', perInput(10), 'TopK NonMaxSuppression'],
];

/** Operators by key: `Relu`, `com.microsoft:QuickGelu`. */
export const simpleOps: ReadonlyMap<string, SimpleOp> = new Map(
  groups.flatMap(([kind, flops, names]) => names.split(/\s+/).map((name) => [name, { kind, flops }] as const)),
);
