/** What kind of network a graph is taken for decides what is done to it. */

import { expect, test } from 'vitest';
import { familyOf } from '../../lib/model/family.js';
import type { Family } from '../../lib/model/profile.js';
import { readGraph } from '../../lib/model/read.js';
import { example, fixture } from './scratch.js';

const fixtures: readonly (readonly [string, Family, string])[] = [
  ['mlp', 'mlp', 'dense layers'],
  ['float16', 'mlp', 'dense layers in half floats'],
  ['qdq', 'cnn', 'a quantized convolution'],
  ['qoperator', 'cnn', "a quantized operator's convolution"],
  ['dynamic', 'mlp', 'an integer product'],
  ['weight-only', 'mlp', 'a product with a dequantized weight'],
  ['nbits', 'mlp', 'a product with 4-bit weights'],
  ['trees', 'classic', 'a tree ensemble'],
  ['only-ml', 'classic', 'a scaler alone'],
  ['lstm', 'recurrent', 'a recurrent layer'],
  ['encoder', 'encoder', 'attention over token ids'],
  ['vit', 'vit', 'attention over patches of an image'],
  ['causal', 'decoder', 'attention that looks back only'],
  ['cached', 'decoder', 'attention with a cache as input'],
  ['nms', 'detector', 'non-maximum suppression'],
  ['yolo', 'detector', 'joined scales and one list of candidates'],
  ['containers', 'other', 'text and sequences'],
  ['control-flow', 'other', 'loops and branches'],
];

test.each(fixtures)('%s is of the family %s: %s', (name, family) => {
  expect(familyOf(readGraph(fixture(`${name}.onnx`)))).toBe(family);
});

test.each([
  ['digits', 'cnn'],
  ['digits-encoder', 'encoder'],
  ['breast-cancer', 'classic'],
] as const)('the example %s is of the family %s', (name, family) => {
  expect(familyOf(readGraph(example(name, `${name}.onnx`)))).toBe(family);
});
