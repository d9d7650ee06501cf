import { describe, expect, test } from 'vitest';
import { azureMonitoring } from '../../../lib/monitoring/azure/alerts.js';
import { type AzureMetricRule, type AzureWatched, azureWindow } from '../../../lib/monitoring/azure/rules.js';
import { planMonitoring } from '../../../lib/monitoring/plan.js';
import { kustoFaults } from '../kusto.js';

const plan = planMonitoring({ model: 'digits', slo: { p99Ms: 100 } });
const common = {
  machine: { processors: 4, memoryBytes: 16 * 2 ** 30 },
  ...{ mostPerSecond: 50, toZero: false, idleHours: 24, monthlyUsd: 730 },
};
const log = { workspace: 'shop', endpoint: 'digits' };
const endpoint: AzureWatched = { platform: 'azure-ml', log, ...common };
const unlogged: AzureWatched = { ...endpoint, log: null };
const app: AzureWatched = { platform: 'azure-container-apps', log: null, ...common };

const rulesOf = (watched: AzureWatched) => azureMonitoring(plan, watched).rules;
const ruleOf = (watched: AzureWatched, name: string) => rulesOf(watched).find((rule) => rule.name === name);
const names = (watched: AzureWatched) =>
  rulesOf(watched).map(({ name, kind, severity }) => `${name} ${kind} ${severity}`);

describe('an endpoint whose requests are logged', () => {
  test('has its objectives watched over two windows each, but for three days', () => {
    expect(names(endpoint)).toEqual([
      'AvailabilityBurn1h log 0',
      'AvailabilityBurn6h log 0',
      'AvailabilityBurn1d log 2',
      'LatencyBurn1h log 0',
      'LatencyBurn6h log 0',
      'LatencyBurn1d log 2',
      'MemoryPressure metric 2',
      'RequestsRefused metric 0',
      'Idle log 2',
    ]);
    expect(azureMonitoring(plan, endpoint).notes).toEqual([
      'no alert AvailabilityBurn3d, LatencyBurn3d: an alert on a log looks back two days at most',
      'no alert EndpointDown, EndpointNotReady, QueueSaturated: Azure publishes no metric for it',
    ]);
  });

  test('looks further back than its window: rows arrive late', () => {
    const times = rulesOf(endpoint).flatMap((rule) =>
      rule.kind === 'log' ? [`${rule.name} ${rule.windowSize} ${rule.queryTimeRange} ${rule.evaluationFrequency}`] : [],
    );
    expect(times).toEqual([
      'AvailabilityBurn1h PT1H PT2H PT5M',
      'AvailabilityBurn6h PT6H P1D PT15M',
      'AvailabilityBurn1d P1D P2D PT30M',
      'LatencyBurn1h PT1H PT2H PT5M',
      'LatencyBurn6h PT6H P1D PT15M',
      'LatencyBurn1d P1D P2D PT30M',
      'Idle P1D P2D PT1H',
    ]);
  });

  test('tells when an instance fills its memory, in percent', () => {
    expect(ruleOf(endpoint, 'MemoryPressure')).toMatchObject({
      windowSize: 'PT5M',
      all: [
        {
          metric: { of: 'deployment', name: 'CpuMemoryUtilizationPercentage', by: ['instanceId'] },
          ...{ is: 'GreaterThan', than: 90 },
        },
      ],
    });
  });

  test('tells when nobody asks, with what that costs', () => {
    const rule = ruleOf({ ...endpoint, idleHours: 7 }, 'Idle');
    expect(rule).toMatchObject({ query: expect.stringContaining('asked = countif(ingestion_time() > ago(7h))') });
    expect(rule!.description).toBe(
      'Nobody has asked the endpoint for 7 h, or since it is there. The instances cost $1.00 an hour, $730.00 in 730 hours. Remove it.',
    );
  });
});

