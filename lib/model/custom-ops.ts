/** Step 1 of the road: operators' names, and which of them ONNX Runtime does not bring. */

import { allNodes, type Graph, type Node } from './graph.js';
import { DEFAULT_DOMAIN } from './onnx.js';

/** The domains of which onnxruntime 1.30 ships operators. */
const shipped = new Set([DEFAULT_DOMAIN, 'ai.onnx.ml', 'com.microsoft', 'com.microsoft.nchwc', 'com.ms.internal.nhwc']);

/** An operator's name for people: `Conv`, or `domain:Op` outside the default domain. */
export function opName({ domain, op }: Pick<Node, 'domain' | 'op'>): string {
  return domain === DEFAULT_DOMAIN ? op : `${domain}:${op}`;
}

/** Operators that neither ONNX Runtime nor the model itself defines, sorted. */
export function customOps(graph: Graph): string[] {
  const own = new Set(graph.functions.map(({ domain, name }) => opName({ domain, op: name })));
  const names = allNodes(graph).filter(({ domain }) => !shipped.has(domain));
  return [...new Set(names.map(opName))].filter((name) => !own.has(name)).sort();
}
