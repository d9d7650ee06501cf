import { describe, expect, test } from 'vitest';
import { ContainerImage, ModelEndpoint, type ModelEndpointArgs } from '../../../constructs/gcp/index.js';
import { parse } from '../../monitoring/promql.js';
import { digits, madeBy, ofType } from '../pulumi/program.js';

const args = {
  model: digits,
  location: 'europe-west4',
  objective: { p99Ms: 100, requestsPerSecond: 50 },
  image: ContainerImage.fromReference('europe-west4-docker.pkg.dev/shop/images/digits:1'),
};

async function made(more: Partial<ModelEndpointArgs> = {}) {
  let endpoint: ModelEndpoint | undefined;
  const resources = await madeBy(() => {
    endpoint = new ModelEndpoint('digits', { ...args, ...more });
  });
  return { resources, endpoint: endpoint!, monthly: endpoint!.plan.hardware.candidate.monthlyUsd! };
}

const idleOf = ({ resources }: Awaited<ReturnType<typeof made>>) =>
  ofType(resources, ':AlertPolicy').filter(({ name }) => name === 'digits-idle');

const series = 'monitored_resource="cloud_run_revision",service_name="digits-1234567"';

describe('an idle endpoint', () => {
  test('is told after a day, with what it costs', async () => {
    const all = await made({ notify: ['projects/shop/notificationChannels/7'] });
    const [{ inputs } = { inputs: {} }] = idleOf(all);
    expect(inputs).toEqual({
      displayName: 'digits: Idle',
      combiner: 'OR',
      severity: 'WARNING',
      documentation: {
        content: `Nobody has asked the endpoint for 24 h. It costs $${(all.monthly / 730).toFixed(2)} an hour, $${all.monthly.toFixed(2)} a month. Destroy the stack, or let it scale to zero: scaling: { toZero: true }.`,
        mimeType: 'text/markdown',
      },
      notificationChannels: ['projects/shop/notificationChannels/7'],
      conditions: [
        {
          displayName: 'ran for 24 h, and no request came',
          conditionPrometheusQueryLanguage: {
            query: `sum_over_time((sum(sum by (state) (run_googleapis_com:container_instance_count{${series}})) > bool 0)[1d:5m]) >= 273 unless sum(increase(run_googleapis_com:request_count{${series}}[1d])) > 0`,
            duration: '0s',
            evaluationInterval: '300s',
            disableMetricValidation: true,
          },
        },
      ],
    });
    const { query } = inputs.conditions[0].conditionPrometheusQueryLanguage;
    expect(parse(query).selectors.map(({ name }) => name)).toEqual([
      'run_googleapis_com:container_instance_count',
      'run_googleapis_com:request_count',
    ]);
  });

  test('is told sooner, or never', async () => {
    const [sooner] = idleOf(await made({ monitoring: { idleHours: 2 } }));
    const { query } = sooner!.inputs.conditions[0].conditionPrometheusQueryLanguage;
    expect(query).toContain('[2h:5m]) >= 22 unless');
    expect(idleOf(await made({ monitoring: { idleHours: 0 } }))).toEqual([]);
  });

  test('that stops by itself has no alert, unless a timetable keeps it up', async () => {
    const scaling = { toZero: true };
    expect(idleOf(await made({ scaling }))).toEqual([]);
    expect(idleOf(await made({ scaling, schedules: [{ at: '07:00', min: 1 }] }))).toHaveLength(1);
  });
});

describe('a budget', () => {
  const billingAccount = '012345-567890-ABCDEF';
  const budgetOf = ({ resources }: Awaited<ReturnType<typeof made>>) => ofType(resources, ':Budget')[0]!.inputs;

  test('is what the plan says and a tenth, over what carries its label', async () => {
    const all = await made({ billingAccount, monitoring: { budget: {} } });
    expect(budgetOf(all)).toEqual({
      billingAccount,
      displayName: 'Endpoint digits',
      amount: { specifiedAmount: { units: String(Math.ceil(all.monthly * 1.1)) } },
      budgetFilter: { labels: { 'slipway-endpoint': 'digits-shop-dev' }, calendarPeriod: 'MONTH' },
      thresholdRules: [
        { thresholdPercent: 1, spendBasis: 'CURRENT_SPEND' },
        { thresholdPercent: 1, spendBasis: 'FORECASTED_SPEND' },
      ],
    });
    const [service] = ofType(all.resources, ':Service');
    expect(service!.inputs.labels).toEqual({ 'slipway-endpoint': 'digits-shop-dev' });
  });

  test('tells by mail and by channel', async () => {
    const all = await made({
      billingAccount,
      project: 'shop',
      notify: ['projects/shop/notificationChannels/7'],
      monitoring: { budget: { monthlyUsd: 99.5, emails: ['ml@example.org', 'cto@example.org'] } },
    });
    expect(ofType(all.resources, ':NotificationChannel').map(({ inputs }) => inputs)).toEqual([
      {
        type: 'email',
        displayName: 'digits: budget, ml@example.org',
        labels: { email_address: 'ml@example.org' },
        project: 'shop',
      },
      {
        type: 'email',
        displayName: 'digits: budget, cto@example.org',
        labels: { email_address: 'cto@example.org' },
        project: 'shop',
      },
    ]);
    expect(budgetOf(all)).toMatchObject({
      amount: { specifiedAmount: { units: '99', nanos: 500_000_000 } },
      allUpdatesRule: {
        monitoringNotificationChannels: [
          'projects/shop/notificationChannels/digits-budget-1',
          'projects/shop/notificationChannels/digits-budget-2',
          'projects/shop/notificationChannels/7',
        ],
      },
    });
  });

  test('is none unless asked', async () => {
    const all = await made({ billingAccount });
    expect(ofType(all.resources, ':Budget')).toEqual([]);
    expect(all.endpoint.resources.budget).toBeNull();
  });

  test.each<[string, Partial<ModelEndpointArgs>, RegExp]>([
    ['without the account that pays', { monitoring: { budget: {} } }, /billingAccount: is missing.*gcloud billing/],
    [
      'with more people than it can tell',
      { billingAccount, monitoring: { budget: { emails: [...'abcdef'].map((who) => `${who}@example.org`) } } },
      /monitoring\.budget\.emails: 6 addresses and channels are to be told; a budget tells at most 5/,
    ],
  ])('%s is refused in the preview', (_what, more, message) => {
    expect(() => new ModelEndpoint('digits', { ...args, ...more })).toThrow(message);
  });
});
