/** Step 1 of the road: a graph in which every call of the model's own functions is replaced by the function's nodes. */

import { opName } from '../custom-ops.js';
import type { Attribute, Graph, GraphBody, GraphFunction, Node, Tensor } from '../graph.js';
import { DEFAULT_DOMAIN } from '../onnx.js';
import type { TensorInfo } from '../profile.js';
import { settled } from './merge.js';
import type { FlowRule, Known, Rule } from './rule.js';
import { flowRules, rules } from './table.js';

/** A node with what it takes to shape it. */
export interface Step {
  readonly node: Node;
  readonly rule: Rule | null;
  /** Of operators that run the graphs inside them. */
  readonly flowRule: FlowRule | null;
  /** Version of its operator set; 1 where none is imported. */
  readonly version: number;
  /** The graphs inside it, by attribute. */
  readonly bodies: ReadonlyMap<string, Body>;
}

export interface Body {
  readonly graph: GraphBody;
  readonly steps: readonly Step[];
  /** What the file says of values, by name. */
  readonly declared: ReadonlyMap<string, TensorInfo>;
  /** The values that are stored, by name. */
  readonly stored: ReadonlyMap<string, Known>;
}

const none: ReadonlyMap<string, Body> = new Map();

/** Graphs and functions deeper than this in each other, and functions that grow to more nodes, are not followed. */
const LIMITS = { depth: 100, nodes: 200_000 };

/** Where a node stands: in the main graph, or in a function that a node calls. */
interface Place {
  readonly opsets: Readonly<Record<string, number>>;
  /** Graphs and functions around it. */
  readonly depth: number;
  /** The name that a value of the function has outside. */
  readonly rename: (name: string) => string;
  /** Attributes of the calling node; null in the main graph. */
  readonly given: Node['attributes'] | null;
}

/** The main graph of a model, its functions written out. */
export function inlined(graph: Graph): Body {
  const functions = new Map(graph.functions.map((each) => [functionName(each), each]));
  let nodes = 0;
  let calls = 0;
  return body(graph.main, { opsets: graph.opsets, depth: 0, rename: (name) => name, given: null });

  function body(inner: GraphBody, place: Place): Body {
    const all = inner.nodes.flatMap((node) => stepsOf(node, place));
    const renamed = place.given === null ? inner : renamedBody(inner, place.rename);
    const declared = new Map(
      [...renamed.inputs, ...renamed.values, ...renamed.outputs].map((info) => [info.name, info]),
    );
    const stored = storedValues(renamed);
    const steps = all.filter((each) => !isStored(each, stored));
    return { graph: renamed, steps, declared, stored };
  }

  function stepsOf(node: Node, place: Place): Step[] {
    nodes += 1;
    const own = place.given === null ? node : placed(node, place);
    const called = functions.size > 0 ? functions.get(functionName({ ...node, name: node.op })) : undefined;
    if (called !== undefined && place.depth < LIMITS.depth && nodes < LIMITS.nodes) return call(called, own, place);
    const version = versionOf(place.opsets, node.domain) ?? versionOf(graph.opsets, node.domain) ?? 1;
    return [step(own, version, bodiesOf(node, place))];
  }

  function bodiesOf({ attributes }: Node, place: Place): ReadonlyMap<string, Body> {
    let found: Map<string, Body> | null = null;
    for (const name in attributes) {
      const attribute = attributes[name]!;
      const [first] = attribute.type === 'graphs' ? attribute.values : [];
      if (first === undefined || place.depth >= LIMITS.depth) continue;
      found ??= new Map();
      found.set(name, body(first, { ...place, depth: place.depth + 1 }));
    }
    return found ?? none;
  }

  function call(called: GraphFunction, node: Node, { depth }: Place): Step[] {
    calls += 1;
    const prefix = `${node.outputs.find((name) => name !== '') ?? node.name}/${calls}/`;
    const names = new Map<string, string>([['', '']]);
    for (const [at, name] of called.outputs.entries()) if (node.outputs[at]) names.set(name, node.outputs[at]!);
    for (const [at, name] of called.inputs.entries()) names.set(name, node.inputs[at] ?? '');
    const rename = (name: string) => names.get(name) ?? prefix + name;
    const place = { opsets: called.opsets, depth: depth + 1, rename, given: node.attributes };
    return [...called.nodes.flatMap((each) => stepsOf(each, place)), ...passedThrough(called, node)];
  }
}

