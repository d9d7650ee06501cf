/** Step 1 of the road: nodes that compute the same from the same, of which ONNX Runtime keeps one. */

import { DEFAULT_DOMAIN } from '../onnx.js';
import type { Shaped, ShapedNode } from '../shaped.js';
import { random } from '../shapes/infer.js';

/** Constants that ONNX Runtime 1.30 compares by their elements: of these types, and no more than this many. */
const sharedTypes: ReadonlySet<string> = new Set(['float16', 'float32', 'float64', 'int32', 'int64']);
const mostShared = 8;

/** Outside the default domain it takes only these to give the same for the same. */
const repeatable = new Set(['com.microsoft:QuantizeLinear', 'com.microsoft:DequantizeLinear']);

/**
 * Finds, for one node of a body after the other, an earlier one that computes the same; null where there is none. `unchanged` says that
 * the node passes its first input on.
 *
 * Every value gets a number, and values of one number are equal: constants of the same few elements, and what the same operator makes of
 * the same numbers.
 */
export function twinFinder(): (node: ShapedNode, unchanged: boolean) => ShapedNode | null {
  const numbers = new Map<string, number>();
  const constants = new Map<string, number>();
  const seen = new Map<string, ShapedNode[]>();
  let count = 0;

  function numberOf(name: string, value: Shaped | null | undefined): number {
    const known = numbers.get(name);
    if (known !== undefined) return known;
    const content = contentOf(value);
    const same = content === null ? undefined : constants.get(content);
    const number = same ?? count++;
    if (content !== null) constants.set(content, number);
    numbers.set(name, number);
    return number;
  }

  return (own, unchanged) => {
    const { node, inputs, outputs } = own;
    if (unchanged) {
      numbers.set(node.outputs[0] ?? '', numberOf(node.inputs[0] ?? '', inputs[0]));
      return null;
    }
    if (outputs[0]?.constant || !isRepeatable(own)) return null;
    const from = node.inputs.map((name, at) => numberOf(name, inputs[at]));
    const key = `${node.domain}:${node.op}:${from.join()}`;
    const others = seen.get(key);
    const twin = others?.find((other) => isAlike(own, other)) ?? null;
    if (others === undefined) seen.set(key, [own]);
    else if (twin === null) others.push(own);
    if (twin) {
      for (const [at, name] of node.outputs.entries()) {
        numbers.set(name, numberOf(twin.node.outputs[at]!, twin.outputs[at]));
      }
    }
    return twin;
  };
}

/** What a constant holds, where it is small enough to be compared. */
function contentOf(value: Shaped | null | undefined): string | null {
  if (!value?.constant || !value.values || value.values.length > mostShared || !sharedTypes.has(value.dtype))
    return null;
  return `${value.dtype}[${value.shape}]${value.values}`;
}

function isRepeatable({ node: { domain, op, inputs }, bodies }: ShapedNode): boolean {
  if (bodies.length > 0 || inputs.length === 0) return false;
  return domain === DEFAULT_DOMAIN ? !random.has(op) : repeatable.has(`${domain}:${op}`);
}

function isAlike({ node: one }: ShapedNode, { node: other }: ShapedNode): boolean {
  return (
    one.outputs.length === other.outputs.length &&
    one.outputs.every((name, at) => (name === '') === (other.outputs[at] === '')) &&
    (one.attributes === other.attributes || JSON.stringify(one.attributes) === JSON.stringify(other.attributes))
  );
}
