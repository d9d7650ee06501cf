/** Every way in which samples and labels do not fit the model is said at once. */

import { describe, expect, test } from 'vitest';
import type { ModelProfile, TensorInfo } from '../../lib/model/profile.js';
import { readModel } from '../../lib/model/read.js';
import { boundDims, checkSamples } from '../../lib/model/sample-checks.js';
import { type ArrayInfo, readLabelsInfo, readSamples, type SamplesInfo } from '../../lib/model/samples.js';
import { example, fixture } from './scratch.js';

const input = (name: string, shape: TensorInfo['shape'], dtype: TensorInfo['dtype'] = 'float32'): TensorInfo => ({
  name,
  dtype,
  shape,
  kind: 'tensor',
});
const profile = (...inputs: TensorInfo[]): ModelProfile => ({
  ...readModel(fixture('mlp.onnx')),
  inputs,
  symbolicDims: [...new Set(inputs.flatMap(({ shape }) => shape ?? []).filter((dim) => typeof dim === 'string'))],
  batchDim: 'batch',
});
const array = (name: string, shape: number[], dtype: ArrayInfo['dtype'] = 'float32'): ArrayInfo => ({
  name,
  dtype,
  shape,
  fortranOrder: false,
});
const samples = (...arrays: ArrayInfo[]): SamplesInfo => ({ path: 's.npz', arrays, bytes: 0 });
const said = (model: ModelProfile, given: SamplesInfo): string[] => checkSamples(model, given).map(({ what }) => what);

const tokens = profile(
  input('input_ids', ['batch', 'sequence'], 'int64'),
  input('attention_mask', ['batch', 'sequence'], 'int64'),
);

describe('samples', () => {
  test.each(['digits', 'digits-encoder', 'breast-cancer'])('of the example %s fit', (name) => {
    const model = readModel(example(name, `${name}.onnx`));
    const labels = readLabelsInfo(example(name, 'labels.npy'));
    expect(checkSamples(model, readSamples(example(name, 'samples.npz')), labels)).toEqual([]);
  });

  test('all problems are said at once, each with what to do', () => {
    const given = samples(array('input_id', [3, 8], 'int64'), array('attention_mask', [0, 8, 1], 'float64'));
    expect(checkSamples(tokens, given)).toEqual(
      [
        "Array 'input_id' names no input of the model. Inputs: 'input_ids', 'attention_mask'.",
        "No array for input 'input_ids'. Save one under that name: np.savez(path, **{'input_ids': array}).",
        "Array 'attention_mask' is of type float64, the input takes int64. Save it with .astype(np.int64).",
        "Array 'attention_mask' has shape [0, 8, 1], the input takes [samples, sequence].",
        "Array 'attention_mask' is empty: its shape is [0, 8, 1]. Give at least one sample.",
        "Arrays have different numbers of samples: 'input_id' 3, 'attention_mask' 0. Give every input the same number.",
      ].map((what) => ({ where: 's.npz', what })),
    );
  });

  test('fixed sizes have to be met; symbolic, unknown and unranked ones not', () => {
    const model = profile(input('a', ['batch', 3, 'any', null]), input('b', null));
    expect(said(model, samples(array('a', [5, 3, 9, 9]), array('b', [5])))).toEqual([]);
    expect(said(model, samples(array('a', [5, 4, 9, 9]), array('b', [5, 1, 1])))).toEqual([
      "Array 'a' has shape [5, 4, 9, 9], the input takes [samples, 3, any, any].",
    ]);
  });

  test('one dimension has one size in all inputs', () => {
    const given = samples(array('input_ids', [3, 8], 'int64'), array('attention_mask', [3, 9], 'int64'));
    expect(said(tokens, given)).toEqual([
      "Dimension 'sequence' is 8 in 'input_ids', 9 in 'attention_mask'. Give it one size in every array.",
    ]);
  });

  test('a batch of one takes any number', () => {
    expect(said(profile(input('x', [1, 2])), samples(array('x', [7, 2])))).toEqual([]);
  });

  test('text and flags are cast as NumPy calls them', () => {
    const model = profile(input('text', ['batch'], 'string'), input('flag', ['batch'], 'bool'));
    expect(said(model, samples(array('text', [2]), array('flag', [2])))).toEqual([
      "Array 'text' is of type float32, the input takes string. Save it with .astype(str).",
      "Array 'flag' is of type float32, the input takes bool. Save it with .astype(np.bool_).",
    ]);
  });
});

