/** Step 1 of the road: how large a value is, and which attributes and inputs of a node decide its work. */

import { dtypes, packedBytes } from '../dtypes.js';
import type { Shaped, ShapedNode } from '../shaped.js';

/** Elements; a size that depends on the data counts as 1, an unknown rank as none. */
export function elements(value: Shaped | null | undefined): number {
  return value?.shape ? product(value.shape) : 0;
}

/** Elements, unless the size depends on the data. */
export function knownElements(value: Shaped | null | undefined): number | null {
  return value?.shape?.every((size) => size !== null) ? product(value.shape) : null;
}

export function product(sizes: readonly (number | null)[]): number {
  let all = 1;
  for (const size of sizes) all *= size ?? 1;
  return all;
}

/** Floats whose bytes the executed precision decides; the 8-bit ones and smaller stay as they are. */
export function isFloat(value: Shaped): boolean {
  const { kind, bits } = dtypes[value.dtype];
  return kind === 'float' && bits >= 16;
}

/** Bytes of a value that is no float; text counts as 16 bytes an element. */
export function bytesOf(value: Shaped, count: number): number {
  return value.dtype === 'string' ? 16 * count : packedBytes(value.dtype, count);
}

/** Size along an axis, which may count from the end; 1 where it is not known. */
export function sizeAt(value: Shaped | null | undefined, axis: number): number {
  return value?.shape?.at(axis) ?? 1;
}

export function rankOf(value: Shaped | null | undefined): number {
  return value?.shape?.length ?? 0;
}

export function intOf({ node }: ShapedNode, name: string, otherwise: number): number {
  const found = node.attributes[name];
  return found?.type === 'int' ? found.value : otherwise;
}

export function intsOf({ node }: ShapedNode, name: string): readonly number[] | null {
  const found = node.attributes[name];
  return found?.type === 'ints' ? found.values : null;
}

export function textOf({ node }: ShapedNode, name: string): string {
  const found = node.attributes[name];
  return (found?.type === 'string' && found.value) || '';
}

/** Where ONNX Runtime keeps the default operators for other orders of the axes. */
const layouts = new Set(['com.microsoft.nchwc', 'com.ms.internal.nhwc']);

/** `Conv`, or `domain:Op` outside the default domain. */
export function opKey({ node: { domain, op } }: ShapedNode): string {
  return domain === 'ai.onnx' || domain === '' || layouts.has(domain) ? op : `${domain}:${op}`;
}
