/** Step 1 of the road: what one run of a model computes and moves, as the kernels that ONNX Runtime makes of its graph. */

import { dtypes } from '../dtypes.js';
import { allTensors, type Graph } from '../graph.js';
import type { Shaped, ShapedBody } from '../shaped.js';
import { inferEach } from '../shapes/infer.js';
import type { Kernel, Port, Work } from '../work.js';
import { batchDims, boundDims, type ModelInputs, withNamedDims } from './batch.js';
import { measure } from './measure.js';
import { nothing, plus, quantityOf, sampledRows } from './quantity.js';
import { knownElements } from './sizes.js';

/**
 * What one run takes with the symbolic dimensions bound to `dims`.
 *
 * The graph is looked at with 1, 2 and 4 rows, and every amount is the polynomial through the three. A batch dimension that `dims` binds
 * is no batch; dimensions that nothing binds count as 1.
 */
export function workOf(graph: Graph, model: ModelInputs, dims: Readonly<Record<string, number>>): Work {
  const named = withNamedDims(graph);
  const bound = boundDims(model, dims);
  const given = new Set(model.inputs.map(({ name }) => name));
  const rowDims = batchDims(named.main.inputs.filter(({ name }) => given.has(name))).filter(
    (name) => !Object.hasOwn(bound, name),
  );
  const stored = storedIn(graph);
  if (rowDims.length === 0) return { ...workOfShaped(inferEach(named, [bound])), ...stored, dims: bound };
  const bindings = sampledRows.map((rows) => {
    const sizes = Object.fromEntries(rowDims.map((name) => [name, rows]));
    return { ...boundDims(model, { ...dims, ...sizes }), ...sizes };
  });
  return { ...workOfShaped(inferEach(named, bindings)), ...stored, dims: bound };
}

function storedIn(graph: Graph): Pick<Work, 'storedFloats' | 'storedOtherBytes'> {
  const tensors = allTensors(graph);
  const [floats, others] = [true, false].map((float) =>
    tensors.filter(({ dtype }) => (dtypes[dtype].kind === 'float' && dtypes[dtype].bits >= 16) === float),
  );
  return {
    storedFloats: floats!.reduce((sum, { elements }) => sum + elements, 0),
    storedOtherBytes: others!.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** The same for a graph with shapes: either one body, or those of 1, 2 and 4 rows. */
export function workOfShaped(bodies: readonly ShapedBody[]): Omit<Work, 'dims' | 'storedFloats' | 'storedOtherBytes'> {
  const { kernels, peak, unknownOps } = measure(bodies);
  return {
    batched: bodies.length > 1,
    kernels: alikeTogether(kernels),
    flops: kernels.reduce((sum, { flops }) => plus(sum, flops), nothing),
    liveFloats: quantityOf(peak.floats),
    liveOtherBytes: quantityOf(peak.otherBytes),
    inputs: portsOf(bodies.map(({ inputs }) => inputs)),
    outputs: portsOf(bodies.map(({ outputs }) => outputs)),
    unknownOps: [...unknownOps].sort(),
  };
}

/** Kernels with the same figures as one with a count, in the order of the first. */
function alikeTogether(kernels: readonly Kernel[]): Kernel[] {
  const found = new Map<string, Kernel>();
  for (const kernel of kernels) {
    const key = JSON.stringify({ ...kernel, count: 0 });
    const same = found.get(key);
    found.set(key, same ? { ...same, count: same.count + kernel.count } : kernel);
  }
  return [...found.values()];
}

/** Inputs or outputs of the graph, without stored values among them. */
function portsOf(samples: readonly Readonly<Record<string, Shaped>>[]): Port[] {
  const reference = samples[1] ?? samples[0]!;
  return Object.entries(reference).flatMap(([name, { dtype, constant }]) => {
    if (constant) return [];
    const sizes = samples.map((values) => knownElements(values[name]));
    return [{ name, dtype, elements: sizes.every((size) => size !== null) ? quantityOf(sizes) : null }];
  });
}
