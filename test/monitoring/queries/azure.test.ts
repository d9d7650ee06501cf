import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { planMonitoring } from '../../../lib/monitoring/plan.js';
import {
  type AzureMetric,
  type AzurePlatform,
  type AzureValue,
  azureNamespaces,
  azurePublished,
  azureValue,
} from '../../../lib/monitoring/queries/azure.js';
import * as managed from '../../../lib/monitoring/queries/azure-ml.js';
import * as apps from '../../../lib/monitoring/queries/container-apps.js';
import { counted, type SignalId, signals } from '../../../lib/monitoring/signals.js';
import { packageFile } from '../../../lib/package-root.js';

interface Entry {
  readonly namespace: string;
  readonly name: string;
  readonly unit: string;
  readonly aggregations: readonly string[];
  readonly dimensions: readonly string[];
  readonly status: 'documented' | 'preview' | 'unverified';
}

const catalogue = ['azure-ml', 'container-apps'].flatMap(
  (file) => JSON.parse(readFileSync(packageFile('data', 'metrics', `${file}.json`), 'utf8')) as Entry[],
);
const platforms = ['azure-ml', 'azure-container-apps'] as const;
const machine = { processors: 4, memoryBytes: 8 * 2 ** 30 };

/** What is asked of Azure that it does not publish so. */
function unpublished({ of, name, aggregation, where = [], by = [] }: AzureMetric): string[] {
  const entry = catalogue.find((one) => one.namespace === azureNamespaces[of] && one.name === name);
  if (!entry) return [`${name} is in no catalogue`];
  const dimensions = [...where.map(({ label }) => label), ...by];
  return [
    ...(entry.aggregations.includes(aggregation) ? [] : [`${name} has no ${aggregation}`]),
    ...dimensions.filter((dimension) => !entry.dimensions.includes(dimension)).map((one) => `${name} has no ${one}`),
  ];
}

const metricsOf = (value: AzureValue | null): readonly AzureMetric[] =>
  value === null || value.kind === 'constant'
    ? []
    : value.kind === 'sum'
      ? value.metrics
      : [...value.of.metrics, ...value.to.metrics];

const { alerts, objectives } = planMonitoring({ model: 'digits', slo: { p99Ms: 50 } });
const expressions = [
  ...Object.values(signals).map(({ value }) => value),
  ...alerts.flatMap(({ when }) => when.map(({ value }) => value)),
  ...objectives.flatMap(({ bad, total }) => [bad, total]),
  { op: 'mean', metric: 'http_server_request_duration_seconds' } as const,
];

describe('the catalogue', () => {
  test('names each metric of a resource once', () => {
    const names = catalogue.map(({ namespace, name }) => `${namespace} ${name}`);
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(catalogue.map(({ namespace }) => namespace))).toEqual(new Set(Object.values(azureNamespaces)));
  });

  test('is what queries are checked with: other names, aggregations and dimensions are found', () => {
    expect(unpublished({ of: 'app', name: 'Request', aggregation: 'Total' })).toEqual(['Request is in no catalogue']);
    expect(unpublished({ of: 'endpoint', name: 'RequestsPerMinute', aggregation: 'Total', by: ['podName'] })).toEqual([
      'RequestsPerMinute has no Total',
      'RequestsPerMinute has no podName',
    ]);
    expect(unpublished({ of: 'deployment', name: 'RequestLatency', aggregation: 'Average' })).toEqual([
      'RequestLatency is in no catalogue',
    ]);
  });
});

describe.each(platforms)('%s', (platform) => {
  test('every query is of a metric that Azure publishes, with an aggregation and dimensions that it has', () => {
    const metrics = expressions.flatMap((expression) => metricsOf(azureValue(expression, platform, machine)));
    expect(metrics.length).toBeGreaterThan(10);
    expect(metrics.flatMap(unpublished)).toEqual([]);
  });

  test('the unit is that of the catalogue', () => {
    const units = { 'requests/min': 'Count', milliseconds: 'Milliseconds', percent: 'Percent', nanocores: 'NanoCores' };
    const more = { bytes: 'Bytes', replicas: 'Count' };
    for (const expression of expressions) {
      const value = azureValue(expression, platform, machine);
      if (value?.kind !== 'sum') continue;
      for (const { of, name } of value.metrics) {
        const entry = catalogue.find((one) => one.namespace === azureNamespaces[of] && one.name === name);
        expect(entry?.unit, name).toBe({ ...units, ...more }[value.unit]);
      }
    }
  });
});

test('what only Azure has is published, too', () => {
  const extra = [managed.capacity, managed.connections, ...managed.accelerators];
  expect([...extra, apps.replicas, apps.restarts, ...apps.accelerators].flatMap(unpublished)).toEqual([]);
});

test('percentiles are never means over deployments, nor utilization of memory over instances', () => {
  const { latencies, memory } = azurePublished['azure-ml'];
  for (const value of Object.values(latencies)) expect(value.metrics[0]!.by).toEqual(['deployment']);
  expect(memory(machine).metrics[0]!.by).toEqual(['instanceId']);
  expect(azurePublished['azure-container-apps'].memory(machine).metrics[0]!.by).toEqual(['podName']);
});

