/** The checks themselves: what is right passes, and each kind of mistake is told with its place. */

import { describe, expect, test } from 'vitest';
import { publishedProblems } from './published.cjs';

const unknown = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

const place = { resourceGroupName: 'shop', workspaceName: 'ml' };
const deployment = {
  ...place,
  endpointName: 'digits',
  deploymentName: 'main',
  sku: { name: 'Default', tier: 'Standard', capacity: 2 },
  properties: {
    endpointComputeType: 'Managed',
    instanceType: 'Standard_F2s_v2',
    environmentId: unknown,
    environmentVariables: { MODE: 'fast' },
    scaleSettings: { scaleType: 'Default' },
    requestSettings: { requestTimeout: 'PT70S', maxConcurrentRequestsPerInstance: 4 },
  },
};
const online = 'azure-native:machinelearningservices:OnlineDeployment';

describe('azure-native', () => {
  test('what is right has no problem, unknown values included', () => {
    expect(publishedProblems(online, deployment)).toEqual([]);
  });

  test.each([
    ['a name that is not there', { extra: 1 }, ['extra: is not there']],
    [
      'a name of an earlier release',
      { properties: { ...deployment.properties, instanceTypes: 'F2' } },
      ['properties.instanceTypes: is not there'],
    ],
    [
      'a kind that another platform has',
      { properties: { ...deployment.properties, scaleSettings: { scaleType: 'Sometimes' } } },
      ['properties.scaleSettings.scaleType: "Sometimes" is none of Default, TargetUtilization'],
    ],
    [
      'a way of scaling that managed deployments do not have',
      { properties: { ...deployment.properties, scaleSettings: { scaleType: 'TargetUtilization' } } },
      ['properties.scaleSettings.scaleType: "TargetUtilization" is for Kubernetes alone'],
    ],
    [
      'what has to be there',
      { sku: { tier: 'Standard' }, endpointName: undefined },
      ['sku.name: is missing', 'endpointName: is missing'],
    ],
    [
      'something else in a map',
      { properties: { ...deployment.properties, environmentVariables: { MODE: 1 } } },
      ['properties.environmentVariables.MODE: 1 is no text'],
    ],
    [
      'a name in the letters of another cloud',
      { properties: { ...deployment.properties, InstanceType: 'Standard_F2s_v2' } },
      ['properties.InstanceType: is not there'],
    ],
    [
      'what belongs in the properties, beside them',
      { instanceType: 'Standard_F2s_v2' },
      ['instanceType: is not there'],
    ],
    [
      'several at once',
      { sku: { ...deployment.sku, capacity: 1.5 }, kind: 3 },
      ['sku.capacity: 1.5 is no whole number', 'kind: 3 is no text'],
    ],
    [
      'a text in the place of a number',
      { sku: { ...deployment.sku, capacity: '2' } },
      ['sku.capacity: "2" is no whole number'],
    ],
    [
      'a word that Azure does not have',
      { properties: { ...deployment.properties, egressPublicNetworkAccess: 'Maybe' } },
      ['properties.egressPublicNetworkAccess: "Maybe" is none of Enabled, Disabled'],
    ],
    [
      'what Azure alone writes',
      { properties: { ...deployment.properties, provisioningState: 'Succeeded' } },
      ['properties.provisioningState: is read-only'],
    ],
  ])('%s', (_, wrong, problems) => {
    expect(publishedProblems(online, { ...deployment, ...wrong })).toEqual(problems);
  });

  test('the name that azure-native 2 had for the properties of an endpoint', () => {
    const problems = publishedProblems('azure-native:machinelearningservices:OnlineEndpoint', {
      ...place,
      endpointName: 'digits',
      onlineEndpointProperties: { authMode: 'AADToken' },
    });
    expect(problems).toEqual(['properties: is missing', 'onlineEndpointProperties: is not there']);
  });

  test('numbers where automatic scaling counts in texts', () => {
    const problems = publishedProblems('azure-native:monitor:AutoscaleSetting', {
      resourceGroupName: 'shop',
      profiles: [{ name: 'always', capacity: { minimum: 1, maximum: '2', default: '1' }, rules: [] }],
    });
    expect(problems).toEqual(['profiles[0].capacity.minimum: 1 is no text']);
  });

  test('properties that azure-native has beside the others', () => {
    const app = {
      resourceGroupName: 'shop',
      containerAppName: 'digits',
      environmentId: unknown,
      template: { containers: [{ name: 'digits', image: unknown, resources: { cpu: 0.5, memory: '1Gi' } }] },
    };
    const type = 'azure-native:app:ContainerApp';
    expect(publishedProblems(type, app)).toEqual([]);
    expect(publishedProblems(type, { ...app, properties: {} })).toEqual(['properties: is not there']);
    expect(publishedProblems(type, { ...app, template: { scale: { minReplicas: '0' } } })).toEqual([
      'template.scale.minReplicas: "0" is no whole number',
    ]);
  });

  test('lengths, patterns and bounds', () => {
    const vault = (more: object) =>
      publishedProblems('azure-native:keyvault:Vault', {
        resourceGroupName: 'shop',
        vaultName: 'digits',
        properties: {
          tenantId: '00000000-0000-0000-0000-000000000001',
          sku: { family: 'A', name: 'standard' },
          ...more,
        },
      });
    expect(vault({})).toEqual([]);
    expect(vault({ tenantId: 'ours' })).toEqual(["properties.tenantId: 'ours' is shorter than 36"]);
    const run = (timeout: number) =>
      publishedProblems('azure-native:containerregistry:TaskRun', {
        resourceGroupName: 'shop',
        registryName: 'shop',
        runRequest: { type: 'EncodedTaskRunRequest', encodedTaskContent: 'eA==', platform: { os: 'Linux' }, timeout },
      });
    expect(run(300)).toEqual([]);
    expect(run(299)).toEqual(['runRequest.timeout: 299 is below 300']);
    expect(run(28_801)).toEqual(['runRequest.timeout: 28801 is above 28800']);
  });

  test('a type of which nothing was published', () => {
    expect(publishedProblems('azure-native:network:PrivateEndpoint', { resourceGroupName: 'shop' })).toEqual([
      'no published schema for azure-native:network:PrivateEndpoint',
    ]);
  });
});

