/** Step 1 of the road: a model's graph as plain values, without its weights. */

import type { DType, TensorInfo } from './profile.js';

/** A whole model file, read without its weights. */
export interface Graph {
  readonly path: string;
  readonly fileBytes: number;
  readonly irVersion: number;
  /** Name and version of the program that wrote the model; empty when it does not say. */
  readonly producer: string;
  /** Every imported domain and its version; the default domain is `ai.onnx`. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly main: GraphBody;
  /** The model's own operators. */
  readonly functions: readonly GraphFunction[];
}

/** A graph, or one that an attribute of a node holds (the branches of an `If`). */
export interface GraphBody {
  readonly name: string;
  /** In an order in which they can run. */
  readonly nodes: readonly Node[];
  /** As the file has them: before IR version 4 every initializer is an input, too. */
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** What the file says of values between nodes. */
  readonly values: readonly TensorInfo[];
  readonly initializers: readonly Tensor[];
  readonly sparseInitializers: readonly SparseTensor[];
}

/** An operator that the model defines by a graph of its own. */
export interface GraphFunction {
  readonly domain: string;
  readonly name: string;
  readonly overload: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly Node[];
  readonly opsets: Readonly<Record<string, number>>;
}

export interface Node {
  readonly name: string;
  readonly op: string;
  /** `ai.onnx` for the default domain. */
  readonly domain: string;
  readonly overload: string;
  /** Names of values; empty for an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** An attribute. Lists longer than 4096 and text longer than 64 KiB are not kept: their value is null. */
export type Attribute =
  | { readonly type: 'int' | 'float'; readonly value: number }
  | { readonly type: 'string'; readonly value: string | null }
  | { readonly type: 'ints' | 'floats'; readonly values: readonly number[] | null }
  | { readonly type: 'strings'; readonly values: readonly string[] | null }
  | { readonly type: 'tensors'; readonly values: readonly Tensor[] }
  | { readonly type: 'sparseTensors'; readonly values: readonly SparseTensor[] }
  | { readonly type: 'graphs'; readonly values: readonly GraphBody[] }
  /** The value of the function's attribute of this name. */
  | { readonly type: 'reference'; readonly name: string }
  | { readonly type: 'other' };

/** A tensor stored in the model. */
export interface Tensor {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly elements: number;
  /** What its data takes, wherever it lies. */
  readonly bytes: number;
  /** The elements of small tensors (at most 1024) inside the file, where they are plain numbers; null otherwise. */
  readonly values: readonly number[] | null;
  /** Where the data lies, if not in the model file. */
  readonly external: ExternalRange | null;
}

/** Part of a file beside the model. */
export interface ExternalRange {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** A tensor of which only some elements are stored. */
export interface SparseTensor {
  readonly dims: readonly number[];
  /** The stored elements; the name is the whole tensor's. */
  readonly values: Tensor;
  readonly indices: Tensor;
}

/** The nodes of a graph and of every graph inside it, functions included, in the file's order. */
export function allNodes(graph: Graph): Node[] {
  const found: Node[] = [];
  for (const { nodes } of [graph.main, ...graph.functions]) collect(nodes, found);
  return found;
}

function collect(nodes: readonly Node[], found: Node[]): void {
  for (const node of nodes) {
    found.push(node);
    for (const body of innerBodies(node)) collect(body.nodes, found);
  }
}

/** The graphs that a node's attributes hold. */
export function innerBodies(node: Node): GraphBody[] {
  const bodies: GraphBody[] = [];
  for (const attribute of Object.values(node.attributes)) {
    if (attribute.type === 'graphs') bodies.push(...attribute.values);
  }
  return bodies;
}

/** Every tensor stored in the model: initializers, constants, and the parts of sparse ones. */
export function allTensors(graph: Graph): Tensor[] {
  const nodes = allNodes(graph);
  const bodies = [graph.main, ...nodes.flatMap(innerBodies)];
  return [
    ...bodies.flatMap(({ initializers }) => initializers),
    ...bodies.flatMap(({ sparseInitializers }) => sparseInitializers.flatMap(partsOf)),
    ...nodes.flatMap((node) => Object.values(node.attributes).flatMap(tensorsOf)),
  ];
}

function tensorsOf(attribute: Attribute): readonly Tensor[] {
  if (attribute.type === 'tensors') return attribute.values;
  return attribute.type === 'sparseTensors' ? attribute.values.flatMap(partsOf) : [];
}

function partsOf({ values, indices }: SparseTensor): Tensor[] {
  return [values, indices];
}
