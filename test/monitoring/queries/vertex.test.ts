import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { QueryCondition } from '../../../lib/monitoring/cloud-monitoring.js';
import { planMonitoring } from '../../../lib/monitoring/plan.js';
import { idleQuery } from '../../../lib/monitoring/queries/idle.js';
import { vertexIdle, vertexQuery } from '../../../lib/monitoring/queries/vertex.js';
import { signals } from '../../../lib/monitoring/signals.js';
import { vertexDashboard, vertexMonitoring } from '../../../lib/monitoring/vertex.js';
import { packageFile } from '../../../lib/package-root.js';
import { parse } from '../promql.js';

interface Entry {
  readonly name: string;
  readonly kind: 'DELTA' | 'GAUGE';
  readonly type: string;
  readonly labels: readonly string[];
}

const entries = JSON.parse(readFileSync(packageFile('data', 'metrics', 'vertex.json'), 'utf8')) as readonly Entry[];

/** Google's rule for names in PromQL; what Prometheus itself scraped keeps its own name. */
function inPromql({ name }: Entry): string {
  const [service, ...path] = name.split('/');
  return service === 'prometheus.googleapis.com'
    ? path[0]!
    : `${service!.replaceAll('.', '_')}:${path.join('_').replaceAll('.', '_')}`;
}

const catalogue = new Map(entries.map((entry) => [inPromql(entry), entry]));
/** Of the monitored resource, and of a bucket. */
const common = ['monitored_resource', 'endpoint_id', 'le'];

/** What is wrong with a query, measured against the catalogue. */
function faults(query: string): string[] {
  const { selectors, groupings } = parse(query);
  const labels = new Set(common);
  const found = selectors.flatMap(({ name, matchers, functions }) => {
    const entry = catalogue.get(name) ?? catalogue.get(name.replace(/_(bucket|sum|count)$/, ''));
    if (!entry) return [`${name} is in no catalogue`];
    for (const label of entry.labels) labels.add(label);
    const changes = functions.some((each) => each === 'rate' || each === 'increase');
    return [
      ...((entry.kind === 'DELTA') === changes ? [] : [`${name} is a ${entry.kind}`]),
      ...(entry.type === 'DISTRIBUTION' && catalogue.has(name) ? [`${name} is a distribution`] : []),
      ...matchers.filter(({ label }) => ![...common, ...entry.labels].includes(label)).map(({ label }) => label),
      ...(matchers.some(({ label, literal }) => label === 'endpoint_id' && literal === '"digits-dev"')
        ? []
        : [`${name} of any endpoint`]),
    ];
  });
  return [...found, ...groupings.filter((label) => !labels.has(label))];
}

const scope = { endpoint: 'digits-dev', isPrivate: false, windowSeconds: 300, memoryBytes: 2 ** 34 };
const said = (more: Partial<typeof scope> = {}) =>
  Object.entries(signals).flatMap(([id, { value }]) => {
    const query = vertexQuery(value, { ...scope, ...more });
    return query === null ? [] : [[id, query] as const];
  });

test('the signals that Vertex AI has data for', () => {
  expect(
    said()
      .map(([id]) => id)
      .sort(),
  ).toEqual([
    'clientErrors',
    'cpuCores',
    'errorShare',
    'latencyP50',
    'latencyP95',
    'latencyP99',
    'memory',
    'memoryFill',
    'serverErrors',
    'throughput',
  ]);
});

test.each([...said(), ...said({ isPrivate: true })])(
  '%s is PromQL over metrics that Vertex AI publishes',
  (_id, query) => {
    expect(parse(query).selectors.length).toBeGreaterThan(0);
    expect(faults(query)).toEqual([]);
  },
);

test('latency is the whole of it, in seconds', () => {
  expect(vertexQuery(signals.latencyP99.value, scope)).toBe(
    'histogram_quantile(0.99, sum by (le) (rate(aiplatform_googleapis_com:prediction_online_prediction_latencies_bucket{monitored_resource="aiplatform.googleapis.com/Endpoint",endpoint_id="digits-dev",latency_type="total"}[5m]))) / 1000',
  );
});

test('an endpoint in a private network has metrics of its own, without kinds of latency', () => {
  const query = vertexQuery(signals.latencyP99.value, { ...scope, isPrivate: true });
  expect(query).toContain('prediction_online_private_prediction_latencies_bucket{');
  expect(query).not.toContain('latency_type');
});

test('a counter of errors reads as 0 where there was none', () => {
  const counted =
    'aiplatform_googleapis_com:prediction_online_response_count{monitored_resource="aiplatform.googleapis.com/Endpoint",endpoint_id="digits-dev"';
  expect(
    vertexQuery({ op: 'count', metric: 'onnx_requests_total', where: [{ label: 'code', startsWith: '5' }] }, scope),
  ).toBe(`(sum(increase(${counted},response_code="5xx"}[5m])) or 0 * sum(increase(${counted}}[5m])))`);
});

test('figures of replicas are read over longer than they are late', () => {
  expect(vertexQuery(signals.cpuCores.value, scope)).toBe(
    'sum(avg_over_time(aiplatform_googleapis_com:prediction_online_cpu_utilization{monitored_resource="aiplatform.googleapis.com/Endpoint",endpoint_id="digits-dev"}[10m]))',
  );
});

