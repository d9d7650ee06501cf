/** Step 1 of the road: activations that exporters write as chains of arithmetic, as the one kernel that ONNX Runtime makes of them. */

import {
  claim,
  computedInputs,
  isFree,
  isUnary,
  keyOf,
  nextOf,
  readersOf,
  sourceOf,
  type Units,
  unit,
  valueAt,
} from './units.js';

/** A chain, found by the operator that only it has. */
interface Chain {
  readonly op: string;
  /** What makes the operator's argument; anything where it is not said. */
  readonly argument?: string;
  /** Whether 1 is added to the operator's result. */
  readonly plusOne: boolean;
}

/**
 * `x · (1 + erf(x / √2)) / 2`, the same with `tanh(√(2/π) · (x + 0.044715 · x³))`, and `x · sigmoid(k · x)`.
 *
 * ONNX Runtime fuses the first only where x is divided, and the second only on CUDA.
 */
const chains: Readonly<Record<string, Chain>> = {
  Erf: { op: 'Gelu', argument: 'Div', plusOne: true },
  Tanh: { op: 'FastGelu', argument: 'Mul', plusOne: true },
  Sigmoid: { op: 'QuickGelu', plusOne: false },
};
const links = new Set(['Mul', 'Add', 'Div', 'Pow', 'Cast']);

export function fuseActivations(units: Units): void {
  for (const seed of units.flow.running) {
    const chain = chains[keyOf(units, seed)];
    if (chain === undefined || !isFree(units, seed)) continue;
    const { argument } = chain;
    if (argument !== undefined && keyOf(units, sourceOf(units, seed, 0)) !== argument) continue;
    const end = endOf(units, seed, chain);
    const members = end < 0 ? null : chainUpTo(units, seed, end);
    if (members) claim(units, unit(chain.op, seed, members));
  }
}

/** The multiplication by x after the seed, or that by one half after it; -1 where there is none. */
function endOf(units: Units, seed: number, { plusOne }: Chain): number {
  const one = plusOne ? nextOf(units, seed) : seed;
  if (plusOne && !(keyOf(units, one) === 'Add' && isUnary(units, one))) return -1;
  const gated = nextOf(units, one);
  if (keyOf(units, gated) !== 'Mul' || isUnary(units, gated)) return -1;
  const half = nextOf(units, gated);
  return plusOne && keyOf(units, half) === 'Mul' && isUnary(units, half) ? half : gated;
}

/** All nodes above the end that only it needs, when together they take a single value. */
function chainUpTo(units: Units, seed: number, end: number): number[] | null {
  const members = new Set([end]);
  const taken = new Set<string>();
  for (const node of members) {
    for (const input of computedInputs(units, node)) {
      const source = sourceOf(units, node, input);
      const inner = source === seed || links.has(keyOf(units, source));
      if (inner && isFree(units, source) && readersOf(units, source).length === 1) members.add(source);
      else taken.add(valueAt(units, node, input));
    }
  }
  return members.has(seed) && taken.size === 1 ? [...members].sort((one, other) => one - other) : null;
}
