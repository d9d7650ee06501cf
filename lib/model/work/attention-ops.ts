/** Step 1 of the road: operators that are a whole attention block. */

import type { ShapedNode } from '../shaped.js';
import type { Cost } from './operator-cost.js';
import type { ProductSize } from './products.js';
import { elements, intOf, intsOf, rankOf, sizeAt } from './sizes.js';

interface Heads {
  readonly batch: number;
  readonly heads: number;
  /** Places that look, and places that each looks at. */
  readonly rows: number;
  readonly places: number;
  /** Sizes of a key and of a value of one head. */
  readonly size: number;
  readonly valueSize: number;
}

const attention = (heads: (node: ShapedNode) => Heads): Cost => ({
  kind: 'attention',
  flops: (node) => scoredFlops(heads(node)),
  product: (node) => scores(heads(node)),
});

/** Makes queries, keys and values of its input by a product with stored weights. */
const projected: Cost = {
  ...attention(projectedHeads),
  flops: (node) => scoredFlops(projectedHeads(node)) + 2 * elements(node.inputs[0]) * sizeAt(node.inputs[1], -1),
};

export const attentionOps: Readonly<Record<string, Cost>> = {
  Attention: attention(standardHeads),
  'com.microsoft:Attention': projected,
  'com.microsoft:QAttention': { ...projected, quantized: true },
  'com.microsoft:MultiHeadAttention': attention(multiHeads),
  'com.microsoft:DecoderMaskedMultiHeadAttention': attention(multiHeads),
  // The cache is one buffer that comes in and goes out: it is read once.
  'com.microsoft:GroupQueryAttention': { ...attention(groupedHeads), reads: { 3: () => 0, 4: () => 0 } },
};

/** For every place that is looked at: 2 operations for each number of a key and of a value. */
function scoredFlops({ batch, heads, rows, places, size, valueSize }: Heads): number {
  return 2 * batch * heads * rows * places * (size + valueSize);
}

/** The products of queries and keys, one for each head. */
function scores({ batch, heads, rows, places, size }: Heads): ProductSize {
  return { rows, columns: places, depth: size, times: batch * heads };
}

/** ONNX's own: `[batch, heads, places, size]`, or `[batch, places, heads · size]` with the heads as attributes. */
function standardHeads(node: ShapedNode): Heads {
  const [query, key, value, , past] = node.inputs;
  const split = rankOf(query) === 4;
  const heads = Math.max(1, split ? sizeAt(query, 1) : intOf(node, 'q_num_heads', 1));
  const keyHeads = Math.max(1, intOf(node, 'kv_num_heads', 1));
  return {
    batch: sizeAt(query, 0),
    heads,
    rows: sizeAt(query, -2),
    places: sizeAt(key, -2) + (past ? sizeAt(past, -2) : 0),
    size: split ? sizeAt(query, 3) : sizeAt(query, -1) / heads,
    valueSize: split ? sizeAt(value, 3) : sizeAt(value, -1) / keyHeads,
  };
}

/** Input `[batch, places, width]`, weights `[width, queries + keys + values]`. */
function projectedHeads(node: ShapedNode): Heads {
  const [input, weights] = node.inputs;
  const heads = headCount(node);
  const widths = intsOf(node, 'qkv_hidden_sizes') ?? Array(3).fill(sizeAt(weights, -1) / 3);
  const rows = sizeAt(input, 1);
  return {
    batch: sizeAt(input, 0),
    heads,
    rows,
    places: Math.max(rows, cachedPlaces(node)),
    size: (widths[0] ?? 1) / heads,
    valueSize: (widths[2] ?? 1) / heads,
  };
}

/** Query `[batch, places, width]`, or all three packed `[batch, places, heads, 3, size]`; keys and values may be split into heads. */
function multiHeads(node: ShapedNode): Heads {
  const [query, key, value] = node.inputs;
  const heads = headCount(node);
  const rows = sizeAt(query, 1);
  const size = rankOf(query) === 5 ? sizeAt(query, -1) : sizeAt(query, -1) / heads;
  const own = key ? sizeAt(key, rankOf(key) === 4 ? 2 : 1) : rows;
  const valueSize = rankOf(value) === 4 ? sizeAt(value, 3) : rankOf(value) === 3 ? sizeAt(value, -1) / heads : size;
  return { batch: sizeAt(query, 0), heads, rows, places: Math.max(own, cachedPlaces(node)), size, valueSize };
}

/** Fewer heads of keys than of queries; without keys all three are packed into the first input. */
function groupedHeads(node: ShapedNode): Heads {
  const [query, key] = node.inputs;
  const heads = headCount(node);
  const packed = key ? 0 : 2 * intOf(node, 'kv_num_heads', heads);
  const size = sizeAt(query, -1) / (heads + packed);
  const rows = sizeAt(query, 1);
  return { batch: sizeAt(query, 0), heads, rows, places: Math.max(rows, cachedPlaces(node)), size, valueSize: size };
}

function headCount(node: ShapedNode): number {
  return Math.max(1, intOf(node, 'num_heads', 1));
}

/** Places in the cache after the run, whose last sizes are `[.., places, size]`. */
function cachedPlaces({ outputs }: ShapedNode): number {
  return rankOf(outputs[1]) >= 4 ? sizeAt(outputs[1], -2) : 0;
}
