import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CandidateRecipe } from '../../lib/contract/recipe.js';
import { checked } from '../../lib/contract/validate.js';
import { planRecipe, type RecipeInput } from '../../lib/optimization/recipe.js';
import { machine } from '../machines.js';
import { profile } from '../profiles.js';

const cnn = profile({ family: 'cnn', ops: { Conv: 4, Gemm: 1, Relu: 4 } });
const encoder = profile({ family: 'encoder', ops: { MatMul: 24, LayerNormalization: 4 } });
const vit = profile({ family: 'vit', ops: { Conv: 1, MatMul: 24, LayerNormalization: 4 } });
const detector = profile({ family: 'detector', ops: { Conv: 60, Concat: 9, Sigmoid: 58, Mul: 60 } });
const decoder = profile({ family: 'decoder', ops: { MatMul: 24, Softmax: 2 } });

function plan(changes: Partial<RecipeInput> = {}) {
  const recipe = planRecipe({
    name: 'net',
    profile: cnn,
    platform: 'local',
    machines: [machine('x86-64-vnni')],
    provider: 'cpu',
    dims: {},
    workers: null,
    samples: true,
    ...changes,
  });
  return checked('recipe', recipe, 'recipe.json');
}

const names = (changes: Partial<RecipeInput>) => plan(changes).candidates.map((candidate) => candidate.name);

function reducesRange(candidate: CandidateRecipe): boolean | null {
  return 'reduceRange' in candidate ? candidate.reduceRange : null;
}

describe('what is tried on a CPU', () => {
  test('a CNN with VNNI: static only, unsigned activations and signed weights, never dynamic', () => {
    const { candidates } = plan();
    expect(candidates.map((candidate) => candidate.name)).toEqual([
      'int8-static-minmax',
      'int8-static-percentile',
      'int8-static-minmax-chain',
      'int8-static-minmax-all',
    ]);
    expect(candidates[0]).toEqual({
      name: 'int8-static-minmax',
      precision: 'int8',
      method: 'static',
      activationType: 'uint8',
      weightType: 'int8',
      perChannel: true,
      reduceRange: false,
      opTypes: ['Conv', 'MatMul', 'Gemm'],
      calibration: 'minmax',
      placement: 'cpu',
      excludeNodes: [],
    });
  });

  test('an encoder: dynamic first, since it needs no calibration and wins ties', () => {
    expect(names({ profile: encoder })).toEqual([
      'int8-dynamic',
      'int8-dynamic-per-tensor',
      'int8-static-minmax',
      'int8-static-percentile',
    ]);
  });

  test('a vision transformer: as an encoder, its convolution over patches never with dynamic ranges', () => {
    const { candidates } = plan({ profile: vit });
    expect(candidates).toMatchObject([
      { name: 'int8-dynamic', opTypes: ['MatMul', 'Gemm'], perChannel: true },
      { name: 'int8-dynamic-per-tensor', opTypes: ['MatMul', 'Gemm'], perChannel: false },
      { name: 'int8-static-minmax', opTypes: ['Conv', 'MatMul', 'Gemm'] },
      { name: 'int8-static-percentile' },
    ]);
  });

  test('a detector: never all operators, and a note on its head', () => {
    const { candidates, notes } = plan({ profile: detector });
    for (const candidate of candidates) expect(candidate).toMatchObject({ opTypes: ['Conv', 'MatMul', 'Gemm'] });
    expect(notes[0]).toMatch(/keeps its head in fp32/);
  });

  test('a decoder: weights in 4 bits, computed in 8 only where they do not saturate', () => {
    expect(names({ profile: decoder })).toEqual([
      'int4-weights-level4',
      'int4-weights',
      'int8-weights',
      'int8-dynamic',
    ]);
    expect(names({ profile: decoder, machines: [machine('x86-64')] })).toEqual([
      'int4-weights',
      'int8-weights',
      'int8-dynamic-7bit',
    ]);
    expect(plan({ profile: decoder }).candidates[0]).toMatchObject({
      blockSize: 32,
      accuracyLevel: 4,
      headPrecision: 'int8',
    });
  });

  test.each(['x86-64', 'unknown'] as const)(
    '%s among the machines: 7-bit weights, since 8-bit products may saturate',
    (set) => {
      const recipe = plan({ machines: [machine('x86-64-vnni'), machine(set)] });
      expect(recipe.candidates.map(reducesRange)).toEqual([true, true, true, true]);
      expect(recipe.candidates[0]?.name).toBe('int8-static-minmax-7bit');
      expect(recipe.target.instructionSets).toEqual([set, 'x86-64-vnni'].sort());
    },
  );

  test('Arm does not saturate: 8-bit weights, signed activations too', () => {
    const { candidates } = plan({ machines: [machine('arm64')] });
    expect(candidates.map(reducesRange)).toEqual([false, false, false, false, false]);
    expect(candidates.at(-1)).toMatchObject({ name: 'int8-static-minmax-signed', activationType: 'int8' });
  });

  test('Arm and x86 without VNNI together: what is right on both', () => {
    const { candidates } = plan({ machines: [machine('arm64'), machine('x86-64')] });
    expect(candidates.map(reducesRange)).toEqual([true, true, true, true]);
  });

  test('size as the goal brings weights in few bits, where there are matrices', () => {
    expect(names({ profile: encoder, optimization: { goal: 'size' } }).slice(4)).toEqual([
      'int4-weights',
      'int8-weights',
    ]);
    const convolutions = profile({ family: 'cnn', ops: { Conv: 4 } });
    expect(names({ profile: convolutions, optimization: { goal: 'size' } })).toHaveLength(4);
  });
});

