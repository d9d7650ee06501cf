/** What kernels compute and move, worked out by hand. */

import { describe, expect, test } from 'vitest';
import { body, node, stored, tensor, workOfBody } from './work-graph.js';

describe('products', () => {
  test('a product reads its weights once and its rows for each', () => {
    const nodes = [node('MatMul', ['x', 'w'], ['c']), node('Add', ['c', 'b'], ['y'])];
    const main = body(nodes, [tensor('x', ['batch', 6, 8])], ['y'], [stored('w', [8, 16]), stored('b', [16])]);
    expect(workOfBody(main).kernels).toEqual([
      {
        op: 'MatMul',
        kind: 'matmul',
        count: 1,
        steps: 1,
        flops: [0, 2 * 6 * 8 * 16 + 6 * 16, 0],
        weights: 8 * 16 + 16,
        packedBytes: 0,
        floats: [0, 6 * 8 + 6 * 16, 0],
        otherBytes: [0, 0, 0],
        product: [[0, 6, 0], 16, 8],
        quantized: false,
      },
    ]);
  });

  test.each<[string, Record<string, number | number[]>, number[], object]>([
    ['dense', {}, [16, 8, 3, 3], { kind: 'conv', product: [[0, 36, 0], 16, 72], flops: [0, 2 * 36 * 16 * 72, 0] }],
    [
      'grouped',
      { group: 4 },
      [16, 2, 3, 3],
      { kind: 'grouped', product: [[0, 36, 0], 4, 18], flops: [0, 2 * 36 * 16 * 18, 0] },
    ],
    [
      'depthwise',
      { group: 8 },
      [8, 1, 3, 3],
      { kind: 'grouped', product: [[0, 36, 0], 1, 9], flops: [0, 2 * 36 * 8 * 9, 0] },
    ],
    [
      'every second place',
      { strides: [2, 2] },
      [16, 8, 3, 3],
      { product: [[0, 9, 0], 16, 72], floats: [0, 8 * 64 + 16 * 9, 0] },
    ],
  ])('convolution, %s', (_, attributes, dims, expected) => {
    const main = body(
      [node('Conv', ['x', 'w'], ['y'], attributes)],
      [tensor('x', ['n', 8, 8, 8])],
      ['y'],
      [stored('w', dims)],
    );
    expect(workOfBody(main).kernels).toMatchObject([expected]);
  });

  test('a transposed convolution spreads every place of its input', () => {
    const main = body(
      [node('ConvTranspose', ['x', 'w'], ['y'], { strides: [2, 2] })],
      [tensor('x', ['n', 8, 5, 5])],
      ['y'],
      [stored('w', [8, 3, 2, 2])],
    );
    const [kernel] = workOfBody(main).kernels;
    expect(kernel).toMatchObject({ kind: 'conv', flops: [0, 2 * 25 * 8 * 3 * 4, 0], product: [[0, 25, 0], 12, 8] });
  });

  test.each<[string, (string | number)[], number[], number, readonly [number, number, number]]>([
    ['bij,jk->bik', ['n', 4, 8], [8, 16], 2 * 4 * 8 * 16, [4, 16, 8]],
    ['...j,kj->...k', ['n', 4, 8], [16, 8], 2 * 4 * 8 * 16, [4, 16, 8]],
    ['b i j , b k j -> b i k', ['n', 4, 8], [1, 5, 8], 2 * 4 * 5 * 8, [4, 5, 8]],
  ])('einsum %s', (equation, x, w, flops, [rows, columns, depth]) => {
    const main = body([node('Einsum', ['x', 'w'], ['y'], { equation })], [tensor('x', x)], ['y'], [stored('w', w)]);
    const [kernel] = workOfBody(main).kernels;
    expect(kernel!.flops).toEqual([0, flops, 0]);
    expect(kernel!.product).toEqual(
      [[0, rows, 0], columns, depth].map((size, at) => (at === 0 && equation.startsWith('b i') ? [rows, 0, 0] : size)),
    );
  });

  test('packed weights are bytes, their scales are floats', () => {
    const main = body(
      [node('com.microsoft:MatMulNBits', ['x', 'w', 's'], ['y'], { K: 32, N: 3, bits: 4, block_size: 32 })],
      [tensor('x', ['n', 32])],
      ['y'],
      [stored('w', [3, 1, 16], null, 'uint8'), stored('s', [3])],
    );
    expect(workOfBody(main).kernels).toMatchObject([
      { op: 'MatMulNBits', kind: 'matmul', flops: [0, 2 * 32 * 3, 0], weights: 3, packedBytes: 48, quantized: false },
    ]);
  });

  test('between 8-bit numbers only bytes are moved', () => {
    const main = body(
      [
        node('DequantizeLinear', ['x', 's', 'z'], ['xd']),
        node('DequantizeLinear', ['w', 's', 'z'], ['wd']),
        node('MatMul', ['xd', 'wd'], ['c']),
        node('QuantizeLinear', ['c', 's', 'z'], ['y']),
      ],
      [tensor('x', ['n', 8], 'int8')],
      ['y'],
      [stored('w', [8, 4], null, 'int8'), stored('s', [], [0.1]), stored('z', [], [0], 'int8')],
    );
    expect(workOfBody(main).kernels).toMatchObject([
      { quantized: true, weights: 0, packedBytes: 32, floats: [0, 0, 0], otherBytes: [0, 12, 0], flops: [0, 64, 0] },
    ]);
  });
});