describe('labels', () => {
  const model = profile(input('x', ['batch', 2]));
  const given = samples(array('x', [3, 2]));
  const labels = (shape: number[], dtype: ArrayInfo['dtype'] = 'int64') =>
    checkSamples(model, given, { path: 'l.npy', dtype, shape });

  test('of any integer type, one for each sample, fit', () => {
    expect([...labels([3]), ...labels([3], 'uint8')]).toEqual([]);
  });

  test.each([
    [[4], 'int64', '4 labels for 3 samples. Give one for each sample.'],
    [[3], 'float32', 'Labels are of type float32; class ids are integers. Save them with .astype(np.int64).'],
    [[3], 'string', 'Labels are of type string; class ids are integers. Save them with .astype(np.int64).'],
    [[3, 1], 'int64', 'Labels have shape [3, 1]; one class id for each sample is a list. Save them with .ravel().'],
  ] as [number[], ArrayInfo['dtype'], string][])('of shape %j and type %s are refused', (shape, dtype, what) => {
    expect(labels(shape, dtype)).toEqual([{ where: 'l.npy', what }]);
  });
});

test.each([
  ['float32', [3]],
  ['int64', [3, 4]],
  ['bool', [3, 2, 2]],
] as const)("a metric of the user's own reads labels of any kind: %s %j", (dtype, shape) => {
  const model = profile(input('x', ['batch', 4]));
  const labels = { path: 'l.npy', dtype, shape: [...shape] };
  expect(checkSamples(model, samples(array('x', [3, 4])), labels, true)).toEqual([]);
  expect(checkSamples(model, samples(array('x', [5, 4])), labels, true)).toEqual([
    { where: 'l.npy', what: '3 labels for 5 samples. Give one for each sample, samples on the first axis.' },
  ]);
});

describe('labels need class scores', () => {
  const given = samples(array('x', [3, 2]));
  const whatWith = (...outputs: TensorInfo[]) =>
    checkSamples({ ...profile(input('x', ['batch', 2])), outputs }, given, {
      path: 'l.npy',
      dtype: 'int64',
      shape: [3],
    }).map(({ what }) => what);
  const remedy = 'Leave the labels out, or export the model with an output [batch, classes] of 2 classes or more.';

  test.each([[['batch', 10]], [['batch', 'classes']], [[1, null]], [null]])('%j may hold them', (shape) => {
    expect(whatWith(input('label', ['batch'], 'int64'), input('scores', shape))).toEqual([]);
  });

  test.each([[['batch', 1]], [['batch']], [['batch', 10, 4]]])('%j holds none', (shape) => {
    expect(whatWith(input('y', shape), input('scores', ['batch', 10]))).toEqual([
      `Labels need class scores, and the first float output 'y' has shape [${shape.join(', ')}]. ${remedy}`,
    ]);
  });

  test('nor does a model without floats', () => {
    expect(whatWith(input('label', ['batch'], 'int64'))).toEqual([
      `Labels need class scores, and the model has no float output. ${remedy}`,
    ]);
  });
});

