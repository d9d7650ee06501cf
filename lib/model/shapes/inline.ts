/** Step 1 of the road: a graph in which every call of the model's own functions is replaced by the function's nodes. */

import { opName } from '../custom-ops.js';
import type { Attribute, Graph, GraphBody, GraphFunction, Node } from '../graph.js';
import type { TensorInfo } from '../profile.js';

/** A node with what it takes to shape it. */
export interface Step {
  readonly node: Node;
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
}

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
    const steps = inner.nodes.flatMap((node) => stepsOf(node, place));
    const renamed = place.given === null ? inner : renamedBody(inner, place.rename);
    const declared = new Map(
      [...renamed.inputs, ...renamed.values, ...renamed.outputs].map((info) => [info.name, info]),
    );
    return { graph: renamed, steps, declared };
  }

  function stepsOf(node: Node, place: Place): Step[] {
    nodes += 1;
    const own = place.given === null ? node : placed(node, place);
    const called = functions.get(functionName({ ...node, name: node.op }));
    if (called !== undefined && place.depth < LIMITS.depth && nodes < LIMITS.nodes) return call(called, own, place);
    const version = versionOf(place.opsets, node.domain) ?? versionOf(graph.opsets, node.domain) ?? 1;
    return [{ node: own, version, bodies: bodiesOf(node, place) }];
  }

  function bodiesOf(node: Node, place: Place): Map<string, Body> {
    const found = new Map<string, Body>();
    for (const [name, attribute] of Object.entries(node.attributes)) {
      const [first] = attribute.type === 'graphs' ? attribute.values : [];
      if (first !== undefined && place.depth < LIMITS.depth)
        found.set(name, body(first, { ...place, depth: place.depth + 1 }));
    }
    return found;
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
    return [{ node: identity, version: 1, bodies: new Map() }];
  });
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
