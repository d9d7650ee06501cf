/** Step 1 of the road: the nodes of a graph as the kernels that ONNX Runtime makes of them. */

import type { Flow } from './flow.js';
import { fuseActivations } from './fuse-activations.js';
import { fuseAttention } from './fuse-attention.js';
import { fuseBatchNormalizations, fuseNormalizations, fuseSkips } from './fuse-normalizations.js';
import { fuseProducts } from './fuse-products.js';
import { fuseQuantized } from './fuse-quantized.js';
import { fuseSplits } from './fuse-splits.js';
import { keyOf, type Unit, type Units, unit } from './units.js';

/** Earlier ones take their nodes from later ones. */
const passes: readonly ((units: Units) => void)[] = [
  fuseNormalizations,
  fuseActivations,
  fuseAttention,
  fuseProducts,
  fuseSkips,
  fuseBatchNormalizations,
  fuseSplits,
  fuseQuantized,
];

/** The kernels of one body in the order in which they run: each as soon as its last node could. Control flow stays a node of its own. */
export function unitsOf(flow: Flow): Unit[] {
  const units: Units = { flow, of: [] };
  for (const pass of passes) pass(units);
  const found = new Map<Unit, number>();
  for (const node of flow.running) {
    const own = units.of[node];
    if (own) found.set(own, node);
    else if (!isAbsorbed(units, node)) found.set(unit(keyOf(units, node), node, [node]), node);
  }
  return [...found].sort(([, one], [, other]) => one - other).map(([own]) => own);
}

/** Whether every reader takes the node in. */
function isAbsorbed({ flow, of }: Units, node: number): boolean {
  const { outputs } = flow.nodes[node]!.node;
  const readers = outputs.flatMap(flow.readers);
  return (
    readers.length > 0 && !outputs.some(flow.leaves) && readers.every((reader) => of[reader]?.shared.includes(node))
  );
}
