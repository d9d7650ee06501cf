/** Step 1 of the road: the messages of an ONNX file as a `Graph`. Data of tensors is skipped, except in small ones. */

import type { Attribute, GraphBody, GraphFunction, Node, SparseTensor } from './graph.js';
import { float, floats, int, ints, many, message, one, packed, type Read, text } from './message.js';
import { attributeTypes, fields } from './onnx-fields.js';
import { LONGEST_LIST, sparseTensor, tensor } from './onnx-tensor.js';
import { valueInfo } from './onnx-type.js';
import { LONGEST_TEXT, type Wire, WireFault, WireType } from './wire.js';

export const DEFAULT_DOMAIN = 'ai.onnx';

/** The model message as the file has it; `main` is null when there is no graph. */
export interface DecodedModel {
  readonly irVersion: number;
  readonly producer: string;
  readonly opsets: Readonly<Record<string, number>>;
  readonly main: GraphBody | null;
  readonly functions: readonly GraphFunction[];
}

/** Reads the whole file. Throws `WireFault`. */
export function decodeModel(wire: Wire): DecodedModel {
  const { irVersion, name, version, opsets, graphs, functions } = model(wire, {
    number: 0,
    wire: WireType.bytes,
    start: 0,
    end: wire.size,
  });
  if (graphs.length > 1) throw new WireFault('it holds more than one graph', 0);
  return {
    irVersion,
    producer: `${name} ${version}`.trim(),
    opsets: byName(opsets),
    main: graphs[0] ?? null,
    functions,
  };
}

/** Text that may be long; null where it is too long to keep. */
const anyText: Read<string | null> = (wire, field) =>
  field.end - field.start > LONGEST_TEXT ? null : text(wire, field);

/** A graph inside another is decoded by the same reader, which is not there yet when it is described. */
const innerGraph: Read<GraphBody> = (wire, field) => graph(wire, field);

const domainVersion = message({
  domain: one(fields.OperatorSetIdProto.domain, text, ''),
  version: one(fields.OperatorSetIdProto.version, int, 0),
});
const opset: Read<[string, number]> = (wire, field) => {
  const { domain, version } = domainVersion(wire, field);
  return [domainName(domain), version];
};

const attributeFields = message({
  name: one(fields.AttributeProto.name, text, ''),
  type: one(fields.AttributeProto.type, int, 0),
  ref_attr_name: one(fields.AttributeProto.ref_attr_name, text, ''),
  i: one(fields.AttributeProto.i, int),
  f: one(fields.AttributeProto.f, float),
  s: one(fields.AttributeProto.s, (wire, field) => ({ text: anyText(wire, field) })),
  ints: packed(fields.AttributeProto.ints, ints(LONGEST_LIST), LONGEST_LIST),
  floats: packed(fields.AttributeProto.floats, floats(4, LONGEST_LIST), LONGEST_LIST),
  strings: many(fields.AttributeProto.strings, anyText),
  t: many(fields.AttributeProto.t, tensor),
  tensors: many(fields.AttributeProto.tensors, tensor),
  sparse_tensor: many(fields.AttributeProto.sparse_tensor, sparseTensor),
  sparse_tensors: many(fields.AttributeProto.sparse_tensors, sparseTensor),
  g: many(fields.AttributeProto.g, innerGraph),
  graphs: many(fields.AttributeProto.graphs, innerGraph),
});
type AttributeFields = ReturnType<typeof attributeFields>;

const attribute: Read<[string, Attribute]> = (wire, field) => {
  const found = attributeFields(wire, field);
  return [found.name, attributeValue(found)];
};

/** For each field that may hold an attribute's value: the attribute, or null when the field is absent or empty. */
const holders: readonly [keyof AttributeFields, (found: AttributeFields) => Attribute | null][] = [
  ['f', ({ f }) => (f === null ? null : { type: 'float', value: f })],
  ['i', ({ i }) => (i === null ? null : { type: 'int', value: i })],
  ['s', ({ s }) => s && { type: 'string', value: s.text }],
  ['t', ({ t }) => listed(t, { type: 'tensors', values: t })],
  ['g', ({ g }) => listed(g, { type: 'graphs', values: g })],
  ['floats', ({ floats: values }) => listed(values, { type: 'floats', values })],
  ['ints', ({ ints: values }) => listed(values, { type: 'ints', values })],
  ['strings', ({ strings }) => listed(strings, { type: 'strings', values: shortTexts(strings) })],
  ['tensors', ({ tensors }) => listed(tensors, { type: 'tensors', values: tensors })],
  ['graphs', ({ graphs }) => listed(graphs, { type: 'graphs', values: graphs })],
  ['sparse_tensor', ({ sparse_tensor: values }) => listed(values, { type: 'sparseTensors', values })],
  ['sparse_tensors', ({ sparse_tensors: values }) => listed(values, { type: 'sparseTensors', values })],
];

