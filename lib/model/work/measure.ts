/** Step 1 of the road: the kernels of a body with their amounts, over all sampled batches. */

import type { Shaped, ShapedBody, ShapedNode } from '../shaped.js';
import { amount, type Kernel } from '../work.js';
import { branchOf, tripsOf } from './control-flow.js';
import { costOf, type NodeCost, readsOf } from './costs.js';
import { type Flow, flowOf } from './flow.js';
import { unitsOf } from './fuse.js';
import { type LivePeak, peakOf, type Step } from './live.js';
import { type Place, portsOf, type UnitPorts } from './ports.js';
import { quantityOf, times } from './quantity.js';
import { bytesOf, elements, isFloat, opKey } from './sizes.js';
import type { Unit } from './units.js';

/** What one body takes. */
export interface Measured {
  readonly kernels: readonly Kernel[];
  readonly peak: LivePeak;
  /** `domain:Op`. */
  readonly unknownOps: ReadonlySet<string>;
}

/** The same body for every sampled batch. Kernels are found in the second one: with a single row, too much looks alike. */
export function measure(bodies: readonly ShapedBody[]): Measured {
  const flow = flowOf(bodies[1] ?? bodies[0]!);
  const kernels: Kernel[] = [];
  const steps: Step[] = [];
  const unknownOps = new Set<string>();
  for (const unit of unitsOf(flow)) {
    const ports = portsOf(flow, unit);
    const inner = flow.nodes[unit.anchor]!.bodies.length > 0 ? measureInner(bodies, flow, unit.anchor) : null;
    const own = inner ?? kernelOf(bodies, flow, unit, ports);
    kernels.push(...own.kernels);
    for (const op of own.unknownOps) unknownOps.add(op);
    const reads = inner ? flow.reads(unit.anchor) : ports.reads.map(({ name }) => name);
    steps.push({ reads, writes: ports.writes, inner: inner?.peak ?? null });
  }
  return { kernels, peak: peakOf(flow, bodies, steps), unknownOps };
}

function nodeAt(bodies: readonly ShapedBody[], flow: Flow, sample: number, index: number): ShapedNode {
  return bodies[sample]!.nodes[index] ?? flow.nodes[index]!;
}

/** The graphs inside a node: the heavier branch, or the body as often as it runs. */
function measureInner(bodies: readonly ShapedBody[], flow: Flow, index: number): Measured {
  const node = flow.nodes[index]!;
  const inner = node.bodies.map((own, at) =>
    measure(bodies.map((_, sample) => nodeAt(bodies, flow, sample, index).bodies[at] ?? own)),
  );
  if (opKey(node) === 'If') return inner[branchOf(node) ?? -1] ?? heaviest(inner);
  const trips = tripsOf(node);
  const body = heaviest(inner);
  if (trips === null) return { ...body, unknownOps: new Set([...body.unknownOps, qualified(node)]) };
  return { ...body, kernels: body.kernels.map((kernel) => repeated(kernel, trips)) };
}

function heaviest(measured: readonly Measured[]): Measured {
  const weights = measured.map(({ kernels }) => totalOf(kernels));
  return measured[weights.indexOf(Math.max(...weights))]!;
}

/** Operations and, to part those that compute nothing, a little for what is moved. */
function totalOf(kernels: readonly Kernel[]): number {
  return kernels.reduce(
    (sum, { flops, floats, weights }) => sum + amount(flops, 2) + 1e-3 * (amount(floats, 2) + weights),
    0,
  );
}

function repeated(kernel: Kernel, trips: number): Kernel {
  return {
    ...kernel,
    steps: kernel.steps * trips,
    flops: times(kernel.flops, trips),
    floats: times(kernel.floats, trips),
    otherBytes: times(kernel.otherBytes, trips),
  };
}

/** One kernel, and the operators in it whose work no table knows or whose sizes are unknown. */
function kernelOf(bodies: readonly ShapedBody[], flow: Flow, unit: Unit, ports: UnitPorts) {
  const samples = bodies.map((_, sample) => {
    const at = (index: number) => nodeAt(bodies, flow, sample, index);
    const costs = unit.members.map((index) => costOf(at(index)));
    const anchor = costs[unit.members.indexOf(unit.anchor)]!;
    return { costs, anchor, ...traffic(at, ports) };
  });
  const { costs, anchor } = samples[1] ?? samples[0]!;
  const counts = unit.members.map(
    (node) => !unit.folded.includes(node) && !(unit.quantized && onlyQuantizes(flow, node)),
  );
  const flops = (of: readonly NodeCost[]) => of.reduce((sum, cost, at) => sum + (counts[at] ? cost.flops : 0), 0);
  const kernel: Kernel = {
    op: unit.op.replace(/^.*:/, ''),
    kind: anchor.kind,
    count: 1,
    steps: anchor.steps,
    flops: quantityOf(samples.map((sample) => flops(sample.costs))),
    ...storedOf(flow, ports, anchor.tableBytes),
    floats: quantityOf(samples.map(({ floats }) => floats)),
    otherBytes: quantityOf(samples.map(({ otherBytes }) => otherBytes)),
    product: anchor.product && [
      quantityOf(samples.map((sample) => sample.anchor.product?.rows ?? 0)),
      anchor.product.columns,
      anchor.product.depth,
    ],
    quantized: unit.quantized || anchor.quantized,
  };
  const unknownOps = unit.members.flatMap((index, at) => {
    const node = flow.nodes[index]!;
    const shapeless = costs[at]!.product !== null && node.inputs.some((input) => input && input.shape === null);
    return costs[at]!.known && !shapeless ? [] : [qualified(node)];
  });
  return { kernels: [kernel], unknownOps };
}

function onlyQuantizes(flow: Flow, node: number): boolean {
  const { op } = flow.nodes[node]!.node;
  return op === 'QuantizeLinear' || op === 'DequantizeLinear';
}

/** Computed values that are read and written, and the rows of tables that are gathered. */
function traffic(at: (index: number) => ShapedNode, { reads, stored, writes }: UnitPorts) {
  let [floats, otherBytes] = [0, 0];
  const count = (value: Shaped | null | undefined, part: number | null) => {
    if (!value) return;
    const number = part ?? elements(value);
    if (isFloat(value)) floats += number;
    else otherBytes += bytesOf(value, number);
  };
  const part = ({ node, slot, partial }: Place) => (partial ? readsOf(at(node), slot) : null);
  for (const place of reads) count(at(place.node).inputs[place.slot], part(place));
  for (const place of stored) {
    const rows = part(place);
    if (rows !== null) count(at(place.node).inputs[place.slot], rows);
  }
  for (const { node, slot } of writes) count(at(node).outputs[slot], null);
  return { floats, otherBytes };
}

/** Stored values that are read as a whole. */
function storedOf(flow: Flow, { stored }: UnitPorts, tableBytes: number): Pick<Kernel, 'weights' | 'packedBytes'> {
  let [weights, packedBytes] = [0, tableBytes];
  for (const { node, slot } of stored) {
    const own = flow.nodes[node]!;
    const value = own.inputs[slot]!;
    if (readsOf(own, slot) !== null) continue;
    const kept = value.stored ?? value;
    if (isFloat({ ...value, dtype: kept.dtype })) weights += elements(value);
    else packedBytes += value.stored?.bytes ?? bytesOf(value, elements(value));
  }
  return { weights, packedBytes };
}

function qualified({ node }: ShapedNode): string {
  return `${node.domain || 'ai.onnx'}:${node.op}`;
}
