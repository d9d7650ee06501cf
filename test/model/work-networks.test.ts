/** The work of published networks at full size. */

import { expect, test } from 'vitest';
import { readGraph } from '../../lib/model/read.js';
import { amount, type Work } from '../../lib/model/work.js';
import { networkGraph } from '../networks.js';
import { counted, workOfGraph } from './work-graph.js';

const works = new Map<string, Work>();

function workOfNetwork(name: string, dims: Record<string, number>): Work {
  const found = works.get(name) ?? workOfGraph(readGraph(networkGraph(name)), dims);
  works.set(name, found);
  return found;
}

type Published = [name: string, gflop: number, dims: Record<string, number>];

/** Operations of one row as published, 10^9. */
const published: readonly Published[] = [
  ['resnet50', 8.2, {}],
  ['mobilenet-v2', 0.6016, {}],
  ['vit-b16', 35.13, {}],
  ['ssd-resnet34', 433, {}],
  ['ssd-mobilenet', 2.474, {}],
  ['retinanet', 402.4, {}],
  ['yolov8m', 78.94, {}],
  ['bert-base', 22.35, { sequence: 128 }],
  ['bert-large', 110.6, { sequence: 178 }],
  ['gpt2-large', 1775, { sequence: 1024 }],
  ['llama-1b', 2.254, { sequence: 1, past: 1024 }],
  ['lstm-tagger', 0.3031, { sequence: 64 }],
];

test.each(published)('%s: %d GFLOP', (name, gflop, dims) => {
  const work = workOfNetwork(name, dims);
  expect(amount(work.flops, 1) / 1e9).toBeGreaterThan(gflop * 0.99);
  expect(amount(work.flops, 1) / 1e9).toBeLessThan(gflop * 1.015);
  expect(work.unknownOps).toEqual([]);
});

test('activations between products add a tenth to the smallest networks at most', () => {
  expect(amount(workOfNetwork('efficientnet-b0', {}).flops, 1) / 1e9 / 0.7716).toBeCloseTo(1.094, 3);
});

test.each<[string, Record<string, number>, Record<string, number>]>([
  ['resnet50', {}, { Conv: 53, MaxPool: 1, GlobalAveragePool: 1, Gemm: 1 }],
  ['mobilenet-v2', {}, { Conv: 52, GlobalAveragePool: 1, Gemm: 1 }],
  ['efficientnet-b0', {}, { Conv: 81, QuickGelu: 49, GlobalAveragePool: 17, Mul: 16, Gemm: 1 }],
  [
    'bert-large',
    { sequence: 178 },
    {
      // Six products, attention, GELU and two normalizations in each of 24 layers, then the embeddings, the mask and the head.
      MatMul: 6 * 24 + 1,
      Attention: 24,
      Gelu: 24,
      SkipLayerNormalization: 2 * 24,
      LayerNormalization: 1,
      Gather: 2,
      Add: 2,
      Slice: 1,
      Cast: 1,
      Sub: 1,
      Mul: 1,
      Split: 1,
    },
  ],
])('kernels of %s', (name, dims, kernels) => {
  expect(counted(workOfNetwork(name, dims).kernels)).toEqual(kernels);
});

test('every row takes the same', () => {
  for (const { flops, floats, otherBytes } of workOfNetwork('resnet50', {}).kernels) {
    expect([flops[0], flops[2], floats[0], floats[2], otherBytes]).toEqual([0, 0, 0, 0, [0, 0, 0]]);
  }
});

test('all weights are read once', () => {
  const weights = workOfNetwork('resnet50', {}).kernels.reduce((sum, { weights, count }) => sum + weights * count, 0);
  // 25.53 million parameters, without the statistics of normalizations, which are worked into the convolutions.
  expect(weights / 1e6).toBeCloseTo(25.5, 1);
});

test('what lives at one time: the first feature maps', () => {
  const { liveFloats, inputs } = workOfNetwork('resnet50', {});
  const image = 3 * 224 * 224;
  expect(inputs).toMatchObject([{ elements: [0, image, 0] }]);
  // The output of the first residual block's last convolution, what comes in and what is added to it.
  expect(liveFloats[1]).toBe(image + 2 * 256 * 56 * 56 + 64 * 56 * 56);
});
