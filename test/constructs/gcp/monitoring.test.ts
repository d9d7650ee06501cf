import { expect, test } from 'vitest';
import { ContainerImage, ModelEndpoint, type ModelEndpointArgs } from '../../../constructs/gcp/index.js';
import { digits, madeBy, ofType } from '../pulumi/program.js';

const made = (args: Partial<ModelEndpointArgs> = {}) =>
  madeBy(
    () =>
      new ModelEndpoint('digits', {
        ...{ model: digits, location: 'europe-west4', objective: { p99Ms: 100, requestsPerSecond: 50 } },
        image: ContainerImage.fromReference('europe-west4-docker.pkg.dev/shop/images/digits:1'),
        ...args,
      }),
  );

const scope = 'resource.type="cloud_run_revision" AND resource.label."service_name"="digits-1234567"';

test('objectives count server errors, and answers slower than the bound in milliseconds', async () => {
  const slos = ofType(await made(), ':Slo').map(({ inputs }) => inputs);
  expect(slos).toEqual([
    expect.objectContaining({
      sloId: 'availability',
      goal: 0.999,
      rollingPeriodDays: 30,
      requestBasedSli: {
        goodTotalRatio: {
          totalServiceFilter: `metric.type="run.googleapis.com/request_count" AND ${scope}`,
          badServiceFilter: `metric.type="run.googleapis.com/request_count" AND ${scope} AND metric.label."response_code_class"="5xx"`,
        },
      },
    }),
    expect.objectContaining({
      sloId: 'latency',
      goal: 0.99,
      requestBasedSli: {
        distributionCut: {
          distributionFilter: `metric.type="run.googleapis.com/request_latencies" AND ${scope}`,
          range: { max: 100 },
        },
      },
    }),
  ]);
});

test('an alert of a burn rate needs both windows, and more than a few errors', async () => {
  const policies = ofType(await made({ notify: ['projects/shop/notificationChannels/7'] }), ':AlertPolicy');
  const alerts = policies.filter(({ name }) => name.includes('burn'));
  expect(alerts.map(({ inputs }) => inputs.displayName)).toEqual([
    'digits: AvailabilityBurn1d',
    'digits: AvailabilityBurn1h',
    'digits: AvailabilityBurn6h',
    'digits: LatencyBurn1d',
    'digits: LatencyBurn1h',
    'digits: LatencyBurn6h',
  ]);
  const { inputs } = alerts[1]!;
  expect(inputs).toMatchObject({
    combiner: 'AND',
    severity: 'CRITICAL',
    notificationChannels: ['projects/shop/notificationChannels/7'],
  });
  const slo = 'projects/1/services/digits-dev/serviceLevelObjectives/availability';
  const conditions = inputs.conditions.map((each: { conditionThreshold: object }) => each.conditionThreshold);
  expect(conditions).toEqual([
    expect.objectContaining({ filter: `select_slo_burn_rate("${slo}", "3600s")`, thresholdValue: 14.4 }),
    expect.objectContaining({ filter: `select_slo_burn_rate("${slo}", "300s")`, thresholdValue: 14.4 }),
    expect.objectContaining({
      thresholdValue: 4,
      aggregations: [{ alignmentPeriod: '3600s', perSeriesAligner: 'ALIGN_DELTA', crossSeriesReducer: 'REDUCE_SUM' }],
    }),
  ]);
});

test('the dashboard draws what Cloud Run publishes, in units that people read', async () => {
  const { inputs } = ofType(await made(), ':Dashboard')[0]!;
  const { mosaicLayout } = JSON.parse(inputs.dashboardJson) as {
    mosaicLayout: {
      columns: number;
      tiles: {
        xPos?: number;
        width: number;
        widget: { title: string; xyChart?: { dataSets: { timeSeriesQuery: { prometheusQuery: string } }[] } };
      }[];
    };
  };
  const titles = mosaicLayout.tiles.map(({ widget }) => widget.title);
  expect(titles).toEqual(expect.arrayContaining(['Latency (ms)', 'Instances (instances)', 'Cost (USD an hour)']));
  const queries = mosaicLayout.tiles.flatMap(({ widget }) =>
    (widget.xyChart?.dataSets ?? []).map(({ timeSeriesQuery }) => timeSeriesQuery.prometheusQuery),
  );
  for (const query of queries) {
    expect(query).toContain('service_name="digits-1234567"');
    expect(query).not.toContain('onnx_');
  }
  expect(queries).toContain(
    '(histogram_quantile(0.99, sum by (le) (rate(run_googleapis_com:request_latencies_bucket{monitored_resource="cloud_run_revision",service_name="digits-1234567"}[5m]))) / 1000) * 1000',
  );
  expect(mosaicLayout.tiles.every(({ xPos = 0, width }) => xPos + width <= mosaicLayout.columns)).toBe(true);
});

test('the same description gives the same text', async () => {
  const text = async () =>
    (ofType(await made(), ':Dashboard')[0] as { inputs: { dashboardJson: string } }).inputs.dashboardJson;
  const [first, all] = [await text(), await text()];
  expect(all).toBe(first);
  // The service gives back no zeros.
  expect(first).not.toMatch(/"[xy]Pos":0\D/);
});

test('none where none is wanted', async () => {
  expect(ofType(await made({ dashboard: false }), ':Dashboard')).toEqual([]);
});