/** What a field means when its type says so, but it is absent: zero and empty values need not be stored. */
const absent: Partial<Record<keyof AttributeFields, Attribute>> = {
  f: { type: 'float', value: 0 },
  i: { type: 'int', value: 0 },
  s: { type: 'string', value: '' },
  floats: { type: 'floats', values: [] },
  ints: { type: 'ints', values: [] },
  strings: { type: 'strings', values: [] },
};

function attributeValue(found: AttributeFields): Attribute {
  if (found.ref_attr_name !== '') return { type: 'reference', name: found.ref_attr_name };
  const named = attributeTypes[found.type];
  for (const [key, hold] of holders) {
    const held = named === undefined || named === key ? hold(found) : null;
    if (held !== null) return held;
  }
  return (named && absent[named as keyof AttributeFields]) ?? { type: 'other' };
}

function listed(list: readonly unknown[] | null, value: Attribute): Attribute | null {
  return list?.length === 0 ? null : value;
}

function shortTexts(texts: readonly (string | null)[]): string[] | null {
  const short = texts.filter((item) => item !== null);
  return short.length === texts.length && texts.length <= LONGEST_LIST ? short : null;
}

const nodeFields = message({
  name: one(fields.NodeProto.name, text, ''),
  op: one(fields.NodeProto.op_type, text, ''),
  domain: one(fields.NodeProto.domain, text, ''),
  overload: one(fields.NodeProto.overload, text, ''),
  inputs: many(fields.NodeProto.input, text),
  outputs: many(fields.NodeProto.output, text),
  attributes: many(fields.NodeProto.attribute, attribute),
});
const node: Read<Node> = (wire, field) => {
  const { domain, attributes, ...rest } = nodeFields(wire, field);
  return { ...rest, domain: domainName(domain), attributes: byName(attributes) };
};

const graph: Read<GraphBody> = message({
  name: one(fields.GraphProto.name, text, ''),
  nodes: many(fields.GraphProto.node, node),
  inputs: many(fields.GraphProto.input, valueInfo),
  outputs: many(fields.GraphProto.output, valueInfo),
  values: many(fields.GraphProto.value_info, valueInfo),
  initializers: many(fields.GraphProto.initializer, tensor),
  sparseInitializers: many<SparseTensor>(fields.GraphProto.sparse_initializer, sparseTensor),
});

const functionFields = message({
  name: one(fields.FunctionProto.name, text, ''),
  domain: one(fields.FunctionProto.domain, text, ''),
  overload: one(fields.FunctionProto.overload, text, ''),
  inputs: many(fields.FunctionProto.input, text),
  outputs: many(fields.FunctionProto.output, text),
  nodes: many(fields.FunctionProto.node, node),
  opsets: many(fields.FunctionProto.opset_import, opset),
});
const graphFunction: Read<GraphFunction> = (wire, field) => {
  const { domain, opsets, ...rest } = functionFields(wire, field);
  return { ...rest, domain: domainName(domain), opsets: byName(opsets) };
};

const model = message({
  irVersion: one(fields.ModelProto.ir_version, int, 0),
  name: one(fields.ModelProto.producer_name, text, ''),
  version: one(fields.ModelProto.producer_version, text, ''),
  opsets: many(fields.ModelProto.opset_import, opset),
  graphs: many(fields.ModelProto.graph, graph),
  functions: many(fields.ModelProto.functions, graphFunction),
});

/** An object with names that a file chose as its keys, `__proto__` included. */
function byName<T>(entries: readonly [string, T][]): Record<string, T> {
  return Object.fromEntries(entries);
}

function domainName(domain: string): string {
  return domain === '' ? DEFAULT_DOMAIN : domain;
}