const known = (platform: AzurePlatform): SignalId[] =>
  (Object.keys(signals) as SignalId[]).filter((id) => azureValue(signals[id].value, platform, machine) !== null).sort();

test('the signals that there is data for', () => {
  const both = ['clientErrors', 'cpuCores', 'cpuLimit', 'cpuShare'];
  const rest = ['memory', 'memoryFill', 'memoryLimit'];
  expect(known('azure-ml')).toEqual([
    ...both,
    'latencyP50',
    'latencyP95',
    'latencyP99',
    ...rest,
    'rejections',
    'serverErrors',
    'throughput',
  ]);
  expect(known('azure-container-apps')).toEqual([
    ...both,
    'errorShare',
    ...rest,
    'reachable',
    'serverErrors',
    'throughput',
  ]);
});

test.each([
  [
    'azure-ml',
    'latencyP99',
    { unit: 'milliseconds', times: 0.001 },
    [{ of: 'endpoint', name: 'RequestLatency_P99', aggregation: 'Average', by: ['deployment'] }],
  ],
  [
    'azure-ml',
    'serverErrors',
    { unit: 'requests/min', times: 1 / 60 },
    [
      {
        ...{ of: 'endpoint', name: 'RequestsPerMinute', aggregation: 'Average', by: ['deployment'], part: 'by Azure' },
        where: [{ label: 'statusCodeClass', equals: '5xx' }],
      },
      {
        ...{ of: 'endpoint', name: 'RequestsPerMinute', aggregation: 'Average', by: ['deployment'] },
        where: [{ label: 'modelStatusCode', startsWith: '5' }],
        part: 'by the model',
      },
    ],
  ],
  [
    'azure-ml',
    'cpuCores',
    { unit: 'percent', times: 0.04 },
    [{ of: 'deployment', name: 'CpuUtilizationPercentage', aggregation: 'Average' }],
  ],
  [
    'azure-ml',
    'memoryFill',
    { unit: 'percent', times: 0.01 },
    [{ of: 'deployment', name: 'CpuMemoryUtilizationPercentage', aggregation: 'Average', by: ['instanceId'] }],
  ],
  [
    'azure-container-apps',
    'throughput',
    { unit: 'requests/min', times: 1 / 60 },
    [{ of: 'app', name: 'Requests', aggregation: 'Total' }],
  ],
  [
    'azure-container-apps',
    'serverErrors',
    { unit: 'requests/min', times: 1 / 60 },
    [
      {
        ...{ of: 'app', name: 'Requests', aggregation: 'Total' },
        where: [{ label: 'statusCodeCategory', equals: '5xx' }],
      },
    ],
  ],
  [
    'azure-container-apps',
    'cpuShare',
    { unit: 'nanocores', times: 1e-9 / 4 },
    [{ of: 'app', name: 'UsageNanoCores', aggregation: 'Average' }],
  ],
] as const)('%s %s', (platform, id, how, metrics) => {
  expect(azureValue(signals[id].value, platform, machine)).toEqual({ kind: 'sum', ...how, metrics });
});

test('a share needs counts: container apps have them, endpoints have means that do not add up', () => {
  expect(azureValue(signals.errorShare.value, 'azure-ml', machine)).toBeNull();
  expect(azureValue(counted.serverErrors, 'azure-ml', machine)).toBeNull();
  const share = azureValue(signals.errorShare.value, 'azure-container-apps', machine);
  expect(share).toMatchObject({
    kind: 'ratio',
    of: { metrics: [{ where: [{ label: 'statusCodeCategory', equals: '5xx' }] }] },
    to: { metrics: [{ name: 'Requests' }] },
  });
  expect(azureValue(counted.requests, 'azure-container-apps', machine)).toMatchObject({ kind: 'sum', times: 1 });
});

test.each(['queueDepth', 'inFlight', 'batchMean', 'stages', 'ready', 'agreement', 'modelInfo'] as const)(
  '%s is the own server’s alone: Azure publishes nothing of the kind',
  (id) => {
    for (const platform of platforms) expect(azureValue(signals[id].value, platform, machine)).toBeNull();
  },
);

test('what is counted otherwise is not made up', () => {
  for (const platform of platforms) {
    const ask = (expression: Parameters<typeof azureValue>[0]) => azureValue(expression, platform, machine);
    expect(ask({ op: 'rate', metric: 'onnx_batch_size' })).toBeNull();
    expect(ask({ op: 'rate', metric: 'onnx_requests_total', where: [{ label: 'code', equals: '418' }] })).toBeNull();
    expect(ask({ op: 'quantile', q: 0.42, metric: 'http_server_request_duration_seconds' })).toBeNull();
    expect(ask({ op: 'quantile', q: 0.5, metric: 'onnx_batch_size' })).toBeNull();
    expect(ask({ op: 'mean', metric: 'onnx_batch_size' })).toBeNull();
    expect(ask({ op: 'worstShare', metric: 'onnx_requests_in_flight', limit: 'onnx_queue_limit' })).toBeNull();
    expect(ask(counted.slowAnswers(0.05))).toBeNull();
  }
});
