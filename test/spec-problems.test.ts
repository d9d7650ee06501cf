import { expect, test } from 'vitest';
import { specProblems } from '../lib/spec-problems.js';

const model = { path: 'm.onnx' };

test('a spec of a model alone is sound', () => {
  expect(specProblems({ model })).toEqual([]);
});

test('every option that is given rightly is sound', () => {
  const spec = {
    model: { ...model, name: 'fraud-2', calibration: 's.npz', labels: 'l.npy', dims: { sequence: 128 } },
    objective: {
      p99Ms: 50,
      requestsPerSecond: 0.5,
      maxMonthlyUsd: 100,
      minimize: 'latency',
      payload: { rows: 4, encoding: 'binary' },
    },
    scaling: { min: 1, max: 3 },
    hardware: { choose: 'named', machine: 'local' },
    optimization: {
      precision: 'int8',
      goal: 'size',
      task: 'detection',
      metric: { file: 'metric.py', function: 'mean_average_precision', direction: 'higher', maxDrop: 0.02 },
      gate: { minShrink: 2, maxAccuracyDrop: 0, minAgreement: 1, strict: true },
      repair: { trials: 0, maxExcludedShare: 1 },
      canaries: 'synthetic',
      onFailure: 'error',
    },
    serving: {
      maxBatch: 8,
      workers: 2,
      intraOpThreads: 1,
      maxBodyBytes: 1000,
      maxQueue: 1,
      timeoutSeconds: 0.5,
      hooks: 'hooks.py',
      hookSeconds: 0.5,
      requirements: 'requirements.txt',
    },
    monitoring: {
      slo: { availability: 99.95, p99Ms: 10, periodDays: 7 },
      drift: { psi: 0.1, minCount: 1000, windowHours: 168, watch: 'outputs' },
    },
  };
  expect(specProblems(spec)).toEqual([]);
});

test.each([
  [false, []],
  [{}, []],
  [true, [{ where: 'monitoring.drift', what: 'true is given; allowed: false, or an object' }]],
  [
    { psi: 0, minCount: 0.5, windowHours: 169, watch: 'inputs' },
    [
      { where: 'monitoring.drift.psi', what: '0 is given; allowed: a number above 0 (population stability index)' },
      { where: 'monitoring.drift.minCount', what: '0.5 is given; allowed: a whole number from 1' },
      { where: 'monitoring.drift.windowHours', what: '169 is given; allowed: a whole number from 1 to 168' },
      { where: 'monitoring.drift.watch', what: "\"inputs\" is given; allowed: 'all', 'outputs'" },
    ],
  ],
  [{ on: true }, [{ where: 'monitoring.drift.on', what: expect.stringContaining('is no option') }]],
])('drift may be off, or as told: %j', (drift, problems) => {
  expect(specProblems({ model, monitoring: { drift } })).toEqual(problems);
});

test('all problems come at once, each with its place, what was given and what is allowed', () => {
  const problems = specProblems({
    model: { path: '', name: 'a b', dims: { sequence: 0 } },
    objective: { p99Ms: -5 },
    optimization: { precision: 'fp8' },
    monitoring: { slo: { availability: 100 } },
  });
  expect(problems).toEqual([
    { where: 'model.path', what: '"" is given; allowed: the path of a .onnx file' },
    {
      where: 'model.name',
      what: "\"a b\" is given; allowed: letters, digits, '.', '_' and '-', beginning with a letter or digit, at most 63",
    },
    { where: 'model.dims.sequence', what: '0 is given; allowed: a whole number from 1' },
    { where: 'objective.p99Ms', what: '-5 is given; allowed: a number above 0 (milliseconds)' },
    { where: 'optimization.precision', what: "\"fp8\" is given; allowed: 'auto', 'fp32', 'fp16', 'int8', 'int4'" },
    {
      where: 'monitoring.slo.availability',
      what: '100 is given; allowed: a percentage above 0 and below 100; 100 leaves no room for a single error, so every error would page',
    },
  ]);
});

test('an option that does not exist is named', () => {
  expect(specProblems({ model, objective: { p99ms: 5 } })).toEqual([
    { where: 'objective.p99ms', what: expect.stringContaining('is no option') },
  ]);
});

test('a spec without a model says so', () => {
  expect(specProblems({})).toEqual([{ where: 'model', what: 'is missing; allowed: an object' }]);
});

test('labels without samples are refused', () => {
  expect(specProblems({ model: { ...model, labels: 'l.npy' } })).toEqual([
    { where: 'model.labels', what: expect.stringContaining('labels belong to samples') },
  ]);
});