test('an attention block reads queries, keys and values and writes its sum', () => {
  const [heads, size, places] = [2, 4, 10];
  const split = (name: string, perm: readonly number[]) => [
    node('MatMul', ['x', `w${name}`], [`m${name}`]),
    node('Reshape', [`m${name}`, 'split'], [`r${name}`]),
    node('Transpose', [`r${name}`], [name], { perm }),
  ];
  const nodes = [
    ...split('q', [0, 2, 1, 3]),
    ...split('k', [0, 2, 3, 1]),
    ...split('v', [0, 2, 1, 3]),
    node('MatMul', ['q', 'k'], ['scores']),
    node('Div', ['scores', 'root'], ['scaled']),
    node('Add', ['scaled', 'mask'], ['masked']),
    node('Softmax', ['masked'], ['shares']),
    node('MatMul', ['shares', 'v'], ['sum']),
    node('Transpose', ['sum'], ['back'], { perm: [0, 2, 1, 3] }),
    node('Reshape', ['back', 'join'], ['joined']),
    node('MatMul', ['joined', 'wq'], ['y']),
  ];
  const main = body(
    nodes,
    [tensor('x', ['batch', places, 8]), tensor('mask', ['batch', 1, 1, places])],
    ['y'],
    [
      ...['wq', 'wk', 'wv'].map((name) => stored(name, [8, 8])),
      stored('split', [4], [0, 0, heads, size], 'int64'),
      stored('join', [3], [0, 0, 8], 'int64'),
      stored('root', [], [2]),
    ],
  );
  const { kernels, liveFloats } = workOfBody(main);
  const scores = heads * places * places;
  expect(kernels.map(({ op, count }) => [op, count])).toEqual([
    ['MatMul', 4],
    ['Attention', 1],
  ]);
  expect(kernels[1]).toMatchObject({
    kind: 'attention',
    // Both products, then a division, an addition and a softmax over every score.
    flops: [0, 4 * scores * size + (4 + 1 + 8) * scores, 0],
    weights: 1,
    floats: [0, 4 * places * 8 + places, 0],
    product: [[places, 0, 0], places, size],
  });
  expect(liveFloats).toEqual([0, places + 5 * places * 8, 0]);
});