describe('an endpoint without the log', () => {
  test('has stand-ins on metrics, and says that they are', () => {
    expect(names(unlogged)).toEqual([
      'MemoryPressure metric 2',
      'RequestsRefused metric 0',
      'ServerErrorsByAzure metric 0',
      'ServerErrorsByTheModel metric 0',
      'LatencyP99 metric 0',
    ]);
    for (const rule of rulesOf(unlogged).slice(2)) expect(rule.description).toContain('stands in for the objective');
    expect(azureMonitoring(plan, unlogged).notes).toContain(
      'no alert AvailabilityBurn1h, AvailabilityBurn6h, AvailabilityBurn1d, AvailabilityBurn3d, LatencyBurn1h, LatencyBurn6h, LatencyBurn1d, LatencyBurn3d: it needs the log of requests in a Log Analytics workspace',
    );
    expect(azureMonitoring(plan, unlogged).notes).toContain(
      'no alert Idle: it needs the log of requests in a Log Analytics workspace',
    );
  });

  test('watches the percentile of each deployment', () => {
    expect((ruleOf(unlogged, 'LatencyP99') as AzureMetricRule).all).toEqual([
      {
        metric: { of: 'endpoint', name: 'RequestLatency_P99', aggregation: 'Average', by: ['deployment'] },
        ...{ is: 'GreaterThan', than: 100 },
      },
    ]);
  });

  test('counts errors of the model, which Azure answers with 424', () => {
    expect((ruleOf(unlogged, 'ServerErrorsByTheModel') as AzureMetricRule).all[0]!.metric.where).toEqual([
      { label: 'modelStatusCode', startsWith: '5' },
    ]);
  });
});

describe('a container app', () => {
  test('has the share of errors watched by counts, and the mean latency', () => {
    expect(names(app)).toEqual([
      'EndpointDown metric 0',
      'MemoryPressure metric 2',
      'AvailabilityBurn1hUpTo347 metric 0',
      'AvailabilityBurn1hUpTo1736 metric 0',
      'AvailabilityBurn1hUpTo8680 metric 0',
      'AvailabilityBurn1hUpTo43402 metric 0',
      'AvailabilityBurn1hAbove43402 metric 0',
      'AvailabilityBurn1dUpTo1666 metric 2',
      'AvailabilityBurn1dUpTo8333 metric 2',
      'AvailabilityBurn1dUpTo41666 metric 2',
      'AvailabilityBurn1dUpTo208333 metric 2',
      'AvailabilityBurn1dUpTo1041666 metric 2',
      'AvailabilityBurn1dAbove1041666 metric 2',
      'ReplicaRestarts metric 2',
      'LatencyMean metric 0',
      'Idle metric 2',
    ]);
  });

  test('a rule on counts is of one band of traffic', () => {
    const requests = { of: 'app', name: 'Requests', aggregation: 'Total' };
    const errors = { ...requests, where: [{ label: 'statusCodeCategory', equals: '5xx' }] };
    expect(ruleOf(app, 'AvailabilityBurn1hUpTo1736')).toMatchObject({
      ...{ windowSize: 'PT1H', evaluationFrequency: 'PT5M' },
      all: [
        { metric: errors, is: 'GreaterThanOrEqual', than: 25 },
        { metric: requests, is: 'GreaterThan', than: 347 },
        { metric: requests, is: 'LessThanOrEqual', than: 1736 },
      ],
    });
    expect(ruleOf(app, 'AvailabilityBurn1hUpTo1736')!.description).toMatch(
      /Told by counts: at least 25 bad ones among 348 to 1736 requests\.$/,
    );
  });

  test('without a replica is down, unless it scales to zero', () => {
    expect((ruleOf(app, 'EndpointDown') as AzureMetricRule).all).toEqual([
      { metric: { of: 'app', name: 'Replicas', aggregation: 'Maximum' }, is: 'Equals', than: 0 },
    ]);
    const { rules, notes } = azureMonitoring(plan, { ...app, toZero: true });
    expect(rules.map(({ name }) => name)).not.toContain('EndpointDown');
    expect(rules.map(({ name }) => name)).not.toContain('Idle');
    expect(notes).toContain('no alert EndpointDown: the endpoint scales to zero, where nothing running is no fault');
  });

  test('is idle when replicas ran all the time and nobody asked', () => {
    expect(ruleOf(app, 'Idle')).toMatchObject({
      windowSize: 'P1D',
      all: [
        { metric: { name: 'Replicas', aggregation: 'Minimum' }, is: 'GreaterThanOrEqual', than: 1 },
        { metric: { name: 'Requests', aggregation: 'Total' }, is: 'LessThan', than: 1 },
      ],
    });
    const seven = azureMonitoring(plan, { ...app, idleHours: 7 });
    expect(seven.rules.at(-1)).toMatchObject({ name: 'Idle', windowSize: 'PT12H' });
    expect(seven.notes.at(-1)).toBe('the alert Idle looks back 12 h, the next window above 7 h that Azure has');
  });

  test('without an objective of latency has no alert on it', () => {
    const { rules } = azureMonitoring(planMonitoring({ model: 'digits' }), app);
    expect(rules.map(({ name }) => name)).not.toContain('LatencyMean');
  });
});

