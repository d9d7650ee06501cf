/** Step 2 of the road: what each kernel of a model computes and moves when it is executed in a given form. */

import { amount, type Kernel, type Quantity, type Work } from '../model/work.js';
import { classOf, type EfficiencyClass } from './efficiency.js';
import type { Execution } from './estimate.js';
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

/** Forms by provider and precision, for works that were asked for before. */
const known = new WeakMap<Work, Map<string, readonly KernelCost[]>>();

/** The kernels of a run. The batch does not matter: it stays a variable of the quantities. */
export function kernelCosts(work: Work, execution: Execution): readonly KernelCost[] {
  const forms = known.get(work) ?? new Map<string, readonly KernelCost[]>();
  known.set(work, forms);
  const key = `${execution.provider} ${execution.precision}`;
  const found = forms.get(key) ?? costs(work, execution);
  forms.set(key, found);
  return found;
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

function costs(work: Work, execution: Execution): KernelCost[] {
  const quantizedGraph = work.kernels.some(({ quantized }) => quantized);
  return work.kernels.flatMap((kernel) => costsOf(kernel, quantizedGraph, execution));
}

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
  return [cost, { class: 'memory', precision, count, steps: 1, operations: [0, 0, 0], bytes: turned }];
}

/** Launches of a run. */
export const launchesOf = (costs: readonly KernelCost[]): number =>
  costs.reduce((sum, { count, steps }) => sum + count * steps, 0);

/** Rows that do not depend on each other cost the same each; `amount` with the batch put in. */
export const operationsOf = (cost: KernelCost, batch: number): number => amount(cost.operations, batch);
export const bytesOf = (cost: KernelCost, batch: number): number => amount(cost.bytes, batch);
