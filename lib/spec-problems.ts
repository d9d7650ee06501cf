/** Every problem of a spec's own values at once; what needs the model or the machine is found in `plan.ts`. */

import { z } from 'zod';
import type { Problem } from './errors.js';
import type { EndpointSpec } from './spec.js';

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
const flag = () => z.boolean(allowed('true or false'));

const group = <T extends z.ZodRawShape>(shape: T) => z.strictObject(shape, allowed('an object'));

const shape = group({
  model: group({
    path: text('the path of a .onnx file'),
    name: name().optional(),
    calibration: text('the path of a .npz file').optional(),
    labels: text('the path of a .npy file').optional(),
    dims: z.record(z.string(), count(), allowed('an object of dimension names and sizes')).optional(),
  }),
  objective: group({
    p99Ms: numberAbove(0, 'milliseconds').optional(),
    requestsPerSecond: numberAbove(0, 'requests a second').optional(),
  }).optional(),
  hardware: z
    .discriminatedUnion(
      'choose',
      [
        group({ choose: z.literal('auto') }),
        group({ choose: z.literal('named'), machine: text('the name of a machine type') }),
      ],
      allowed("Hardware.auto() or Hardware.of('…')"),
    )
    .optional(),
  optimization: group({
    precision: oneOf(['auto', 'fp32', 'int8']).optional(),
    gate: group({
      minSpeedup: atLeast(1).optional(),
      maxAccuracyDrop: between(0, 1).optional(),
      maxErrorRatio: atLeast(1).optional(),
      minAgreement: between(0, 1).optional(),
      minSqnrDb: atLeast(0).optional(),
      strict: flag().optional(),
    }).optional(),
    onFailure: oneOf(['fp32', 'error']).optional(),
  }).optional(),
  serving: group({
    maxBatch: count(4096).optional(),
    workers: count(1024).optional(),
    intraOpThreads: count(1024).optional(),
    maxBodyBytes: count(2 ** 31).optional(),
    maxQueue: count(1_000_000).optional(),
    timeoutSeconds: numberAbove(0, 'seconds').optional(),
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
  }).optional(),
});

/** Nothing when the spec is sound. */
export function specProblems(spec: unknown): Problem[] {
  const result = shape.safeParse(spec);
  if (result.success) return labelProblems(spec as EndpointSpec);
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

/** Options that mean nothing without another one. */
function labelProblems({ model, optimization }: EndpointSpec): Problem[] {
  const problems: Problem[] = [];
  if (model.labels && !model.calibration) {
    const what = 'labels belong to samples; give those too (calibration, or --data on the command line)';
    problems.push({ where: 'model.labels', what });
  }
  if (optimization?.gate?.strict && !model.labels) {
    const what = 'a strict gate is about labels that are too few; give labels (--labels on the command line)';
    problems.push({ where: 'optimization.gate.strict', what });
  }
  return problems;
}
