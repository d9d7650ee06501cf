/** Step 1 of the road: operators that are products of matrices, as one size of a matrix product and how often it is computed. */

import type { Shaped, ShapedNode } from '../shaped.js';
import type { KernelKind } from '../work.js';
import { elements, intOf, product, rankOf, sizeAt, textOf } from './sizes.js';

/** `times` products of `[rows, depth] x [depth, columns]`: 2 · rows · columns · depth operations each. */
export interface ProductSize {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly times: number;
}

interface ProductOp {
  readonly size: (node: ShapedNode, left: Shaped, right: Shaped) => ProductSize;
  /** The inputs that are multiplied: data, then weights. */
  readonly factors: readonly [number, number];
  /** Computes with 8-bit integers. */
  readonly quantized?: true;
  readonly convolution?: true;
}

/** Every product by the name of its operator. */
const products: ReadonlyMap<string, ProductOp> = new Map<string, ProductOp>(
  Object.entries({
    MatMul: { size: matMul, factors: [0, 1] },
    Gemm: { size: gemm, factors: [0, 1] },
    Einsum: { size: einsum, factors: [0, 1] },
    Conv: { size: convolution, factors: [0, 1], convolution: true },
    DeformConv: { size: convolution, factors: [0, 1], convolution: true },
    ConvTranspose: { size: transposedConvolution, factors: [0, 1], convolution: true },
    MatMulInteger: { size: matMul, factors: [0, 1], quantized: true },
    ConvInteger: { size: convolution, factors: [0, 1], quantized: true, convolution: true },
    QLinearMatMul: { size: matMul, factors: [0, 3], quantized: true },
    QLinearConv: { size: convolution, factors: [0, 3], quantized: true, convolution: true },
    'com.microsoft:FusedMatMul': { size: matMul, factors: [0, 1] },
    'com.microsoft:TransposeMatMul': { size: matMul, factors: [0, 1] },
    'com.microsoft:FusedGemm': { size: gemm, factors: [0, 1] },
    'com.microsoft:GemmFastGelu': { size: matMul, factors: [0, 1] },
    'com.microsoft:GemmFloat8': { size: gemm, factors: [0, 1] },
    'com.microsoft:FusedConv': { size: convolution, factors: [0, 1], convolution: true },
    'com.microsoft:ConvTransposeWithDynamicPads': { size: transposedConvolution, factors: [0, 1], convolution: true },
    'com.microsoft:MatMulNBits': { size: packedMatMul, factors: [0, 1] },
    'com.microsoft:MatMulBnb4': { size: packedMatMul, factors: [0, 1] },
    'com.microsoft:MatMulFpQ4': { size: matMul, factors: [0, 1] },
    'com.microsoft:QGemm': { size: gemm, factors: [0, 3], quantized: true },
    'com.microsoft:MatMulInteger16': { size: matMul, factors: [0, 1], quantized: true },
    'com.microsoft:MatMulIntegerToFloat': { size: matMul, factors: [0, 1], quantized: true },
    'com.microsoft:DynamicQuantizeMatMul': { size: matMul, factors: [0, 1], quantized: true },
    'com.microsoft:QLinearConv': { size: convolution, factors: [0, 3], quantized: true, convolution: true },
  }),
);

export interface Product {
  readonly kind: KernelKind;
  readonly quantized: boolean;
  /** The inputs that are multiplied: data, then weights. */
  readonly factors: readonly [number, number];
  readonly size: ProductSize;
}

/** The product that an operator is; null for all others. */
export function productOf(key: string, node: ShapedNode): Product | null {
  const found = products.get(key);
  if (found === undefined) return null;
  const { factors, convolution = false, quantized = false } = found;
  const [left, right] = [node.inputs[factors[0]], node.inputs[factors[1]]];
  if (!left || !right) return null;
  const computed = left.constant || right.constant ? 'matmul' : 'attention';
  const kind = convolution ? (intOf(node, 'group', 1) > 1 ? 'grouped' : 'conv') : computed;
  return { kind, quantized, factors, size: found.size(node, left, right) };
}

