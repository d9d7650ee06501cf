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

/**
 * Symbolic dimensions of the inputs that neither count rows nor have a size in `dims`, in order of appearance.
 *
 * Exporters also write sums (`past + sequence`): those follow from their terms, where these are dimensions of their own.
 */
export function unboundDims({ inputs, symbolicDims }: ModelInputs, dims: Readonly<Record<string, number>>): string[] {
  const rows = new Set(batchDims(inputs));
  const follows = (name: string) =>
    termsOf(name)?.every((term) => isSize(term) || symbolicDims.includes(term)) ?? false;
  return symbolicDims.filter((name) => !rows.has(name) && !Object.hasOwn(dims, name) && !follows(name));
}

/** The sizes of the model's symbolic dimensions: those in `dims` that it has, and the sums that follow from them. */
export function boundDims(
  { symbolicDims }: ModelInputs,
  dims: Readonly<Record<string, number>>,
): Record<string, number> {
  const sizeOf = (name: string): number | null => {
    if (Object.hasOwn(dims, name)) return dims[name]!;
    const sizes = termsOf(name)?.map((term) =>
      isSize(term) ? Number(term) : Object.hasOwn(dims, term) ? dims[term]! : null,
    );
    return sizes?.reduce((sum, size) => (sum === null || size === null ? null : sum + size), 0) ?? null;
  };
  return Object.fromEntries(
    symbolicDims.flatMap((name) => {
      const size = sizeOf(name);
      return size === null ? [] : [[name, size]];
    }),
  );
}

/** The terms of a sum; null for a plain name. */
function termsOf(name: string): string[] | null {
  const terms = name.split('+').map((term) => term.trim());
  return terms.length > 1 ? terms : null;
}

function isSize(term: string): boolean {
  return /^\d+$/.test(term);
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
