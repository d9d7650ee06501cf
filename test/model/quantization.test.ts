/** A model that is quantized already must not be quantized again. */

import { expect, test } from 'vitest';
import type { Quantization } from '../../lib/model/profile.js';
import { quantizationOf } from '../../lib/model/quantization.js';
import { readGraph } from '../../lib/model/read.js';
import { example, fixture } from './scratch.js';

const fixtures: readonly (readonly [string, Quantization])[] = [
  ['mlp', 'none'],
  ['encoder', 'none'],
  ['trees', 'none'],
  ['control-flow', 'none'],
  ['qdq', 'qdq'],
  ['qoperator', 'qoperator'],
  ['dynamic', 'dynamic'],
  ['weight-only', 'weight-only'],
  ['nbits', 'weight-only'],
  ['float16', 'float16'],
];

test.each(fixtures)('%s: %s', (name, quantization) => {
  expect(quantizationOf(readGraph(fixture(`${name}.onnx`)))).toBe(quantization);
});

test.each(['digits', 'digits-encoder', 'breast-cancer'])('the example %s is not quantized', (name) => {
  expect(quantizationOf(readGraph(example(name, `${name}.onnx`)))).toBe('none');
});
