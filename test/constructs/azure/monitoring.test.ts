import * as pulumi from '@pulumi/pulumi';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { budgetProblems } from '../../../constructs/azure/cost-guards.js';
import { type Monitored, type MonitorOptions, monitor } from '../../../constructs/azure/monitoring.js';
import { cloud } from '../../../lib/hardware/offer.js';
import { type EndpointPlan, planEndpoint } from '../../../lib/plan.js';
import { digits, type Made, madeBy, ofType } from '../pulumi/program.js';

afterEach(() => vi.useRealTimers());

const location = 'westeurope';
const objective = { p99Ms: 100, requestsPerSecond: 50 };
const planOn = (platform: 'azure-ml' | 'azure-container-apps'): EndpointPlan =>
  planEndpoint(
    { model: digits, objective },
    cloud(platform, { region: platform === 'azure-ml' ? location : 'swedencentral' }),
  );

const group = '/subscriptions/0-1/resourceGroups/shop';
const endpointId = `${group}/providers/Microsoft.MachineLearningServices/workspaces/shop-ml/onlineEndpoints/digits-1a2b`;
const appId = `${group}/providers/Microsoft.App/containerApps/digits-1a2b`;
const logsId = `${group}/providers/Microsoft.OperationalInsights/workspaces/logs`;
const operators = `${group}/providers/Microsoft.Insights/actionGroups/operators`;
const deploymentId = (role: string) => `${endpointId}/deployments/${role}-1`;

type Asked = Partial<Omit<MonitorOptions, 'parent' | 'platform'>>;

/** What watches an endpoint or an app, and what is made for it. */
async function made(platform: MonitorOptions['platform'], asked: Asked = {}, name = 'digits') {
  const plan = planOn(platform);
  const isManaged = platform === 'azure-ml';
  const id = pulumi.output(isManaged ? endpointId : appId);
  let monitored: Monitored | undefined;
  const resources = await madeBy(() => {
    const parent = new pulumi.ComponentResource('test:Endpoint', name);
    monitored = monitor(name, {
      ...{ parent, platform, resourceGroupName: 'shop', location, tags: { team: 'fraud' }, id },
      instances: [{ role: 'main', id: isManaged ? pulumi.output(deploymentId('main')) : id, plan }],
      logs: isManaged ? pulumi.output(logsId) : null,
      ...{ notify: [operators], emails: [], dashboard: true, toZero: false, asked: undefined },
      ...asked,
    });
  });
  return { monitored: monitored!, resources: resources.filter(({ type }) => type.startsWith('azure-native:')), plan };
}

const inputsOf = (resources: readonly Made[], name: string) => resources.find((each) => each.name === name)?.inputs;
const kinds = (resources: readonly Made[]): Record<string, number> => {
  const all = resources.map(({ type }) => type.split(':').at(-1)!);
  return Object.fromEntries([...new Set(all)].sort().map((kind) => [kind, all.filter((one) => one === kind).length]));
};
const told = [{ actionGroupId: operators }];