describe('attention as one operator', () => {
  const [places, width, heads] = [10, 8, 2];
  const scored = 4 * places * places * width;
  const projected = 2 * places * width * 3 * width;
  const rows = [tensor('x', ['batch', places, width])];

  test('of queries, keys and values', () => {
    const attention = node('com.microsoft:MultiHeadAttention', ['x', 'x', 'x'], ['y'], { num_heads: heads });
    expect(workOfBody(body([attention], rows, ['y'])).kernels).toMatchObject([
      { kind: 'attention', flops: [0, scored, 0], product: [[places, 0, 0], places, width / heads], weights: 0 },
    ]);
  });

  test('with the products that make them', () => {
    const attention = node('com.microsoft:Attention', ['x', 'w'], ['y'], { num_heads: heads });
    const main = body([attention], rows, ['y'], [stored('w', [width, 3 * width])]);
    expect(workOfBody(main).kernels).toMatchObject([
      { kind: 'attention', flops: [0, scored + projected, 0], weights: 3 * width * width },
    ]);
  });

  test('split into heads already', () => {
    const inputs = [tensor('x', ['batch', heads, places, width / heads])];
    const [kernel] = workOfBody(body([node('Attention', ['x', 'x', 'x'], ['y'])], inputs, ['y'])).kernels;
    expect(kernel).toMatchObject({ kind: 'attention', flops: [0, scored, 0] });
  });

  test('with the transpositions that split and join the heads', () => {
    const perm = [0, 2, 1, 3];
    const nodes = [
      ...['q', 'k', 'v'].flatMap((name) => [
        node('Reshape', [`${name}0`, 'split'], [`${name}1`]),
        node('Transpose', [`${name}1`], [name], { perm }),
      ]),
      node('Attention', ['q', 'k', 'v'], ['sum']),
      node('Transpose', ['sum'], ['back'], { perm }),
      node('Reshape', ['back', 'join'], ['y']),
    ];
    const inputs = ['q0', 'k0', 'v0'].map((name) => tensor(name, ['batch', places, width]));
    const forms = [
      stored('split', [4], [0, 0, heads, width / heads], 'int64'),
      stored('join', [3], [0, 0, width], 'int64'),
    ];
    expect(workOfBody(body(nodes, inputs, ['y'], forms)).kernels).toMatchObject([
      { op: 'Attention', count: 1, flops: [0, scored, 0], floats: [0, 4 * places * width, 0] },
    ]);
  });

  test('over a cache that is read once', () => {
    const cache = (name: string) => tensor(name, ['batch', 1, 99, 4]);
    const attention = node(
      'com.microsoft:GroupQueryAttention',
      ['q', 'k', 'k', 'pk', 'pv', 'n', 'n'],
      ['y', 'nk', 'nv'],
      {
        num_heads: heads,
        kv_num_heads: 1,
      },
    );
    const inputs = [
      tensor('q', ['batch', 1, width]),
      tensor('k', ['batch', 1, 4]),
      ...['pk', 'pv'].map(cache),
      tensor('n', ['batch'], 'int32'),
    ];
    const [kernel] = workOfBody(body([attention], inputs, ['y', 'nk', 'nv'])).kernels;
    expect(kernel!.product).toEqual([[1, 0, 0], 100, 4]);
    expect(kernel!.flops).toEqual([0, 4 * 100 * width, 0]);
    expect(kernel!.floats).toEqual([0, 2 * width + 4 + 2 * 4 * 100, 0]);
  });
});

test('of a table only the gathered rows are read', () => {
  const main = body(
    [node('Gather', ['table', 'ids'], ['y'])],
    [tensor('ids', ['batch', 7], 'int64')],
    ['y'],
    [stored('table', [1000, 16])],
  );
  expect(workOfBody(main).kernels).toMatchObject([
    {
      op: 'Gather',
      kind: 'movement',
      weights: 0,
      floats: [0, 2 * 7 * 16, 0],
      otherBytes: [0, 7 * 8, 0],
      flops: [0, 0, 0],
    },
  ]);
});

