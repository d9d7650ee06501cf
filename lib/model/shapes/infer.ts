/** Step 1 of the road: `inferShapes`, the type and shape of every value of a graph for bound dimensions. */

import type { Graph } from '../graph.js';
import type { Shaped, ShapedBody, ShapedNode } from '../shaped.js';
import { size } from './dims.js';
import { type Body, inlined, type Step } from './inline.js';
import { alike, filled, settled } from './merge.js';
import { type Call, type Known, type Outcome, type ShapedRun, unknown } from './rule.js';

/** How often the nodes of a graph may be shaped, loops in loops included, before the rest is taken to be unknown. */
const MOST_RUNS = 50;

/** Operators whose results differ from run to run. */
export const random: ReadonlySet<string> = new Set([
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
 * Types and shapes of all values of a model, its functions written out. Constants are among the values, not among the nodes.
 *
 * `sizes` binds symbolic dimensions by name; those it lacks stay unknown. What no rule can tell is filled from what the file
 * says of its values. Never throws: what makes no sense is unknown.
 */
export function inferShapes(graph: Graph, sizes: Readonly<Record<string, number>>): ShapedBody {
  return inferEach(graph, [sizes])[0]!;
}

/** The same for each of several bindings. Nodes that see the same values in one as in the one before are shaped once. */
export function inferEach(graph: Graph, bindings: readonly Readonly<Record<string, number>>[]): ShapedBody[] {
  const main = inlined(graph);
  const mostSteps = MOST_RUNS * (stepCount(main) + 1);
  let before: ShapedBody | null = null;
  return bindings.map((sizes) => {
    const bound = Object.entries(sizes).filter(([, value]) => size(value) !== null);
    const run: Run = { sizes: new Map(bound), stepsLeft: mostSteps };
    const { body } = shapeBody(main, [], null, run, before);
    before = run.stepsLeft < 0 ? null : body;
    return body;
  });
}

function stepCount({ steps }: Body): number {
  return steps.reduce(
    (sum, { bodies }) => [...bodies.values()].reduce((inner, body) => inner + stepCount(body), sum + 1),
    0,
  );
}

/** `before` is the same body for other sizes. */
function shapeBody(
  { graph, steps, declared, stored }: Body,
  given: readonly (Known | null)[],
  outer: Scope | null,
  run: Run,
  before: ShapedBody | null = null,
): ShapedRun {
  const values = new Map(stored);
  const scope = { values, outer };
  const inputs: [string, Known][] = [];
  for (const [at, info] of graph.inputs.entries()) {
    if (values.has(info.name)) continue;
    const value = keptIfAlike(filled(given[at] ?? unknown, info, run.sizes), before?.values.get(info.name));
    values.set(info.name, value);
    inputs.push([info.name, value]);
  }
  const nodes = steps.map((step, at) => shapeStep(step, scope, declared, run, before?.nodes[at] ?? null));
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

function shapeStep(
  step: Step,
  scope: Scope,
  declared: Body['declared'],
  run: Run,
  before: ShapedNode | null,
): ShapedNode {
  const { node, bodies } = step;
  const inputs = node.inputs.map((name) => (name === '' ? null : (lookUp(scope, name) ?? unknown)));
  run.stepsLeft -= 1;
  const shaped =
    before !== null && bodies.size === 0 && seesTheSame(before, inputs, declared)
      ? before
      : shapeNode(step, inputs, scope, declared, run, before);
  node.outputs.forEach((name, at) => {
    if (name !== '') scope.values.set(name, shaped.outputs[at] as Known);
  });
  return shaped;
}

/** Whether a node of which the file says nothing that depends on the sizes has the same inputs as before. */
function seesTheSame(before: ShapedNode, inputs: readonly (Known | null)[], declared: Body['declared']): boolean {
  return (
    inputs.every((input, at) => input === before.inputs[at]) &&
    before.node.outputs.every((name) => !declared.get(name)?.shape?.some((dim) => typeof dim === 'string'))
  );
}

function shapeNode(
  step: Step,
  inputs: readonly (Known | null)[],
  scope: Scope,
  declared: Body['declared'],
  run: Run,
  before: ShapedNode | null,
): ShapedNode {
  const { node, version } = step;
  const call = { node, version, inputs };
  const { outcomes, bodies } = run.stepsLeft < 0 ? nothing : outcomesOf(call, step, scope, run);
  const fixed = bodies.length === 0 && step.rule !== null && !random.has(node.op);
  const constant = fixed && inputs.every((input) => input === null || input.constant);
  const outputs = node.outputs.map((name, at) => {
    const value = filled(settled(outcomes[at] ?? unknown, constant), declared.get(name), run.sizes);
    return keptIfAlike(value, before?.outputs[at]);
  });
  return { node, inputs, outputs, bodies };
}

/** The value of before where it is the same, so that what is made of it is seen to be the same, too. */
function keptIfAlike(value: Known, before: Shaped | undefined): Known {
  const known = before as Known | undefined;
  return known !== undefined && value.sequence === null && alike(value, known) ? known : value;
}

interface Outcomes {
  readonly outcomes: readonly Outcome[];
  readonly bodies: readonly ShapedBody[];
}

const nothing: Outcomes = { outcomes: [], bodies: [] };

function outcomesOf(call: Call, { rule, flowRule, bodies }: Step, scope: Scope, run: Run): Outcomes {
  const shape = (attribute: string, inputs: readonly (Known | null)[]) => {
    const body = bodies.get(attribute);
    return body === undefined ? null : shapeBody(body, inputs, scope, run);
  };
  if (flowRule) return flowRule(call, shape);
  const shaped = bodies.size === 0 ? [] : [...bodies.keys()].flatMap((attribute) => shape(attribute, [])?.body ?? []);
  return { outcomes: rule?.(call) ?? [], bodies: shaped };
}
