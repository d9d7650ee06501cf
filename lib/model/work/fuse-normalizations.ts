/** Step 1 of the road: layer and RMS normalization written as arithmetic, and the addition before them, as one kernel. */

import { elements, rankOf } from './sizes.js';
import {
  claim,
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

/**
 * `(x - mean) / sqrt(mean((x - mean)²) + ε)`, scaled and shifted, or the same without mean and shift.
 *
 * Only as ONNX Runtime knows them: the square is a `Pow`, the root divides. Written otherwise, each node runs alone.
 */
export function fuseNormalizations(units: Units): void {
  for (const mean of units.flow.running) {
    if (keyOf(units, mean) !== 'ReduceMean' || !isFree(units, mean)) continue;
    const made = layerNormalization(units, mean) ?? rootMeanSquare(units, mean);
    if (made) claim(units, made);
  }
}

function layerNormalization(units: Units, mean: number): Unit | null {
  const centered = nextOf(units, mean);
  if (keyOf(units, centered) !== 'Sub' || valueAt(units, centered, 0) !== valueAt(units, mean, 0)) return null;
  const square = readersOf(units, centered).find((reader) => isSquare(units, reader)) ?? -1;
  const variance = square < 0 ? -1 : nextOf(units, square);
  if (keyOf(units, variance) !== 'ReduceMean') return null;
  const rest = scaledBy(units, variance, units.flow.nodes[centered]!.node.outputs[0] ?? '');
  const shift = rest ? nextOf(units, rest.at(-1)!) : -1;
  if (!rest || keyOf(units, shift) !== 'Add' || !isUnary(units, shift)) return null;
  return unit('LayerNormalization', mean, [mean, centered, square, variance, ...rest, shift]);
}

function rootMeanSquare(units: Units, mean: number): Unit | null {
  const square = sourceOf(units, mean, 0);
  if (!isSquare(units, square) || nextOf(units, square) !== mean) return null;
  const rest = scaledBy(units, mean, units.flow.nodes[square]!.node.inputs[0] ?? '');
  return rest && unit('RMSNormalization', mean, [square, mean, ...rest]);
}

function isSquare(units: Units, node: number): boolean {
  return keyOf(units, node) === 'Pow' && isFree(units, node) && units.flow.nodes[node]!.inputs[1]?.values?.[0] === 2;
}

/** From the mean of squares on: ε, root, division of the value by it, and what the result is multiplied by. */
function scaledBy(units: Units, squares: number, value: string): number[] | null {
  const found = [squares];
  const takes = (key: string, fits: (node: number) => boolean) => {
    const next = nextOf(units, found.at(-1)!);
    if (keyOf(units, next) !== key || !fits(next)) return false;
    found.push(next);
    return true;
  };
  const unary = (node: number) => isUnary(units, node);
  if (!takes('Add', unary) || !takes('Sqrt', unary)) return null;
  const reads = (node: number) => [0, 1].some((input) => valueAt(units, node, input) === units.flow.root(value));
  const divided = takes('Div', reads) || (takes('Div', unary) && takes('Mul', reads));
  if (!divided) return null;
  takes('Cast', unary);
  return takes('Mul', unary) ? found.slice(1) : null;
}

/** A normalization by stored statistics that no product took, with the Relu after it. */
export function fuseBatchNormalizations(units: Units): void {
  for (const node of units.flow.running) {
    if (keyOf(units, node) !== 'BatchNormalization' || !isFree(units, node)) continue;
    const next = nextOf(units, node);
    if (keyOf(units, next) === 'Relu') claim(units, unit('BatchNormalization', node, [node, next]));
  }
}

/** The addition of two values of `[batch, places, width]` before a layer normalization, where nothing else reads the sum. */
export function fuseSkips(units: Units): void {
  for (const anchor of units.flow.running) {
    const own = units.of[anchor] ?? unit(keyOf(units, anchor), anchor, [anchor]);
    if (own.op !== 'LayerNormalization' || own.anchor !== anchor) continue;
    const sum = sourceOf(units, anchor, 0);
    if (keyOf(units, sum) !== 'Add' || !isFree(units, sum) || isUnary(units, sum)) continue;
    const { inputs, outputs } = units.flow.nodes[sum]!;
    if (rankOf(outputs[0]) !== 3 || inputs.some((input) => elements(input) !== elements(outputs[0]))) continue;
    const readers = readersOf(units, sum);
    if (readers.length > 0 && readers.every((reader) => own.members.includes(reader))) {
      claim(units, { ...own, op: 'SkipLayerNormalization', members: [sum, ...own.members] });
    }
  }
}