describe('an endpoint of Azure Machine Learning', () => {
  test('has alerts on its log and its metrics, a dashboard, and the log sent where they look', async () => {
    const { resources, monitored } = await made('azure-ml');
    expect(kinds(resources)).toEqual({
      ...{ Dashboard: 1, DashboardDefinition: 1, DiagnosticSetting: 1, MetricAlert: 2, ScheduledQueryRule: 7 },
    });
    expect(monitored.alerts).toHaveLength(9);
    expect(monitored.actionGroup).toBeNull();
    expect(monitored.budget).toBeNull();
  });

  test('has its objective watched by a query on the workspace', async () => {
    const { resources } = await made('azure-ml');
    expect(inputsOf(resources, 'digits-availabilityburn1h')).toEqual({
      ...{ resourceGroupName: 'shop', location, tags: { team: 'fraud' }, kind: 'LogAlert' },
      ...{ enabled: true, autoMitigate: true, skipQueryValidation: true, severity: 0 },
      ...{ windowSize: 'PT1H', overrideQueryTimeRange: 'PT2H', evaluationFrequency: 'PT5M' },
      displayName: 'digits: AvailabilityBurn1h',
      description: expect.stringMatching(/^More than 1.44 % of requests ended in a server error during 1 h\. /),
      scopes: [logsId],
      criteria: {
        allOf: [
          {
            ...{ criterionType: 'StaticThresholdCriterion', timeAggregation: 'Count', operator: 'GreaterThan' },
            threshold: 0,
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 },
            query: expect.stringContaining(
              '| where AzureMLWorkspaceName =~ "shop-ml" and EndpointName =~ "digits-1a2b"\n',
            ),
          },
        ],
      },
      actions: { actionGroups: [operators] },
    });
  });

  test('has no name left open in any query', async () => {
    const { resources } = await made('azure-ml');
    const text = JSON.stringify(resources);
    expect(text).not.toMatch(/@WORKSPACE@|@ENDPOINT@/);
  });

  test('has the machines of each deployment watched', async () => {
    const plan = planOn('azure-ml');
    const instances = ['main', 'green'].map((role) => ({ role, id: pulumi.output(deploymentId(role)), plan }));
    const { resources } = await made('azure-ml', { instances: instances as never });
    expect(inputsOf(resources, 'digits-green-memorypressure')).toEqual({
      ...{ resourceGroupName: 'shop', location: 'global', tags: { team: 'fraud' }, enabled: true, autoMitigate: true },
      ...{ severity: 2, windowSize: 'PT5M', evaluationFrequency: 'PT1M' },
      description: expect.stringContaining('more than 90 % of its memory'),
      scopes: [deploymentId('green')],
      criteria: {
        odataType: 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria',
        allOf: [
          {
            ...{ criterionType: 'StaticThresholdCriterion', name: 'condition-1', skipMetricValidation: true },
            metricNamespace: 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments',
            metricName: 'CpuMemoryUtilizationPercentage',
            ...{ timeAggregation: 'Average', operator: 'GreaterThan', threshold: 90 },
            dimensions: [{ name: 'instanceId', operator: 'Include', values: ['*'] }],
          },
        ],
      },
      actions: told,
    });
    expect(inputsOf(resources, 'digits-main-memorypressure').scopes).toEqual([deploymentId('main')]);
    expect(inputsOf(resources, 'digits-requestsrefused').scopes).toEqual([endpointId]);
  });

  test('sends the log of requests, and nothing that no alert reads', async () => {
    const { resources } = await made('azure-ml');
    expect(ofType(resources, ':DiagnosticSetting')[0]!.inputs).toEqual({
      ...{ resourceUri: endpointId, workspaceId: logsId },
      logs: [{ category: 'AmlOnlineEndpointTrafficLog', enabled: true }],
    });
  });

  test('without a workspace for logs has stand-ins on metrics', async () => {
    const { resources, monitored } = await made('azure-ml', { logs: null });
    expect(kinds(resources)).toEqual({ Dashboard: 1, DashboardDefinition: 1, MetricAlert: 5 });
    expect(inputsOf(resources, 'digits-servererrorsbythemodel').criteria.allOf[0]).toMatchObject({
      ...{ metricName: 'RequestsPerMinute', timeAggregation: 'Average', operator: 'GreaterThan', threshold: 1 },
      dimensions: [
        { name: 'modelStatusCode', operator: 'StartsWith', values: ['5'] },
        { name: 'deployment', operator: 'Include', values: ['*'] },
      ],
    });
    expect(monitored.notes.join()).toContain('it needs the log of requests in a Log Analytics workspace');
  });
});