/** Outputs of a function that are its inputs. */
function passedThrough(called: GraphFunction, node: Node): Step[] {
  return called.outputs.flatMap((name, at) => {
    const from = called.inputs.indexOf(name);
    const [input, output] = [node.inputs[from], node.outputs[at]];
    if (from < 0 || !input || !output) return [];
    const identity: Node = {
      name: output,
      op: 'Identity',
      domain: 'ai.onnx',
      overload: '',
      inputs: [input],
      outputs: [output],
      attributes: {},
    };
    return [step(identity, 1, none)];
  });
}

function step(node: Node, version: number, bodies: ReadonlyMap<string, Body>): Step {
  const name = opName(node);
  return { node, rule: rules.get(name) ?? null, flowRule: flowRules.get(name) ?? null, version, bodies };
}

function storedValues({ initializers, sparseInitializers }: GraphBody): Map<string, Known> {
  const values = new Map<string, Known>();
  for (const tensor of initializers) values.set(tensor.name, ofTensor(tensor));
  for (const { values: stored, dims } of sparseInitializers) {
    values.set(stored.name, settled({ dtype: stored.dtype, shape: dims, stored }, true));
  }
  return values;
}

/** Whether a node is a constant: its value is stored, as if it were an initializer, and the node needs no step. */
function isStored({ node, rule, version }: Step, values: Map<string, Known>): boolean {
  if (node.op !== 'Constant' || node.domain !== DEFAULT_DOMAIN) return false;
  const [outcome] = rule?.({ node, version, inputs: [] }) ?? [];
  const [name = ''] = node.outputs;
  if (!outcome?.shape || outcome.shape.includes(null) || name === '') return false;
  values.set(name, settled(outcome, true));
  return true;
}

/** A stored tensor; the reader has its elements as the type holds them. */
function ofTensor(stored: Tensor): Known {
  const { dtype, dims: shape, elements } = stored;
  const values = stored.values?.length === elements ? stored.values : null;
  return { dtype, shape, values, stored, constant: true, sequence: null };
}

function functionName({ domain, name, overload }: Pick<GraphFunction, 'domain' | 'name' | 'overload'>): string {
  return `${opName({ domain, op: name })}\n${overload}`;
}

function versionOf(opsets: Readonly<Record<string, number>>, domain: string): number | undefined {
  return Object.hasOwn(opsets, domain) ? opsets[domain] : undefined;
}

/** A node of a function, with the names and attributes of the call. */
function placed(node: Node, place: Place): Node {
  return {
    ...node,
    name: place.rename(node.name),
    inputs: node.inputs.map(place.rename),
    outputs: node.outputs.map(place.rename),
    attributes: attributesOf(node, place),
  };
}

function attributesOf(node: Node, { given, rename }: Place): Node['attributes'] {
  return Object.fromEntries(
    Object.entries(node.attributes).flatMap(([name, attribute]): [string, Attribute][] => {
      if (attribute.type === 'graphs')
        return [[name, { ...attribute, values: attribute.values.map((each) => renamedBody(each, rename)) }]];
      if (attribute.type !== 'reference' || given === null) return [[name, attribute]];
      return Object.hasOwn(given, attribute.name) ? [[name, given[attribute.name]!]] : [];
    }),
  );
}

/** The names of a graph's own values as they are outside; its nodes stay, since they are written out one by one. */
function renamedBody(body: GraphBody, rename: (name: string) => string): GraphBody {
  const named = <T extends { readonly name: string }>(each: T): T => ({ ...each, name: rename(each.name) });
  return {
    ...body,
    inputs: body.inputs.map(named),
    outputs: body.outputs.map(named),
    values: body.values.map(named),
    initializers: body.initializers.map(named),
    sparseInitializers: body.sparseInitializers.map((each) => ({ ...each, values: named(each.values) })),
  };
}
