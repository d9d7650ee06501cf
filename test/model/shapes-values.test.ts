/** Elements that are followed while shapes are inferred: the arithmetic of exporters on sizes. */

import { describe, expect, test } from 'vitest';
import { inferShapes } from '../../lib/model/shapes/infer.js';
import {
  type AttributeTexts,
  floats,
  graph,
  inferredTexts,
  node,
  scalar,
  tensor,
  type ValueText,
} from './shapes-graphs.js';

/** The elements that one operator makes. */
function elements(op: string, inputs: readonly ValueText[], attributes: AttributeTexts = {}, version = 20) {
  const names = inputs.map((input, at) => (input === null ? '-' : `x${at}`)).join(' ');
  const values = Object.fromEntries(inputs.map((input, at) => [`x${at}`, input]));
  const found = inferShapes(graph({ values, nodes: [node(op, names, 'y', attributes)] }, { 'ai.onnx': version }), {});
  return found.values.get('y')?.values;
}

const bools = (...values: number[]) => tensor('', 'bool', [values.length], values);
const grid = tensor('', 'int64', [2, 3], [1, 2, 3, 4, 5, 6]);

test.each<[string, ValueText[], AttributeTexts, (number | null)[]]>([
  ['Shape', ['float32[2,?,4]'], {}, [2, null, 4]],
  ['Shape', ['float32[2,?,4]'], { start: -1 }, [4]],
  ['Shape', ['float32[2,3,4]'], { start: 1, end: -1 }, [3]],
  ['Size', ['float32[2,3,4]'], {}, [24]],
  ['Size', ['float32[2,?,4]'], {}, [null]],
  ['Add', [[1, 2], 3], {}, [4, 5]],
  [
    'Sub',
    [
      [1, 2],
      [3, 1],
    ],
    {},
    [-2, 1],
  ],
  ['Mul', [grid, [1, 0, -1]], {}, [1, 0, -3, 4, 0, -6]],
  [
    'Div',
    [
      [7, -7, 1],
      [2, 2, 0],
    ],
    {},
    [3, -3, null],
  ],
  ['Div', [floats(7, 1), floats(2, 4)], {}, [3.5, 0.25]],
  [
    'Mod',
    [
      [7, -7],
      [4, 4],
    ],
    {},
    [3, 1],
  ],
  [
    'Mod',
    [
      [7, -7],
      [4, 4],
    ],
    { fmod: 1 },
    [3, -3],
  ],
  ['Pow', [[2, 3], 2], {}, [4, 9]],
  ['Neg', [[2, -3]], {}, [-2, 3]],
  ['Abs', [[2, -3]], {}, [2, 3]],
  ['Sign', [[2, -3, 0]], {}, [1, -1, 0]],
  ['Floor', [floats(1.5, -1.5)], {}, [1, -2]],
  ['Ceil', [floats(1.5, -1.5)], {}, [2, -1]],
  ['Round', [floats(0.5, 1.5, 2.4, -1.5)], {}, [0, 2, 2, -2]],
  ['Sqrt', [floats(9, 2)], {}, [3, Math.fround(Math.SQRT2)]],
  ['Reciprocal', [floats(4)], {}, [0.25]],
  ['Exp', [floats(0)], {}, [1]],
  ['Log', [floats(1)], {}, [0]],
  ['Relu', [floats(-1, 2)], {}, [0, 2]],
  [
    'Min',
    [
      [1, 5],
      [3, 3],
    ],
    {},
    [1, 3],
  ],
  ['Max', [[1, 5], 3], {}, [3, 5]],
  ['Sum', [floats(1, 5), floats(3, 3)], {}, [4, 8]],
  ['Mean', [floats(1, 5), floats(3, 3)], {}, [2, 4]],
  ['Clip', [[-1, 3, 9], 0, 5], {}, [0, 3, 5]],
  ['Equal', [[1, 2], 2], {}, [0, 1]],
  ['Less', [[1, 2], 2], {}, [1, 0]],
  ['LessOrEqual', [[1, 3], 2], {}, [1, 0]],
  ['Greater', [[1, 3], 2], {}, [0, 1]],
  ['GreaterOrEqual', [[1, 2], 2], {}, [0, 1]],
  ['And', [bools(1, 1), bools(1, 0)], {}, [1, 0]],
  ['Or', [bools(0, 1), bools(0, 0)], {}, [0, 1]],
  ['Xor', [bools(0, 1), bools(1, 1)], {}, [1, 0]],
  ['Not', [bools(0, 1)], {}, [1, 0]],
  ['IsNaN', [floats(Number.NaN, 1)], {}, [1, 0]],
  ['IsInf', [floats(Number.NEGATIVE_INFINITY, 1)], {}, [1, 0]],
  ['Where', [bools(0, 1), [1, 2], [3, 4]], {}, [3, 2]],
  ['Cast', [floats(2.9, -2.9)], { to: 7 }, [2, -2]],
  ['Cast', [[0, 7]], { to: 9 }, [0, 1]],
  ['Cast', [floats(Number.NaN)], { to: 7 }, [null]],
  ['Cast', [[300]], { to: 2 }, [null]],
  ['CastLike', [floats(2.9), 1], {}, [2]],
  ['Identity', [[3, 4]], {}, [3, 4]],
  [
    'Gather',
    [
      [10, 20, 30],
      [2, -3],
    ],
    {},
    [30, 10],
  ],
  ['Gather', [[10, 20, 30], 1], {}, [20]],
  ['Gather', [[10, 20, 30], 3], {}, [null]],
  ['Gather', [grid, [1, 1]], { axis: 1 }, [2, 2, 5, 5]],
  ['Slice', [[1, 2, 3, 4], [1], [9]], {}, [2, 3, 4]],
  ['Slice', [[1, 2, 3, 4], [-1], [-9], [0], [-2]], {}, [4, 2]],
  ['Slice', [grid, [1], [3], [1]], {}, [2, 3, 5, 6]],
  ['Slice', [[1, 2, 3, 4], [0], [2 ** 63]], {}, [1, 2, 3, 4]],
  ['Concat', [[1], [2, 3]], { axis: 0 }, [1, 2, 3]],
  ['Concat', [grid, tensor('', 'int64', [2, 1], [8, 9])], { axis: 1 }, [1, 2, 3, 8, 4, 5, 6, 9]],
  ['Concat', [[1], 'int64[2]'], { axis: 0 }, [1, null, null]],
  ['Transpose', [grid], {}, [1, 4, 2, 5, 3, 6]],
  ['Reshape', [grid, [3, 2]], {}, [1, 2, 3, 4, 5, 6]],
  ['Squeeze', [tensor('', 'int64', [1, 2], [3, 4]), [0]], {}, [3, 4]],
  ['Unsqueeze', [3, [0]], {}, [3]],
  ['Flatten', [grid], { axis: 0 }, [1, 2, 3, 4, 5, 6]],
  [
    'Expand',
    [
      [1, 2],
      [2, 1],
    ],
    {},
    [1, 2, 1, 2],
  ],
  ['Tile', [[1, 2], [2]], {}, [1, 2, 1, 2]],
  ['Range', [1, 8, 3], {}, [1, 4, 7]],
  ['Range', [scalar(1), scalar(0), scalar(-0.5)], {}, [1, 0.5]],
  ['ConstantOfShape', [[2]], { value: { tensor: tensor('', 'int64', [1], [5]) } }, [5, 5]],
  ['ConstantOfShape', [[2]], {}, [0, 0]],
  ['NonZero', [tensor('', 'int64', [2, 2], [1, 0, 3, 4])], {}, [0, 1, 1, 0, 0, 1]],
  ['ReduceProd', [[2, 3, 4]], { keepdims: 0 }, [24]],
  ['ReduceSum', [grid, [0]], {}, [5, 7, 9]],
  ['ReduceSum', [grid, []], { noop_with_empty_axes: 1 }, [1, 2, 3, 4, 5, 6]],
  ['ReduceMax', [grid, [1]], {}, [3, 6]],
  ['ReduceMin', [grid, [-1]], {}, [1, 4]],
  ['ReduceMean', [floats(1, 2)], {}, [1.5]],
  [
    'Split',
    [
      [1, 2, 3],
      [1, 2],
    ],
    {},
    [1],
  ],
  ['Constant', [], { value_ints: [4, 5] }, [4, 5]],
  ['Constant', [], { value_float: { float: 0.5 } }, [0.5]],
  ['Constant', [], { value: { tensor: tensor('', 'bool', [], [1]) } }, [1]],
])('%s of %j with %j', (op, inputs, attributes, expected) => {
  expect(elements(op, inputs, attributes)).toEqual(expected);
});

