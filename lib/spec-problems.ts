/** Every problem of a spec's own values at once; what needs the model or the machine is found in `plan.ts`. */

import { z } from 'zod';
import { type Problem, problemsOf } from './errors.js';
import type { EndpointSpec } from './spec.js';

/** Of a variable or a Python function. */
export const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

type Issue = { readonly input?: unknown };

const shown = (value: unknown): string =>
  typeof value === 'number' || typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? String(value));

/** The sentence of a failed check: what was given and what is allowed. */
const allowed = (what: string) => ({
  error: (issue: Issue) =>
    issue.input === undefined ? `is missing; allowed: ${what}` : `${shown(issue.input)} is given; allowed: ${what}`,
});

const numberAbove = (least: number, unit: string) => {
  const message = allowed(`a number above ${least} (${unit})`);
  return z.number(message).gt(least, message);
};
const between = (least: number, most: number) => {
  const message = allowed(`a number from ${least} to ${most}`);
  return z.number(message).min(least, message).max(most, message);
};
const countFromNone = (most: number) => {
  const message = allowed(`a whole number from 0 to ${most}`);
  return z.int(message).min(0, message).max(most, message);
};
const count = (most = Number.MAX_SAFE_INTEGER) => {
  const message = allowed(
    most === Number.MAX_SAFE_INTEGER ? 'a whole number from 1' : `a whole number from 1 to ${most}`,
  );
  return z.int(message).min(1, message).max(most, message);
};
const atLeast = (least: number) => {
  const message = allowed(`a number of at least ${least}`);
  return z.number(message).min(least, message);
};
const oneOf = <const T extends readonly string[]>(values: T) =>
  z.enum(values, allowed(values.map((value) => `'${value}'`).join(', ')));
const text = (what: string) => z.string(allowed(what)).min(1, allowed(what));
const name = () => {
  const message = allowed("letters, digits, '.', '_' and '-', beginning with a letter or digit, at most 63");
  return z.string(message).regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, message);
};
const pythonFile = () => {
  const message = allowed('the path of a .py file');
  return z.string(message).regex(/\.py$/, message);
};
const pythonName = () => {
  const message = allowed("the name of a Python function: letters, digits and '_', not beginning with a digit");
  return z.string(message).regex(variableName, message);
};
const email = () => {
  const message = allowed('an e-mail address');
  return z.string(message).regex(/^[^\s@]+@[^\s@]+$/, message);
};
const flag = () => z.boolean(allowed('true or false'));

const group = <T extends z.ZodRawShape>(shape: T) => z.strictObject(shape, allowed('an object'));

const unlessFalse = <T extends z.ZodRawShape>(shape: T) =>
  z.preprocess((given) => (given === false ? {} : given), z.strictObject(shape, allowed('false, or an object')));