describe('a container app', () => {
  test('has alerts on its metrics alone', async () => {
    const { resources, monitored } = await made('azure-container-apps', { logs: pulumi.output(logsId) });
    const { MetricAlert: alerts, ...others } = kinds(resources);
    expect(others).toEqual({ Dashboard: 1, DashboardDefinition: 1 });
    expect(alerts).toBe(monitored.alerts.length);
    expect(inputsOf(resources, 'digits-availabilityburn1hupto1736')).toMatchObject({
      ...{ scopes: [appId], severity: 0, windowSize: 'PT1H', evaluationFrequency: 'PT5M', actions: told },
      criteria: {
        allOf: [
          {
            ...{ name: 'condition-1', metricName: 'Requests', timeAggregation: 'Total' },
            ...{ operator: 'GreaterThanOrEqual', threshold: 25 },
            dimensions: [{ name: 'statusCodeCategory', operator: 'Include', values: ['5xx'] }],
          },
          { name: 'condition-2', metricName: 'Requests', operator: 'GreaterThan', threshold: 347 },
          { name: 'condition-3', metricName: 'Requests', operator: 'LessThanOrEqual', threshold: 1736 },
        ],
      },
    });
  });

  test('may see more requests than its plan carries before counts prove less', async () => {
    const { resources, plan } = await made('azure-container-apps');
    const bands = ofType(resources, ':MetricAlert').filter(({ name }) => name.startsWith('digits-availabilityburn1h'));
    const above = Math.max(...bands.map(({ name }) => Number(/(\d+)$/.exec(name)![1])));
    expect(above * 5).toBeGreaterThan(4 * 3600 * plan.hardware.candidate.throughputPerSecond);
  });

  test('is told of when nobody asks, unless it stops by itself', async () => {
    const { resources } = await made('azure-container-apps');
    expect(inputsOf(resources, 'digits-idle').criteria.allOf).toMatchObject([
      { metricName: 'Replicas', timeAggregation: 'Minimum', operator: 'GreaterThanOrEqual', threshold: 1 },
      { metricName: 'Requests', timeAggregation: 'Total', operator: 'LessThan', threshold: 1 },
    ]);
    for (const asked of [{ toZero: true }, { asked: { idleHours: 0 } }]) {
      expect(inputsOf((await made('azure-container-apps', asked)).resources, 'digits-idle')).toBeUndefined();
    }
  });
});

describe('who is told', () => {
  test('addresses come in an action group of their own, beside yours', async () => {
    const { resources, monitored } = await made('azure-ml', { emails: ['a@shop.example', 'b@shop.example'] });
    expect(ofType(resources, ':ActionGroup')[0]!.inputs).toEqual({
      ...{ resourceGroupName: 'shop', location: 'Global', tags: { team: 'fraud' }, enabled: true },
      groupShortName: 'digits',
      emailReceivers: [
        { name: 'email-1', emailAddress: 'a@shop.example', useCommonAlertSchema: true },
        { name: 'email-2', emailAddress: 'b@shop.example', useCommonAlertSchema: true },
      ],
    });
    expect(monitored.actionGroup).not.toBeNull();
    const own = '/azure/ActionGroup/digits';
    expect(inputsOf(resources, 'digits-requestsrefused').actions).toEqual([...told, { actionGroupId: own }]);
    expect(inputsOf(resources, 'digits-idle').actions).toEqual({ actionGroups: [operators, own] });
  });

  test('nobody, where nobody is named: alerts are in the portal', async () => {
    const { resources } = await made('azure-ml', { notify: [] });
    expect(inputsOf(resources, 'digits-requestsrefused').actions).toEqual([]);
  });
});

describe('the dashboard', () => {
  test('is drawn with the ids that the resources have', async () => {
    const { resources } = await made('azure-ml');
    const { dashboardName, definitionName, properties } = ofType(resources, ':DashboardDefinition')[0]!.inputs;
    expect([dashboardName, definitionName]).toEqual(['digits1a2b3c4d', 'default']);
    const { title, panels } = JSON.parse(properties.serializedData) as {
      title: string;
      panels: { title: string; targets?: { azureMonitor?: { resources: { resourceName: string }[] } }[] }[];
    };
    expect(title).toBe('Slipway: digits');
    const instances = panels.find((panel) => panel.title === 'Instances')!;
    expect(instances.targets![0]!.azureMonitor!.resources[0]!.resourceName).toBe('shop-ml/digits-1a2b/main-1');
    expect(properties.serializedData).toContain(logsId);
  });

  test('of a container app asks no log', async () => {
    const { resources } = await made('azure-container-apps', { logs: pulumi.output(logsId) });
    const { serializedData } = ofType(resources, ':DashboardDefinition')[0]!.inputs.properties;
    expect(serializedData).not.toContain('Azure Log Analytics');
  });

  test.each([
    ['fraud_model.v2', 'fraud-model-v2'],
    ['9-digits', 'digits'],
    ['a-very-long-name-of-an-endpoint', 'a-very-long-name-of-an'],
    ['1', 'endpoint'],
  ])('%s is named as Azure allows with the digits that Pulumi adds', async (name, expected) => {
    const { resources } = await made('azure-ml', {}, name);
    const [{ name: given }] = ofType(resources, ':Dashboard') as [Made];
    expect(given).toBe(expected);
    expect(`${given}1a2b3c4d`).toMatch(/^[a-zA-Z][a-z0-9A-Z-]{0,28}[a-z0-9A-Z]$/);
  });

  test('none where none is wanted', async () => {
    const { resources, monitored } = await made('azure-ml', { dashboard: false });
    expect(kinds(resources)).not.toHaveProperty('DashboardDefinition');
    expect([monitored.dashboard, monitored.definition]).toEqual([null, null]);
  });
});

