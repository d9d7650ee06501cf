/**
 * Which nodes run as one kernel: what ONNX Runtime 1.30 left of each of these graphs (CPU provider, shapes bound).
 *
 * Two things are not as it had them: the optimizer also leaves nodes that only rename memory, and dequantizes the stored weights of a
 * convolution in every run where the convolution itself stays float.
 */

import { describe, expect, test } from 'vitest';
import type { Node, Tensor } from '../../lib/model/graph.js';
import type { TensorInfo } from '../../lib/model/profile.js';
import { body, counted, node, stored, tensor, workOfBody } from './work-graph.js';

type Case = readonly [name: string, nodes: readonly Node[], kernels: readonly string[]];

function check(cases: readonly Case[], inputs: readonly TensorInfo[], weights: readonly Tensor[]): void {
  test.each(cases)('%s', (_, nodes, kernels) => {
    const { kernels: found } = workOfBody(body(nodes, inputs, ['y'], weights));
    expect(found.flatMap(({ op, count }) => Array(count).fill(op)).sort()).toEqual([...kernels].sort());
  });
}

describe('convolutions', () => {
  const conv = node('Conv', ['x', 'w', 'b'], ['c'], { pads: [1, 1, 1, 1] });
  const normalize = (input: string, output: string) =>
    node('BatchNormalization', [input, 's', 's', 's', 's'], [output]);
  check(
    [
      ...['Relu', 'Sigmoid', 'Tanh', 'LeakyRelu', 'HardSigmoid', 'HardSwish'].map(
        (op): Case => [op, [conv, node(op, ['c'], ['y'])], ['Conv']],
      ),
      ...['Elu', 'Gelu', 'Softplus'].map((op): Case => [op, [conv, node(op, ['c'], ['y'])], ['Conv', op]]),
      ['Clip', [conv, node('Clip', ['c', 'zero', 'six'], ['y'])], ['Conv']],
      ['normalization and Relu', [conv, normalize('c', 'd'), node('Relu', ['d'], ['y'])], ['Conv']],
      ['factor and bias', [conv, node('Mul', ['c', 'k'], ['d']), node('Add', ['d', 'k'], ['y'])], ['Conv']],
      ['bias and Relu', [conv, node('Add', ['c', 'k'], ['d']), node('Relu', ['d'], ['y'])], ['Conv']],
      ['residual and Relu', [conv, node('Add', ['c', 'x'], ['d']), node('Relu', ['d'], ['y'])], ['Conv']],
      ['Relu before the residual', [conv, node('Relu', ['c'], ['d']), node('Add', ['d', 'x'], ['y'])], ['Conv', 'Add']],
      ['SiLU', [conv, node('Sigmoid', ['c'], ['d']), node('Mul', ['c', 'd'], ['y'])], ['Conv', 'QuickGelu']],
      [
        'hard swish as arithmetic',
        [
          conv,
          node('Add', ['c', 'six'], ['d']),
          node('Clip', ['d', 'zero', 'six'], ['e']),
          node('Mul', ['c', 'e'], ['f']),
          node('Div', ['f', 'six'], ['y']),
        ],
        ['Conv', 'Add', 'Clip', 'Mul', 'Div'],
      ],
      ['padding before', [node('Pad', ['x', 'pads'], ['p']), node('Conv', ['p', 'w', 'b'], ['y'])], ['Conv']],
      [
        'normalization before',
        [normalize('x', 'd'), node('Conv', ['d', 'w', 'b'], ['y'])],
        ['BatchNormalization', 'Conv'],
      ],
      [
        'transposed, alone',
        [node('ConvTranspose', ['x', 'w', 'b'], ['c']), normalize('c', 'd'), node('Sigmoid', ['d'], ['y'])],
        ['ConvTranspose', 'BatchNormalization', 'Sigmoid'],
      ],
    ],
    [tensor('x', ['batch', 8, 16, 16])],
    [
      stored('w', [8, 8, 3, 3]),
      ...['b', 's'].map((name) => stored(name, [8])),
      stored('k', [8, 1, 1]),
      stored('zero', [], [0]),
      stored('six', [], [6]),
      stored('pads', [8], [0, 0, 1, 1, 0, 0, 1, 1], 'int64'),
    ],
  );
});