const shape = group({
  model: group({
    path: text('the path of a .onnx file'),
    uri: text('where the model lies').optional(),
    lock: text('the path of a lock').optional(),
    name: name().optional(),
    calibration: text('the path of a .npz file').optional(),
    labels: text('the path of a .npy file').optional(),
    dims: z.record(z.string(), count(), allowed('an object of dimension names and sizes')).optional(),
  }),
  objective: group({
    p99Ms: numberAbove(0, 'milliseconds').optional(),
    requestsPerSecond: numberAbove(0, 'requests a second').optional(),
    maxMonthlyUsd: numberAbove(0, 'USD in 730 hours').optional(),
    minimize: oneOf(['cost', 'latency']).optional(),
    payload: group({ rows: count(65_536).optional(), encoding: oneOf(['json', 'binary']).optional() }).optional(),
  }).optional(),
  hardware: z
    .discriminatedUnion(
      'choose',
      [
        group({
          choose: z.literal('auto'),
          accelerators: z.array(text("an accelerator's id or name, or none")).optional(),
          allow: z.array(text('the name of a machine type, * for any characters')).optional(),
          deny: z.array(text('the name of a machine type, * for any characters')).optional(),
          regions: z.array(text('the name of a region')).optional(),
          providers: z.array(oneOf(['cpu', 'cuda', 'tensorrt'])).optional(),
        }),
        group({ choose: z.literal('named'), machine: text('the name of a machine type') }),
      ],
      allowed("Hardware.auto() or Hardware.of('…')"),
    )
    .optional(),
  measurements: text('the path of a .csv file').optional(),
  optimization: group({
    precision: oneOf(['auto', 'fp32', 'fp16', 'int8', 'int4']).optional(),
    goal: oneOf(['speed', 'size']).optional(),
    task: oneOf(['auto', 'classification', 'detection', 'embedding', 'generation', 'regression']).optional(),
    metric: group({
      file: pythonFile(),
      function: pythonName(),
      direction: oneOf(['higher', 'lower']).optional(),
      maxDrop: atLeast(0).optional(),
    }).optional(),
    repair: group({ trials: countFromNone(100).optional(), maxExcludedShare: between(0, 1).optional() }).optional(),
    canaries: oneOf(['samples', 'synthetic']).optional(),
    gate: group({
      minSpeedup: atLeast(1).optional(),
      minShrink: atLeast(1).optional(),
      maxAccuracyDrop: between(0, 1).optional(),
      maxErrorRatio: atLeast(1).optional(),
      minAgreement: between(0, 1).optional(),
      minSqnrDb: atLeast(0).optional(),
      strict: flag().optional(),
    }).optional(),
    onFailure: oneOf(['fp32', 'error']).optional(),
  }).optional(),
  scaling: group({
    min: count(10_000).optional(),
    max: count(10_000).optional(),
    toZero: flag().optional(),
    target: numberAbove(0, 'requests in flight').optional(),
  }).optional(),
  serving: group({
    maxBatch: count(4096).optional(),
    workers: count(1024).optional(),
    intraOpThreads: count(1024).optional(),
    maxBodyBytes: count(2 ** 31).optional(),
    maxQueue: count(1_000_000).optional(),
    timeoutSeconds: numberAbove(0, 'seconds').optional(),
    hooks: text('the path of a Python file, or of a folder with hooks.py').optional(),
    hookSeconds: numberAbove(0, 'seconds').optional(),
    requirements: text('the path of a requirements.txt').optional(),
  }).optional(),
  monitoring: group({
    slo: group({
      availability: z
        .number(allowed('a percentage above 0 and below 100'))
        .gt(0, allowed('a percentage above 0 and below 100'))
        .lt(
          100,
          allowed(
            'a percentage above 0 and below 100; 100 leaves no room for a single error, so every error would page',
          ),
        )
        .optional(),
      p99Ms: numberAbove(0, 'milliseconds').optional(),
      periodDays: count(90).optional(),
    }).optional(),
    drift: unlessFalse({
      psi: numberAbove(0, 'population stability index').optional(),
      minCount: count().optional(),
      windowHours: count(168).optional(),
      watch: oneOf(['all', 'outputs']).optional(),
    }).optional(),
    idleHours: countFromNone(24).optional(),
    budget: group({
      monthlyUsd: numberAbove(0, 'USD a month').optional(),
      emails: z.array(email(), allowed('a list of e-mail addresses')).min(1).max(10).optional(),
    }).optional(),
  }).optional(),
  environment: z
    .record(z.string(), z.string(allowed('text')), allowed('an object of variable names and texts'))
    .optional(),
  rollout: group({
    strategy: oneOf(['canary', 'linear', 'all-at-once']).optional(),
    percent: between(1, 100).optional(),
    waitSeconds: atLeast(0).optional(),
    keepSeconds: atLeast(0).optional(),
    rollback: flag().optional(),
  }).optional(),
  tags: z.record(z.string(), z.string(allowed('text')), allowed('an object of names and texts')).optional(),
});

/** Nothing when the spec is sound. */
export function specProblems(spec: unknown): Problem[] {
  const result = shape.safeParse(spec);
  if (result.success) return contradictions(spec as EndpointSpec);
  const problems = result.error.issues.flatMap((issue) => {
    const where = issue.path.join('.');
    if (issue.code !== 'unrecognized_keys') return [{ where: where || 'spec', what: issue.message }];
    return issue.keys.map((key) => ({
      where: [...issue.path, key].join('.'),
      what: 'is no option; see the list of options in the doc comments of EndpointSpec',
    }));
  });
  const told = (problem: Problem) => `${problem.where}: ${problem.what}`;
  return [...new Map(problems.map((problem) => [told(problem), problem])).values()];
}