test('values above 1024 elements are not followed', () => {
  expect([elements('Range', [0, 1024, 1])?.length, elements('Range', [0, 1025, 1])]).toEqual([1024, null]);
});

test('an unknown condition leaves what both sides agree on', () => {
  const values = { condition: 'bool[2]', one: [1, 2], other: [1, 3] };
  const whole = { values, nodes: [node('Shape', 'condition', 'c'), node('Where', 'condition one other', 'y')] };
  expect(inferShapes(graph(whole), {}).values.get('y')?.values).toBeNull();
  const partly = {
    values: { ...values, image: 'float32[?,0]' },
    nodes: [node('Shape', 'image', 's'), node('Cast', 's', 'c', { to: 9 }), node('Where', 'c one other', 'y')],
  };
  expect(inferShapes(graph(partly), {}).values.get('y')?.values).toEqual([1, 3]);
});

describe('sizes that a graph computes', () => {
  const flattened = graph({
    values: { image: 'float32[batch,3,height,?]', zero: 0, two: 2, minus: [-1] },
    nodes: [
      node('Shape', 'image', 'shape'),
      node('Gather', 'shape zero', 'batch'),
      node('Gather', 'shape two', 'height'),
      node('Mul', 'batch height', 'rows'),
      node('Unsqueeze', 'rows zeros', 'front'),
      node('Constant', '', 'zeros', { value_ints: [0] }),
      node('Concat', 'front minus', 'target', { axis: 0 }),
      node('Reshape', 'image target', 'y'),
    ].toSorted((a, b) => Number(b.op === 'Constant') - Number(a.op === 'Constant')),
  });

  test('depend on the bound dimensions', () => {
    expect(inferredTexts(flattened, { batch: 2, height: 8 }).y).toBe('float32[16,?]');
    expect(inferredTexts(flattened, { batch: 3 }).y).toBe('float32[?,?]');
  });

  test('a size that is no number of elements binds nothing', () => {
    expect(inferredTexts(flattened, { batch: -1, height: 1.5 }).rows).toBe('int64[]');
    expect(inferShapes(flattened, { batch: -1, height: 1.5 }).values.get('shape')?.values).toEqual([
      null,
      3,
      null,
      null,
    ]);
  });
});

