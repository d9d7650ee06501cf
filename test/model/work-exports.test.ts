/** The work of real exporters' graphs against ONNX Runtime's own fusions and against counters that are not Slipway's. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readGraph } from '../../lib/model/read.js';
import type { ShapedBody } from '../../lib/model/shaped.js';
import { inferShapes } from '../../lib/model/shapes/infer.js';
import { batchDims } from '../../lib/model/work/batch.js';
import { costOf } from '../../lib/model/work/costs.js';
import { counted, inputsOf, workOfGraph } from './work-graph.js';

type Sizes = Readonly<Record<string, number>>;
type Counts = Readonly<Record<string, number>>;

const text = (...path: string[]) => readFileSync(join(__dirname, ...path), 'utf8');
const graphAt = (name: string) => {
  const [folder = '', stem = ''] = name.split('/');
  return readGraph(join(__dirname, ...(folder === 'networks' ? ['..'] : []), folder, `${stem}.onnx`));
};

describe('kernels, against ONNX Runtime 1.30 with all optimizations for processors', () => {
  const runtime: readonly { name: string; sizes: Sizes; kernels: Counts }[] = text('work-kernels.jsonl')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  /** Other names of the same kernels. */
  const names: Readonly<Record<string, string>> = {
    FusedConv: 'Conv',
    FusedGemm: 'Gemm',
    FusedMatMul: 'Gemm',
    MatMul: 'Gemm',
    MatMulNBits: 'Gemm',
    DynamicQuantizeMatMul: 'MatMulInteger',
    MatMulIntegerToFloat: 'MatMulInteger',
    SimplifiedLayerNormalization: 'RMSNormalization',
    FastGelu: 'Gelu',
    Upsample: 'Resize',
    NhwcMaxPool: 'MaxPool',
  };
  /** Operators that attention blocks swallow; on processors ONNX Runtime runs them one by one. */
  const insideAttention = new Set('Attention Add Softmax Transpose Where IsNaN Mul Gemm Split Slice Gather'.split(' '));
  const controlFlow = ['If', 'Loop', 'Scan'];

  /** Where the counts differ, as `operator: [ours, theirs]`, and why that is right. */
  const differences: Readonly<Record<string, Readonly<Record<string, readonly [number, number]>>>> = {
    // Theirs becomes a depthwise convolution in the blocked layout of processors; ours keeps its name.
    'exports/densenet121-torchscript': { Conv: [120, 182], BatchNormalization: [62, 0], Concat: [58, 62] },
    'exports/generator-torchscript': { Relu: [0, 1] },
    // The last activation, which no convolution takes, is written as two nodes.
    ...Object.fromEntries(
      [
        ['exports/mobilenet-v3-small-dynamo', 9],
        ['exports/mobilenet-v3-large-torchscript', 8],
        ['exports/recommender-dynamo', 0],
        ['exports/recommender-torchscript', 0],
      ].map(([name, scales]) => [
        name,
        { HardSwish: [1, 0], HardSigmoid: [0, 1], Mul: [Number(scales), Number(scales) + 1] } as const,
      ]),
    ),
    // Transpositions that its optimizer moves through the graph or joins with a layout change.
    'exports/convnext-tiny-dynamo': { Transpose: [44, 19], Add: [19, 18] },
    'exports/convnext-tiny-torchscript': { Transpose: [44, 19] },
    'exports/mixer-torchscript': { Transpose: [9, 17] },
    'exports/efficientvit-dynamo': { Transpose: [6, 4], Add: [19, 47], Pad: [0, 1] },
    'exports/lstm-dynamo': { Transpose: [2, 3] },
    'exports/resnet18-qoperator': { Transpose: [0, 2] },
    'exports/mobilenet-v2-qoperator': { Transpose: [0, 2] },
    'networks/retinanet': { Transpose: [10, 0] },
    'networks/ssd-mobilenet': { Transpose: [10, 0] },
    'exports/resnet18-all': { ReorderOutput: [1, 0] },
    // Padding by nothing and other work on shapes and small values.
    'exports/swin-tiny-dynamo': { Pad: [0, 5] },
    'exports/swin-v2-torchscript': { Pad: [0, 3] },
    'exports/gpt2-torchscript': { Concat: [4, 5] },
    'exports/gpt2-fused': { Concat: [4, 5] },
    'exports/llama-torchscript': { Concat: [8, 9] },
    'exports/opt-torchscript': { Concat: [4, 5] },
    'exports/mixed-columns': { Concat: [2, 3] },
    'exports/places-dynamo': { Expand: [0, 1] },
    'exports/places-torchscript': { Expand: [0, 1] },
    'exports/pipeline': { ConstantOfShape: [0, 1] },
    'exports/bert-dynamic': { DequantizeLinear: [2, 3] },
    'exports/gpt2-dynamic': { DequantizeLinear: [1, 2] },
    // It knows the batch, which is free in ours, and folds what depends on nothing else.
    'exports/deberta-dynamo': { Tile: [4, 0], Not: [1, 0] },
    'exports/wav2vec2-dynamo': { Expand: [1, 0] },
    'networks/vit-b16': { Expand: [1, 0] },
    // Casts that it puts around what it has no kernel for.
    'exports/forest-zipmap': { Cast: [0, 1] },
    'exports/support-vectors': { Cast: [0, 1] },
    'exports/unoptimized-dynamo': { Cast: [0, 3], Sub: [2, 3] },
    // A bias that is an input of the model, not stored.
    'exports/functions-onnxscript': { Add: [1, 0] },
    // Heads that are brought into place for the operator; ours counts that to the block, as where the block is written out.
    'exports/bert-classifier-opset23-dynamo': { Transpose: [0, 8] },
    'exports/llama-opset23-dynamo': { Transpose: [6, 8] },
  };

  const renamed = (counts: Counts) => {
    const found: Record<string, number> = {};
    for (const [op, count] of Object.entries(counts)) found[names[op] ?? op] = (found[names[op] ?? op] ?? 0) + count;
    return found;
  };
  const cases = runtime.filter(({ kernels }) => !controlFlow.some((op) => op in kernels));

  test.each(cases)('$name', ({ name, sizes, kernels }) => {
    const graph = graphAt(name);
    const rows = batchDims(inputsOf(graph).inputs);
    const free = Object.fromEntries(Object.entries(sizes).filter(([dim]) => !rows.includes(dim)));
    const ours = renamed(counted(workOfGraph(graph, free).kernels));
    const theirs = renamed(kernels);
    const blocks = (ours.Attention ?? 0) - (theirs.Attention ?? 0);
    const found = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].flatMap((op) => {
      const pair = [ours[op] ?? 0, theirs[op] ?? 0] as const;
      return pair[0] === pair[1] || (blocks > 0 && insideAttention.has(op)) ? [] : [[op, pair] as const];
    });
    expect(Object.fromEntries(found)).toEqual(differences[name] ?? {});
    expect((ours.Gemm ?? 0) + 2 * blocks).toBe(theirs.Gemm ?? 0);
    expect((ours.Softmax ?? 0) + blocks).toBe(theirs.Softmax ?? 0);
  });

  test('most graphs agree in every operator', () => {
    expect(cases.length).toBeGreaterThan(100);
    expect(Object.keys(differences).length).toBeLessThan(cases.length / 3);
  });
});