/** Options that contradict each other or mean nothing without another one. */
function contradictions({ model, optimization, hardware, scaling, serving, environment }: EndpointSpec): Problem[] {
  const oddNames = Object.keys(environment ?? {}).filter((name) => !variableName.test(name));
  const auto = hardware?.choose === 'auto' ? hardware : undefined;
  const precision = optimization?.precision;
  const { goal, metric, gate } = optimization ?? {};
  const { accelerators, providers } = auto ?? {};
  const noAccelerator = accelerators?.every((name) => name.toLowerCase() === 'none') ?? false;
  const onlyCpu = providers?.every((provider) => provider === 'cpu') ?? false;
  const both = auto?.allow?.filter((type) => auto.deny?.includes(type)) ?? [];
  return problemsOf([
    [
      model.labels && !model.calibration,
      'model.labels',
      'labels belong to samples; give those too (calibration, or --data on the command line)',
    ],
    [
      gate?.strict && !model.labels && !metric,
      'optimization.gate.strict',
      'a strict gate is about labels that are too few; give labels (--labels on the command line)',
    ],
    [
      gate?.maxAccuracyDrop !== undefined && !model.labels && !metric,
      'optimization.gate.maxAccuracyDrop',
      'accuracy needs labels; give them (--labels on the command line) or a metric of your own (--metric), or leave it out',
    ],
    [
      gate?.maxErrorRatio !== undefined && (!model.labels || metric),
      'optimization.gate.maxErrorRatio',
      metric
        ? 'errors are counted by labels, but your metric decides in their place; leave one of them out'
        : 'errors are counted by labels; give them (--labels on the command line), or leave it out',
    ],
    [
      metric && !model.calibration,
      'optimization.metric',
      'a metric judges the answers to samples; give some (calibration, or --data on the command line)',
    ],
    [
      gate?.minShrink !== undefined && goal !== 'size',
      'optimization.gate.minShrink',
      "counts only where the goal is size; give goal 'size' (--goal size) too, or leave it out",
    ],
    [
      gate?.minSpeedup !== undefined && goal === 'size',
      'optimization.gate.minSpeedup',
      'counts only where the goal is speed; the smallest form has to be no slower than fp32, no more. Leave it out, or give minShrink',
    ],
    [
      optimization?.canaries === 'samples' && !model.calibration,
      'optimization.canaries',
      'there are no samples; give some (calibration, or --data on the command line), or leave it out',
    ],
    [
      serving?.hookSeconds !== undefined && !serving.hooks,
      'serving.hookSeconds',
      'there are no hooks; give the Python file that has them (hooks, or --hooks on the command line), or leave it out',
    ],
    [
      serving?.requirements && !serving.hooks,
      'serving.requirements',
      'packages are installed for hooks, and there are none; give the Python file that has them (hooks, or --hooks on the command line), or leave it out',
    ],
    [
      (scaling?.min ?? 1) > (scaling?.max ?? Number.POSITIVE_INFINITY),
      'scaling',
      `min is ${scaling?.min} and max is ${scaling?.max}; give a min that is not above max`,
    ],
    [
      scaling?.toZero && scaling.min !== undefined,
      'scaling.min',
      `toZero stops the last machine, but min keeps ${scaling?.min}; leave one of them out`,
    ],
    [
      precision === 'fp16' && (noAccelerator || onlyCpu),
      'optimization.precision',
      "fp16 needs an accelerator, but hardware allows none; take 'auto', 'int8' or 'fp32', or allow accelerators",
    ],
    [
      precision === 'int8' && providers?.every((provider) => provider === 'cuda'),
      'optimization.precision',
      "int8 on the CUDA provider runs as float and is slower than it; take 'fp16', or allow the providers cpu or tensorrt",
    ],
    [
      noAccelerator && providers && !providers.includes('cpu'),
      'hardware.providers',
      `${providers?.join(' and ')} need an accelerator, but accelerators is none; allow one of both`,
    ],
    [
      onlyCpu && accelerators && !accelerators.some((name) => name.toLowerCase() === 'none'),
      'hardware.accelerators',
      `${accelerators?.join(', ')} would be paid for and not used: the only provider is cpu; allow cuda, or leave accelerators out`,
    ],
    [
      oddNames.length > 0,
      'environment',
      `${oddNames.map((name) => `'${name}'`).join(', ')} cannot be the name of a variable; allowed: letters, digits and '_', not beginning with a digit`,
    ],
    [both.length > 0, 'hardware.deny', `${both.join(', ')} is allowed and denied; leave one of them out`],
  ]);
}
