/** Small graphs for tests of the work, written as nodes. */

import type { Attribute, Graph, GraphBody, Node, Tensor } from '../../lib/model/graph.js';
import type { Dim, DType, TensorInfo } from '../../lib/model/profile.js';
import { workOf } from '../../lib/model/work/work-of.js';
import type { Kernel, Work } from '../../lib/model/work.js';

type Value = number | readonly number[] | string | readonly string[] | GraphBody;

/** `op` may carry a domain: `com.microsoft:MatMulNBits`. */
export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Record<string, Value> = {},
): Node {
  const at = op.lastIndexOf(':');
  return {
    name: '',
    op: op.slice(at + 1),
    domain: at < 0 ? 'ai.onnx' : op.slice(0, at),
    overload: '',
    inputs,
    outputs,
    attributes: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, attribute(value)])),
  };
}

function attribute(value: Value): Attribute {
  if (typeof value === 'number') return { type: Number.isInteger(value) ? 'int' : 'float', value };
  if (typeof value === 'string') return { type: 'string', value };
  if (!Array.isArray(value)) return { type: 'graphs', values: [value as GraphBody] };
  if (typeof value[0] === 'string') return { type: 'strings', values: value };
  return { type: 'ints', values: value };
}

const bits: Partial<Record<DType, number>> = { float32: 32, int64: 64, int8: 8, uint8: 8, bool: 8 };

/** A stored tensor; its elements are known when they are given. */
export function stored(
  name: string,
  dims: readonly number[],
  values: readonly number[] | null = null,
  dtype: DType = 'float32',
): Tensor {
  const elements = dims.reduce((all, size) => all * size, 1);
  return { name, dtype, dims, elements, bytes: (elements * bits[dtype]!) / 8, values, external: null };
}

/** An input or output. */
export function tensor(name: string, shape: readonly Dim[] | null, dtype: DType = 'float32'): TensorInfo {
  return { name, dtype, shape, kind: 'tensor' };
}

export function body(
  nodes: readonly Node[],
  inputs: readonly TensorInfo[],
  outputs: readonly string[],
  initializers: readonly Tensor[] = [],
): GraphBody {
  return {
    name: 'body',
    nodes,
    inputs,
    outputs: outputs.map((name) => tensor(name, null)),
    values: [],
    initializers,
    sparseInitializers: [],
  };
}

export function graphOf(main: GraphBody): Graph {
  const opsets = { 'ai.onnx': 20, 'com.microsoft': 1, 'ai.onnx.ml': 3 };
  return { path: 'test.onnx', fileBytes: 0, irVersion: 10, producer: '', opsets, main, functions: [] };
}

export function inputsOf({ main }: Graph) {
  const held = new Set(main.initializers.map(({ name }) => name));
  const inputs = main.inputs.filter(({ name }) => !held.has(name));
  const names = inputs.flatMap(({ shape }) => (shape ?? []).filter((dim) => typeof dim === 'string'));
  return { inputs, symbolicDims: [...new Set(names)] };
}

export function workOfGraph(graph: Graph, dims: Record<string, number> = {}): Work {
  return workOf(graph, inputsOf(graph), dims);
}

export function workOfBody(main: GraphBody, dims: Record<string, number> = {}): Work {
  return workOfGraph(graphOf(main), dims);
}

/** How often each operator runs. */
export function counted(kernels: readonly Kernel[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { op, count } of kernels) counts[op] = (counts[op] ?? 0) + count;
  return counts;
}
