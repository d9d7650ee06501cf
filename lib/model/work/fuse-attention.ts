/** Step 1 of the road: attention as one kernel, whether it is one operator or two products around a softmax. */

import { type Product, productOf } from './products.js';
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
} from './units.js';

/** What may stand between the scores and the softmax: scale, mask, position bias. */
const scoring = new Set(['Mul', 'Div', 'Add', 'Sub', 'Where', 'Cast']);
/** What only brings queries, keys and values into place. */
const placing = new Set(['Transpose', 'Split', 'Slice', 'Gather']);
const longestChain = 6;

/** Scores, softmax and weighted sum of every head; transpositions and scalings that only they need belong to it. */
export function fuseAttention(units: Units): void {
  for (const node of units.flow.running) {
    const block = isFree(units, node) ? blockAt(units, node) : null;
    if (!block) continue;
    const members = withPlacing(units, block);
    const last = nextOf(units, block.at(-1)!);
    if (keyOf(units, last) === 'Transpose') members.push(last);
    claim(units, unit('Attention', block[0]!, members));
  }
}

/** From the scores to the weighted sum, found by the softmax; the operator of ONNX itself is both. */
function blockAt(units: Units, node: number): number[] | null {
  const key = keyOf(units, node);
  if (key === 'Attention') return [node];
  const above = key === 'Softmax' ? scoresAbove(units, sourceOf(units, node, 0), longestChain) : null;
  const below = above && sumBelow(units, node);
  return below && [...above, node, ...below];
}

/** From the product of queries and keys down to a node, if there is one above it. */
function scoresAbove(units: Units, node: number, left: number): number[] | null {
  if (!isFree(units, node) || left === 0 || readersOf(units, node).length !== 1) return null;
  if (attends(units, node)) return [node];
  if (!scoring.has(keyOf(units, node))) return null;
  for (const input of computedInputs(units, node)) {
    const found = scoresAbove(units, sourceOf(units, node, input), left - 1);
    if (found) return [...found, node];
  }
  return null;
}

/** From the softmax to the product with the values. */
function sumBelow(units: Units, softmax: number): number[] | null {
  const found: number[] = [];
  let node = softmax;
  for (let step = 0; step < longestChain; step += 1) {
    const guarded = guardOf(units, node);
    const next = guarded?.at(-1) ?? nextOf(units, node);
    if (next < 0) return null;
    found.push(...(guarded ?? [next]));
    if (attends(units, next)) return found;
    if (!(guarded || keyOf(units, next) === 'Cast' || (keyOf(units, next) === 'Mul' && isUnary(units, next))))
      return null;
    node = next;
  }
  return null;
}

/** Exporters replace what no place may look at: `Where(IsNaN(p), 0, p)`. */
function guardOf(units: Units, node: number): [check: number, choice: number] | null {
  const readers = readersOf(units, node);
  const check = readers.find((reader) => keyOf(units, reader) === 'IsNaN') ?? -1;
  const choice = readers.find((reader) => keyOf(units, reader) === 'Where') ?? -1;
  if (readers.length !== 2 || !isFree(units, check) || !isFree(units, choice)) return null;
  return nextOf(units, check) === choice ? [check, choice] : null;
}

/** Whether a node multiplies two computed matrices. */
function attends(units: Units, node: number): boolean {
  const product: Product | null = node < 0 ? null : productOf(keyOf(units, node), units.flow.nodes[node]!);
  return product?.kind === 'attention' && product.factors.every((input) => !units.flow.fixed(node, input));
}

/** With everything above that only brings into place or scales what the members read. */
function withPlacing(units: Units, members: readonly number[]): number[] {
  const all = new Set(members);
  for (let grown = true; grown; ) {
    grown = false;
    for (const node of all) {
      for (const input of computedInputs(units, node)) {
        const source = sourceOf(units, node, input);
        if (all.has(source) || !isFree(units, source)) continue;
        const key = keyOf(units, source);
        const fits = placing.has(key) || ((key === 'Mul' || key === 'Div') && isUnary(units, source));
        const readers = readersOf(units, source);
        if (!fits || readers.length === 0 || !readers.every((reader) => all.has(reader))) continue;
        all.add(source);
        grown = true;
      }
    }
  }
  return [...all];
}
