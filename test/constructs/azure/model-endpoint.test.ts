import * as pulumi from '@pulumi/pulumi';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  ContainerImage,
  type Endpoint,
  Hardware,
  ModelEndpoint,
  type ModelEndpointArgs,
} from '../../../constructs/azure/index.js';
import { digits, inFolder, type Made, madeBy, ofType, settled } from '../pulumi/program.js';

inFolder();
afterEach(() => vi.unstubAllGlobals());

const reference = 'shop.azurecr.io/digits:1';
const registry = { id: '/azure/Registry/shop', loginServer: 'shop.azurecr.io' };
const image = ContainerImage.fromReference(reference, registry);
const objective = { p99Ms: 100, requestsPerSecond: 50 };

/** An endpoint in the Netherlands, and what it makes. */
async function made(args: Partial<ModelEndpointArgs> = {}) {
  let endpoint: ModelEndpoint | undefined;
  const resources = await madeBy(() => {
    endpoint = new ModelEndpoint('digits', { model: digits, objective, location: 'westeurope', image, ...args });
  });
  return {
    endpoint: endpoint!,
    resources,
    online: ofType(resources, ':OnlineEndpoint')[0]!.inputs,
    deployment: ofType(resources, ':OnlineDeployment')[0]!.inputs,
  };
}

const kinds = (resources: readonly Made[]) => [...new Set(resources.map(({ type }) => type.split(':').at(-1)!))].sort();
const template = (resources: readonly Made[]) =>
  ofType(resources, 'resources:Deployment')[0]!.inputs.properties.template.resources[0];

describe('the same description as elsewhere', () => {
  test('makes an endpoint with all that it needs', async () => {
    const { resources } = await made({ dashboard: false });
    expect(kinds(resources)).toEqual(
      expect.arrayContaining([
        'AutoscaleSetting',
        'Component',
        'Deployment',
        'EnvironmentVersion',
        'ModelEndpoint',
        'OnlineDeployment',
        'OnlineEndpoint',
        'ResourceGroup',
        'RoleAssignment',
        'StorageAccount',
        'UserAssignedIdentity',
        'Vault',
        'Workspace',
      ]),
    );
  });

  test('takes tokens of Entra ID alone, and is private unless asked', async () => {
    const { online } = await made();
    expect(online).toMatchObject({
      workspaceName: 'digits1a2b3c4d',
      properties: { authMode: 'AADToken', publicNetworkAccess: 'Disabled' },
      identity: { type: 'UserAssigned', userAssignedIdentities: ['/azure/UserAssignedIdentity/digits'] },
    });
    expect(online.properties.traffic).toBeUndefined();
    const open = await made({ ingress: 'all' });
    expect(open.online.properties.publicNetworkAccess).toBe('Enabled');
  });

  test('deploys the machine of the plan with limits that Azure would not choose', async () => {
    const { endpoint, deployment } = await made();
    const { chosen, workers, candidate } = endpoint.plan.hardware;
    expect(deployment).toMatchObject({
      endpointName: 'digits1a2b3c4d',
      sku: { name: 'Default', tier: 'Standard', capacity: candidate.replicas },
      properties: {
        endpointComputeType: 'Managed',
        instanceType: chosen.name,
        environmentId: '/azure/EnvironmentVersion/digits',
        requestSettings: {
          requestTimeout: 'PT70S',
          maxConcurrentRequestsPerInstance: 2 * Math.max(workers!, candidate.batch),
        },
        startupProbe: {
          failureThreshold: 31,
          initialDelay: 'PT10S',
          period: 'PT10S',
          successThreshold: 1,
          timeout: 'PT5S',
        },
        scaleSettings: { scaleType: 'Default' },
      },
    });
  });

  test('says which routes the container answers', async () => {
    const [environment] = ofType((await made()).resources, ':EnvironmentVersion');
    expect(environment!.inputs).toMatchObject({
      name: 'digits1a2b3c4d-main',
      properties: {
        image: reference,
        osType: 'Linux',
        inferenceConfig: {
          livenessRoute: { path: '/v2/health/live', port: 8080 },
          readinessRoute: { path: '/v2/health/ready', port: 8080 },
          scoringRoute: { path: '/invocations', port: 8080 },
        },
      },
    });
  });

  test('grants what is read while a deployment is made, to a service principal', async () => {
    const { resources } = await made();
    const roles = ofType(resources, ':RoleAssignment').map(({ name, inputs }) => [
      name,
      inputs.scope,
      inputs.roleDefinitionId,
    ]);
    const role = (id: string) =>
      `/subscriptions/00000000-0000-0000-0000-000000000001/providers/Microsoft.Authorization/roleDefinitions/${id}`;
    expect(roles).toEqual([
      ['digits-models', '/azure/StorageAccount/digits', role('2a2b9908-6ea1-4ae2-8e65-a410df84e7d1')],
      ['digits-pull', '/azure/Registry/shop', role('7f951dda-4ed3-4680-a7ca-43fe172d538d')],
    ]);
    for (const { inputs } of ofType(resources, ':RoleAssignment')) {
      expect(inputs).toMatchObject({ principalId: 'digits-principal', principalType: 'ServicePrincipal' });
    }
  });

  test('says where it is, what it costs, which quota it needs, and how to ask', async () => {
    const { endpoint } = await made({ hardware: Hardware.of('Standard_NC4as_T4_v3'), scaling: { min: 1, max: 1 } });
    const url = 'https://digits.westeurope.inference.ml.azure.com/score';
    expect(await settled(endpoint.url)).toBe(url);
    expect(await settled(endpoint.monthlyUsd)).toBe(endpoint.plan.hardware.candidate.monthlyUsd);
    expect(await settled(endpoint.priceDate)).toBe(endpoint.plan.hardware.candidate.priceDate);
    expect(await settled(endpoint.quota)).toEqual([
      'Standard_NC4as_T4_v3: 8 cores for 1 instance, and 1 that Azure keeps for upgrades',
    ]);
    expect(await settled(endpoint.request)).toMatch(
      new RegExp(
        `^curl -s ${url} -H "Authorization: Bearer \\$\\(az account get-access-token --resource https://ml.azure.com `,
      ),
    );
  });
});

