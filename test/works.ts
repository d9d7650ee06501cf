/** Work of models that no test has a graph for. */

import type { Work } from '../lib/model/work.js';

/** One product of 4 x 2 weights, changed where a test says so. */
const base: Work = {
  dims: {},
  batched: true,
  kernels: [
    {
      op: 'Gemm',
      kind: 'matmul',
      count: 1,
      steps: 1,
      flops: [0, 16, 0],
      weights: 10,
      packedBytes: 0,
      floats: [0, 6, 0],
      otherBytes: [0, 0, 0],
      product: [[0, 1, 0], 2, 4],
      quantized: false,
    },
  ],
  flops: [0, 16, 0],
  storedFloats: 10,
  storedOtherBytes: 0,
  liveFloats: [0, 6, 0],
  liveOtherBytes: [0, 0, 0],
  inputs: [{ name: 'x', dtype: 'float32', elements: [0, 4, 0] }],
  outputs: [{ name: 'y', dtype: 'float32', elements: [0, 2, 0] }],
  unknownOps: [],
};

export const work = (changes: Partial<Work> = {}): Work => ({ ...base, ...changes });