describe('products of matrices', () => {
  const weights = [stored('w', [8, 16]), stored('b', [16]), stored('k', [], [3])];
  const gemm = node('Gemm', ['x', 'w', 'b'], ['c']);
  const matMul = node('MatMul', ['x', 'w'], ['c']);
  const biased = [matMul, node('Add', ['c', 'b'], ['d'])];
  check(
    [
      ...['Relu', 'Sigmoid', 'Tanh', 'LeakyRelu', 'Elu', 'Softplus', 'Softsign'].map(
        (op): Case => [`Gemm, ${op}`, [gemm, node(op, ['c'], ['y'])], ['Gemm']],
      ),
      ...['Gelu', 'Celu', 'Mish'].map((op): Case => [`Gemm, ${op}`, [gemm, node(op, ['c'], ['y'])], ['Gemm', op]]),
      ['Gemm and bias', [gemm, node('Add', ['c', 'b'], ['y'])], ['Gemm', 'Add']],
      ['MatMul, bias, Relu', [...biased, node('Relu', ['d'], ['y'])], ['MatMul']],
      ['MatMul, Relu', [matMul, node('Relu', ['c'], ['y'])], ['MatMul', 'Relu']],
      ['factor after', [matMul, node('Mul', ['c', 'k'], ['y'])], ['MatMul']],
      ['factor before', [node('Mul', ['x', 'k'], ['c']), node('MatMul', ['c', 'w'], ['y'])], ['MatMul']],
      ['SiLU', [gemm, node('Sigmoid', ['c'], ['d']), node('Mul', ['c', 'd'], ['y'])], ['Gemm', 'QuickGelu']],
    ],
    [tensor('x', ['batch', 8])],
    weights,
  );
  check(
    [
      ['bias of a tensor', [...biased, node('Identity', ['d'], ['y'])], ['MatMul']],
      ['activation of a tensor', [...biased, node('Relu', ['d'], ['y'])], ['MatMul', 'Relu']],
      [
        'transposition before',
        [node('Transpose', ['x'], ['t'], { perm: [0, 2, 1] }), node('MatMul', ['t', 'x'], ['y'])],
        ['MatMul'],
      ],
    ],
    [tensor('x', ['batch', 4, 8])],
    weights,
  );
});

describe('normalizations', () => {
  const axes = stored('axes', [1], [-1], 'int64');
  const weights = [axes, stored('two', [], [2]), stored('one', [], [1]), stored('e', [], [1e-5]), stored('g', [8])];
  const inputs = [tensor('x', ['batch', 4, 8]), tensor('x2', ['batch', 4, 8])];
  const variance = (input: string) => [
    node('Pow', [input, 'two'], ['q']),
    node('ReduceMean', ['q', 'axes'], ['v']),
    node('Add', ['v', 'e'], ['ve']),
    node('Sqrt', ['ve'], ['s']),
  ];
  const centered = [node('ReduceMean', ['x', 'axes'], ['m']), node('Sub', ['x', 'm'], ['d'])];
  const scaled = [node('Div', ['d', 's'], ['n']), node('Mul', ['n', 'g'], ['h'])];
  const rms = [...variance('x'), node('Div', ['x', 's'], ['n']), node('Mul', ['n', 'g'], ['y'])];
  const layer = node('LayerNormalization', ['s', 'g'], ['y']);
  const sum = node('Add', ['x', 'x2'], ['s']);
  check(
    [
      ['layer', [...centered, ...variance('d'), ...scaled, node('Add', ['h', 'g'], ['y'])], ['LayerNormalization']],
      [
        'layer without shift',
        [...centered, ...variance('d'), ...scaled, node('Identity', ['h'], ['y'])],
        ['ReduceMean', 'Sub', 'RMSNormalization'],
      ],
      [
        'layer without scale',
        [...centered, ...variance('d'), node('Div', ['d', 's'], ['y'])],
        ['ReduceMean', 'Sub', 'Pow', 'ReduceMean', 'Add', 'Sqrt', 'Div'],
      ],
      ['root mean square', rms, ['RMSNormalization']],
      [
        'root mean square by a quotient of 1',
        [
          ...variance('x'),
          node('Div', ['one', 's'], ['r']),
          node('Mul', ['x', 'r'], ['n']),
          node('Mul', ['g', 'n'], ['y']),
        ],
        ['RMSNormalization'],
      ],
      [
        'root mean square by a reciprocal',
        [
          ...variance('x'),
          node('Reciprocal', ['s'], ['r']),
          node('Mul', ['x', 'r'], ['n']),
          node('Mul', ['g', 'n'], ['y']),
        ],
        ['Pow', 'ReduceMean', 'Add', 'Sqrt', 'Reciprocal', 'Mul', 'Mul'],
      ],
      ['residual before', [sum, layer], ['SkipLayerNormalization']],
      [
        'residual that is read again',
        [sum, node('LayerNormalization', ['s', 'g'], ['n']), node('Sub', ['n', 's'], ['y'])],
        ['Add', 'LayerNormalization', 'Sub'],
      ],
    ],
    inputs,
    weights,
  );
});

