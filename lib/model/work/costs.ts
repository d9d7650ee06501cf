/** Step 1 of the road: what one node computes, by a table of operators. */

import type { ShapedNode } from '../shaped.js';
import type { KernelKind } from '../work.js';
import { attentionOps } from './attention-ops.js';
import { classicOps } from './classic-ops.js';
import type { Cost } from './operator-cost.js';
import { flopsOf, type ProductSize, productOf } from './products.js';
import { recurrentOps } from './recurrent-ops.js';
import { simpleOps } from './simple-ops.js';
import { elements, opKey } from './sizes.js';

/** Operators that read only what they give out. */
const gathering = { reads: { 0: ({ outputs }: ShapedNode) => elements(outputs[0]) } } as const;
const partialReads: Readonly<Record<string, Pick<Cost, 'reads'>>> = {
  Gather: gathering,
  GatherElements: gathering,
  GatherND: gathering,
  Slice: gathering,
  'com.microsoft:GatherND': gathering,
  'com.microsoft:GatherBlockQuantized': gathering,
  'com.microsoft:EmbedLayerNormalization': {
    reads: { 2: gathering.reads[0], 3: gathering.reads[0], 4: gathering.reads[0] },
  },
};

const table: ReadonlyMap<string, Cost> = new Map<string, Cost>([
  ...[...simpleOps].map(([key, cost]) => [key, { ...cost, ...partialReads[key] }] as const),
  ...Object.entries(attentionOps),
  ...Object.entries(recurrentOps),
  ...Object.entries(classicOps),
]);

/** What is known of a node; of an operator that is in no table only its bytes are. */
export interface NodeCost {
  readonly kind: KernelKind;
  readonly flops: number;
  readonly product: ProductSize | null;
  readonly steps: number;
  readonly quantized: boolean;
  readonly tableBytes: number;
  readonly known: boolean;
}

export function costOf(node: ShapedNode): NodeCost {
  const key = opKey(node);
  const product = productOf(key, node);
  if (product) {
    const { kind, quantized, size } = product;
    return { kind, flops: flopsOf(size), product: size, steps: 1, quantized, tableBytes: 0, known: true };
  }
  const cost = table.get(key);
  const flops = cost?.flops(node) ?? null;
  return {
    kind: cost?.kind ?? 'other',
    flops: flops ?? 0,
    product: cost?.product?.(node) ?? null,
    steps: cost?.steps?.(node) ?? 1,
    quantized: cost?.quantized ?? key.includes('QLinear'),
    tableBytes: cost?.tableBytes?.(node) ?? 0,
    known: flops !== null,
  };
}

/** Elements that the node reads of an input; null for all of them. */
export function readsOf(node: ShapedNode, input: number): number | null {
  return table.get(opKey(node))?.reads?.[input]?.(node) ?? null;
}
