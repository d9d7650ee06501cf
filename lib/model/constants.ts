/** Step 1 of the road: which values of a graph are the same in every run, so that weights can be told from what is computed. */

import { type Graph, type GraphBody, innerBodies, type Node } from './graph.js';

/** A node, and for each of its inputs whether it is a constant. */
export interface WiredNode {
  readonly node: Node;
  readonly constant: readonly boolean[];
}

const random = new Set([
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
  'Bernoulli',
  'Multinomial',
]);

/**
 * The nodes of the main graph and of the graphs inside it. A value is constant when it is stored, or made of constants only,
 * such as a weight that is dequantized. Functions are left out: what they are called with is not known.
 */
export function wiredNodes(graph: Graph): WiredNode[] {
  return wiredBody(graph.main, new Set());
}

function wiredBody(body: GraphBody, outer: ReadonlySet<string>): WiredNode[] {
  const fed = new Set(body.inputs.map(({ name }) => name));
  const stored = [
    ...body.initializers.map(({ name }) => name),
    ...body.sparseInitializers.map(({ values }) => values.name),
  ];
  const known = new Set([...[...outer].filter((name) => !fed.has(name)), ...stored]);
  return body.nodes.flatMap((node) => {
    const constant = node.inputs.map((name) => name === '' || known.has(name));
    const inner = innerBodies(node).flatMap((each) => wiredBody(each, known));
    if (constant.every(Boolean) && innerBodies(node).length === 0 && !random.has(node.op)) {
      for (const output of node.outputs) known.add(output);
    }
    return [{ node, constant }, ...inner];
  });
}