describe('activations', () => {
  const constants = {
    root2: 2 ** 0.5,
    root: 2 ** -0.5,
    one: 1,
    half: 0.5,
    k: 1.702,
    three: 3,
    c: 0.044715,
    s: 0.79788456,
  };
  const weights = Object.entries(constants).map(([name, value]) => stored(name, [], [value]));
  const erf = [node('Div', ['x', 'root2'], ['a']), node('Erf', ['a'], ['b']), node('Add', ['b', 'one'], ['c1'])];
  const halved = [node('Mul', ['x', 'c1'], ['d']), node('Mul', ['d', 'half'], ['y'])];
  check(
    [
      ['GELU', [...erf, ...halved], ['Gelu']],
      ['GELU, halved first', [node('Mul', ['x', 'half'], ['h']), ...erf, node('Mul', ['h', 'c1'], ['y'])], ['Gelu']],
      [
        'GELU by a factor',
        [node('Mul', ['x', 'root'], ['a']), ...erf.slice(1), ...halved],
        ['Mul', 'Erf', 'Add', 'Mul', 'Mul'],
      ],
      [
        'GELU, the sum halved',
        [...erf, node('Mul', ['c1', 'half'], ['d']), node('Mul', ['x', 'd'], ['y'])],
        ['Div', 'Erf', 'Add', 'Mul', 'Mul'],
      ],
      [
        'sigmoid of a multiple',
        [node('Mul', ['x', 'k'], ['a']), node('Sigmoid', ['a'], ['b']), node('Mul', ['x', 'b'], ['y'])],
        ['QuickGelu'],
      ],
      [
        'gated SiLU',
        [node('Sigmoid', ['x'], ['a']), node('Mul', ['x', 'a'], ['b']), node('Mul', ['b', 'x2'], ['y'])],
        ['QuickGelu', 'Mul'],
      ],
      ['x times its tanh', [node('Tanh', ['x'], ['a']), node('Mul', ['x', 'a'], ['y'])], ['Tanh', 'Mul']],
    ],
    [tensor('x', ['batch', 4, 8]), tensor('x2', ['batch', 4, 8])],
    weights,
  );
});

