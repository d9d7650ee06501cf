/** Step 1 of the road: parts of one value, cut out one by one, as the single Split that ONNX Runtime makes of them. */

import { knownElements } from './sizes.js';
import { claim, isFree, keyOf, type Units, unit, valueAt } from './units.js';

const cuts = new Set(['Slice', 'Gather']);

/** Slices of a value, or places gathered from it, that together are the whole value. */
export function fuseSplits(units: Units): void {
  const { flow } = units;
  const parts = new Map<string, number[]>();
  for (const node of flow.running) {
    const key = keyOf(units, node);
    if (!cuts.has(key) || !isFree(units, node) || flow.fixed(node, 0)) continue;
    const whole = `${key} ${valueAt(units, node, 0)}`;
    const found = parts.get(whole);
    if (found === undefined) parts.set(whole, [node]);
    else found.push(node);
  }
  for (const nodes of parts.values()) {
    if (nodes.length < 2) continue;
    const sizes = nodes.map((node) => knownElements(flow.nodes[node]!.outputs[0]) ?? 0);
    const whole = knownElements(flow.nodes[nodes[0]!]!.inputs[0]);
    if (sizes.reduce((sum, size) => sum + size, 0) === whole) claim(units, unit('Split', nodes[0]!, nodes));
  }
}