describe('scaling', () => {
  test('follows processors between the bounds, in texts', async () => {
    const { resources } = await made({ scaling: { min: 2, max: 6 } });
    const { inputs } = ofType(resources, ':AutoscaleSetting')[0]!;
    expect(inputs.targetResourceUri).toBe('/azure/OnlineDeployment/digits');
    const [always] = inputs.profiles;
    expect(always).toMatchObject({ name: 'always', capacity: { minimum: '2', maximum: '6', default: '2' } });
    expect(always.rules).toEqual([
      {
        metricTrigger: {
          metricName: 'CpuUtilizationPercentage',
          metricResourceUri: '/azure/OnlineDeployment/digits',
          operator: 'GreaterThan',
          threshold: 70,
          statistic: 'Average',
          timeAggregation: 'Average',
          timeGrain: 'PT1M',
          timeWindow: 'PT5M',
        },
        scaleAction: { direction: 'Increase', type: 'ChangeCount', value: '1', cooldown: 'PT5M' },
      },
      expect.objectContaining({
        scaleAction: { direction: 'Decrease', type: 'ChangeCount', value: '1', cooldown: 'PT15M' },
      }),
    ]);
  });

  test('follows accelerators where there are some', async () => {
    const { resources } = await made({ hardware: Hardware.of('Standard_NC4as_T4_v3'), scaling: { min: 1, max: 3 } });
    const [{ rules }] = ofType(resources, ':AutoscaleSetting')[0]!.inputs.profiles;
    expect(rules[0].metricTrigger.metricName).toBe('GpuUtilizationPercentage');
  });

  test('has no setting where the number is fixed', async () => {
    const { resources } = await made({ scaling: { min: 2, max: 2 } });
    expect(ofType(resources, ':AutoscaleSetting')).toEqual([]);
  });

  test('keeps a timetable in the time zone that is meant', async () => {
    const { resources } = await made({
      scaling: { min: 1, max: 4 },
      schedules: [
        { at: '07:30', days: ['Monday', 'Friday'], timeZone: 'Europe/Amsterdam', min: 3 },
        { at: '19:00', min: 1, max: 2 },
      ],
    });
    const [, morning, evening] = ofType(resources, ':AutoscaleSetting')[0]!.inputs.profiles;
    expect(morning).toMatchObject({
      capacity: { minimum: '3', maximum: '4', default: '3' },
      recurrence: {
        frequency: 'Week',
        schedule: { days: ['Monday', 'Friday'], hours: [7], minutes: [30], timeZone: 'W. Europe Standard Time' },
      },
    });
    expect(evening).toMatchObject({
      capacity: { minimum: '1', maximum: '2', default: '1' },
      recurrence: { schedule: { hours: [19], minutes: [0], timeZone: 'UTC' } },
    });
    expect(evening.recurrence.schedule.days).toHaveLength(7);
  });
});