test('what Vertex AI does not publish is not made up', () => {
  expect(vertexQuery({ op: 'gauge', metric: 'onnx_queue_depth', combine: 'sum' }, scope)).toBeNull();
  expect(vertexQuery({ op: 'above', metric: 'http_server_request_duration_seconds', bound: 0.1 }, scope)).toBeNull();
  expect(vertexQuery(signals.memoryFill.value, { ...scope, memoryBytes: null as never })).toBeNull();
  expect(
    vertexQuery({ op: 'count', metric: 'onnx_requests_total', where: [{ label: 'code', equals: '418' }] }, scope),
  ).toBeNull();
});

const plan = planMonitoring({ model: 'digits', slo: { p99Ms: 100 } });
const l4 = { id: '1234567890', memoryBytes: 2 ** 34, accelerator: 'l4', usdPerHour: 0.8 };

interface DrawnChart {
  readonly title: string;
  readonly xyChart: {
    readonly dataSets: readonly { readonly timeSeriesQuery: { readonly prometheusQuery: string } }[];
  };
}

function drawn(deployments: readonly (typeof l4 | { [Key in keyof typeof l4]: (typeof l4)[Key] | null })[]) {
  const json = vertexDashboard(plan, { id: 'digits-dev', isPrivate: false, deployments: deployments as never });
  const { mosaicLayout } = JSON.parse(json) as { mosaicLayout: { tiles: { widget: DrawnChart }[] } };
  return mosaicLayout.tiles.map(({ widget }) => widget).filter((widget) => 'xyChart' in widget);
}

const queriesOf = ({ xyChart }: DrawnChart) =>
  xyChart.dataSets.map(({ timeSeriesQuery }) => timeSeriesQuery.prometheusQuery);

test('every query of the dashboard is over metrics of the endpoint that exist', () => {
  const charts = drawn([l4]);
  expect(charts.map(({ title }) => title)).toEqual([
    'Throughput (requests/s)',
    'Latency (ms)',
    'Errors and rejections (requests/s)',
    'CPU (cores)',
    'Memory (bytes)',
    'Replicas (replicas)',
    'Accelerators (%)',
    'Accelerator memory (bytes)',
    'Cost (USD an hour)',
  ]);
  for (const query of charts.flatMap(queriesOf)) expect(faults(query)).toEqual([]);
});

test('without accelerators none are drawn, and of a T4 only what is published', () => {
  const titles = drawn([{ ...l4, accelerator: null }]).map(({ title }) => title);
  expect(titles).not.toContain('Accelerators (%)');
  const [chart] = drawn([{ ...l4, accelerator: 't4' }]).filter(({ title }) => title === 'Accelerators (%)');
  expect(queriesOf(chart!)).toHaveLength(1);
});

test('the cost is that of all replicas, of each deployment where prices differ, and of none where one is not known', () => {
  const costs = (other: number | null) =>
    drawn([l4, { ...l4, id: '2', usdPerHour: other }])
      .filter(({ title }) => title.startsWith('Cost'))
      .flatMap(queriesOf);
  expect(costs(0.8)).toEqual([expect.stringMatching(/endpoint_id="digits-dev"}\[10m\]\)\) \* 0\.8$/)]);
  expect(costs(2)).toEqual([
    expect.stringMatching(/deployed_model_id="1234567890"}\[10m\]\)\) \* 0\.8$/),
    expect.stringMatching(/deployed_model_id="2"}\[10m\]\)\) \* 2$/),
  ]);
  expect(costs(null)).toEqual([]);
});

const watched = { id: 'digits-dev', isPrivate: false, deployments: [l4] };

test.each([true, false])('that nobody asks is told by metrics that exist, of a private endpoint: %s', (isPrivate) => {
  const query = idleQuery(vertexIdle({ endpoint: 'digits-dev', isPrivate }), 24);
  expect(faults(query)).toEqual([]);
  expect(query.includes('private_response_count')).toBe(isPrivate);
});

test('memory has an alert where the size of a replica is known', () => {
  const alert = vertexMonitoring(plan, watched).alerts.find(({ name }) => name === 'MemoryPressure');
  expect(alert).toMatchObject({ severity: 'WARNING' });
  const [condition] = alert!.conditions as readonly QueryCondition[];
  expect(condition).toMatchObject({
    query: expect.stringMatching(/^max\(avg_over_time\(.*\[10m\]\)\) \/ 17179869184 > 0\.9$/),
    durationSeconds: 300,
  });
  expect(faults(condition!.query)).toEqual([]);
});

test('what cannot be watched is told', () => {
  const notes = [
    'no alert on availability over 3 days: an alert looks back one day at most',
    'no alert on latency over 3 days: an alert looks back one day at most',
    'no alert QueueSaturated: Vertex AI publishes no metric for it',
    'no alert EndpointNotReady: Vertex AI publishes no metric for it',
    'no figures of the queue and of batches: Vertex AI reads no metrics of the server',
    'figures of replicas come six minutes late',
  ];
  expect(vertexMonitoring(plan, watched).notes).toEqual(notes);
  const sizes = { ...watched, deployments: [l4, { ...l4, memoryBytes: 2 ** 35 }] };
  expect(vertexMonitoring(plan, sizes).notes).toEqual([
    ...notes.slice(0, 4),
    'no alert MemoryPressure: the deployments have machines of different sizes',
    ...notes.slice(4),
  ]);
});
