/** No graph makes the work throw, however little sense it makes. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Node } from '../../lib/model/graph.js';
import { readGraph } from '../../lib/model/read.js';
import { simpleOps } from '../../lib/model/work/simple-ops.js';
import type { Work } from '../../lib/model/work.js';
import { fixture } from './scratch.js';
import { body, node, stored, tensor, workOfBody, workOfGraph } from './work-graph.js';

function expectSound(work: Work): void {
  const quantities = [work.flops, work.liveFloats, work.liveOtherBytes];
  for (const { flops, floats, otherBytes, weights, packedBytes, steps, count } of work.kernels) {
    quantities.push(flops, floats, otherBytes, [weights, packedBytes, steps + count]);
  }
  for (const value of quantities.flat()) expect(Number.isFinite(value)).toBe(true);
  expect(JSON.parse(JSON.stringify(work))).toEqual(work);
}

const names = readdirSync(fixture('')).filter((name) => name.endsWith('.onnx'));

test.each(names)('%s has sound work', (name) => {
  expectSound(workOfGraph(readGraph(join(fixture(''), name))));
});

const larger = [
  ...['Conv', 'ConvTranspose', 'MatMul', 'Gemm', 'Einsum', 'LSTM', 'GRU', 'Attention', 'QLinearConv', 'MatMulInteger'],
  ...['Attention', 'MultiHeadAttention', 'GroupQueryAttention', 'MatMulNBits', 'QGemm'].map(
    (op) => `com.microsoft:${op}`,
  ),
  ...['TreeEnsembleClassifier', 'LinearRegressor', 'SVMRegressor', 'ZipMap'].map((op) => `ai.onnx.ml:${op}`),
];
const value = fc.constantFrom('x', 'ids', 'w', 'big', 'a', 'b', 'c', 'd', 'missing', '');
const attributes = fc.dictionary(
  fc.constantFrom('perm', 'axis', 'group', 'num_heads', 'K', 'kernel_shape', 'transA', 'hidden_size', 'equation', 'to'),
  fc.oneof(fc.integer({ min: -5, max: 5 }), fc.array(fc.integer({ min: -3, max: 9 })), fc.constant('ij,jk->ik')),
);
const anyNode: fc.Arbitrary<Node> = fc
  .tuple(
    fc.constantFrom(...simpleOps.keys(), ...larger, 'acme:Unheard'),
    fc.array(value, { maxLength: 7 }),
    fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'x', ''), { maxLength: 3 }),
    attributes,
  )
  .map(([op, inputs, outputs, given]) => node(op, inputs, outputs, given));

test('nodes of any operator, wired at random', () => {
  const size = fc.constantFrom(0, 1, 7, null, 'batch', 'other');
  fc.assert(
    fc.property(fc.array(anyNode, { maxLength: 12 }), fc.option(fc.array(size, { maxLength: 5 })), (nodes, shape) => {
      const inner = body(nodes, [], ['a', 'b']);
      const branches = node('If', ['x'], ['d'], { then_branch: inner, else_branch: inner });
      const loop = node('Loop', ['w', '', 'x'], ['c'], { body: inner });
      const main = body(
        [...nodes, branches, loop],
        [tensor('x', shape), tensor('ids', ['batch', 3], 'int64')],
        ['a', 'd', 'gone'],
        [stored('w', [1], [3], 'int64'), stored('big', [8, 8])],
      );
      expectSound(workOfBody(main));
    }),
    { numRuns: 150 },
  );
});

test('a graph of nothing takes nothing', () => {
  expect(workOfBody(body([], [], []))).toEqual({
    dims: {},
    batched: false,
    kernels: [],
    flops: [0, 0, 0],
    storedFloats: 0,
    storedOtherBytes: 0,
    liveFloats: [0, 0, 0],
    liveOtherBytes: [0, 0, 0],
    inputs: [],
    outputs: [],
    unknownOps: [],
  });
});