describe('requests', () => {
  test('go to the deployment in a second step, with the whole endpoint beside the shares', async () => {
    const { resources, deployment, online } = await made({ tags: { team: 'fraud' } });
    expect(template(resources)).toEqual({
      type: 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints',
      apiVersion: '2025-12-01',
      name: 'digits1a2b3c4d/digits1a2b3c4d',
      location: 'westeurope',
      tags: { team: 'fraud' },
      identity: { type: 'UserAssigned', userAssignedIdentities: { '/azure/UserAssignedIdentity/digits': {} } },
      properties: { ...online.properties, traffic: { [deployment.deploymentName]: 100 }, mirrorTraffic: {} },
    });
    expect(deployment.deploymentName).toMatch(/^main-[0-9a-f]{8}$/);
  });

  test('are shared between deployments and mirrored', async () => {
    const { resources, endpoint } = await made({
      deployments: {
        next: {
          image: ContainerImage.fromReference('shop.azurecr.io/digits:2', registry),
          hardware: Hardware.of('Standard_NC4as_T4_v3'),
          scaling: { min: 1, max: 1 },
          percent: 10,
          mirrorPercent: 20,
        },
      },
    });
    const [main, next] = ofType(resources, ':OnlineDeployment').map(({ inputs }) => inputs);
    expect(next.properties.instanceType).toBe('Standard_NC4as_T4_v3');
    expect(template(resources).properties).toMatchObject({
      traffic: { [main.deploymentName]: 90, [next.deploymentName]: 10 },
      mirrorTraffic: { [next.deploymentName]: 20 },
    });
    expect(await settled(endpoint.monthlyUsd)).toBe(
      endpoint.plan.hardware.candidate.monthlyUsd! + endpoint.furtherPlans.next!.hardware.candidate.monthlyUsd!,
    );
    expect(ofType(resources, ':RoleAssignment').filter(({ name }) => name.endsWith('pull'))).toHaveLength(1);
  });

  test('of another image go to another deployment', async () => {
    const [one, other] = [
      await made(),
      await made({ image: ContainerImage.fromReference('shop.azurecr.io/digits:2', registry) }),
    ];
    expect(other.deployment.deploymentName).not.toBe(one.deployment.deploymentName);
  });

  test('are allowed to those who are named, by a role for asking alone', async () => {
    const { resources, endpoint } = await made({
      invokers: [{ principalId: 'web' }, { principalId: 'ops', principalType: 'Group' }],
    });
    const [role] = ofType(resources, ':RoleDefinition');
    expect(role!.inputs.permissions).toEqual([
      { actions: ['Microsoft.MachineLearningServices/workspaces/onlineEndpoints/score/action'] },
    ]);
    const invokers = ofType(resources, ':RoleAssignment').filter(({ name }) => name.includes('invoker'));
    expect(invokers.map(({ inputs }) => inputs)).toEqual([
      {
        principalId: 'web',
        principalType: 'ServicePrincipal',
        roleDefinitionId: '/azure/RoleDefinition/digits-invoker-1',
        scope: '/azure/OnlineEndpoint/digits',
      },
      expect.objectContaining({ principalId: 'ops', principalType: 'Group' }),
    ]);
    const more = await madeBy(() => endpoint.grantInvoke('later', { principalId: 'shop' }));
    expect(more.map(({ name }) => name)).toEqual(['later']);
  });
});

