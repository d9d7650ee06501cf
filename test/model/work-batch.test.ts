/** Which dimensions are the batch, which have to be bound, and what binding them does. */

import { describe, expect, test } from 'vitest';
import type { Dim } from '../../lib/model/profile.js';
import { batchDims, boundDims, unboundDims } from '../../lib/model/work/batch.js';
import { amount } from '../../lib/model/work.js';
import { body, graphOf, inputsOf, node, tensor, workOfBody } from './work-graph.js';

const inputs = (...shapes: (readonly Dim[] | null)[]) => shapes.map((shape, at) => tensor(`x${at}`, shape));
const modelOf = (...shapes: (readonly Dim[] | null)[]) => inputsOf(graphOf(body([], inputs(...shapes), [])));

test.each<[(readonly Dim[] | null)[], string[]]>([
  [[['batch', 3]], ['batch']],
  [[[2, 'batch', 'sequence']], ['batch']],
  [
    [
      ['a', 4],
      ['b', 'a'],
    ],
    ['a', 'b'],
  ],
  [[['a'], ['a']], ['a']],
  [[[1, 3], null, [null, 4]], []],
])('batch of %j: %j', (shapes, names) => {
  expect(batchDims(inputs(...shapes))).toEqual(names);
});

test('all other names have to be bound', () => {
  const model = modelOf(['batch', 'sequence'], ['batch', 'past', 'width']);
  expect(unboundDims(model, {})).toEqual(['sequence', 'past', 'width']);
  expect(unboundDims(model, { past: 3, unknown: 1 })).toEqual(['sequence', 'width']);
});

test('a name that is the batch of one input is the batch everywhere', () => {
  expect(unboundDims(modelOf(['batch', 'sequence'], ['sequence']), {})).toEqual([]);
});

describe('a sum of dimensions', () => {
  const shapes: Dim[][] = [
    ['batch', 'sequence'],
    ['batch', 'past + sequence', 'past'],
    ['batch', 'sequence + 1'],
  ];

  test('follows from its terms', () => {
    expect(unboundDims(modelOf(...shapes), {})).toEqual(['sequence', 'past']);
    expect(boundDims(modelOf(...shapes), { past: 5, sequence: 2, other: 1 })).toEqual({
      sequence: 2,
      'past + sequence': 7,
      past: 5,
      'sequence + 1': 3,
    });
  });

  test('has to be bound where a term is no dimension', () => {
    expect(unboundDims(modelOf(['batch', 'past + sequence'], ['batch', 'past']), {})).toEqual([
      'past + sequence',
      'past',
    ]);
    expect(boundDims(modelOf(['batch', 'past + sequence']), { 'past + sequence': 4 })).toEqual({
      'past + sequence': 4,
    });
    expect(boundDims(modelOf(['batch', 'past + sequence'], ['past']), { past: 4 })).toEqual({ past: 4 });
  });
});

describe('one addition', () => {
  const added = (shape: readonly Dim[], dims?: Record<string, number>) =>
    workOfBody(body([node('Add', ['x', 'x'], ['y'])], [tensor('x', shape)], ['y']), dims);

  test('takes the same for every row', () => {
    const work = added(['batch', 'width'], { width: 5 });
    expect(work.flops).toEqual([0, 5, 0]);
    expect(work.dims).toEqual({ width: 5 });
    expect(work.batched).toBe(true);
    expect(work.inputs).toEqual([{ name: 'x', dtype: 'float32', elements: [0, 5, 0] }]);
    expect(work.outputs).toEqual([{ name: 'y', dtype: 'float32', elements: [0, 5, 0] }]);
    expect(work.liveFloats).toEqual([0, 10, 0]);
  });

  test('is fixed without a symbolic dimension', () => {
    expect(added([4, 5])).toMatchObject({ flops: [20, 0, 0], batched: false });
  });

  test('is fixed when the batch is bound', () => {
    expect(added(['batch', 5], { batch: 4 })).toMatchObject({ flops: [20, 0, 0], batched: false, dims: { batch: 4 } });
  });

  test('takes a nameless leading size for the batch, other nameless ones for 1', () => {
    expect(added([null, 5, null])).toMatchObject({ flops: [0, 5, 0], batched: true });
  });

  test('takes a nameless size for 1 beside a name', () => {
    expect(added([null, 'batch', 5])).toMatchObject({ flops: [0, 5, 0], batched: true });
  });

  test('ignores sizes of names that the model lacks', () => {
    expect(added(['batch', 5], { other: 3 }).dims).toEqual({});
  });
});

test('rows that look at each other grow with the square', () => {
  const nodes = [node('Transpose', ['x'], ['t']), node('MatMul', ['x', 't'], ['y'])];
  const work = workOfBody(body(nodes, [tensor('x', ['batch', 8])], ['y']));
  expect(work.flops).toEqual([0, 0, 16]);
  expect(amount(work.flops, 10)).toBe(1600);
});
