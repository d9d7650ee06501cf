/** Profiles of models that no test has a file for. */

import type { ModelProfile } from '../lib/model/profile.js';

const base: ModelProfile = {
  schemaVersion: 1,
  fileBytes: 1000,
  irVersion: 10,
  opset: 17,
  opsets: { 'ai.onnx': 17 },
  producer: 'test',
  family: 'mlp',
  parameters: 200,
  weightBytes: 800,
  weightBytesByDtype: { float32: 800 },
  inputs: [{ name: 'x', dtype: 'float32', shape: ['batch', 4], kind: 'tensor' }],
  outputs: [{ name: 'y', dtype: 'float32', shape: ['batch', 2], kind: 'tensor' }],
  symbolicDims: ['batch'],
  batchDim: 'batch',
  ops: { Gemm: 2 },
  nodes: 2,
  quantization: 'none',
  customOps: [],
  externalData: [],
};

/** A small MLP's profile, changed where a test says so. */
export const profile = (changes: Partial<ModelProfile> = {}): ModelProfile => ({ ...base, ...changes });
