import { describe, expect, test } from 'vitest';
import { checked } from '../../lib/contract/validate.js';
import { planRecipe, type RecipeInput } from '../../lib/optimization/recipe.js';
import { machine } from '../machines.js';
import { profile } from '../profiles.js';

const cnn = profile({ family: 'cnn', ops: { Conv: 4, Gemm: 1, Relu: 4 } });
const encoder = profile({ family: 'encoder', ops: { MatMul: 24, LayerNormalization: 4 } });

function plan(changes: Partial<RecipeInput> = {}) {
  const recipe = planRecipe({
    name: 'net',
    profile: cnn,
    platform: 'local',
    machines: [machine('x86-64-vnni')],
    provider: 'cpu',
    dims: {},
    samples: true,
    ...changes,
  });
  return checked('recipe', recipe, 'recipe.json');
}

const names = (changes: Partial<RecipeInput>) => plan(changes).candidates.map((candidate) => candidate.name);

describe('what is tried', () => {
  test('a CNN on a VNNI CPU: static only, 8-bit weights for 8-bit unsigned activations', () => {
    const { candidates } = plan();
    expect(candidates.map(({ name, opTypes, calibration }) => [name, opTypes, calibration])).toEqual([
      ['int8-static-minmax', ['Conv', 'MatMul', 'Gemm'], 'minmax'],
      ['int8-static-percentile', ['Conv', 'MatMul', 'Gemm'], 'percentile'],
      ['int8-static-minmax-all', [], 'minmax'],
    ]);
    for (const candidate of candidates) {
      expect(candidate).toMatchObject({
        activationType: 'uint8',
        weightType: 'int8',
        perChannel: true,
        reduceRange: false,
      });
    }
  });

  test('an encoder: dynamic first, since it needs no calibration and wins ties', () => {
    expect(names({ profile: encoder })).toEqual(['int8-dynamic', 'int8-static-minmax', 'int8-static-percentile']);
    expect(plan({ profile: encoder }).candidates[0]).toMatchObject({
      method: 'dynamic',
      weightType: 'int8',
      opTypes: ['MatMul', 'Gemm'],
      calibration: 'none',
    });
  });

  test.each(['x86-64', 'unknown'] as const)(
    '%s among the machines: 7-bit weights, since 8-bit products may saturate',
    (set) => {
      const machines = [machine('x86-64-vnni'), machine(set)];
      const recipe = plan({ machines });
      expect(recipe.candidates.map((candidate) => candidate.reduceRange)).toEqual([true, true, true]);
      expect(recipe.candidates[0]?.name).toBe('int8-static-minmax-7bit');
      expect(recipe.target.instructionSets).toEqual([set, 'x86-64-vnni'].sort());
    },
  );

  test('Arm does not saturate: 8-bit weights', () => {
    expect(plan({ machines: [machine('arm64')] }).candidates[0]?.reduceRange).toBe(false);
  });
});

describe('nothing is tried, and the recipe says why', () => {
  test.each([
    [
      'trees',
      { profile: profile({ family: 'classic', ops: { 'ai.onnx.ml:TreeEnsembleClassifier': 1 } }) },
      /never quantized/,
    ],
    ['a quantized model', { profile: { ...cnn, quantization: 'qdq' as const } }, /quantized already \(qdq\)/],
    ['a model without samples', { samples: false }, /--data samples.npz/],
    ['fp32 asked for', { optimization: { precision: 'fp32' as const } }, /fp32 was asked for/],
    ['no operator that gains', { profile: profile({ ops: { Add: 1 } }) }, /Conv, MatMul, Gemm/],
  ])('%s', (_, changes, reason) => {
    const recipe = plan(changes);
    expect(recipe.candidates).toEqual([]);
    expect(recipe.notes).toHaveLength(1);
    expect(recipe.notes[0]).toMatch(reason);
  });
});

test('the gate takes what the user sets and keeps the other defaults', () => {
  expect(plan({ optimization: { gate: { minSpeedup: 1.5, strict: true } } }).gate).toEqual({
    minSpeedup: 1.5,
    maxAccuracyDrop: 0.01,
    maxErrorRatio: 1.5,
    minAgreement: 0.99,
    minSqnrDb: 20,
    warnSqnrDb: 30,
    warnCosine: 0.999,
    strict: true,
  });
});

test('threads are those of the smallest machine it may land on', () => {
  const machines = [machine('x86-64-vnni'), machine('x86-64-vnni', { processors: 2 })];
  expect(plan({ machines }).target.threads).toBe(2);
});
