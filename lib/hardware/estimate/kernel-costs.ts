/** Step 2 of the road: what each kernel of a model computes and moves when it is executed in a given form. */

import type { Kernel, Quantity, Work } from '../../model/work.js';
import type { Execution } from './device.js';
import { classOf, type EfficiencyClass } from './efficiency.js';
import { formOf } from './execution.js';
import { bytesPerFloat, type Precision } from './precision.js';

/** Kernels that are alike, their floats turned into bytes. */
export interface KernelCost {
  readonly class: EfficiencyClass;
  /** Decides which units compute. */
  readonly precision: Precision;
  readonly count: number;
  /** Launches one after the other inside each. */
  readonly steps: number;
  readonly operations: Quantity;
  readonly bytes: Quantity;
}

/** A model in one form. */
export interface ExecutedWork {
  readonly costs: readonly KernelCost[];
  /** Launches of a run. */
  readonly launches: number;
  /** Bytes of all stored values. */
  readonly weightBytes: number;
}

/** By provider and precision, for works that were asked for before. */
const known = new WeakMap<Work, Map<string, ExecutedWork>>();

/** What a run takes in a form. The batch does not matter: it stays a variable of the quantities. */
export function executed(work: Work, execution: Execution): ExecutedWork {
  const forms = known.get(work) ?? new Map<string, ExecutedWork>();
  known.set(work, forms);
  const key = `${execution.provider} ${execution.precision}`;
  const found = forms.get(key) ?? execute(work, execution);
  forms.set(key, found);
  return found;
}

const nothing: Quantity = [0, 0, 0];

/** A run without kernels passes values on and returns, which takes as long as the smallest kernel. */
const empty: KernelCost = {
  class: 'memory',
  precision: 'fp32',
  count: 1,
  steps: 1,
  operations: nothing,
  bytes: nothing,
};

function execute(work: Work, execution: Execution): ExecutedWork {
  const quantizedGraph = work.kernels.some(({ quantized }) => quantized);
  const kernels = work.kernels.flatMap((kernel) => costsOf(kernel, quantizedGraph, execution));
  const costs = kernels.some(({ count, steps }) => count * steps > 0) ? kernels : [...kernels, empty];
  return {
    costs,
    launches: costs.reduce((sum, { count, steps }) => sum + count * steps, 0),
    weightBytes:
      work.kernels.reduce((sum, kernel) => sum + storedBytes(kernel, quantizedGraph, execution), 0) +
      lookedUpBytes(work, execution),
  };
}

/** Bytes of stored values that no kernel reads as a whole, such as tables of embeddings; they stay floats in an 8-bit form. */
function lookedUpBytes({ kernels, storedFloats, storedOtherBytes }: Work, { precision, provider }: Execution): number {
  const read = kernels.reduce((sum, { count, weights }) => sum + count * weights, 0);
  const packed = kernels.reduce((sum, { count, packedBytes }) => sum + count * packedBytes, 0);
  const size =
    precision !== 'int8' ? bytesPerFloat[precision] : bytesPerFloat[provider === 'tensorrt' ? 'fp16' : 'fp32'];
  return Math.max(0, storedFloats - read) * size + Math.max(0, storedOtherBytes - packed);
}

/** Bytes that the weights of such kernels take in memory. Quantized ones that are turned into floats are kept as floats. */
function storedBytes(kernel: Kernel, quantizedGraph: boolean, execution: Execution): number {
  const { precision, dequantized } = formOf(kernel, quantizedGraph, execution);
  const size = bytesPerFloat[precision];
  const packed = kernel.packedBytes * (dequantized && kernel.quantized ? size : 1);
  return kernel.count * (kernel.weights * size + packed);
}

/** How often the scores of attention are written or read when they do not stay on the chip: products, scale, mask, softmax. */
const scorePasses = 6;

/**
 * Whether a whole attention block writes its scores to memory: the CUDA provider does with 32-bit floats. The block computes 4
 * operations for each score and element of a head.
 */
const spillsScores = (kernel: Kernel, { provider, precision }: Execution): boolean =>
  provider === 'cuda' &&
  (precision === 'fp32' || precision === 'tf32') &&
  kernel.op.includes('Attention') &&
  kernel.product !== null;

function costsOf(kernel: Kernel, quantizedGraph: boolean, execution: Execution): KernelCost[] {
  const { precision, dequantized } = formOf(kernel, quantizedGraph, execution);
  const size = bytesPerFloat[precision];
  const { count, steps, weights, packedBytes, floats, otherBytes } = kernel;
  const scores = spillsScores(kernel, execution) ? (scorePasses / (4 * kernel.product![2])) * size : 0;
  const at = (power: 0 | 1 | 2): number => floats[power] * size + otherBytes[power] + kernel.flops[power] * scores;
  const bytes: Quantity = [weights * size + packedBytes + at(0), at(1), at(2)];
  const cost = { class: classOf[kernel.kind], precision, count, steps, operations: kernel.flops, bytes };
  if (!dequantized) return [cost];
  // Weights and activations are read as bytes and written as floats before the product.
  const each = 1 + size;
  const turned: Quantity = [(weights + packedBytes + floats[0]) * each, floats[1] * each, floats[2] * each];
  return [cost, { class: 'memory', precision, count, steps: 1, operations: nothing, bytes: turned }];
}
