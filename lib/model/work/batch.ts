/** Step 1 of the road: which dimensions of a model's inputs count the rows of a batch. */

import type { Graph } from '../graph.js';
import type { Dim, ModelProfile, TensorInfo } from '../profile.js';

/** What a profile says of the inputs. */
export type ModelInputs = Pick<ModelProfile, 'inputs' | 'symbolicDims'>;

/** Given to a leading dimension without a name, so that it can be bound; no exporter writes such a name. */
const namelessBatch = '\0rows';

/**
 * The dimensions that count rows: the first symbolic one of every input, in order of appearance. Each is the batch wherever it
 * appears, so inputs that name their batches differently still grow together.
 */
export function batchDims(inputs: readonly TensorInfo[]): string[] {
  const firsts = inputs.map(({ shape }) => shape?.find(isSymbolic)).filter((dim) => dim !== undefined);
  return [...new Set(firsts)];
}

/** Symbolic dimensions of the inputs that neither count rows nor have a size in `dims`, in order of appearance. */
export function unboundDims({ inputs, symbolicDims }: ModelInputs, dims: Readonly<Record<string, number>>): string[] {
  const rows = new Set(batchDims(inputs));
  return symbolicDims.filter((name) => !rows.has(name) && !Object.hasOwn(dims, name));
}

/**
 * The graph with every dimension of its inputs a number or a name.
 *
 * Sizes that the file leaves out and does not name cannot be bound by a user. The leading one of an input that names no dimension is
 * taken for the batch, as exporters mean it; all others are taken as 1, the least that runs.
 */
export function withNamedDims(graph: Graph): Graph {
  const inputs = graph.main.inputs.map((input) => ({ ...input, shape: input.shape && namedShape(input.shape) }));
  return { ...graph, main: { ...graph.main, inputs } };
}

function namedShape(shape: readonly Dim[]): Dim[] {
  const leading = shape.some(isSymbolic) ? 1 : namelessBatch;
  return shape.map((dim, axis) => dim ?? (axis === 0 ? leading : 1));
}

function isSymbolic(dim: Dim): dim is string {
  return typeof dim === 'string';
}