test('a recurrent layer launches once a step', () => {
  const main = body(
    [node('LSTM', ['x', 'w', 'r'], ['y'], { hidden_size: 8 })],
    [tensor('x', [20, 'batch', 4])],
    ['y'],
    [stored('w', [1, 32, 4]), stored('r', [1, 32, 8])],
  );
  const [kernel] = workOfBody(main).kernels;
  expect(kernel).toMatchObject({ kind: 'recurrent', steps: 20, weights: 32 * 12, product: [[0, 1, 0], 32, 8] });
  expect(kernel!.flops).toEqual([0, 20 * 32 * (2 * 12 + 10), 0]);
});

test('trees take a comparison a level', () => {
  const modes = ['BRANCH_LEQ', 'LEAF', 'BRANCH_LEQ', 'LEAF', 'LEAF', 'BRANCH_LEQ', 'LEAF', 'LEAF'];
  const attributes = {
    nodes_treeids: [0, 0, 0, 0, 0, 1, 1, 1],
    nodes_nodeids: [0, 1, 2, 3, 4, 0, 1, 2],
    nodes_truenodeids: [1, 0, 3, 0, 0, 1, 0, 0],
    nodes_falsenodeids: [2, 0, 4, 0, 0, 2, 0, 0],
    nodes_modes: modes,
  };
  const ensemble = node('ai.onnx.ml:TreeEnsembleRegressor', ['x'], ['y'], attributes);
  const [kernel] = workOfBody(body([ensemble], [tensor('x', ['batch', 3])], ['y'])).kernels;
  // Leaves at 1, 2, 2, 1 and 1 comparisons: 1.4 on average in each of 2 trees.
  expect(kernel!.flops[1]).toBeCloseTo(2 * (2 * 1.4 + 1), 9);
  expect(kernel).toMatchObject({ kind: 'tree', packedBytes: 8 * 20 });
});

describe('control flow', () => {
  const double = body([node('Add', ['x', 'x'], ['t'])], [], ['t']);
  const multiply = body([node('MatMul', ['x', 'w'], ['e'])], [], ['e']);
  const inputs = [tensor('x', ['batch', 8])];
  const weights = [stored('w', [8, 8]), stored('yes', [], [1], 'bool'), stored('trips', [], [5], 'int64')];
  const choose = (condition: string) => node('If', [condition], ['y'], { then_branch: double, else_branch: multiply });

  test('of two branches the heavier counts', () => {
    const work = workOfBody(body([choose('c')], [...inputs, tensor('c', [], 'bool')], ['y'], weights));
    expect(work.kernels.map(({ op }) => op)).toEqual(['MatMul']);
    expect(work.unknownOps).toEqual([]);
  });

  test('a known condition decides', () => {
    expect(workOfBody(body([choose('yes')], inputs, ['y'], weights)).kernels.map(({ op }) => op)).toEqual(['Add']);
  });

  const loop = (trips: string) =>
    node('Loop', [trips, 'yes', 'x'], ['y'], {
      body: body(
        [node('MatMul', ['s', 'w'], ['s1']), node('Identity', ['go'], ['go1'])],
        [tensor('i', [], 'int64'), tensor('go', [], 'bool'), tensor('s', null)],
        ['go1', 's1'],
      ),
    });

  test('a loop repeats its body', () => {
    const work = workOfBody(body([loop('trips')], inputs, ['y'], weights));
    expect(work.kernels).toMatchObject([{ op: 'MatMul', count: 1, steps: 5, flops: [0, 5 * 2 * 64, 0], weights: 64 }]);
    expect(work.unknownOps).toEqual([]);
  });

  test('a loop that the data ends counts once and says so', () => {
    const work = workOfBody(body([loop('n')], [...inputs, tensor('n', [], 'int64')], ['y'], weights));
    expect(work.kernels).toMatchObject([{ op: 'MatMul', steps: 1, flops: [0, 2 * 64, 0] }]);
    expect(work.unknownOps).toEqual(['ai.onnx:Loop']);
  });

  test('a scan runs once for every place', () => {
    const scan = node('Scan', ['x0', 'x'], ['last', 'y'], {
      num_scan_inputs: 1,
      body: body(
        [node('Add', ['s', 'v'], ['s1']), node('Exp', ['s1'], ['o'])],
        [tensor('s', null), tensor('v', null)],
        ['s1', 'o'],
      ),
    });
    const work = workOfBody(body([scan], [tensor('x0', ['batch']), tensor('x', [6, 'batch'])], ['y']));
    expect(work.kernels).toMatchObject([
      { op: 'Add', steps: 6, flops: [0, 6, 0] },
      { op: 'Exp', steps: 6, flops: [0, 60, 0] },
    ]);
  });
});