describe('a budget', () => {
  const of = async (platform: MonitorOptions['platform'], budget: object, more: Asked = {}) => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-11-27T12:00:00Z') });
    const { resources, plan } = await made(platform, { asked: { budget }, ...more });
    return { inputs: ofType(resources, ':Budget')[0]!.inputs, plan };
  };

  test('is over what Azure marks with the endpoint’s name, a tenth above the plan', async () => {
    const { inputs, plan } = await of('azure-ml', { emails: ['owner@shop.example'] });
    const notification = {
      ...{ enabled: true, operator: 'GreaterThan', threshold: 100 },
      contactEmails: ['owner@shop.example'],
      contactGroups: [operators],
    };
    expect(inputs).toEqual({
      scope: group,
      ...{ category: 'Cost', timeGrain: 'Monthly', amount: Math.ceil(plan.hardware.candidate.monthlyUsd! * 1.1) },
      filter: { tags: { name: 'azuremlendpoint', operator: 'In', values: ['digits-1a2b'] } },
      timePeriod: { startDate: '2026-11-01T00:00:00Z' },
      notifications: {
        Actual: { ...notification, thresholdType: 'Actual' },
        Forecasted: { ...notification, thresholdType: 'Forecasted' },
      },
    });
  });

  test('keeps the month that it was made in, which Azure takes for once', async () => {
    const plan = planOn('azure-ml');
    const kept = new Map<string, readonly string[] | undefined>();
    await madeBy(() => {
      const note: pulumi.ResourceTransformation = ({ type, opts }) => {
        kept.set(type, (opts as pulumi.CustomResourceOptions).ignoreChanges);
        return undefined;
      };
      const parent = new pulumi.ComponentResource('test:Endpoint', 'digits', {}, { transformations: [note] });
      monitor('digits', {
        ...{ parent, platform: 'azure-ml', resourceGroupName: 'shop', location, tags: {}, logs: null },
        id: pulumi.output(endpointId),
        instances: [{ role: 'main', id: pulumi.output(deploymentId('main')), plan }],
        ...{ notify: [operators], emails: [], dashboard: false, toZero: false, asked: { budget: {} } },
      });
    });
    expect(kept.get('azure-native:consumption:Budget')).toEqual(['timePeriod']);
  });

  test('of a container app is over the app itself, as much as asked', async () => {
    const { inputs } = await of('azure-container-apps', { monthlyUsd: 250 });
    expect(inputs).toMatchObject({
      amount: 250,
      filter: { dimensions: { name: 'ResourceId', operator: 'In', values: [appId] } },
    });
  });

  test('counts every deployment', async () => {
    const plan = planOn('azure-ml');
    const instances = ['main', 'green'].map((role) => ({ role, id: pulumi.output(deploymentId(role)), plan }));
    const { inputs } = await of('azure-ml', {}, { instances: instances as never });
    expect(inputs.amount).toBe(Math.ceil(2 * plan.hardware.candidate.monthlyUsd! * 1.1));
  });

  test('that tells nobody is refused', () => {
    const problem = {
      where: 'monitoring.budget',
      what: 'nobody would be told. Give emails, or action groups in notify',
    };
    expect(budgetProblems({ budget: {} }, [], [])).toEqual([problem]);
    expect(budgetProblems({ budget: { emails: ['a@shop.example'] } }, [], [])).toEqual([]);
    expect(budgetProblems({ budget: {} }, [operators], [])).toEqual([]);
    expect(budgetProblems({ budget: {} }, [], ['a@shop.example'])).toEqual([]);
    expect(budgetProblems(undefined, [], [])).toEqual([]);
  });
});

test('the same description makes the same resources', async () => {
  const once = async () => {
    const { resources } = await made('azure-ml');
    return [...resources].sort((one, other) => (one.name < other.name ? -1 : 1)).map(({ inputs }) => inputs);
  };
  const first = JSON.stringify(await once());
  expect(JSON.stringify(await once())).toBe(first);
});