const service = {
  location: 'europe-west4',
  ingress: 'INGRESS_TRAFFIC_ALL',
  deletionProtection: false,
  scaling: { minInstanceCount: 0, maxInstanceCount: 3 },
  traffics: [{ type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST', percent: 100 }],
  template: {
    timeout: '70s',
    maxInstanceRequestConcurrency: 4,
    containers: [
      {
        image: unknown,
        ports: { containerPort: 8080 },
        envs: [{ name: 'MODE', value: 'fast' }],
        dependsOns: ['sidecar'],
        resources: { limits: { cpu: '2' }, cpuIdle: false },
      },
    ],
  },
};
const cloudRun = 'gcp:cloudrunv2/service:Service';

describe('gcp', () => {
  test('what is right has no problem, unknown values included', () => {
    expect(publishedProblems(cloudRun, service)).toEqual([]);
  });

  const container = (more: object) => ({
    template: { ...service.template, containers: [{ ...service.template.containers[0], ...more }] },
  });

  test.each([
    ['a name that is not there', container({ port: 8080 }), 'template.containers[0].port: is not there'],
    ['a word that Google does not have', { ingress: 'OPEN' }, 'ingress: "OPEN" is none of INGRESS_TRAFFIC_UNSPECIFIED'],
    [
      'a text in the place of a number',
      { scaling: { minInstanceCount: 'one' } },
      'scaling.minInstanceCount: "one" is no',
    ],
    [
      'a time without its unit',
      { template: { ...service.template, timeout: '70' } },
      'template.timeout: "70" is no Duration',
    ],
    ['a single thing in the place of a list', { traffics: service.traffics[0] }, 'traffics: {'],
    [
      'two ways at once',
      container({ startupProbe: { httpGet: { path: '/' }, tcpSocket: { port: 1 } } }),
      'template.containers[0].startupProbe: only one of httpGet, tcpSocket',
    ],
    ['what has to be there', { location: undefined }, 'location: is missing'],
    ['what has to be there, inside', container({ image: undefined }), 'template.containers[0].image: is missing'],
    ['what Google alone writes', { uri: 'https://x' }, 'uri: is read-only'],
    [
      'a name of Google’s that the provider has in the plural',
      container({ env: [] }),
      'template.containers[0].env: is not there',
    ],
    ['a number for a word', { ingress: 1 }, 'ingress: 1 is none of INGRESS_TRAFFIC_UNSPECIFIED'],
    [
      'a number in a map of texts',
      container({ resources: { limits: { cpu: 2 } } }),
      'template.containers[0].resources.limits.cpu: 2 is no string',
    ],
  ])('%s', (_, wrong, problem) => {
    expect(publishedProblems(cloudRun, { ...service, ...wrong })).toEqual([expect.stringContaining(problem)]);
  });

  test('a dashboard is read as Google reads it', () => {
    const dashboard = (widget: object) => ({
      dashboardJson: JSON.stringify({
        displayName: 'x',
        mosaicLayout: { columns: 48, tiles: [{ width: 1, height: 1, widget }] },
      }),
    });
    const type = 'gcp:monitoring/dashboard:Dashboard';
    expect(publishedProblems(type, dashboard({ title: 'x', xyChart: { dataSets: [] } }))).toEqual([]);
    expect(publishedProblems(type, dashboard({ title: 'x', xyChart: { dataSet: [] } }))).toEqual([
      'mosaicLayout.tiles[0].widget.xyChart.dataSets: is missing',
      'mosaicLayout.tiles[0].widget.xyChart.dataSet: is not there',
    ]);
    expect(publishedProblems(type, dashboard({ text: { content: 'x' }, xyChart: { dataSets: [] } }))).toEqual([
      'mosaicLayout.tiles[0].widget: only one of xyChart, text',
    ]);
    expect(publishedProblems(type, { dashboardJson: '{"displayName":' })).toEqual([
      'dashboardJson: is no object of JSON',
    ]);
    expect(publishedProblems(type, { dashboardJson: unknown })).toEqual([]);
    expect(publishedProblems(type, {})).toEqual(['dashboardJson: is missing']);
  });
});

describe('types that no schema was published of, by the SDK’s declarations', () => {
  const job = {
    region: 'europe-west4',
    schedule: '0 7 * * *',
    httpTarget: { uri: 'https://x', headers: { Accept: 'x' }, oauthToken: { serviceAccountEmail: unknown } },
  };
  const ofJob = (more: object) => publishedProblems('gcp:cloudscheduler/job:Job', { ...job, ...more });

  test.each([
    ['what is right', {}, []],
    ['a name that is not there', { cron: 'x' }, ['cron: is not there']],
    ['inside', { httpTarget: { ...job.httpTarget, url: 'x' } }, ['httpTarget.url: is not there']],
    [
      'what has to be there',
      { httpTarget: { oauthToken: {} } },
      ['httpTarget.uri: is missing', 'httpTarget.oauthToken.serviceAccountEmail: is missing'],
    ],
    ['another kind', { paused: 'no' }, ['paused: "no" is no boolean']],
    [
      'something else in a map',
      { httpTarget: { ...job.httpTarget, headers: { Accept: 1 } } },
      ['httpTarget.headers.Accept: 1 is no text'],
    ],
    ['a single thing in the place of an object', { retryConfig: 3 }, ['retryConfig: 3 is no object']],
  ])('%s', (_, more, problems) => {
    expect(ofJob(more)).toEqual(problems);
  });

  test('lists, in every package', () => {
    expect(publishedProblems('docker-build:index:Image', { push: false, tags: 'x/digits:1' })).toEqual([
      'tags: "x/digits:1" is no list',
    ]);
    expect(publishedProblems('docker-build:index:Image', { push: false, registries: [{ user: 'x' }] })).toEqual([
      'registries[0].address: is missing',
      'registries[0].user: is not there',
    ]);
    expect(publishedProblems('command:local:Command', { creates: 'x' })).toEqual(['creates: is not there']);
    expect(
      publishedProblems('azure-native:authorization:RoleDefinition', { scope: 'x', permissions: [{ action: [] }] }),
    ).toEqual(['permissions[0].action: is not there']);
  });
});

test('what is no resource of a cloud is not judged', () => {
  expect(publishedProblems('slipway:azure:ModelEndpoint', { anything: 1 })).toEqual([]);
});