/** Operations of a product. */
export function flopsOf({ rows, columns, depth, times }: ProductSize): number {
  return 2 * rows * columns * depth * times;
}

/** Leading axes of the left side are rows, too, when the right side is one matrix for all of them. */
function matMul(node: ShapedNode, left: Shaped, right: Shaped): ProductSize {
  const depth = sizeAt(left, intOf(node, 'transA', 0) === 1 && rankOf(left) > 1 ? -2 : -1);
  const columns = rankOf(right) < 2 ? 1 : sizeAt(right, intOf(node, 'transB', 0) === 1 ? -2 : -1);
  const matrices = product(right.shape?.slice(0, -2) ?? []);
  const whole = elements(left) / Math.max(1, depth);
  if (matrices === 1) return { rows: whole, columns, depth, times: 1 };
  const rows = rankOf(left) < 2 ? 1 : sizeAt(left, intOf(node, 'transA', 0) === 1 ? -1 : -2);
  return { rows, columns, depth, times: Math.max(matrices, whole / Math.max(1, rows)) };
}

function gemm(node: ShapedNode, left: Shaped, right: Shaped): ProductSize {
  const transA = intOf(node, 'transA', 0) === 1;
  return {
    rows: sizeAt(left, transA ? 1 : 0),
    depth: sizeAt(left, transA ? 0 : 1),
    columns: sizeAt(right, intOf(node, 'transB', 0) === 1 ? 0 : 1),
    times: 1,
  };
}

/** The weights are packed: their sizes are attributes. */
function packedMatMul(node: ShapedNode, left: Shaped): ProductSize {
  const depth = Math.max(1, intOf(node, 'K', 1));
  return { rows: elements(left) / depth, columns: intOf(node, 'N', 1), depth, times: 1 };
}

/** The window under every place of the output is a row: `[N·OH·OW, IC/groups·KH·KW] x [.., OC/groups]` for every group. */
function convolution(node: ShapedNode, _: Shaped, weights: Shaped): ProductSize {
  const times = Math.max(1, intOf(node, 'group', 1));
  const channels = Math.max(1, sizeAt(weights, 0));
  return {
    rows: elements(node.outputs[0]) / channels,
    columns: channels / times,
    depth: product(weights.shape?.slice(1) ?? []),
    times,
  };
}

/** Every place of the input spreads over a window of the output. */
function transposedConvolution(node: ShapedNode, input: Shaped, weights: Shaped): ProductSize {
  const times = Math.max(1, intOf(node, 'group', 1));
  const channels = Math.max(1, sizeAt(weights, 0));
  return {
    rows: elements(input) / channels,
    columns: product(weights.shape?.slice(1) ?? []),
    depth: channels / times,
    times,
  };
}

/** Labels on one side only are rows or columns; on both sides depth when summed over, otherwise one product for each. */
function einsum(node: ShapedNode, left: Shaped, right: Shaped): ProductSize {
  const [terms = '', result = ''] = textOf(node, 'equation').replaceAll(' ', '').replaceAll('...', '.').split('->');
  const [one = '', other = ''] = terms.split(',');
  const size = { rows: 1, columns: 1, depth: 1, times: 1 };
  const labels = labelled(one, left);
  for (const [label, length] of labelled(other, right)) {
    if (!labels.has(label)) size.columns *= length;
    else if (result.includes(label)) size.times *= Math.max(length, labels.get(label)!);
    else size.depth *= Math.max(length, labels.get(label)!);
  }
  for (const [label, length] of labels) if (!other.includes(label)) size.rows *= length;
  return size;
}

/** Lengths by label; the dots of an equation stand for all axes that have none. */
function labelled(term: string, value: Shaped): Map<string, number> {
  const lengths = new Map<string, number>();
  const shape = value.shape ?? [];
  const before = term.indexOf('.');
  const hidden = before < 0 ? 0 : Math.max(0, shape.length - term.length + 1);
  let axis = 0;
  for (const label of term) {
    const width = label === '.' ? hidden : 1;
    lengths.set(label, product(shape.slice(axis, axis + width)));
    axis += width;
  }
  return lengths;
}
