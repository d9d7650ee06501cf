/** `slipway monitor`: one plan in the form of each backend. */

import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { monitorCommand } from '../../bin/commands/monitor.js';
import { formats } from '../../lib/monitoring/formats.js';
import { example } from '../model/scratch.js';
import { run } from './run.js';

const digits = example('digits', 'digits.onnx');
const monitor = (...args: string[]) => run(monitorCommand(), ...args);
const json = async (...args: string[]) => JSON.parse((await monitor(digits, ...args)).out);

test('prometheus is YAML with the rules of the endpoint', async () => {
  const { out } = await monitor(digits, '--format', 'prometheus', '--p99-ms', '50');
  const { groups } = parse(out) as { groups: { rules: { alert?: string }[] }[] };
  const alerts = groups.flatMap(({ rules }) => rules.flatMap(({ alert }) => alert ?? []));
  expect(alerts).toEqual(expect.arrayContaining(['AvailabilityBurn1h', 'LatencyBurn1h', 'EndpointDown']));
});

describe('one JSON document without any other option', () => {
  test('grafana', async () => {
    const { title, panels } = await json('--format', 'grafana');
    expect(title).toBe('Slipway: digits');
    expect(panels.length).toBeGreaterThan(10);
  });

  test('cloudwatch', async () => {
    const { dashboardName, dashboardBody, metricAlarms } = await json('--format', 'cloudwatch');
    expect(dashboardName).toBe('digits-main');
    expect(dashboardBody.widgets.length).toBeGreaterThan(5);
    expect(metricAlarms.map(({ AlarmName }: { AlarmName: string }) => AlarmName)).toContain(
      'digits-main-AvailabilityBurn1h1',
    );
  });

  test('gcp', async () => {
    const { dashboard, serviceLevelObjectives, alertPolicies } = await json('--format', 'gcp');
    expect(dashboard.displayName).toBe('Slipway: digits');
    expect(serviceLevelObjectives).toEqual([
      expect.objectContaining({
        name: 'projects/PROJECT/services/digits/serviceLevelObjectives/availability',
        rollingPeriod: '2592000s',
      }),
    ]);
    expect(alertPolicies[0].conditions[0].conditionThreshold.filter).toBe(
      'select_slo_burn_rate("projects/PROJECT/services/digits/serviceLevelObjectives/availability", "3600s")',
    );
  });

  test('azure', async () => {
    const { dashboard, metricAlerts, scheduledQueryRules, notes } = await json('--format', 'azure');
    expect(dashboard.panels.length).toBeGreaterThan(5);
    expect(metricAlerts.length).toBeGreaterThan(0);
    expect(scheduledQueryRules[0].properties.criteria.allOf[0].query).toContain('AmlOnlineEndpointTrafficLog');
    expect(notes.at(-1)).toContain('LOGS stands for');
  });
});

test('names are those that are given', async () => {
  const endpoint = '/subscriptions/1/resourceGroups/g/providers/Microsoft.App/containerApps/shop';
  const { metricAlerts } = await json(
    '--format',
    'azure',
    '--platform',
    'azure-container-apps',
    '--endpoint',
    endpoint,
  );
  for (const { properties } of metricAlerts) expect(properties.scopes).toEqual([endpoint]);
  const vertex = await json(
    '--format',
    'gcp',
    '--platform',
    'gcp-vertex',
    '--endpoint',
    '42',
    '--region',
    'us-central1',
  );
  expect(JSON.stringify(vertex.dashboard)).toContain('endpoint_id=\\"42\\"');
});

test('what is not watched is told beside the document', async () => {
  const { err } = await monitor(digits, '--format', 'cloudwatch');
  expect(err).toContain('no alarm QueueSaturated: SageMaker publishes no metric for it');
});

test('the same command gives the same text', async () => {
  for (const format of Object.keys(formats)) {
    const [one, other] = [await monitor(digits, '--format', format), await monitor(digits, '--format', format)];
    expect(one.out).toBe(other.out);
  }
});

describe('is refused', () => {
  test.each([
    [
      'a platform of another format',
      ['--format', 'gcp', '--platform', 'azure-ml'],
      'the format gcp is for gcp-cloud-run and gcp-vertex',
    ],
    ['a region where there is none', ['--format', 'grafana', '--region', 'eu-west-1'], 'the format grafana has none'],
    [
      'a region that nobody knows',
      ['--format', 'cloudwatch', '--region', 'mars-1'],
      "'mars-1' is no region of aws-sagemaker",
    ],
    ['an objective of 100 %', ['--format', 'prometheus', '--availability', '100'], 'availability'],
    ['a bound beyond what is measured', ['--format', 'prometheus', '--p99-ms', '20000'], 'p99Ms'],
  ])('%s', async (_, args, message) => {
    await expect(monitor(digits, ...args)).rejects.toThrow(message);
  });

  test.each([
    ['no format', [], "required option '--format <format>' not specified"],
    ['an unknown format', ['--format', 'excel'], 'Allowed choices are prometheus, grafana, cloudwatch, gcp, azure'],
    [
      'an availability of nothing',
      ['--format', 'grafana', '--availability', '0'],
      'Give a percentage above 0 and below 100',
    ],
  ])('%s', async (_, args, message) => {
    const { err } = await monitor(digits, ...args).catch((error: Error) => ({ err: error.message }));
    expect(err).toContain(message);
  });
});
