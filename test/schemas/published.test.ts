/** The checks themselves: what is right passes, and each kind of mistake is told with its place. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packageFile } from '../../lib/package-root.js';
import { azureTypes } from './azure.cjs';
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
    expect(publishedProblems(online, { ...deployment, ...wrong })).toEqual(expect.arrayContaining(problems));
  });

  test('the name that azure-native 2 had for the properties of an endpoint', () => {
    const problems = publishedProblems('azure-native:machinelearningservices:OnlineEndpoint', {
      ...place,
      endpointName: 'digits',
      onlineEndpointProperties: { authMode: 'AADToken' },
    });
    expect(problems).toEqual(
      expect.arrayContaining(['onlineEndpointProperties: is not there', 'properties: is missing']),
    );
  });

  test('numbers where automatic scaling counts in texts', () => {
    const problems = publishedProblems('azure-native:monitor:AutoscaleSetting', {
      resourceGroupName: 'shop',
      profiles: [{ name: 'always', capacity: { minimum: 1, maximum: '2', default: '1' }, rules: [] }],
    });
    expect(problems).toEqual(['properties.profiles[0].capacity.minimum: 1 is no text']);
  });

  test('a type of which nothing was published', () => {
    expect(publishedProblems('azure-native:network:PrivateEndpoint', { resourceGroupName: 'shop' })).toEqual([
      'no published schema for azure-native:network:PrivateEndpoint',
    ]);
  });

  test.each(Object.entries(azureTypes))('%s is checked at the version that azure-native asks', (type, [key]) => {
    const [module, name] = type.split(':') as [string, string];
    const folder = packageFile('node_modules', '@pulumi', 'azure-native', module);
    const file = readdirSync(folder).find((each) => each.toLowerCase() === `${name}.d.ts`.toLowerCase())!;
    const [, version] = /Uses Azure REST API version ([\d-]+(?:preview)?)/.exec(
      readFileSync(join(folder, file), 'utf8'),
    )!;
    expect(key.split('@')[1]).toBe(version);
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
    ['a single thing in the place of a list', { traffics: service.traffics[0] }, 'traffic: {'],
    [
      'two ways at once',
      container({ startupProbe: { httpGet: { path: '/' }, tcpSocket: { port: 1 } } }),
      'template.containers[0].startupProbe: only one of httpGet, tcpSocket',
    ],
    ['what has to be there', { location: undefined }, 'location: is missing'],
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
      'mosaicLayout.tiles[0].widget.xyChart.dataSet: is not there',
    ]);
    expect(publishedProblems(type, dashboard({ text: { content: 'x' }, xyChart: { dataSets: [] } }))).toEqual([
      'mosaicLayout.tiles[0].widget: only one of xyChart, text',
    ]);
  });
});

test('one more name, wherever it stands, is always found', () => {
  const names = fc.stringMatching(/^[a-z]{3,8}Zq$/);
  fc.assert(
    fc.property(names, fc.constantFrom('top', 'sku', 'properties'), (name, where) => {
      const given: Readonly<Record<string, unknown>> = deployment;
      const wrong =
        where === 'top'
          ? { ...deployment, [name]: 1 }
          : { ...deployment, [where]: { ...(given[where] as object), [name]: 1 } };
      expect(publishedProblems(online, wrong).some((problem) => problem.includes(name))).toBe(true);
    }),
  );
});

test('what is no resource of a cloud is not judged', () => {
  expect(publishedProblems('slipway:azure:ModelEndpoint', { anything: 1 })).toEqual([]);
});
