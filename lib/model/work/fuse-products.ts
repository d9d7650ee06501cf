/** Step 1 of the road: what ONNX Runtime works into a product: normalization, bias, residual, activation. */

import { type Dequantized, dequantizedFactors, isQuantize, quantizesFromZero } from './fuse-quantized.js';
import { type Product, productOf } from './products.js';
import { elements } from './sizes.js';
import {
  claim,
  computedInputs,
  isFree,
  isUnary,
  keyOf,
  nextOf,
  readersOf,
  sourceOf,
  type Unit,
  type Units,
  unit,
  valueAt,
} from './units.js';

/** What may precede and follow a product in its kernel. */
interface Surroundings {
  /** Parameters of the kernel when they stand before it. */
  readonly before: (units: Units, node: number) => boolean;
  /** Worked into the stored weights: factors and normalizations by stored numbers. */
  readonly folds: (units: Units, node: number) => boolean;
  readonly bias: boolean;
  readonly residual: boolean;
  /** Activations, for matrices and for tensors of more axes. */
  readonly activations: ReadonlySet<string>;
  readonly activatesTensors: boolean;
}

const convolved = new Set(['Relu', 'Clip', 'Sigmoid', 'Tanh', 'LeakyRelu', 'HardSigmoid', 'HardSwish']);
const multiplied = new Set([
  'Relu',
  'Sigmoid',
  'Tanh',
  'LeakyRelu',
  'HardSigmoid',
  'Elu',
  'Selu',
  'Softplus',
  'Softsign',
  'ThresholdedRelu',
]);

/**
 * As ONNX Runtime 1.30 does it at its highest level on processors: `onnxruntime/core/optimizer`, tried out with one small graph for each
 * pair. On CUDA, convolutions take just a Relu, with or without a residual before it. Chains such as GELU stay kernels of their own, and
 * a transposed convolution is left alone.
 */
const surroundings: Readonly<Record<string, Surroundings>> = {
  Conv: {
    before: isZeroPadding,
    folds: (units, node) => keyOf(units, node) === 'Mul' || isStoredNormalization(units, node),
    bias: true,
    residual: true,
    activations: convolved,
    activatesTensors: true,
  },
  MatMul: {
    before: (units, node) => isSwap(units, node) || isScale(units, node),
    folds: (units, node) => isScale(units, node) || isStoredNormalization(units, node),
    bias: true,
    residual: false,
    activations: multiplied,
    activatesTensors: false,
  },
  Gemm: {
    before: () => false,
    folds: () => false,
    bias: false,
    residual: false,
    activations: multiplied,
    activatesTensors: true,
  },
};

/** Products with all that belongs to their kernels. */
export function fuseProducts(units: Units): void {
  for (const anchor of units.flow.running) {
    if (!isFree(units, anchor)) continue;
    const product = productOf(keyOf(units, anchor), units.flow.nodes[anchor]!);
    if (product) claim(units, surrounded(units, anchor, product));
  }
}

function surrounded(units: Units, anchor: number, product: Product): Unit {
  const key = keyOf(units, anchor);
  const own = surroundings[key];
  if (key === 'MatMulInteger') return rescaled(units, anchor);
  if (!own) return unit(key, anchor, [anchor]);
  const dequantized = dequantizedFactors(units, anchor, product);
  if (dequantized) return quantized(units, anchor, own, dequantized) ?? floating(units, anchor, own);
  return floating(units, anchor, own);
}

function floating(units: Units, anchor: number, own: Surroundings): Unit {
  const tail = tailOf(units, anchor);
  const folded: number[] = [];
  for (let at = tail.takeUnary((node) => own.folds(units, node)); at >= 0; ) {
    folded.push(at);
    at = tail.takeUnary((node) => own.folds(units, node));
  }
  const biased = own.bias && tail.takeUnary((node) => keyOf(units, node) === 'Add') >= 0;
  if (own.residual) tail.take((node) => isResidual(units, node, tail.last()));
  const isMatrix = (units.flow.nodes[anchor]!.outputs[0]?.shape?.length ?? 0) <= 2;
  if (own.activatesTensors || (biased && isMatrix)) tail.take((node) => own.activations.has(keyOf(units, node)));
  return unit(keyOf(units, anchor), anchor, [...precedingOf(units, anchor, own), ...tail.members], { folded });
}

