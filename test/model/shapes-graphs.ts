/** Graphs written down in a line: what a test of shapes gives, and what it expects. */

import type { Attribute, Graph, GraphBody, GraphFunction, Node, Tensor } from '../../lib/model/graph.js';
import type { Dim, DType, TensorInfo } from '../../lib/model/profile.js';
import type { Shaped } from '../../lib/model/shaped.js';
import { inferShapes } from '../../lib/model/shapes/infer.js';

/** A number is an integer, a list one of integers; other types are named. */
type AttributeText =
  | number
  | string
  | readonly number[]
  | GraphBody
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly tensor: Tensor }
  | { readonly reference: string };

export type AttributeTexts = Readonly<Record<string, AttributeText>>;

/** A value: `float32[2,batch,?]`, elements that are stored in the model, or null for one that is left out. */
export type ValueText = string | number | readonly number[] | Tensor | null;

function attributeOf(text: AttributeText): Attribute {
  if (typeof text === 'number') return { type: 'int', value: text };
  if (typeof text === 'string') return { type: 'string', value: text };
  if ('nodes' in text) return { type: 'graphs', values: [text] };
  if ('float' in text) return { type: 'float', value: text.float };
  if ('floats' in text) return { type: 'floats', values: text.floats };
  if ('strings' in text) return { type: 'strings', values: text.strings };
  if ('tensor' in text) return { type: 'tensors', values: [text.tensor] };
  if ('reference' in text) return { type: 'reference', name: text.reference };
  return { type: 'ints', values: text };
}

export function node(op: string, inputs: string, outputs: string, attributes: AttributeTexts = {}): Node {
  const [name = '', domain = 'ai.onnx'] = op.split(':').reverse();
  return {
    name: '',
    op: name,
    domain,
    overload: '',
    inputs: inputs === '' ? [] : inputs.split(' ').map(valueName),
    outputs: outputs === '' ? [] : outputs.split(' ').map(valueName),
    attributes: Object.fromEntries(Object.entries(attributes).map(([key, text]) => [key, attributeOf(text)])),
  };
}

/** A dash stands for a value that is left out. */
function valueName(text: string): string {
  return text === '-' ? '' : text;
}

/** A named value: `float32[2,batch,?]`, `float32` when its rank is unknown. */
export function info(name: string, text: string): TensorInfo {
  const [, dtype, , dims] = /^(\w*)(\[(.*)\])?$/.exec(text) ?? [];
  const shape = dims === undefined ? null : dims.split(',').filter(Boolean).map(dimOf);
  return { name, dtype: (dtype || 'undefined') as DType, shape, kind: 'tensor' };
}

function dimOf(text: string): Dim {
  if (text === '?') return null;
  return /^-?\d+$/.test(text) ? Number(text) : text;
}

export function tensor(
  name: string,
  dtype: DType,
  dims: readonly number[],
  values: readonly number[] | null = null,
): Tensor {
  const elements = dims.reduce((product, dim) => product * dim, 1);
  return { name, dtype, dims, elements, bytes: 0, values, external: null };
}

export const floats = (...values: number[]): Tensor => tensor('', 'float32', [values.length], values);
export const scalar = (value: number, dtype: DType = 'float32'): Tensor => tensor('', dtype, [], [value]);

function storedOf(name: string, value: number | readonly number[] | Tensor): Tensor {
  if (typeof value === 'number') return tensor(name, 'int64', [], [value]);
  return 'dims' in value ? { ...value, name } : tensor(name, 'int64', [value.length], value);
}

interface BodyText {
  readonly values?: Readonly<Record<string, ValueText>>;
  readonly nodes: readonly Node[];
  readonly outputs?: Readonly<Record<string, string>>;
  /** What the file says of values between nodes. */
  readonly declared?: Readonly<Record<string, string>>;
}

export function body({ values = {}, nodes, outputs = {}, declared = {} }: BodyText): GraphBody {
  const given = Object.entries(values);
  return {
    name: '',
    nodes,
    inputs: given.flatMap(([name, value]) => (typeof value === 'string' ? [info(name, value)] : [])),
    outputs: Object.entries(outputs).map(([name, text]) => info(name, text)),
    values: Object.entries(declared).map(([name, text]) => info(name, text)),
    initializers: given.flatMap(([name, value]) =>
      value === null || typeof value === 'string' ? [] : [storedOf(name, value)],
    ),
    sparseInitializers: [],
  };
}

export function graph(
  main: BodyText,
  opsets: Readonly<Record<string, number>> = { 'ai.onnx': 20 },
  functions: readonly GraphFunction[] = [],
): Graph {
  return { path: 'test', fileBytes: 0, irVersion: 9, producer: '', opsets, main: body(main), functions };
}

/** A value as it is written; `?` for what is unknown. */
export function textOf({ dtype, shape }: Shaped): string {
  return shape === null ? dtype : `${dtype}[${shape.map((dim) => dim ?? '?').join(',')}]`;
}

/** Every value that the main graph computes, by name. */
export function inferredTexts(given: Graph, sizes: Readonly<Record<string, number>> = {}): Record<string, string> {
  const { nodes, values } = inferShapes(given, sizes);
  const names = nodes.flatMap((each) => each.node.outputs.filter((name) => name !== ''));
  return Object.fromEntries(names.map((name) => [name, textOf(values.get(name)!)]));
}

/** One operator, its inputs and attributes, and the outputs it has to have. */
interface OperatorCase {
  readonly op: string;
  readonly version: number;
  readonly inputs: readonly ValueText[];
  readonly attributes: AttributeTexts;
  /** A dash for one that is left out. */
  readonly outputs: readonly string[];
}

/**
 * A line of `shapes-operators.txt`: operator | version of its set | inputs | attributes | outputs.
 *
 * Inputs that the model stores are written as their elements: `=` before integers, `~` before floats.
 */
export function operatorCase(line: string): OperatorCase {
  const [op = '', version, inputs = '', attributes = '{}', outputs = ''] = line.split('|').map((part) => part.trim());
  return {
    op,
    version: Number(version),
    inputs: inputs.split(' ').filter(Boolean).map(writtenValue),
    attributes: JSON.parse(attributes),
    outputs: outputs.split(' '),
  };
}

function writtenValue(text: string): ValueText {
  if (text === '-') return null;
  if (text.startsWith('=')) return JSON.parse(text.slice(1));
  if (!text.startsWith('~')) return text;
  const elements: number | number[] = JSON.parse(text.slice(1));
  return typeof elements === 'number' ? scalar(elements) : floats(...elements);
}

/** What is inferred for the outputs of one operator. */
export function operatorOutputs({ op, version, inputs, attributes, outputs }: OperatorCase): string[] {
  const names = inputs.map((input, at) => (input === null ? '-' : `x${at}`));
  const values = Object.fromEntries(inputs.map((input, at) => [`x${at}`, input]));
  const results = outputs.map((output, at) => (output === '-' ? '-' : `y${at}`));
  const single = node(op, names.join(' '), results.join(' '), attributes);
  const found = inferShapes(graph({ values, nodes: [single] }, { [single.domain]: version }), {}).values;
  return outputs.map((output, at) => (output === '-' ? '-' : textOf(found.get(`y${at}`)!)));
}
