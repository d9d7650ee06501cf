/** Step 1 of the road: recurrent layers. */

import type { ShapedNode } from '../shaped.js';
import type { Cost } from './operator-cost.js';
import { intOf, sizeAt, textOf } from './sizes.js';

/** Exponentials of the gates, operations for each element. */
const gateFlops = 10;

/** For every step one product with the input's weights and one with the state's, of all gates at once. */
const recurrent = (gates: number): Cost => ({
  kind: 'recurrent',
  steps: (node) => layerOf(node, gates).steps,
  flops: (node) => {
    const { steps, directions, rows, columns, width, depth } = layerOf(node, gates);
    return steps * directions * rows * columns * (2 * (width + depth) + gateFlops);
  },
  product: (node) => {
    const { steps, directions, ...size } = layerOf(node, gates);
    return { ...size, times: steps * directions };
  },
});

export const recurrentOps: Readonly<Record<string, Cost>> = {
  LSTM: recurrent(4),
  GRU: recurrent(3),
  RNN: recurrent(1),
  'com.microsoft:DynamicQuantizeLSTM': { ...recurrent(4), quantized: true },
};

/** The input is `[steps, batch, width]`, or `[batch, steps, width]` with layout 1. */
function layerOf(node: ShapedNode, gates: number) {
  const [input, , state] = node.inputs;
  const layout = intOf(node, 'layout', 0) === 1 ? 1 : 0;
  const hidden = intOf(node, 'hidden_size', sizeAt(state, -1));
  return {
    steps: sizeAt(input, layout),
    directions: textOf(node, 'direction') === 'bidirectional' ? 2 : 1,
    rows: sizeAt(input, 1 - layout),
    columns: gates * hidden,
    width: sizeAt(input, 2),
    depth: hidden,
  };
}
