/** Step 1 of the road: what one run of a model has to compute and to move, as the kernels that ONNX Runtime launches. */

import type { DType } from './profile.js';

/**
 * An amount that one run of a batch takes, as a polynomial of the rows: `[fixed, per row, per row squared]`.
 *
 * Networks take the same for every row, so the last is 0 unless rows look at each other.
 */
export type Quantity = readonly [fixed: number, perRow: number, perRowSquared: number];

/** The amount for a batch of `rows`. */
export function amount([fixed, perRow, perRowSquared]: Quantity, rows: number): number {
  return fixed + rows * (perRow + rows * perRowSquared);
}

/**
 * What decides how well a kernel uses a processor.
 *
 * `conv`: dense convolution. `grouped`: convolution in groups, depthwise included. `matmul`: product with stored weights.
 * `attention`: product of two computed matrices, or a whole attention block. `normalization`: softmax, layer and batch
 * normalization, reductions. `elementwise`. `movement`: copies, gathers, transpositions, pooling, resizing. `recurrent`: LSTM, GRU,
 * RNN. `tree`: trees, linear and other models of `ai.onnx.ml`. `other`: of this operator only the bytes are known.
 */
export type KernelKind =
  | 'conv'
  | 'grouped'
  | 'matmul'
  | 'attention'
  | 'normalization'
  | 'elementwise'
  | 'movement'
  | 'recurrent'
  | 'tree'
  | 'other';

/** Kernels that are alike, as they run after fusion. */
export interface Kernel {
  /** The operator that gives the kernel its name: `Conv`, `MatMul`, `Attention`, … */
  readonly op: string;
  readonly kind: KernelKind;
  /** How many kernels of this size a run has. All other figures are of one of them. */
  readonly count: number;
  /** Launches one after the other inside the kernel: steps of a recurrent network, iterations of a loop; 1 otherwise. */
  readonly steps: number;
  /** Floating-point or integer operations; a multiplication with its addition is 2. */
  readonly flops: Quantity;
  /** Stored floats that are read once a run, elements. The precision that is executed decides their bytes. */
  readonly weights: number;
  /** Stored values whose size no precision changes, bytes: packed 4-bit weights, quantized weights, tables of integers. */
  readonly packedBytes: number;
  /** Computed floats that are read and written, elements. */
  readonly floats: Quantity;
  /** Computed values of other types that are read and written, bytes. */
  readonly otherBytes: Quantity;
  /** Of products: the size `[rows, columns, depth]` of one matrix product. */
  readonly product: readonly [rows: Quantity, columns: number, depth: number] | null;
  /** Whether the graph asks for an 8-bit kernel: a product between QuantizeLinear and DequantizeLinear, QLinear and Integer operators. */
  readonly quantized: boolean;
}

/** An input or output of the model in one run. */
export interface Port {
  readonly name: string;
  readonly dtype: DType;
  /** Elements; null where the size depends on the data. */
  readonly elements: Quantity | null;
}

/** What one run takes, for bound dimensions. JSON-serialisable. */
export interface Work {
  /** Sizes that the symbolic dimensions were bound to, without the batch. */
  readonly dims: Readonly<Record<string, number>>;
  /** Whether the batch can be chosen: a symbolic dimension counts the rows. */
  readonly batched: boolean;
  /** In the order of their first run; alike ones together. */
  readonly kernels: readonly Kernel[];
  /** Sum over all kernels. */
  readonly flops: Quantity;
  /** Elements of all stored floats, those that a run only looks up in (tables of embeddings) included. */
  readonly storedFloats: number;
  /** Bytes of all other stored values. */
  readonly storedOtherBytes: number;
  /** Most elements of computed floats that live at one time. */
  readonly liveFloats: Quantity;
  /** Most bytes of computed values of other types that live at that time. */
  readonly liveOtherBytes: Quantity;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Operators of which only the bytes are known, or not even those, as `domain:Op`, sorted. */
  readonly unknownOps: readonly string[];
}

/** Kernels that a run launches, alike ones counted each. */
export const kernelCount = ({ kernels }: Work): number => kernels.reduce((sum, { count }) => sum + count, 0);