describe('what is tried on accelerators', () => {
  test('CUDA: 16-bit floats, once with large values kept in fp32, and no 8 bits', () => {
    const recipe = plan({ provider: 'cuda' });
    expect(recipe.candidates).toMatchObject([
      { name: 'fp16', maxAbs: null },
      { name: 'fp16-guarded', maxAbs: 512 },
    ]);
    expect(recipe.notes).toEqual(["8-bit forms are not tried: ONNX Runtime's CUDA provider has no kernels for them"]);
    expect(recipe.bake.graphOptimization).toBe('basic');
  });

  test('TensorRT: 16-bit floats first, then signed 8 bits with its own placement', () => {
    const recipe = plan({ provider: 'tensorrt' });
    expect(recipe.candidates.map((candidate) => candidate.name)).toEqual([
      'fp16',
      'fp16-guarded',
      'int8-static-minmax-tensorrt',
      'int8-static-percentile-tensorrt',
    ]);
    expect(recipe.candidates[2]).toMatchObject({ activationType: 'int8', weightType: 'int8', placement: 'tensorrt' });
    expect(recipe.bake.graphOptimization).toBe('basic');
    expect(names({ provider: 'tensorrt', profile: encoder })).toEqual(['fp16', 'fp16-guarded']);
  });
});

describe('a precision that is asked for', () => {
  test.each([
    ['int8', 'cpu', decoder, ['int8-weights', 'int8-dynamic']],
    ['int4', 'cpu', decoder, ['int4-weights-level4', 'int4-weights']],
    ['int4', 'cpu', encoder, ['int4-weights']],
    ['fp16', 'cuda', cnn, ['fp16', 'fp16-guarded']],
    ['int8', 'tensorrt', encoder, ['int8-static-minmax-tensorrt', 'int8-static-percentile-tensorrt']],
  ] as const)('%s on %s leaves the others out', (precision, provider, given, expected) => {
    expect(names({ provider, profile: given, optimization: { precision } })).toEqual(expected);
  });

  test('that pays nowhere is told, with what can be asked for', () => {
    const recipe = plan({ optimization: { precision: 'fp16' } });
    expect(recipe.candidates).toEqual([]);
    expect(recipe.notes).toEqual(['no fp16 form pays for a model of family cnn on cpu; ask for int8 or auto']);
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
    ['more than one file holds', { profile: { ...cnn, fileBytes: 2_500_000_000 } }, /up to 1900000000 bytes/],
  ])('%s', (_, changes, reason) => {
    const recipe = plan(changes);
    expect(recipe.candidates).toEqual([]);
    expect(recipe.notes).toHaveLength(1);
    expect(recipe.notes[0]).toMatch(reason);
  });
});

