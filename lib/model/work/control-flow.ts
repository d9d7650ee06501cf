/** Step 1 of the road: which of the graphs inside a node run, and how often. */

import type { ShapedNode } from '../shaped.js';
import { intOf, intsOf, opKey } from './sizes.js';

/** More iterations than this are no count, but "until the condition says stop". */
const mostTrips = 1_000_000;

/** The branch of an If that runs, 0 for `then` and 1 for `else`; null when the data decides. */
export function branchOf({ inputs }: ShapedNode): number | null {
  const condition = inputs[0]?.values?.[0];
  if (condition === undefined || condition === null) return null;
  return condition ? 0 : 1;
}

/** How often the graph of a Loop or Scan runs; null when the data decides. A Loop may stop earlier. */
export function tripsOf(node: ShapedNode): number | null {
  const key = opKey(node);
  if (key === 'Loop') {
    const most = node.inputs[0]?.values?.[0];
    return most !== undefined && most !== null && most >= 0 && most <= mostTrips ? most : null;
  }
  if (key !== 'Scan') return null;
  const scanned = node.inputs.at(-Math.max(1, intOf(node, 'num_scan_inputs', 1)));
  return scanned?.shape?.at(intsOf(node, 'scan_input_axes')?.[0] ?? 0) ?? null;
}
