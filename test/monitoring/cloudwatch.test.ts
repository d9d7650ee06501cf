import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { planMonitoring } from '../../lib/monitoring/plan.js';
import { cloudWatchValue, type SageMakerMetric } from '../../lib/monitoring/queries/cloudwatch.js';
import { counted, signals } from '../../lib/monitoring/signals.js';
import { packageFile } from '../../lib/package-root.js';

interface Entry {
  readonly namespace: string;
  readonly name: string;
  readonly statistics: readonly string[];
}

const catalogue = JSON.parse(readFileSync(packageFile('data', 'metrics', 'sagemaker.json'), 'utf8')) as Entry[];
const machine = { processors: 4, memoryBytes: 8 * 2 ** 30 };

/** Whether SageMaker publishes this metric with this statistic. */
function published({ namespace, name, statistic }: SageMakerMetric): boolean {
  const entry = catalogue.find((one) => one.namespace === namespace && one.name === name);
  const kind = /^(p\d|TC\()/.test(statistic) ? 'percentile' : statistic;
  return entry?.statistics.includes(kind) ?? false;
}

describe('what is said in metric math', () => {
  const { alerts, objectives } = planMonitoring({ model: 'digits', slo: { p99Ms: 50 } });
  const values = [
    ...Object.values(signals).map(({ value }) => value),
    ...alerts.flatMap(({ when }) => when.map(({ value }) => value)),
    ...objectives.flatMap(({ bad, total }) => [bad, total]),
  ].flatMap((expression) => cloudWatchValue(expression, machine) ?? []);

  test('reads only metrics and statistics that SageMaker publishes', () => {
    expect(values.length).toBeGreaterThan(20);
    for (const { metrics } of values) for (const metric of Object.values(metrics)) expect(published(metric)).toBe(true);
  });

  test('names every metric that it reads, and no other', () => {
    for (const { expression, metrics } of values) {
      const read = new Set([...expression.matchAll(/\b[a-z]\w*/g)].map(([id]) => id));
      expect([...read].sort()).toEqual(Object.keys(metrics).sort());
    }
  });
});

test.each([
  ['latencyP99', 'modelLatency_p99 / 1000000'],
  ['throughput', 'FILL(invocations_Sum, 0) / PERIOD(invocations_Sum)'],
  ['errorShare', null],
  ['cpuShare', '(cPUUtilization_Average / 100) / (4)'],
  ['memoryFill', 'memoryUtilization_Maximum / 100'],
  ['inFlight', 'concurrentRequestsPerModel_Maximum'],
] as const)('%s', (id, expression) => {
  const value = cloudWatchValue(signals[id].value, machine);
  if (expression !== null) expect(value?.expression).toBe(expression);
  else expect(value?.expression).toMatch(/^IF\(.*invocations_Sum.* > 0, .*invocation5XXErrors_Sum.*, 0\)$/);
});

test('requests slower than a bound are counted in microseconds', () => {
  expect(cloudWatchValue(counted.slowAnswers(0.05), machine)?.metrics).toEqual({
    modelLatency_TC_50000: { namespace: 'AWS/SageMaker', name: 'ModelLatency', statistic: 'TC(50000:)' },
  });
});

test.each(['queueDepth', 'batchMean', 'stages', 'ready', 'reachable', 'agreement'] as const)(
  '%s is the own server’s alone: SageMaker publishes nothing of the kind',
  (id) => expect(cloudWatchValue(signals[id].value, machine)).toBeNull(),
);