describe.each([
  ['logged', endpoint],
  ['not logged', unlogged],
  ['container app', app],
] as const)('every rule (%s)', (_, watched) => {
  const rules = rulesOf(watched);

  test('has a name of its own, and says what it means and what to do', () => {
    expect(new Set(rules.map(({ name }) => name)).size).toBe(rules.length);
    for (const { name, description } of rules) {
      expect(name).toMatch(/^[A-Za-z0-9]+$/);
      expect(description.length, name).toBeGreaterThan(60);
    }
  });

  test('has times that Azure allows', () => {
    const minutes: Readonly<Record<string, number>> = {
      ...{ PT1M: 1, PT5M: 5, PT15M: 15, PT30M: 30, PT1H: 60, PT2H: 120, PT6H: 360, PT12H: 720, P1D: 1440, P2D: 2880 },
    };
    for (const rule of rules) {
      expect(['PT1M', 'PT5M', 'PT15M', 'PT30M', 'PT1H']).toContain(rule.evaluationFrequency);
      expect(minutes[rule.evaluationFrequency]!).toBeLessThanOrEqual(minutes[rule.windowSize]!);
      if (rule.kind === 'log') {
        expect(['PT1H', 'PT6H', 'P1D']).toContain(rule.windowSize);
        expect(minutes[rule.queryTimeRange]!).toBeGreaterThan(minutes[rule.windowSize]!);
        expect(rule.evaluationFrequency).not.toBe('PT1M');
      }
    }
  });

  test('has conditions that Azure can put together', () => {
    for (const rule of rules) {
      if (rule.kind === 'log') {
        expect(kustoFaults(rule.query)).toEqual([]);
        continue;
      }
      expect(rule.all.length).toBeLessThanOrEqual(5);
      expect(new Set(rule.all.map(({ metric }) => metric.of)).size).toBe(1);
      for (const { metric, than } of rule.all) {
        expect(Number.isInteger(than), rule.name).toBe(true);
        // With several conditions, each has one value of a dimension.
        if (rule.all.length > 1) expect(metric.by).toBeUndefined();
      }
    }
  });

  test('is the same for the same plan', () => {
    expect(JSON.stringify(azureMonitoring(plan, watched))).toBe(JSON.stringify(azureMonitoring(plan, watched)));
  });
});

test('nobody is told of idleness with 0 hours, and nothing of a price that is not known', () => {
  for (const watched of [endpoint, unlogged, app]) {
    const { rules, notes } = azureMonitoring(plan, { ...watched, idleHours: 0 });
    expect(rules.map(({ name }) => name)).not.toContain('Idle');
    expect(notes.join()).not.toContain('Idle');
  }
  expect(ruleOf({ ...app, monthlyUsd: null }, 'Idle')!.description).toBe(
    'Nobody has asked the endpoint for 24 h, while replicas ran. Remove it, or let it scale to zero.',
  );
});

test('a window is never shorter than asked', () => {
  expect([1, 60, 61, 300, 301, 3600, 50_000, 86_400].map(azureWindow)).toEqual([
    ...['PT1M', 'PT1M', 'PT5M', 'PT5M', 'PT15M', 'PT1H', 'P1D', 'P1D'],
  ]);
});
