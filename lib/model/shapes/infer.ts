/** Step 1 of the road: `inferShapes`, the type and shape of every value of a graph for bound dimensions. */

import { opName } from '../custom-ops.js';
import type { Graph, Tensor } from '../graph.js';
import type { ShapedBody, ShapedNode } from '../shaped.js';
import { size } from './dims.js';
import { type Body, inlined, type Step } from './inline.js';
import { filled, settled } from './merge.js';
import { type Call, type Known, type Outcome, type ShapedRun, unknown } from './rule.js';
import { flowRules, rules } from './table.js';

/** How often the nodes of a graph may be shaped, loops in loops included, before the rest is taken to be unknown. */
const MOST_RUNS = 50;

/** Operators whose results differ from run to run. */
const random = new Set([
  ...['Bernoulli', 'Multinomial', 'RandomNormal', 'RandomNormalLike', 'RandomUniform', 'RandomUniformLike'],
]);

/** Values that a graph can see: its own, then those of the graphs around it. */
interface Scope {
  readonly values: Map<string, Known>;
  readonly outer: Scope | null;
}

interface Run {
  readonly sizes: ReadonlyMap<string, number>;
  stepsLeft: number;
}

/**
 * Types and shapes of all values of a model, its functions written out.
 *
 * `sizes` binds symbolic dimensions by name; those it lacks stay unknown. What no rule can tell is filled from what the file
 * says of its values. Never throws: what makes no sense is unknown.
 */
export function inferShapes(graph: Graph, sizes: Readonly<Record<string, number>>): ShapedBody {
  const main = inlined(graph);
  const bound = Object.entries(sizes).filter(([, value]) => size(value) !== null);
  const run: Run = { sizes: new Map(bound), stepsLeft: MOST_RUNS * (stepCount(main) + 1) };
  return shapeBody(main, [], null, run).body;
}

function stepCount({ steps }: Body): number {
  return steps.reduce(
    (sum, { bodies }) => [...bodies.values()].reduce((inner, body) => inner + stepCount(body), sum + 1),
    0,
  );
}

/** A stored tensor; the reader has its elements as the type holds them. */
function ofTensor(stored: Tensor): Known {
  const { dtype, dims: shape, elements } = stored;
  const values = stored.values?.length === elements ? stored.values : null;
  return { dtype, shape, values, stored, constant: true, sequence: null };
}

function shapeBody(
  { graph, steps, declared }: Body,
  given: readonly (Known | null)[],
  outer: Scope | null,
  run: Run,
): ShapedRun {
  const values = new Map<string, Known>();
  const scope = { values, outer };
  for (const tensor of graph.initializers) values.set(tensor.name, ofTensor(tensor));
  for (const { values: stored, dims } of graph.sparseInitializers) {
    values.set(stored.name, settled({ dtype: stored.dtype, shape: dims, stored }, true));
  }
  const inputs: [string, Known][] = [];
  for (const [at, info] of graph.inputs.entries()) {
    if (values.has(info.name)) continue;
    const value = filled(given[at] ?? unknown, info, run.sizes);
    values.set(info.name, value);
    inputs.push([info.name, value]);
  }
  const nodes = steps.map((step) => shapeStep(step, scope, declared, run));
  const results = graph.outputs.map((info) => lookUp(scope, info.name) ?? filled(unknown, info, run.sizes));
  const outputs = Object.fromEntries(graph.outputs.map(({ name }, at) => [name, results[at]!]));
  return { body: { nodes, inputs: Object.fromEntries(inputs), outputs, values }, results };
}

function lookUp(scope: Scope, name: string): Known | null {
  for (let at: Scope | null = scope; at !== null; at = at.outer) {
    const found = at.values.get(name);
    if (found !== undefined) return found;
  }
  return null;
}

function shapeStep(step: Step, scope: Scope, declared: Body['declared'], run: Run): ShapedNode {
  const { node, version } = step;
  const inputs = node.inputs.map((name) => (name === '' ? null : (lookUp(scope, name) ?? unknown)));
  const call = { node, version, inputs };
  run.stepsLeft -= 1;
  const { outcomes, bodies } = run.stepsLeft < 0 ? { outcomes: [], bodies: [] } : outcomesOf(call, step, scope, run);
  const fixed = bodies.length === 0 && rules.has(opName(node)) && !random.has(node.op);
  const constant = fixed && inputs.every((input) => input === null || input.constant);
  const outputs = node.outputs.map((name, at) => {
    const value = filled(settled(outcomes[at] ?? unknown, constant), declared.get(name), run.sizes);
    if (name !== '') scope.values.set(name, value);
    return value;
  });
  return { node, inputs, outputs, bodies };
}

function outcomesOf(
  call: Call,
  { bodies }: Step,
  scope: Scope,
  run: Run,
): { outcomes: readonly Outcome[]; bodies: readonly ShapedBody[] } {
  const name = opName(call.node);
  const shape = (attribute: string, inputs: readonly (Known | null)[]) => {
    const body = bodies.get(attribute);
    return body === undefined ? null : shapeBody(body, inputs, scope, run);
  };
  const flow = flowRules.get(name);
  if (flow !== undefined) return flow(call, shape);
  const shaped = [...bodies.keys()].flatMap((attribute) => shape(attribute, [])?.body ?? []);
  return { outcomes: rules.get(name)?.(call) ?? [], bodies: shaped };
}