describe('operations of products, against other counters', () => {
  const counts: Readonly<Record<string, Readonly<Record<string, Sizes & { readonly flops: number }>>>> = JSON.parse(
    text('exports', 'flops.json'),
  ).models;

  /** Where a counter counts something else. */
  const conventions: Readonly<Record<string, string>> = {
    'unet-dynamo onnx-tool': 'a transposed convolution by the places of its output',
    'generator-torchscript onnx-tool': 'a transposed convolution by the places of its output',
    'mobilenet-v2-torchscript onnx-tool': 'a bias as 2 operations, of a network of small products',
    'recommender-dynamo onnx-tool': 'a bias as 2 operations, of a network of small products',
    'vit-b16-dynamo fvcore': 'fused attention as nothing',
    't5-encoder-torchscript fvcore': 'fused attention as nothing',
    'einsum-torchscript fvcore': 'some products of einsum as nothing',
    'einsum-torchscript torch': 'an outer product, which sums nothing, as nothing',
  };

  const sum = ({ nodes }: ShapedBody): number =>
    nodes.reduce((all, node) => {
      const { product, flops } = costOf(node);
      const computed = product !== null && node.outputs.some(({ constant }) => !constant);
      return all + (computed ? flops : 0) + node.bodies.reduce((inner, body) => inner + sum(body), 0);
    }, 0);

  const cases = Object.entries(counts).flatMap(([name, { sizes, ...counters }]) =>
    Object.entries(counters).map(([counter, { flops }]) => [name, counter, sizes as Sizes, flops] as const),
  );

  test('at least ten graphs are counted', () => {
    expect(Object.keys(counts).length).toBeGreaterThanOrEqual(10);
  });

  test.each(cases)('%s by %s', (name, counter, sizes, flops) => {
    const ours = sum(inferShapes(graphAt(name.includes('/') ? name : `exports/${name}`), sizes));
    const apart = Math.abs(ours / flops - 1);
    if (conventions[`${name} ${counter}`] === undefined) expect(apart).toBeLessThan(0.02);
    else expect(apart).toBeGreaterThan(0.02);
  });
});