describe('data capture', () => {
  const table = 'azureml:digits-training:1';
  const component = 'azureml:bodies-to-columns:1';
  const collected = (resources: readonly Made[]) =>
    ofType(resources, ':OnlineDeployment')[0]!.inputs.properties.dataCollector;

  test('keeps requests and answers, which the identity may write', async () => {
    const { resources } = await made({ dataCapture: { percent: 25, headers: ['x-request-id'] } });
    const share = { dataCollectionMode: 'Enabled', samplingRate: 0.25 };
    expect(collected(resources)).toEqual({
      collections: { request: share, response: share },
      rollingRate: 'Hour',
      requestLogging: { captureHeaders: ['x-request-id'] },
    });
    const [models] = ofType(resources, ':RoleAssignment').filter(({ name }) => name === 'digits-models');
    expect(models!.inputs.roleDefinitionId).toMatch(/ba92f5b4-2d11-453d-a403-e96b0029c9fe$/);
    expect(ofType(resources, ':Schedule')).toEqual([]);
  });

  test('is none unless asked', async () => {
    const { resources } = await made();
    expect(collected(resources)).toBeUndefined();
  });

  test('is compared with a table once a day, by a job of Azure’s', async () => {
    const { resources, endpoint } = await made({
      emails: ['ml@shop.example'],
      dataCapture: {
        capture: ['output'],
        monitor: { reference: table, preprocessingComponentId: component, threshold: 0.2, at: '04:30' },
      },
    });
    const [schedule] = ofType(resources, ':Schedule');
    const { trigger, action } = schedule!.inputs.properties;
    expect(trigger).toEqual({
      triggerType: 'Recurrence',
      ...{ frequency: 'Day', interval: 1, timeZone: 'UTC' },
      schedule: { hours: [4], minutes: [30] },
    });
    const deployment = await settled(endpoint.resources.deployments[0]!.deploymentName);
    const called = await settled(endpoint.endpointName);
    const { monitoringTarget, signals, alertNotificationSettings } = action.monitorDefinition;
    expect(monitoringTarget).toEqual({
      taskType: 'Classification',
      deploymentId: `azureml:${called}:${deployment}`,
    });
    expect(alertNotificationSettings).toEqual({ emailNotificationSettings: { emails: ['ml@shop.example'] } });
    expect(Object.keys(signals)).toEqual(['predictions']);
    expect(signals.predictions).toMatchObject({
      signalType: 'PredictionDrift',
      metricThresholds: ['Numerical', 'Categorical'].map((dataType) => ({
        ...{ dataType, metric: 'JensenShannonDistance', threshold: { value: 0.2 } },
      })),
      productionData: {
        uri: `azureml://datastores/workspaceblobstore/paths/modelDataCollector/${called}/${deployment}/response/`,
        preprocessingComponentId: component,
        windowSize: 'P1D',
      },
      referenceData: { inputDataType: 'Fixed', jobInputType: 'mltable', uri: table },
    });
  });

  test('of requests and answers has both compared', async () => {
    const monitor = { reference: table, preprocessingComponentId: component, task: 'regression' } as const;
    const { resources } = await made({ dataCapture: { monitor } });
    const { monitorDefinition } = ofType(resources, ':Schedule')[0]!.inputs.properties.action;
    expect(monitorDefinition.monitoringTarget.taskType).toBe('Regression');
    expect(monitorDefinition.signals).toMatchObject({
      inputs: { signalType: 'DataDrift', productionData: { dataContext: 'model_inputs' } },
      predictions: { signalType: 'PredictionDrift', productionData: { dataContext: 'model_outputs' } },
    });
    expect(monitorDefinition.alertNotificationSettings).toBeUndefined();
  });
});