test('options that contradict each other are all told', () => {
  const problems = specProblems({
    model,
    hardware: {
      choose: 'auto',
      accelerators: ['none'],
      providers: ['cuda'],
      allow: ['ml.g6.xlarge'],
      deny: ['ml.g6.xlarge'],
    },
    optimization: { precision: 'fp16' },
    scaling: { min: 3, max: 2, toZero: true },
  });
  expect(problems.map(({ where }) => where)).toEqual([
    'scaling',
    'scaling.min',
    'optimization.precision',
    'hardware.providers',
    'hardware.deny',
  ]);
  expect(problems[0]?.what).toBe('min is 3 and max is 2; give a min that is not above max');
});

test('8-bit models gain nothing by the CUDA provider', () => {
  const spec = { model, hardware: { choose: 'auto', providers: ['cuda'] }, optimization: { precision: 'int8' } };
  expect(specProblems(spec)).toEqual([
    { where: 'optimization.precision', what: expect.stringContaining('int8 on the CUDA provider runs as float') },
  ]);
});

test('every value of the options of the optimization and of hooks is checked', () => {
  const problems = specProblems({
    model: { ...model, calibration: 's.npz' },
    optimization: {
      goal: 'accuracy',
      task: 'segmentation',
      metric: { file: 'metric.txt', function: '2nd', direction: 'up', maxDrop: -0.1 },
      repair: { trials: -1, maxExcludedShare: 2 },
      canaries: 'none',
    },
    serving: { hooks: '', hookSeconds: 0 },
  });
  const name = "the name of a Python function: letters, digits and '_', not beginning with a digit";
  const tasks = "'auto', 'classification', 'detection', 'embedding', 'generation', 'regression'";
  expect(problems).toEqual([
    { where: 'optimization.goal', what: `"accuracy" is given; allowed: 'speed', 'size'` },
    { where: 'optimization.task', what: `"segmentation" is given; allowed: ${tasks}` },
    { where: 'optimization.metric.file', what: '"metric.txt" is given; allowed: the path of a .py file' },
    { where: 'optimization.metric.function', what: `"2nd" is given; allowed: ${name}` },
    { where: 'optimization.metric.direction', what: `"up" is given; allowed: 'higher', 'lower'` },
    { where: 'optimization.metric.maxDrop', what: '-0.1 is given; allowed: a number of at least 0' },
    { where: 'optimization.repair.trials', what: '-1 is given; allowed: a whole number from 0 to 100' },
    { where: 'optimization.repair.maxExcludedShare', what: '2 is given; allowed: a number from 0 to 1' },
    { where: 'optimization.canaries', what: `"none" is given; allowed: 'samples', 'synthetic'` },
    { where: 'serving.hooks', what: '"" is given; allowed: the path of a Python file, or of a folder with hooks.py' },
    { where: 'serving.hookSeconds', what: '0 is given; allowed: a number above 0 (seconds)' },
  ]);
});

const metric = { file: 'metric.py', function: 'f1' };

test.each([
  ['a metric without samples', { model, optimization: { metric } }, ['optimization.metric']],
  [
    'bounds on accuracy without labels',
    { model, optimization: { gate: { maxAccuracyDrop: 0.02, maxErrorRatio: 2, strict: true } } },
    ['optimization.gate.strict', 'optimization.gate.maxAccuracyDrop', 'optimization.gate.maxErrorRatio'],
  ],
  [
    "a bound on errors beside a metric of the user's own",
    {
      model: { ...model, calibration: 's.npz', labels: 'l.npy' },
      optimization: { metric, gate: { maxErrorRatio: 2, maxAccuracyDrop: 0.02, strict: true } },
    },
    ['optimization.gate.maxErrorRatio'],
  ],
  [
    'a shrink without the goal of size',
    { model, optimization: { gate: { minShrink: 2 } } },
    ['optimization.gate.minShrink'],
  ],
  [
    'a speed-up with the goal of size',
    { model, optimization: { goal: 'size', gate: { minSpeedup: 2 } } },
    ['optimization.gate.minSpeedup'],
  ],
  [
    'canaries from samples that are not there',
    { model, optimization: { canaries: 'samples' } },
    ['optimization.canaries'],
  ],
  [
    'what belongs to hooks without hooks',
    { model, serving: { hookSeconds: 1, requirements: 'r.txt' } },
    ['serving.hookSeconds', 'serving.requirements'],
  ],
])('%s: refused, with what to do', (_, spec, places) => {
  const problems = specProblems(spec);
  expect(problems.map(({ where }) => where)).toEqual(places);
  for (const { what } of problems) expect(what).toMatch(/give|leave/i);
});
