/** What can be read but not served is told with what to do. */

import { expect, test } from 'vitest';
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

test('inputs that no request can carry are named', () => {
  const profile = readModel(fixture('mlp.onnx'));
  const input = { name: 'x', shape: null } as const;
  const inputs = [
    { ...input, dtype: 'float32', kind: 'sequence' },
    { ...input, dtype: 'complex64', kind: 'tensor' },
    { ...input, dtype: 'string', kind: 'tensor' },
  ] as const;
  expect(servingProblems({ ...profile, inputs })).toEqual([
    { where: "input 'x'", what: 'a sequence; requests carry tensors only. Export the model with tensors as inputs.' },
    {
      where: "input 'x'",
      what: 'of type complex64, which no request can carry. Cast from float32 or an integer inside the model.',
    },
  ]);
});