describe('what is there already', () => {
  test('is used: resource group, workspace, identity, registry', async () => {
    const { resources, online, deployment } = await made({
      resourceGroupName: 'shop-rg',
      workspace: { name: 'shop-ml', storageId: '/azure/StorageAccount/shop' },
      identity: { id: '/azure/UserAssignedIdentity/shop', principalId: 'shop-principal' },
      endpointName: 'shop-digits',
    });
    for (const kind of [
      ':ResourceGroup',
      ':Workspace',
      ':UserAssignedIdentity',
      ':Registry',
      ':StorageAccount',
      ':Vault',
    ]) {
      expect(ofType(resources, kind)).toEqual([]);
    }
    expect(online).toMatchObject({
      resourceGroupName: 'shop-rg',
      workspaceName: 'shop-ml',
      endpointName: 'shop-digits',
    });
    expect(deployment.endpointName).toBe('shop-digits');
    expect(ofType(resources, ':RoleAssignment').map(({ inputs }) => [inputs.principalId, inputs.scope])).toEqual([
      ['shop-principal', '/azure/StorageAccount/shop'],
      ['shop-principal', '/azure/Registry/shop'],
    ]);
  });

  test('was made by another program: it is asked, and others may ask', async () => {
    let found: Endpoint | undefined;
    const resources = await madeBy(() => {
      found = ModelEndpoint.get('theirs', {
        endpointName: 'fraud',
        workspaceName: 'ml',
        resourceGroupName: 'theirs-rg',
      });
      found.grantInvoke('web', { principalId: 'web-principal' });
    });
    const id =
      '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/theirs-rg/providers/Microsoft.MachineLearningServices/workspaces/ml/onlineEndpoints/fraud';
    expect(await settled(found!.url)).toBe('https://theirs.westeurope.inference.ml.azure.com/score');
    const [role] = ofType(resources, ':RoleDefinition');
    expect(role!.inputs.scope).toBe('/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/theirs-rg');
    expect(ofType(resources, ':RoleAssignment')[0]!.inputs).toMatchObject({ principalId: 'web-principal', scope: id });
  });

  test('a secret is read from its vault by the identity, and never in the clear', async () => {
    const { resources, deployment } = await made({
      environment: { MODE: 'fast' },
      secrets: { TOKEN: { vaultId: '/azure/Vault/shop', secret: 'token' } },
    });
    expect(deployment.properties.environmentVariables).toEqual({
      MODE: 'fast',
      TOKEN: 'keyvaultref:https://shop.vault.azure.net/secrets/token',
    });
    const role = ofType(resources, ':RoleAssignment').find(({ name }) => name === 'digits-token');
    expect(role!.inputs.scope).toBe('/azure/Vault/shop/secrets/token');
  });
});

describe('an image', () => {
  const tokens = (status: number) => {
    const asked: string[] = [];
    vi.stubGlobal('fetch', async (url: string, { body }: { body: URLSearchParams }) => {
      asked.push(`${url} ${body}`);
      return new Response(JSON.stringify({ refresh_token: 'token-of-registry' }), { status });
    });
    return asked;
  };

  test('is built and pushed with the identity that runs Pulumi', async () => {
    const asked = tokens(200);
    const { resources, deployment } = await made({ image: ContainerImage.fromPlan() });
    expect(asked).toEqual([
      'https://digits1a2b3c4d.azurecr.io/oauth2/exchange grant_type=access_token&service=digits1a2b3c4d.azurecr.io&access_token=token-of-azure',
    ]);
    const [built] = ofType(resources, ':Image');
    expect(built!.inputs).toMatchObject({
      push: true,
      buildOnPreview: false,
      tags: [expect.stringMatching(/^digits1a2b3c4d\.azurecr\.io\/digits:[0-9a-f]{12}$/)],
    });
    const registries = JSON.stringify(built!.inputs.registries);
    expect(registries).toContain('token-of-registry');
    expect(registries).toContain('4dabf18193072939515e22adb298388d');
    expect(ofType(resources, ':Registry')[0]!.inputs).toMatchObject({
      adminUserEnabled: false,
      sku: { name: 'Basic' },
    });
    expect(deployment.deploymentName).toMatch(/^main-/);
  });

  test('of a further deployment shares the registry', async () => {
    tokens(200);
    const { resources } = await made({ image: ContainerImage.fromPlan(), deployments: { next: { percent: 0 } } });
    expect(ofType(resources, ':Registry')).toHaveLength(1);
    expect(ofType(resources, ':Image').map(({ name }) => name)).toEqual(['digits', 'digits-next']);
  });
});

