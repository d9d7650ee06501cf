import { expect, test } from 'vitest';
import { ContainerImage, Hardware, VertexEndpoint, type VertexEndpointArgs } from '../../../constructs/gcp/index.js';
import { parse } from '../../monitoring/promql.js';
import { digits, madeBy, ofType } from '../pulumi/program.js';

const made = (args: Partial<VertexEndpointArgs> = {}) =>
  madeBy(
    () =>
      new VertexEndpoint('digits', {
        ...{ model: digits, location: 'europe-west4', objective: { p99Ms: 100, requestsPerSecond: 50 } },
        image: ContainerImage.fromReference('europe-west4-docker.pkg.dev/shop/images/digits:1'),
        ...args,
      }),
  );

const scope = 'resource.type="aiplatform.googleapis.com/Endpoint" AND resource.label."endpoint_id"="digits-dev"';
const metric = (name: string) => `metric.type="aiplatform.googleapis.com/prediction/online/${name}" AND ${scope}`;

test('objectives count server errors, and answers slower than the bound in milliseconds', async () => {
  const resources = await made();
  expect(ofType(resources, ':CustomService').map(({ inputs }) => inputs)).toEqual([
    { serviceId: 'digits-dev', displayName: 'Endpoint digits' },
  ]);
  expect(ofType(resources, ':Slo').map(({ inputs }) => inputs)).toEqual([
    expect.objectContaining({
      service: 'digits-dev',
      sloId: 'availability',
      goal: 0.999,
      rollingPeriodDays: 30,
      requestBasedSli: {
        goodTotalRatio: {
          totalServiceFilter: metric('response_count'),
          badServiceFilter: `${metric('response_count')} AND metric.label."response_code"="5xx"`,
        },
      },
    }),
    expect.objectContaining({
      sloId: 'latency',
      goal: 0.99,
      requestBasedSli: {
        distributionCut: {
          distributionFilter: `${metric('prediction_latencies')} AND metric.label."latency_type"="total"`,
          range: { max: 100 },
        },
      },
    }),
  ]);
});

test('a private endpoint is counted by metrics of its own', async () => {
  const [availability, latency] = ofType(await made({ network: 'projects/17/global/networks/shop' }), ':Slo');
  const sli = (of: typeof availability) => of!.inputs.requestBasedSli;
  expect(sli(availability).goodTotalRatio.totalServiceFilter).toBe(metric('private/response_count'));
  expect(sli(latency).distributionCut.distributionFilter).toBe(metric('private/prediction_latencies'));
});

test('alerts on burn rates, on memory and on nobody asking', async () => {
  const alerts = ofType(await made({ notify: ['projects/shop/notificationChannels/7'] }), ':AlertPolicy');
  expect(alerts.map(({ inputs }) => inputs.displayName).sort()).toEqual([
    'digits: AvailabilityBurn1d',
    'digits: AvailabilityBurn1h',
    'digits: AvailabilityBurn6h',
    'digits: Idle',
    'digits: LatencyBurn1d',
    'digits: LatencyBurn1h',
    'digits: LatencyBurn6h',
    'digits: MemoryPressure',
  ]);
  for (const { inputs } of alerts) {
    expect(inputs.notificationChannels).toEqual(['projects/shop/notificationChannels/7']);
  }
  const named = (name: string) => alerts.find(({ inputs }) => inputs.displayName === `digits: ${name}`)!.inputs;
  const burn = named('AvailabilityBurn1h').conditions.map(
    (each: { conditionThreshold: object }) => each.conditionThreshold,
  );
  const slo = 'projects/1/services/digits-dev/serviceLevelObjectives/availability';
  expect(burn).toEqual([
    expect.objectContaining({ filter: `select_slo_burn_rate("${slo}", "3600s")`, thresholdValue: 14.4 }),
    expect.objectContaining({ filter: `select_slo_burn_rate("${slo}", "300s")`, thresholdValue: 14.4 }),
    expect.objectContaining({
      filter: `${metric('response_count')} AND metric.label."response_code"="5xx"`,
      thresholdValue: 4,
    }),
  ]);
  const asked = (name: string) => named(name).conditions[0].conditionPrometheusQueryLanguage;
  expect(asked('MemoryPressure')).toMatchObject({ duration: '300s', evaluationInterval: '60s' });
  for (const { query } of [asked('MemoryPressure'), asked('Idle')]) {
    expect(parse(query).selectors.map(({ matchers }) => matchers.at(-1))).toContainEqual({
      ...{ label: 'endpoint_id', operator: '=', literal: '"digits-dev"' },
    });
  }
  expect(named('Idle').documentation.content).toMatch(
    /^Nobody has asked the endpoint for 24 h\. It costs \$[\d.]+ an hour, .*Cloud Run, which can scale to zero\.$/,
  );
});

test('alerts stay as they are when a deployment takes the place of another', async () => {
  const alerts = async (machine: string) =>
    ofType(await made({ hardware: Hardware.of(machine) }), ':AlertPolicy')
      .filter(({ name }) => !/memory|idle/.test(name))
      .map(({ inputs }) => inputs);
  expect(await alerts('n2-standard-4')).toEqual(await alerts('n1-standard-4+1xT4'));
});

test('the dashboard names the endpoint, and deployments where they cost differently', async () => {
  const json = async (args: Partial<VertexEndpointArgs>) => {
    const resources = await made(args);
    const ids = ofType(resources, ':VertexDeployedModel').map(({ inputs }) => inputs.deployedModelId as string);
    return { text: ofType(resources, ':Dashboard')[0]!.inputs.dashboardJson as string, ids };
  };
  const one = await json({});
  expect(one.text).toContain('endpoint_id=\\"digits-dev\\"');
  expect(one.text).not.toContain('@');
  expect(one.text).not.toContain(one.ids[0]);
  const two = await json({
    hardware: Hardware.of('n2-standard-4'),
    deployments: { next: { hardware: Hardware.of('n2-standard-8'), percent: 10 } },
  });
  for (const id of two.ids) expect(two.text).toContain(`deployed_model_id=\\"${id}\\"`);
  expect(two.text).not.toContain('@');
});

test('none where none is wanted', async () => {
  const resources = await made({ dashboard: false, monitoring: { idleHours: 0 } });
  expect(ofType(resources, ':Dashboard')).toEqual([]);
  expect(resources.filter(({ name }) => name === 'digits-idle')).toEqual([]);
});

test('a budget looks at everything that has the endpoint’s label', async () => {
  const resources = await made({ monitoring: { budget: { monthlyUsd: 500 } }, billingAccount: '012345-567890-ABCDEF' });
  const [budget] = ofType(resources, ':Budget');
  const { labels } = budget!.inputs.budgetFilter;
  expect(labels).toEqual({ 'slipway-endpoint': 'digits-shop-dev' });
  expect(ofType(resources, ':AiEndpoint')[0]!.inputs.labels).toEqual(labels);
  expect(ofType(resources, ':VertexModel')[0]!.inputs.model.labels).toEqual(labels);
});
