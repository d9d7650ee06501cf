/** What can be read but not served is told with what to do. */

import { expect, test } from 'vitest';
import type { ModelProfile, TensorInfo } from '../../lib/model/profile.js';
import { readModel } from '../../lib/model/read.js';
import { servingProblems } from '../../lib/model/serving-problems.js';
import { example, fixture } from './scratch.js';

test.each(['digits', 'digits-encoder', 'breast-cancer'])('nothing keeps the example %s from being served', (name) => {
  expect(servingProblems(readModel(example(name, `${name}.onnx`)))).toEqual([]);
});

test('custom operators are named, each with what to do', () => {
  const what =
    'a custom operator, whose library Slipway does not load. Export the model with operators of ai.onnx, ai.onnx.ml or com.microsoft only.';
  expect(servingProblems(readModel(fixture('custom.onnx')))).toEqual([
    { where: 'operator acme:Fancy', what },
    { where: 'operator acme:Other', what },
  ]);
});

const mlp = readModel(fixture('mlp.onnx'));
const tensor = (
  name: string,
  shape: TensorInfo['shape'],
  dtype: TensorInfo['dtype'] = 'float32',
  kind: TensorInfo['kind'] = 'tensor',
): TensorInfo => ({ name, dtype, shape, kind });
const said = (change: Partial<ModelProfile>): string[] =>
  servingProblems({ ...mlp, ...change }).map(({ where, what }) => `${where}: ${what}`);

test('inputs that no request can carry are named', () => {
  const inputs = [
    tensor('list', null, 'float32', 'sequence'),
    tensor('wave', ['batch'], 'complex64'),
    tensor('brain', ['batch', 4], 'bfloat16'),
    tensor('nothing', ['batch'], 'undefined'),
    tensor('text', ['batch'], 'string'),
  ];
  const cast = 'which no request can carry. Cast from float32 or an integer inside the model.';
  expect(said({ inputs })).toEqual([
    "input 'list': a sequence; requests carry dense tensors only. Export the model with those as inputs.",
    `input 'wave': of type complex64, ${cast}`,
    `input 'brain': of type bfloat16, ${cast}`,
    `input 'nothing': of no type that Slipway knows, ${cast}`,
  ]);
});

test('outputs that no answer can carry are named', () => {
  const outputs = [
    tensor('brain', ['batch', 4], 'bfloat16'),
    tensor('maybe', null, 'float32', 'optional'),
    tensor('y', ['batch', 4]),
  ];
  expect(said({ outputs })).toEqual([
    "output 'brain': of type bfloat16, which no answer can carry. Cast to float32 or an integer inside the model.",
    "output 'maybe': an optional value; answers carry dense tensors only. Export the model with those as outputs.",
  ]);
  expect(servingProblems(readModel(fixture('trees.onnx')))).toEqual([
    {
      where: "output 'probabilities'",
      what: 'a sequence of maps; answers carry dense tensors only. Export the classifier with zipmap=False.',
    },
  ]);
});

test('the first dimension of an input is the batch: named, unknown or 1', () => {
  const remedy = 'Export the model with the batch as its first dimension, symbolic or 1.';
  expect(servingProblems(readModel(fixture('shapes.onnx')))).toEqual([
    { where: "input 'unranked'", what: `of any number of dimensions, so none is the batch. ${remedy}` },
    { where: "input 'scalar'", what: `a scalar, which has no dimension for the batch. ${remedy}` },
    { where: "input 'empty'", what: `of shape [0, 4]: it takes 0 samples at a time. ${remedy}` },
  ]);
  expect(said({ inputs: [tensor('x', [4, 'width'])] })).toEqual([
    `input 'x': of shape [4, width]: it takes 4 samples at a time. ${remedy}`,
  ]);
  expect(said({ inputs: [tensor('x', [1, 4])] })).toEqual([]);
});

test('outputs need not have the batch as their first dimension', () => {
  expect(said({ outputs: [tensor('total', []), tensor('table', [10, 2])] })).toEqual([]);
});

test('a model laid out for one processor is refused', () => {
  expect(said({ ops: { ...mlp.ops, 'com.microsoft.nchwc:Conv': 1 } })).toEqual([
    'operator com.microsoft.nchwc:Conv: made by ONNX Runtime for the processor that saved the model. Give the model as it was exported.',
  ]);
});

test('a model without inputs or operators is refused', () => {
  expect(said({ inputs: [], nodes: 0 })).toEqual([
    'inputs: none: every answer would be the same. Export the model with inputs.',
    'operators: none: there is nothing to run. Export the model again.',
  ]);
});