describe('what lives', () => {
  test('a value lives until its last reader', () => {
    const nodes = [
      node('Exp', ['x'], ['a']),
      node('Concat', ['a', 'a', 'a', 'a'], ['b'], { axis: 1 }),
      node('ReduceMax', ['b', 'axes'], ['c'], { keepdims: 1 }),
      node('Sub', ['c', 'a'], ['y']),
    ];
    const main = body(nodes, [tensor('x', ['batch', 10])], ['y'], [stored('axes', [1], [1], 'int64')]);
    // x, a, b and c.
    expect(workOfBody(main).liveFloats).toEqual([0, 10 + 10 + 40 + 1, 0]);
  });

  test('other forms of a value take no memory of their own', () => {
    const nodes = [node('Exp', ['x'], ['a']), node('Reshape', ['a', 'flat'], ['b']), node('Log', ['b'], ['y'])];
    const main = body(nodes, [tensor('x', ['batch', 10])], ['y'], [stored('flat', [1], [-1], 'int64')]);
    expect(workOfBody(main).liveFloats).toEqual([0, 30, 0]);
  });

  test('other types are bytes', () => {
    const nodes = [node('Cast', ['ids'], ['a'], { to: 1 }), node('Greater', ['a', 'zero'], ['y'])];
    const main = body(nodes, [tensor('ids', ['batch', 4], 'int64')], ['y'], [stored('zero', [], [0])]);
    const work = workOfBody(main);
    expect(work.liveFloats).toEqual([0, 4, 0]);
    expect(work.liveOtherBytes).toEqual([0, 4 * 8 + 4, 0]);
  });
});

test('shapes are worked out in no time', () => {
  const nodes = [
    node('Shape', ['x'], ['shape']),
    node('Gather', ['shape', 'first'], ['rows']),
    node('Concat', ['rows', 'rest'], ['target'], { axis: 0 }),
    node('Reshape', ['x', 'target'], ['r']),
    node('Expand', ['r', 'ones'], ['e']),
    node('Relu', ['e'], ['y']),
  ];
  const integers = (name: string, ...values: number[]) => stored(name, [values.length], values, 'int64');
  const main = body(
    nodes,
    [tensor('x', ['batch', 4, 2])],
    ['y'],
    [integers('first', 0), integers('rest', 8), integers('ones', 1, 1)],
  );
  expect(workOfBody(main).kernels.map(({ op }) => op)).toEqual(['Relu']);
});

test('of an unknown operator the bytes are known', () => {
  const main = body([node('acme:Fancy', ['x'], ['y'])], [tensor('x', ['batch', 4])], ['y']);
  const work = workOfBody(main);
  expect(work.kernels).toMatchObject([{ op: 'Fancy', kind: 'other', flops: [0, 0, 0], floats: [0, 4, 0] }]);
  expect(work.unknownOps).toEqual(['acme:Fancy']);
});

test('alike kernels are one with a count, in the order of their first', () => {
  const nodes = [node('Exp', ['x'], ['a']), node('Log', ['a'], ['b']), node('Exp', ['b'], ['y'])];
  const { kernels } = workOfBody(body(nodes, [tensor('x', ['batch', 4])], ['y']));
  expect(kernels.map(({ op, count }) => [op, count])).toEqual([
    ['Exp', 2],
    ['Log', 1],
  ]);
});