test('a dimension that is named by a sum of bound ones has their size', () => {
  const summed = graph({
    values: { x: 'float32[past + sequence,a+1,past+other]' },
    nodes: [node('Identity', 'x', 'y')],
  });
  expect(inferredTexts(summed, { past: 4, sequence: 3, a: 2 }).y).toBe('float32[7,3,?]');
});

test('a stored tensor is known behind what only changes its form', () => {
  const weights = tensor('', 'float32', [4, 3]);
  const { values } = inferShapes(
    graph({
      values: { w: weights, scale: scalar(0.5), zero: scalar(0, 'uint8'), minus: [-1], x: 'float32[4,3]' },
      nodes: [
        node('QuantizeLinear', 'w scale zero', 'q'),
        node('DequantizeLinear', 'q scale zero', 'd'),
        node('Cast', 'd', 'half', { to: 10 }),
        node('Transpose', 'half', 't'),
        node('Reshape', 't minus', 'flat'),
        node('Identity', 'flat', 'same'),
        node('Add', 'w w', 'computed'),
        node('Add', 'w x', 'mixed'),
        node('RandomNormalLike', 'w', 'noise'),
      ],
    }),
    {},
  );
  expect(values.get('same')).toMatchObject({ dtype: 'float16', shape: [12], stored: { name: 'w' }, constant: true });
  expect(values.get('computed')).toMatchObject({ stored: null, constant: true });
  expect(values.get('mixed')).toMatchObject({ stored: null, constant: false });
  expect(values.get('noise')).toMatchObject({ stored: null, constant: false });
});