describe('8-bit numbers', () => {
  const dequantize = (input: string, output: string, scale = 's', zero = 'z') =>
    node('DequantizeLinear', [input, scale, zero], [output]);
  const quantize = (input: string, output: string, scale = 's', zero = 'z') =>
    node('QuantizeLinear', [input, scale, zero], [output]);
  const weights = [
    ...['s', 's2', 's3', 's4'].map((name, at) => stored(name, [], [[0.1, 0.2, 0.3, 0.1][at]!])),
    stored('z', [], [128], 'uint8'),
    stored('none', [], [0], 'uint8'),
    stored('zero', [], [0], 'int8'),
    stored('w', [8, 8, 3, 3], null, 'int8'),
    stored('m', [16, 8], null, 'int8'),
    stored('m2', [16, 8], null, 'int8'),
    stored('b', [8]),
    stored('shape', [2], [0, -1], 'int64'),
  ];
  const given = [quantize('x', 'xq'), dequantize('xq', 'xd')];
  const conv = [dequantize('w', 'wd', 's2', 'zero'), node('Conv', ['xd', 'wd'], ['c'], { pads: [1, 1, 1, 1] })];
  const matMul = [dequantize('m', 'md', 's2', 'zero'), node('MatMul', ['xd', 'md'], ['c'])];
  const requantized = (input: string, zero = 'z') => [
    quantize(input, 'yq', 's3', zero),
    dequantize('yq', 'y', 's3', zero),
  ];
  const ends = ['QuantizeLinear', 'DequantizeLinear'];
  const dynamic = (matrix: string, scale: string, output: string) => [
    node('MatMulInteger', ['xq', matrix, 'xz'], [`p${output}`]),
    node('Cast', [`p${output}`], [`c${output}`], { to: 1 }),
    node('Mul', ['xs', scale], [`s${output}`]),
    node('Mul', [`c${output}`, `s${output}`], [`m${output}`]),
    node('Add', [`m${output}`, 'b'], [output]),
  ];
  const quantizeInput = node('DynamicQuantizeLinear', ['x'], ['xq', 'xs', 'xz']);
  check(
    [
      ['convolution', [...given, ...conv, ...requantized('c')], ['Conv', ...ends]],
      [
        'convolution and Relu from zero',
        [...given, ...conv, node('Relu', ['c'], ['r']), ...requantized('r', 'none')],
        ['Conv', ...ends],
      ],
      ['convolution to floats', [...given, ...conv, node('Identity', ['c'], ['y'])], ['Conv', ...ends]],
      ['product', [...given, ...matMul, ...requantized('c')], ['MatMul', ...ends]],
      ['product to floats', [...given, ...matMul, node('Identity', ['c'], ['y'])], ['MatMul', 'QuantizeLinear']],
      [
        'product with bias',
        [...given, ...matMul, node('Add', ['c', 'b'], ['d']), ...requantized('d')],
        ['MatMul', ...ends],
      ],
      [
        'residual',
        [
          ...given,
          ...conv,
          quantize('c', 'c1', 's2'),
          dequantize('c1', 'c2', 's2'),
          node('Add', ['c2', 'xd'], ['d']),
          ...requantized('d'),
        ],
        ['Conv', 'Add', ...ends],
      ],
      ...['Sigmoid', 'LeakyRelu', 'Softmax', 'GlobalAveragePool', 'Transpose'].map(
        (op): Case => [op, [...given, node(op, ['xd'], ['c']), ...requantized('c')], [op, ...ends]],
      ),
      ...['Tanh', 'Gelu', 'Exp', 'Sqrt'].map(
        (op): Case => [op, [...given, node(op, ['xd'], ['c']), ...requantized('c')], [op, ...ends, ...ends]],
      ),
      [
        'another form, by the same scale',
        [...given, node('Reshape', ['xd', 'shape'], ['c']), quantize('c', 'yq'), dequantize('yq', 'y')],
        ends,
      ],
      [
        'another form, by another scale',
        [...given, node('Reshape', ['xd', 'shape'], ['c']), ...requantized('c')],
        [...ends, ...ends],
      ],
      ['measured in every run', [quantizeInput, ...dynamic('m', 's', 'y')], ['MatMulInteger']],
      [
        'measured once for two products',
        [quantizeInput, ...dynamic('m', 's', 'y0'), ...dynamic('m2', 's2', 'y1'), node('Sub', ['y0', 'y1'], ['y'])],
        ['DynamicQuantizeLinear', 'MatMulInteger', 'MatMulInteger', 'Sub'],
      ],
      [
        'two products of one scale',
        [quantizeInput, ...dynamic('m', 's', 'y0'), ...dynamic('m2', 's4', 'y1'), node('Sub', ['y0', 'y1'], ['y'])],
        [
          ...['DynamicQuantizeLinear', 'MatMulInteger', 'MatMulInteger', 'Cast', 'Cast'],
          ...['Mul', 'Mul', 'Mul', 'Add', 'Add', 'Sub'],
        ],
      ],
    ],
    [tensor('x', ['batch', 8, 16, 16])],
    weights,
  );
});

