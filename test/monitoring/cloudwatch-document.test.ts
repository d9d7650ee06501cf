import { expect, test } from 'vitest';
import { cloudWatchDocument } from '../../lib/monitoring/cloudwatch-document.js';
import { planMonitoring } from '../../lib/monitoring/plan.js';

const plan = planMonitoring({ model: 'digits', slo: { p99Ms: 50 } });
const variant = {
  endpoint: 'shop-digits',
  variant: 'main',
  region: 'eu-west-1',
  machine: { processors: 4, memoryBytes: 8 * 2 ** 30, acceleratorCount: 0 },
  usdPerHour: 0.23,
};

interface Widget {
  readonly type: 'metric' | 'text';
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly properties: { readonly title: string; readonly region: string; readonly metrics: readonly unknown[][] };
}

const allOf = (document: ReturnType<typeof cloudWatchDocument>) => document.dashboardBody.widgets as readonly Widget[];
const widgetsOf = (document: ReturnType<typeof cloudWatchDocument>) =>
  allOf(document).filter(({ type }) => type === 'metric');

test('widgets lie side by side, within the width', () => {
  const widgets = widgetsOf(cloudWatchDocument(plan, variant));
  const places = widgets.map(({ x, y }) => `${x},${y}`);
  expect(new Set(places).size).toBe(widgets.length);
  expect(widgets.every(({ x, width }) => x + width <= 24)).toBe(true);
  expect(widgets.map(({ properties }) => properties.title)).toEqual([
    'Throughput (requests/s)',
    'Latency (ms)',
    'Errors and rejections (requests/s)',
    'Queue (requests)',
    'CPU (cores)',
    'Memory (GiB)',
    'Machines',
    'Cost (USD an hour)',
    'Time that SageMaker adds (ms)',
  ]);
});

test('what limits the variant stands below, in words', () => {
  const widgets = allOf(cloudWatchDocument(plan, variant));
  expect(widgets.at(-1)).toEqual({
    ...{ type: 'text', x: 0, y: 18, width: 24, height: 6 },
    properties: { markdown: expect.stringMatching(/^### What limits it\n\nWhat limits the endpoint, as far/) },
  });
  expect(widgets.filter(({ y, height }) => y + height > 18)).toHaveLength(1);
});

test('a widget names each metric that its lines read, with the names of endpoint and variant', () => {
  for (const { properties } of widgetsOf(cloudWatchDocument(plan, variant))) {
    const [lines, metrics] = [
      properties.metrics.filter((row) => row.length === 1),
      properties.metrics.filter((row) => row.length > 1),
    ];
    const read = lines.flatMap(([line]) => (line as { expression: string }).expression.match(/\b[a-z]\w*/g) ?? []);
    const ids = metrics.map((row) => (row.at(-1) as { id: string }).id);
    expect([...new Set(read)].sort()).toEqual([...ids].sort());
    for (const row of metrics) {
      expect(row.slice(2, -1)).toEqual(['EndpointName', 'shop-digits', 'VariantName', 'main']);
    }
  }
});

test('an alert of two windows is two alarms and one of both', () => {
  const { metricAlarms, compositeAlarms } = cloudWatchDocument(plan, variant);
  const names = metricAlarms.map((alarm) => (alarm as { AlarmName: string }).AlarmName);
  expect(names).toEqual(
    expect.arrayContaining([
      'shop-digits-main-AvailabilityBurn1h1',
      'shop-digits-main-AvailabilityBurn1h2',
      'shop-digits-main-AvailabilityRollback',
    ]),
  );
  expect(new Set(names).size).toBe(names.length);
  expect(compositeAlarms).toContainEqual(
    expect.objectContaining({
      AlarmName: 'shop-digits-main-AvailabilityBurn1h',
      AlarmRule: 'ALARM("shop-digits-main-AvailabilityBurn1h1") AND ALARM("shop-digits-main-AvailabilityBurn1h2")',
    }),
  );
});

test('an alarm reads at most ten metrics, and returns one value', () => {
  for (const alarm of cloudWatchDocument(plan, variant).metricAlarms) {
    const { Metrics, TreatMissingData } = alarm as { Metrics: { ReturnData: boolean }[]; TreatMissingData: string };
    expect(Metrics.length).toBeLessThanOrEqual(10);
    expect(Metrics.filter(({ ReturnData }) => ReturnData)).toHaveLength(1);
    expect(TreatMissingData).toBe('notBreaching');
  }
});

test('accelerators are drawn where there are some, in percent of all of them', () => {
  const machine = { ...variant.machine, acceleratorCount: 4 };
  const widgets = widgetsOf(cloudWatchDocument(plan, { ...variant, machine }));
  const accelerators = widgets.find(({ properties }) => properties.title === 'Accelerators (%)')!;
  expect(accelerators.properties.metrics[0]).toEqual([
    { expression: 'gPUUtilization_Average / 4', label: 'busy', id: 'line1' },
  ]);
});

test('what SageMaker publishes nothing of is said', () => {
  expect(cloudWatchDocument(plan, variant).notes).toContain(
    'no alarm QueueSaturated: SageMaker publishes no metric for it',
  );
});

test('the same plan gives the same document', () => {
  expect(JSON.stringify(cloudWatchDocument(plan, variant))).toBe(JSON.stringify(cloudWatchDocument(plan, variant)));
});