const families = ['cnn', 'vit', 'encoder', 'decoder', 'detector', 'recurrent', 'mlp', 'classic', 'other'] as const;
const operators = fc.subarray(['Conv', 'MatMul', 'Gemm', 'Relu', 'Softmax', 'LSTM', 'Concat']);

test('for every target the recipe follows its schema, and no candidate can be wrong there', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...families),
      fc.constantFrom('cpu', 'cuda', 'tensorrt'),
      fc.uniqueArray(fc.constantFrom('x86-64-vnni', 'x86-64', 'arm64', 'unknown'), { minLength: 1 }),
      fc.constantFrom('auto', 'fp32', 'fp16', 'int8', 'int4'),
      fc.constantFrom('speed', 'size'),
      operators,
      (family, provider, sets, precision, goal, ops) => {
        const given = profile({ family, ops: Object.fromEntries(ops.map((op) => [op, 1])) });
        const { candidates, notes } = plan({
          profile: given,
          provider,
          machines: sets.map((set) => machine(set)),
          optimization: { precision, goal },
        });
        expect(new Set(candidates.map((candidate) => candidate.name)).size).toBe(candidates.length);
        if (family === 'classic' || precision === 'fp32') expect(candidates).toEqual([]);
        if (candidates.length === 0) expect(notes).not.toEqual([]);
        const mayComputeWrong = provider === 'cpu' && sets.some((set) => set === 'x86-64' || set === 'unknown');
        for (const candidate of candidates) {
          if (precision !== 'auto') expect(candidate.precision).toBe(precision);
          if (candidate.method === 'dynamic') expect(candidate.opTypes).not.toContain('Conv');
          if (mayComputeWrong) {
            expect(reducesRange(candidate)).not.toBe(false);
            if (candidate.method === 'weights') expect(candidate.accuracyLevel).toBeLessThan(4);
          }
          if (candidate.method === 'float16') expect(provider).not.toBe('cpu');
          if (candidate.method === 'static') {
            expect(provider).not.toBe('cuda');
            expect(candidate.placement).toBe(provider === 'tensorrt' ? 'tensorrt' : 'cpu');
            if (family === 'detector') expect(candidate.opTypes).not.toEqual([]);
          }
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('the options of the spec reach the recipe, and the others keep their defaults', () => {
  const metric = { file: 'metric.py', function: 'recall' };
  const recipe = plan({
    optimization: {
      goal: 'size',
      task: 'detection',
      metric,
      gate: { minSpeedup: 1.5, maxAccuracyDrop: 0.02, strict: true },
      repair: { trials: 3 },
      canaries: 'synthetic',
      onFailure: 'error',
    },
  });
  expect(recipe).toMatchObject({ goal: 'size', task: 'detection', onFailure: 'error' });
  expect(recipe.gate).toEqual({
    minSpeedup: 1.5,
    minShrink: 1.5,
    maxAccuracyDrop: 0.02,
    maxErrorRatio: 1.5,
    minAgreement: 0.99,
    minSqnrDb: 20,
    warnSqnrDb: 30,
    warnCosine: 0.999,
    strict: true,
    metric: { function: 'recall', direction: 'higher', maxDrop: 0.02 },
  });
  expect(recipe.repair).toEqual({ trials: 3, maxExcludedShare: 0.2 });
  expect(recipe.canaries).toEqual({ count: 16, source: 'synthetic' });
  expect(JSON.stringify(recipe)).not.toContain('metric.py');
});

test('threads are those of the smallest machine it may land on, shared by the runs that are served at a time', () => {
  const machines = [machine('x86-64-vnni'), machine('x86-64-vnni', { processors: 2 })];
  expect(plan({ machines }).target).toMatchObject({ threads: 2, intraOpThreads: 1 });
  expect(plan({ machines, workers: 1 }).target).toMatchObject({ threads: 2, intraOpThreads: 2 });
});
