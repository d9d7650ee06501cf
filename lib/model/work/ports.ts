/** Step 1 of the road: what a kernel reads and writes, and in which node's place each value is found. */

import type { Flow } from './flow.js';
import type { Unit } from './units.js';

/** A value at a place where a node reads or writes it. */
export interface Place {
  readonly name: string;
  readonly node: number;
  readonly slot: number;
  /** The node reads only a part of it, as its operator says. */
  readonly partial: boolean;
}

export interface UnitPorts {
  /** Computed values from outside, each once. */
  readonly reads: readonly Place[];
  /** Stored or folded values. */
  readonly stored: readonly Place[];
  /** Values that others need. */
  readonly writes: readonly Place[];
}

/** Only what is quantized counts, not the scale and zero point. */
const scaleOps = new Set(['QuantizeLinear', 'DequantizeLinear']);

export function portsOf(flow: Flow, { members, shared, folded }: Unit): UnitPorts {
  const inside = new Set([...members, ...shared]);
  const reads = new Map<string, Place>();
  const stored = new Map<string, Place>();
  for (const node of inside) {
    const own = flow.nodes[node]!;
    const scales = inside.size > 1 && scaleOps.has(own.node.op);
    own.inputs.forEach((value, slot) => {
      if (!value || (scales && slot > 0)) return;
      const given = own.node.inputs[slot] ?? '';
      const name = flow.root(given);
      if (flow.fixed(node, slot)) {
        if (value.constant && !folded.includes(node)) stored.set(given, { name, node, slot, partial: true });
      } else if (!inside.has(flow.producer(name))) {
        reads.set(name, { name, node, slot, partial: !reads.has(name) });
      }
    });
  }
  return {
    reads: [...reads.values()],
    stored: [...stored.values()],
    writes: members.flatMap((node) => written(flow, node, inside)),
  };
}

function written(flow: Flow, node: number, inside: ReadonlySet<number>): Place[] {
  return flow.nodes[node]!.node.outputs.flatMap((name, slot) => {
    const needed = name !== '' && (flow.leaves(name) || flow.readers(name).some((reader) => !inside.has(reader)));
    return needed ? [{ name, node, slot, partial: false }] : [];
  });
}
