/** A model is read as the onnx package reads it. */

import { describe, expect, test } from 'vitest';
import { allTensors, innerBodies } from '../../lib/model/graph.js';
import { readGraph, readModel } from '../../lib/model/read.js';
import facts from './fixtures/facts.json';
import { bytesOf, encode, example, file, fixture, identityModel } from './scratch.js';

const models = Object.keys(facts.models) as (keyof typeof facts.models)[];

describe('the onnx package and Slipway agree', () => {
  test.each(models)('on %s', (name) => {
    const { tensors, ...known } = facts.models[name];
    const profile = readModel(fixture(`${name}.onnx`));
    expect(profile).toMatchObject({ producer: 'fixtures 1.2', fileBytes: bytesOf(`${name}.onnx`).length, ...known });
    expect(profile.ops).toEqual(known.ops);
    expect(profile.nodes).toBe(Object.values(known.ops).reduce((sum, count) => sum + count, 0));
    expect(profile.weightBytes).toBe(tensors.reduce((sum, { bytes }) => sum + bytes, 0));
    const sums = new Map<string, number>();
    for (const { dtype, bytes } of tensors) sums.set(dtype, (sums.get(dtype) ?? 0) + bytes);
    expect(profile.weightBytesByDtype).toEqual(Object.fromEntries(sums));
  });

  test.each(models)('on the tensors of %s, with the values of small ones', (name) => {
    const found = allTensors(readGraph(fixture(`${name}.onnx`))).map(({ external, values, ...tensor }) => ({
      ...tensor,
      // ONNX's 16-bit brain floats are no numbers of NumPy's own, so the package's facts leave them out.
      values: external || tensor.dtype === 'bfloat16' ? null : values && [...values],
      external: external !== null,
    }));
    const known = facts.models[name].tensors.map(({ values, ...tensor }) => ({
      ...tensor,
      values: tensor.external ? null : (values?.map(Number) ?? null),
    }));
    expect(found).toEqual(known);
  });
});

describe('a profile', () => {
  test('counts the parameters of the digits example and names its batch', () => {
    expect(readModel(example('digits', 'digits.onnx'))).toMatchObject({
      opset: 18,
      irVersion: 10,
      family: 'cnn',
      inputs: [{ name: 'image', dtype: 'float32', shape: ['batch', 1, 8, 8], kind: 'tensor' }],
      symbolicDims: ['batch'],
      batchDim: 'batch',
      quantization: 'none',
      customOps: [],
      externalData: [],
    });
  });

  test.each([
    ['mlp', ['batch'], 'batch'],
    ['shapes', ['batch', 'sequence'], null],
    ['cached', ['batch', 'sequence', 'past'], 'batch'],
    ['lstm', ['steps', 'n'], 'steps'],
    ['nms', ['n'], null],
    ['first-ir', [], null],
  ] as const)('names the symbolic dimensions of %s', (name, symbolicDims, batchDim) => {
    expect(readModel(fixture(`${name}.onnx`))).toMatchObject({ symbolicDims, batchDim });
  });

  test('counts packed 4-bit weights as what they unpack to', () => {
    expect(readModel(fixture('nbits.onnx'))).toMatchObject({ parameters: 32 * 3 + 3, weightBytes: 3 * 16 + 3 * 4 });
  });

  test('counts floats and small integers as parameters, but not indices and flags', () => {
    expect(readModel(fixture('sparse.onnx')).parameters).toBe(3);
    expect(readModel(fixture('first-ir.onnx')).parameters).toBe(6);
    expect(readModel(fixture('training.onnx')).parameters).toBe(readModel(fixture('mlp.onnx')).parameters);
  });

  test('lists custom operators, and reads the model all the same', () => {
    const { customOps, family } = readModel(fixture('custom.onnx'));
    expect({ customOps, family }).toEqual({ customOps: ['acme:Fancy', 'acme:Other'], family: 'other' });
  });

  test("does not take the model's own functions for custom operators", () => {
    const { customOps, ops } = readModel(fixture('functions.onnx'));
    expect({ customOps, ops }).toEqual({ customOps: [], ops: { 'local.ops:Squash': 2, Constant: 1, Mul: 1, Tanh: 1 } });
  });
});

describe('a graph', () => {
  test('keeps nodes with their attributes', () => {
    expect(readGraph(fixture('mlp.onnx')).main.nodes[0]).toEqual({
      name: 'first',
      op: 'Gemm',
      domain: 'ai.onnx',
      overload: '',
      inputs: ['x', 'w1', 'b1'],
      outputs: ['h'],
      attributes: { alpha: { type: 'float', value: 0.5 }, transB: { type: 'int', value: 0 } },
    });
  });

  test('keeps each kind of attribute', () => {
    const nodes = readGraph(fixture('constants.onnx')).main.nodes.slice(1, 7);
    expect(Object.assign({}, ...nodes.map(({ attributes }) => attributes))).toEqual({
      value_float: { type: 'float', value: 1.5 },
      value_floats: { type: 'floats', values: [1, 2] },
      value_int: { type: 'int', value: -3 },
      value_ints: { type: 'ints', values: [1, 2, 3] },
      value_string: { type: 'string', value: 'text' },
      value_strings: { type: 'strings', values: ['a', 'b'] },
    });
  });

  test('keeps graphs within graphs', () => {
    const [branch] = readGraph(fixture('control-flow.onnx')).main.nodes;
    const [other, then] = innerBodies(branch!);
    expect([other?.name, then?.name]).toEqual(['else', 'then']);
    const [step] = innerBodies(then!.nodes[0]!);
    expect(step?.initializers.map(({ name }) => name)).toEqual(['loop_weight']);
    expect(then?.nodes[0]?.inputs).toEqual(['times', '', 'x']);
  });

  test('keeps the numbers that a trees operator has, and leaves out lists too long to keep', () => {
    const attributes = readGraph(fixture('trees.onnx')).main.nodes[0]?.attributes;
    expect(attributes?.nodes_truenodeids).toEqual({ type: 'ints', values: [1, 0, 0] });
    const long = readGraph(example('breast-cancer', 'breast-cancer.onnx')).main.nodes;
    const lengths = long
      .flatMap((node) => Object.values(node.attributes))
      .map((held) => 'values' in held && held.values?.length);
    expect(Math.max(...lengths.map(Number))).toBeLessThanOrEqual(4096);
  });

  test('a name that would change every object is only a name', () => {
    const info = encode([
      [1, '__proto__'],
      [2, encode([[1, encode([[1, 1]])]])],
    ]);
    const model = file(
      identityModel({
        inGraph: [[11, info]],
        opsets: [
          ['', 17],
          ['__proto__', 3],
        ],
      }),
    );
    expect(readModel(model).inputs.map(({ name }) => name)).toEqual(['__proto__']);
    expect(Object.keys(readModel(model).opsets)).toEqual(['ai.onnx', '__proto__']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