describe('symbolic dimensions', () => {
  const given = samples(array('input_ids', [3, 8], 'int64'), array('attention_mask', [3, 8], 'int64'));

  test("take the samples' sizes, without the batch", () => {
    expect(boundDims(tokens, given, {})).toEqual({ dims: { sequence: 8 }, problems: [] });
  });

  test('take what the user gives where there are no samples', () => {
    expect(boundDims(tokens, undefined, { sequence: 128 })).toEqual({ dims: { sequence: 128 }, problems: [] });
  });

  test('may be given as the samples have them, and not otherwise', () => {
    expect(boundDims(tokens, given, { sequence: 8 })).toEqual({ dims: { sequence: 8 }, problems: [] });
    expect(boundDims(tokens, given, { sequence: 128 }).problems).toEqual([
      {
        where: 'dims.sequence',
        what: "128 is given, but the samples have 8 in 'input_ids', 8 in 'attention_mask'. Leave it out, or save others.",
      },
    ]);
  });

  test('need a size from somebody, each named once', () => {
    expect(boundDims(tokens, undefined, {})).toEqual({
      dims: {},
      problems: [
        {
          where: 'dims.sequence',
          what: "no size is given for this dimension of 'input_ids', 'attention_mask'. Give one, for example --dim sequence=128, or samples (--data).",
        },
      ],
    });
  });

  test('without a name need samples', () => {
    const model = profile(input('x', ['batch', 3, null]));
    expect(boundDims(model, undefined, {}).problems).toEqual([
      {
        where: "input 'x'",
        what: 'dimension 2 has neither a size nor a name. Give samples (--data), or export the model with one of them.',
      },
    ]);
    expect(boundDims(model, samples(array('x', [5, 3, 9])), {})).toEqual({ dims: {}, problems: [] });
  });

  test.each(['digits', 'digits-encoder', 'breast-cancer'])('of the example %s are the batch alone', (name) => {
    const model = readModel(example(name, `${name}.onnx`));
    expect(boundDims(model, undefined, {})).toEqual({ dims: {}, problems: [] });
  });

  test('on first axes are the batch, whatever each input calls it', () => {
    const model = profile(input('a', ['rows', 2]), input('b', ['lines', 2]));
    expect(boundDims(model, undefined, {})).toEqual({ dims: {}, problems: [] });
    expect(boundDims(model, undefined, { lines: 2 }).problems).toEqual([
      { where: 'dims.lines', what: "'lines' is the batch, which the server chooses. Leave it out." },
    ]);
  });

  test('that the model does not have are refused with those it has', () => {
    expect(boundDims(tokens, given, { bacth: 8, sequenz: 8 })).toEqual({
      dims: { sequence: 8 },
      problems: [
        {
          where: 'dims.bacth',
          what: "The model has no symbolic dimension 'bacth'. It has 'batch' (the batch), 'sequence'.",
        },
        {
          where: 'dims.sequenz',
          what: "The model has no symbolic dimension 'sequenz'. It has 'sequence', 'batch' (the batch).",
        },
      ],
    });
    expect(boundDims(profile(input('x', ['batch', 2])), undefined, { width: 2 }).problems).toEqual([
      {
        where: 'dims.width',
        what: "The model has no symbolic dimension 'width'. It has 'batch' (the batch). Leave 'width' out.",
      },
    ]);
    expect(boundDims(profile(input('x', [1, 2])), undefined, { width: 2 }).problems).toEqual([
      { where: 'dims.width', what: "The model has no symbolic dimensions. Leave 'width' out." },
    ]);
  });

  test('may not bind the batch', () => {
    expect(boundDims(tokens, given, { batch: 4 }).problems).toEqual([
      { where: 'dims.batch', what: "'batch' is the batch, which the server chooses. Leave it out." },
    ]);
  });

  test.each([0, -1, 1.5, Number.NaN])('have no size %d', (size) => {
    expect(boundDims(tokens, given, { sequence: size }).problems).toEqual([
      { where: 'dims.sequence', what: `${size} is no size. Give a whole number of at least 1.` },
    ]);
  });

  test('on the first axis of an input are the sample, not a size', () => {
    const model = { ...profile(input('a', ['rows', 2]), input('b', ['batch', 'rows'])), batchDim: null };
    expect(boundDims(model, samples(array('a', [5, 2]), array('b', [5, 7])), {}).dims).toEqual({ rows: 7 });
  });
});
