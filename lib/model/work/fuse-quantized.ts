/** Step 1 of the road: operators between DequantizeLinear and QuantizeLinear, which run on 8-bit numbers instead. */

import { dtypes } from '../dtypes.js';
import type { Product } from './products.js';
import { claim, computedInputs, isFree, keyOf, nextOf, sourceOf, type Units, unit } from './units.js';

/** Operators that ONNX Runtime 1.30 runs on 8-bit numbers, beside products; each tried out. */
const quantizable = new Set(
  `Add Mul Where Concat AveragePool GlobalAveragePool MaxPool Sigmoid LeakyRelu Softmax Transpose Resize Slice Gather Expand Tile
  DepthToSpace ReduceMax`.split(/\s+/),
);

/** A product whose factors are both 8-bit numbers. */
export interface Dequantized {
  readonly shared: readonly number[];
  /** Convolutions give out 8-bit numbers only; matrix products can give out floats, too. */
  readonly needsQuantize: boolean;
}

/** Operators other than products whose numbers are 8-bit before and after. */
export function fuseQuantized(units: Units): void {
  for (const node of units.flow.running) {
    if (!isFree(units, node) || !quantizable.has(keyOf(units, node))) continue;
    const shared = dequantizedInputs(units, node, computedInputs(units, node));
    const after = nextOf(units, node);
    if (shared && shared.length > 0 && isQuantize(units, after)) {
      claim(units, unit(keyOf(units, node), node, [node, after], { shared, quantized: true }));
    }
  }
}

/** The nodes that dequantize both factors; null when one of them is not an 8-bit value. */
export function dequantizedFactors(units: Units, anchor: number, { factors, kind }: Product): Dequantized | null {
  const [data, weights] = factors;
  const before = dequantizedInputs(units, anchor, [data]);
  const stored = units.flow.nodes[anchor]!.inputs[weights]?.stored;
  const held = stored ? (isByte(stored.dtype) ? [] : null) : dequantizedInputs(units, anchor, [weights]);
  return before && held && { shared: [...before, ...held], needsQuantize: kind === 'conv' || kind === 'grouped' };
}

function isByte(dtype: keyof typeof dtypes): boolean {
  return dtypes[dtype].bits === 8 && dtypes[dtype].kind !== 'bool';
}

/** The nodes that dequantize these inputs; null when one is no dequantized value. */
function dequantizedInputs(units: Units, node: number, inputs: readonly number[]): number[] | null {
  const sources = inputs.map((input) => sourceOf(units, node, input));
  return sources.every((source) => /(^|:)DequantizeLinear$/.test(keyOf(units, source))) ? [...new Set(sources)] : null;
}

export function isQuantize(units: Units, node: number): boolean {
  return /(^|:)QuantizeLinear$/.test(keyOf(units, node));
}

/** Whether the smallest number stands for 0, so that nothing negative is left. */
export function quantizesFromZero(units: Units, node: number): boolean {
  if (!isQuantize(units, node)) return false;
  const zero = units.flow.nodes[node]!.inputs[2];
  if (!zero) return true;
  const { bits, kind } = dtypes[zero.dtype];
  return zero.values?.[0] === (kind === 'signed' ? -(2 ** (bits - 1)) : 0);
}
