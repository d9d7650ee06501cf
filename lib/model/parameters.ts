/** Step 1 of the road: how many weights a model has, and what they take. */

import { holdsWeights } from './dtypes.js';
import type { Node, Tensor } from './graph.js';
import type { DType } from './profile.js';

/** Operators that take several weights packed in one byte, and the attributes whose product says how many weights that are. */
const packedWeights: Readonly<Record<string, { readonly input: number; readonly sizes: readonly string[] }>> = {
  MatMulNBits: { input: 1, sizes: ['K', 'N'] },
  MatMulBnb4: { input: 1, sizes: ['K', 'N'] },
};

/** Elements of the tensors that hold weights; packed weights count as what they unpack to. */
export function parameterCount(nodes: readonly Node[], tensors: readonly Tensor[]): number {
  const unpacked = new Map(nodes.flatMap(unpackedCount));
  return tensors
    .filter(({ dtype }) => holdsWeights(dtype))
    .reduce((sum, { name, elements }) => sum + (unpacked.get(name) ?? elements), 0);
}

function unpackedCount(node: Node): [string, number][] {
  const { input, sizes } = packedWeights[node.op] ?? { input: -1, sizes: [] };
  const name = node.inputs[input];
  const known = sizes.map((size) => node.attributes[size]).flatMap((size) => (size?.type === 'int' ? size.value : []));
  return name && known.length === sizes.length ? [[name, known.reduce((product, value) => product * value, 1)]] : [];
}

/** Bytes of the tensors by data type, the largest share first. */
export function bytesByDtype(tensors: readonly Tensor[]): Partial<Record<DType, number>> {
  const sums = new Map<DType, number>();
  for (const { dtype, bytes } of tensors) sums.set(dtype, (sums.get(dtype) ?? 0) + bytes);
  return Object.fromEntries([...sums].filter(([, bytes]) => bytes > 0).sort(([, a], [, b]) => b - a));
}
