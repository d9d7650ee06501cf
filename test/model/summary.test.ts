/** What a person reads about a model. */

import { expect, test } from 'vitest';
import { readModel } from '../../lib/model/read.js';
import { inspection, summary } from '../../lib/model/summary.js';
import { example, fixture } from './scratch.js';

test('the page of the digits example', () => {
  const path = example('digits', 'digits.onnx');
  const lines = summary(path, readModel(path)).split('\n');
  expect(lines.slice(0, 3)).toEqual(['digits.onnx', '  family      convolutional network', '  parameters  337,962']);
  expect(lines).toContain('input   image   float32  [batch, 1, 8, 8]');
  expect(lines).toContain('output  logits  float32  [batch, 10]');
  expect(lines).toContain(`Conv     5  ${'█'.repeat(24)}`);
  expect(lines).toContain(`MaxPool  2  ${'█'.repeat(10)}`);
  expect(lines.at(-1)).toBe('');
});

test('the page of a model with external data, of one with custom operators, and of one with free sizes', () => {
  const page = (name: string) => summary(`${name}.onnx`, readModel(fixture(`${name}.onnx`))).split('\n');
  expect(page('external')).toContain('  file        432 B + 160 B in external.data');
  expect(page('custom')).toContain('note: The model can be looked at, but not served.');
  expect(page('first-ir')).toContain('note: The model can be looked at, but not served.');
  expect(page('mlp').filter((line) => line.startsWith('note: '))).toEqual([]);
  expect(page('encoder')).toContain(
    'note: Symbolic besides the batch: sequence. Samples or --dim name=size give their sizes.',
  );
  expect(page('first-ir')).toContain('note: No symbolic batch dimension: requests cannot be batched.');
  expect(page('trees')).toContain('output  probabilities  sequence of float32');
  expect(page('shapes')).toContain('input   named         float32  [batch, sequence, 3, ?]');
  expect(page('shapes')).toContain('input   unranked      float32  any shape');
});

test('more than a dozen operators: the rest in one line', () => {
  const path = example('digits-encoder', 'digits-encoder.onnx');
  expect(summary(path, readModel(path))).toContain('\nand Gemm 1, ReduceMean 1\n');
});

test.each([
  ['mlp', false],
  ['float16', false],
  ['qdq', true],
  ['qoperator', true],
  ['dynamic', true],
  ['weight-only', true],
  ['nbits', true],
])('%s is quantized: %s', (name, quantized) => {
  expect(inspection(readModel(fixture(`${name}.onnx`))).quantized).toBe(quantized);
});