describe('one Split, one computation', () => {
  const integers = (name: string, value: number) => stored(name, [1], [value], 'int64');
  check(
    [
      [
        'halves',
        [
          node('Slice', ['x', 'zero', 'four', 'last'], ['a']),
          node('Slice', ['x', 'four', 'eight', 'last'], ['b']),
          node('Sub', ['a', 'b'], ['y']),
        ],
        ['Split', 'Sub'],
      ],
      [
        'overlapping parts',
        [
          node('Slice', ['x', 'zero', 'four', 'last'], ['a']),
          node('Slice', ['x', 'zero', 'eight', 'last'], ['b']),
          node('Concat', ['a', 'b'], ['y'], { axis: 1 }),
        ],
        ['Slice', 'Concat'],
      ],
      [
        'the same twice',
        [node('Cos', ['x'], ['a']), node('Cos', ['x'], ['b']), node('Sub', ['a', 'b'], ['y'])],
        ['Cos', 'Sub'],
      ],
      [
        'the same by equal constants',
        [node('Mul', ['x', 'few'], ['a']), node('Mul', ['x', 'same'], ['b']), node('Sub', ['a', 'b'], ['y'])],
        ['Mul', 'Sub'],
      ],
      [
        'the same of what is the same',
        [
          ...['1', '2'].flatMap((at) => [
            node('Transpose', ['x'], [`t${at}`], { perm: [1, 0] }),
            node('Reshape', [`t${at}`, `form${at}`], [`r${at}`]),
            node('Cos', [`r${at}`], [`c${at}`]),
          ]),
          node('Sub', ['c1', 'c2'], ['y']),
        ],
        ['Transpose', 'Cos', 'Sub'],
      ],
      [
        'the same of other forms',
        [
          node('Reshape', ['x', 'form1'], ['a']),
          node('Reshape', ['x', 'form3'], ['b']),
          ...['a', 'b'].map((name) => node('ReduceMax', [name, 'four'], [`m${name}`])),
          node('Sub', ['ma', 'mb'], ['y']),
        ],
        ['ReduceMax', 'ReduceMax', 'Sub'],
      ],
      [
        'more constants than are compared',
        [node('Mul', ['x9', 'many'], ['a']), node('Mul', ['x9', 'many too'], ['b']), node('Sub', ['a', 'b'], ['y'])],
        ['Mul', 'Mul', 'Sub'],
      ],
      [
        'equal constants of 8 bits',
        [node('Mul', ['i', 'byte'], ['a']), node('Mul', ['i', 'same byte'], ['b']), node('Sub', ['a', 'b'], ['y'])],
        ['Mul', 'Mul', 'Sub'],
      ],
      [
        'other attributes, then the same',
        [
          ...[0.1, 0.2, 0.2].map((alpha, at) => node('LeakyRelu', ['x'], [`l${at}`], { alpha })),
          node('Sub', ['l0', 'l1'], ['d']),
          node('Sub', ['d', 'l2'], ['y']),
        ],
        ['LeakyRelu', 'LeakyRelu', 'Sub', 'Sub'],
      ],
      [
        'the same of another domain',
        [...['a', 'b'].map((name) => node('com.microsoft:Gelu', ['x'], [name])), node('Sub', ['a', 'b'], ['y'])],
        ['Gelu', 'Gelu', 'Sub'],
      ],
      [
        'random numbers',
        [...['a', 'b'].map((name) => node('RandomNormalLike', ['x'], [name])), node('Sub', ['a', 'b'], ['y'])],
        ['RandomNormalLike', 'RandomNormalLike', 'Sub'],
      ],
      [
        'a part of unknown size',
        [
          node('NonZero', ['x'], ['n']),
          node('Slice', ['n', 'zero', 'four', 'last'], ['a']),
          node('Slice', ['n', 'four', 'eight', 'last'], ['b']),
          node('Concat', ['a', 'b'], ['y'], { axis: 0 }),
        ],
        ['NonZero', 'Slice', 'Slice', 'Concat'],
      ],
      ['unneeded', [node('Cos', ['x'], ['a']), node('Sin', ['x'], ['y'])], ['Sin']],
    ],
    [tensor('x', ['batch', 8]), tensor('x9', ['batch', 9]), tensor('i', ['batch'], 'int8')],
    [
      ...[integers('zero', 0), integers('four', 4), integers('eight', 8), integers('last', -1)],
      ...['few', 'same'].map((name) => stored(name, [1], [3])),
      ...['many', 'many too'].map((name) => stored(name, [9], Array(9).fill(3))),
      ...['byte', 'same byte'].map((name) => stored(name, [1], [3], 'int8')),
      ...['form1', 'form2'].map((name) => stored(name, [5], [1, 1, 4, 2, -1], 'int64')),
      stored('form3', [5], [1, 1, 2, 4, -1], 'int64'),
    ],
  );

  test('the same, given out by the model', () => {
    const nodes = [node('Cos', ['x'], ['y']), node('Cos', ['x'], ['a']), node('Sin', ['a'], ['y2'])];
    const { kernels } = workOfBody(body(nodes, [tensor('x', ['batch', 8])], ['y', 'y2']));
    expect(counted(kernels)).toEqual({ Cos: 2, Sin: 1 });
  });
});