describe('a description that is wrong is refused at once', () => {
  const refused = (args: Partial<ModelEndpointArgs>, name = 'digits') => {
    try {
      new ModelEndpoint(name, { model: digits, objective, location: 'westeurope', image, ...args });
    } catch (error) {
      expect(error).toBeInstanceOf(pulumi.InputPropertiesError);
      return (error as pulumi.InputPropertiesError).message;
    }
    throw new Error('it was taken');
  };

  test('with everything that is wrong', () => {
    const message = refused({
      endpointName: 'My_Endpoint',
      scaling: { min: 60, max: 70, target: 3 },
      serving: { timeoutSeconds: 200 },
      deployments: { 'a b': { percent: 101, mirrorPercent: 60 } },
      schedules: [{ at: '25:00' }],
      ingress: 'open' as 'all',
      rollout: { strategy: 'canary' },
      workspace: { name: 'shop-ml' },
      environment: { TOKEN: '1' },
      secrets: { TOKEN: { vaultId: 'v', secret: 's' } },
    });
    for (const line of [
      "endpointName: 'My_Endpoint' is no name for an endpoint",
      'scaling: 60 instances are asked for; a deployment has at most 50',
      'scaling.target: Azure Machine Learning scales on how busy',
      'serving.timeoutSeconds: 200 is given; Azure ends a request after 180 s. Give at most 170',
      "deployments: 'a b' is no name for a further deployment",
      'deployments.a b.percent: 101 is given; allowed: a whole number from 0 to 100',
      'deployments.a b.mirrorPercent: 60 is given; allowed: a whole number from 0 to 50',
      'schedules[0].at',
      "ingress: 'open' is given; allowed: internal, all",
      'rollout: Azure and Google move requests at once',
      'resourceGroupName: is missing: a workspace is given',
      'secrets.TOKEN: there is an environment variable of this name, too',
    ]) {
      expect(message).toContain(line);
    }
  });

  test.each([
    ['a component whose name is too long with the digits', {}, 'a'.repeat(30), 'endpointName: the component'],
    ['a machine that Azure does not have', { hardware: Hardware.of('Standard_X1') }, 'digits', 'Standard_X1'],
    ['a location that is missing', { location: '' }, 'digits', 'location: is missing'],
    ['an action group by its name', { notify: ['ml'] }, 'digits', "notify[0]: 'ml' is no full name of an action group"],
    ['a capture of no request', { dataCapture: { percent: 0 } }, 'digits', 'dataCapture.percent: 0 is given'],
    ['a capture of nothing', { dataCapture: { capture: [] } }, 'digits', 'dataCapture.capture: nothing would be kept'],
    [
      'a monitor at no time',
      { dataCapture: { monitor: { reference: 'a', preprocessingComponentId: 'b', at: '3' } } },
      'digits',
      "dataCapture.monitor.at: '3' is given",
    ],
    [
      'a distance that no column can have',
      { dataCapture: { monitor: { reference: 'a', preprocessingComponentId: 'b', threshold: 2 } } },
      'digits',
      'dataCapture.monitor.threshold: 2 is given',
    ],
    ['a scale to zero', { scaling: { toZero: true } }, 'digits', 'does not scale to zero'],
    [
      'a machine of a further deployment',
      { deployments: { next: { hardware: Hardware.of('Standard_X1') } } },
      'digits',
      'deployments.next.hardware',
    ],
    [
      'shares of more than all',
      { deployments: { one: { percent: 60 }, two: { percent: 60 } } },
      'digits',
      'the shares add to 120',
    ],
    [
      'a location that is known too late',
      { location: pulumi.output('westeurope') as unknown as string },
      'digits',
      'location: is an output',
    ],
  ])('%s', (_, args, name, line) => {
    expect(refused(args, name)).toContain(line);
  });
});

test('a child is changed by whoever knows better', async () => {
  const { deployment, online } = await made({
    transform: {
      endpoint: (args) => ({ ...args, kind: 'ours' }),
      deployment: (args) => ({ ...args, kind: 'theirs' }),
    },
  });
  expect([online.kind, deployment.kind]).toEqual(['ours', 'theirs']);
});