/** With a bias and an activation that the quantization repeats; null where this operator needs quantization after it and has none. */
function quantized(
  units: Units,
  anchor: number,
  own: Surroundings,
  { shared, needsQuantize }: Dequantized,
): Unit | null {
  const tail = tailOf(units, anchor);
  if (own.bias) tail.takeUnary((node) => keyOf(units, node) === 'Add');
  tail.take(
    (node) =>
      (keyOf(units, node) === 'Relu' || keyOf(units, node) === 'Clip') && quantizesFromZero(units, nextOf(units, node)),
  );
  const quantizes = tail.take((node) => isQuantize(units, node)) >= 0;
  if (!quantizes && needsQuantize) return null;
  return unit(keyOf(units, anchor), anchor, tail.members, { shared, quantized: true });
}

/**
 * An integer product with what brings it back to floats by a scale of its own, and with the quantization of its input where no other
 * product needs it.
 */
function rescaled(units: Units, anchor: number): Unit {
  const tail = tailOf(units, anchor);
  tail.take((node) => keyOf(units, node) === 'Cast');
  const scaled = tail.take((node) => keyOf(units, node) === 'Mul');
  const scales = scaled < 0 ? [] : onlyFor(units, scaled, 'Mul');
  if (scales.length === 0) return unit('MatMulInteger', anchor, [anchor]);
  tail.takeUnary((node) => keyOf(units, node) === 'Add');
  const members = [...scales, ...tail.members];
  const source = sourceOf(units, anchor, 0);
  const alone =
    keyOf(units, source) === 'DynamicQuantizeLinear' &&
    isFree(units, source) &&
    readersOf(units, source).every((reader) => members.includes(reader));
  return unit('MatMulInteger', anchor, alone ? [source, ...members] : members, { quantized: true });
}

/** Nodes of an operator above a node that only it reads. */
function onlyFor(units: Units, node: number, key: string): number[] {
  const sources = computedInputs(units, node).map((input) => sourceOf(units, node, input));
  return sources.filter(
    (source) => keyOf(units, source) === key && isFree(units, source) && readersOf(units, source).length === 1,
  );
}

/** Takes one node after the other, as long as each is the only reader of the one before. */
function tailOf(units: Units, anchor: number) {
  const members = [anchor];
  const last = () => members.at(-1)!;
  const take = (fits: (node: number) => boolean): number => {
    const next = nextOf(units, last());
    if (next < 0 || !fits(next)) return -1;
    members.push(next);
    return next;
  };
  return {
    members,
    last,
    take,
    takeUnary: (fits: (node: number) => boolean) => take((node) => isUnary(units, node) && fits(node)),
  };
}

function precedingOf(units: Units, anchor: number, { before }: Surroundings): number[] {
  return computedInputs(units, anchor).flatMap((input) => {
    const source = sourceOf(units, anchor, input);
    return isFree(units, source) && readersOf(units, source).length === 1 && before(units, source) ? [source] : [];
  });
}

function isZeroPadding(units: Units, node: number): boolean {
  if (keyOf(units, node) !== 'Pad' || !isUnary(units, node)) return false;
  const { node: own, inputs } = units.flow.nodes[node]!;
  const { mode } = own.attributes;
  const constant = mode?.type !== 'string' || mode.value === 'constant';
  return constant && (!inputs[2] || inputs[2].values?.[0] === 0);
}

/** A transposition of the last two axes. */
function isSwap(units: Units, node: number): boolean {
  if (keyOf(units, node) !== 'Transpose') return false;
  const { node: own, inputs } = units.flow.nodes[node]!;
  const rank = inputs[0]?.shape?.length ?? 0;
  const { perm } = own.attributes;
  if (perm?.type !== 'ints' || !perm.values) return rank === 2;
  return rank >= 2 && perm.values.every((axis, at) => axis === (at < rank - 2 ? at : 2 * rank - 3 - at));
}

/** One factor for all elements. */
function isScale(units: Units, node: number): boolean {
  const key = keyOf(units, node);
  if (!isUnary(units, node) || !(key === 'Mul' || key === 'Div')) return false;
  const { inputs } = units.flow.nodes[node]!;
  const fixed = inputs.findIndex((_, input) => units.flow.fixed(node, input));
  return elements(inputs[fixed]) === 1 && (key === 'Mul' || fixed === 1);
}

function isStoredNormalization(units: Units, node: number): boolean {
  return keyOf(units, node) === 'BatchNormalization';
}

/** An addition of another value of the same size. */
function isResidual(units: Units, node: number, before: number): boolean {
  if (keyOf(units, node) !== 'Add' || valueAt(units, node, 0) === valueAt(units, node, 1)) return false;
  const size = elements(units.flow.nodes[before]!.outputs[0]);
  return (
    computedInputs(units, node).length === 2 &&
    units.flow.nodes[node]!.inputs.every((input) => elements(input) === size)
  );
}
