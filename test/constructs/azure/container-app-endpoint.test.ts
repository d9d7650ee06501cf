import * as pulumi from '@pulumi/pulumi';
import { describe, expect, test, vi } from 'vitest';
import { probesOf } from '../../../constructs/azure/container-apps/container-app.js';
import { profileName } from '../../../constructs/azure/container-apps/managed-environment.js';
import {
  type ContainerAppAddress,
  ContainerAppEndpoint,
  type ContainerAppEndpointArgs,
  ContainerImage,
  Hardware,
} from '../../../constructs/azure/index.js';
import { machineTypes } from '../../../lib/hardware/catalogue/tables.js';
import { digits, inFolder, type Made, madeBy, ofType, settled } from '../pulumi/program.js';

inFolder();

const reference = 'shop.azurecr.io/digits:1';
const registry = { id: '/azure/Registry/shop', loginServer: 'shop.azurecr.io' };
const image = ContainerImage.fromReference(reference, registry);
const required = {
  model: digits,
  objective: { p99Ms: 100, requestsPerSecond: 50 },
  location: 'swedencentral',
  hardware: Hardware.of('Consumption-2cpu-4gib'),
  image,
};
const group =
  '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/shop/providers/Microsoft.Insights/actionGroups/ml';
const t4 = Hardware.of('Consumption-GPU-NC8as-T4');
const role = (id: string) =>
  `/subscriptions/00000000-0000-0000-0000-000000000001/providers/Microsoft.Authorization/roleDefinitions/${id}`;

/** An endpoint in Sweden, and what it makes. */
async function made(args: Partial<ContainerAppEndpointArgs> = {}) {
  let endpoint: ContainerAppEndpoint | undefined;
  const resources = await madeBy(() => {
    endpoint = new ContainerAppEndpoint('digits', { ...required, ...args });
  });
  return {
    endpoint: endpoint!,
    resources,
    app: ofType(resources, ':ContainerApp')[0]!.inputs,
    environment: ofType(resources, ':ManagedEnvironment')[0]?.inputs,
  };
}

const kinds = (resources: readonly Made[]) => [...new Set(resources.map(({ type }) => type.split(':').at(-1)!))].sort();

describe('the same description as elsewhere', () => {
  test('makes an app with all that it needs', async () => {
    const { resources } = await made({ dashboard: false, monitoring: { idleHours: 0 } });
    expect(kinds(resources).filter((kind) => kind !== 'MetricAlert')).toEqual([
      'ContainerApp',
      'ContainerAppEndpoint',
      'DiagnosticSetting',
      'ManagedEnvironment',
      'ResourceGroup',
      'RoleAssignment',
      'UserAssignedIdentity',
      'Workspace',
    ]);
  });

  test('is in a region without accelerators, too', async () => {
    const { app, endpoint } = await made({ location: 'westeurope' });
    expect(app.location).toBe('westeurope');
    expect(app.template.containers[0].resources).toEqual({ cpu: 2, memory: '4Gi' });
    expect(endpoint.plan.hardware.chosen.price).toBeNull();
    expect(await settled(endpoint.monthlyUsd)).toBeNull();
  });

  test('is one app, on processors, reached by apps of its environment alone', async () => {
    const { app, endpoint } = await made();
    const { workers, candidate } = endpoint.plan.hardware;
    const { batch } = candidate;
    expect(app).toEqual({
      resourceGroupName: 'digits1a2b3c4d',
      location: 'swedencentral',
      tags: {},
      environmentId: '/azure/ManagedEnvironment/digits',
      workloadProfileName: 'Consumption',
      identity: { type: 'UserAssigned', userAssignedIdentities: ['/azure/UserAssignedIdentity/digits'] },
      configuration: {
        activeRevisionsMode: 'Single',
        ingress: { external: false, allowInsecure: false, targetPort: 8080, transport: 'http' },
        registries: [{ server: 'shop.azurecr.io', identity: '/azure/UserAssignedIdentity/digits' }],
      },
      template: {
        containers: [
          {
            name: 'server',
            image: reference,
            resources: { cpu: 2, memory: '4Gi' },
            probes: [
              {
                type: 'Startup',
                httpGet: { path: '/v2/health/ready', port: 8080 },
                timeoutSeconds: 5,
                periodSeconds: 9,
                failureThreshold: 30,
              },
              {
                type: 'Readiness',
                httpGet: { path: '/v2/health/ready', port: 8080 },
                timeoutSeconds: 5,
                periodSeconds: 5,
                failureThreshold: 3,
              },
              {
                type: 'Liveness',
                httpGet: { path: '/v2/health/live', port: 8080 },
                timeoutSeconds: 5,
                periodSeconds: 30,
                failureThreshold: 3,
              },
            ],
          },
        ],
        scale: {
          minReplicas: 1,
          maxReplicas: 10,
          cooldownPeriod: 300,
          pollingInterval: 30,
          rules: [{ name: 'requests', http: { metadata: { concurrentRequests: String(Math.max(workers!, batch)) } } }],
        },
      },
    });
  });

  test('has an environment whose log needs no key, closed to the internet', async () => {
    const { environment, resources } = await made();
    expect(environment).toEqual({
      resourceGroupName: 'digits1a2b3c4d',
      location: 'swedencentral',
      tags: {},
      workloadProfiles: [{ name: 'Consumption', workloadProfileType: 'Consumption' }],
      appLogsConfiguration: { destination: 'azure-monitor' },
      publicNetworkAccess: 'Disabled',
    });
    expect(ofType(resources, ':DiagnosticSetting').map(({ inputs }) => inputs)).toEqual([
      {
        resourceUri: '/azure/ManagedEnvironment/digits',
        workspaceId: '/azure/Workspace/digits',
        logs: [
          { category: 'ContainerAppConsoleLogs', enabled: true },
          { category: 'ContainerAppSystemLogs', enabled: true },
        ],
      },
    ]);
  });

  test('grants what is read while the app is made, before it is made', async () => {
    const { resources } = await made({ secrets: { TOKEN: { vaultId: '/azure/Vault/shop', secret: 'token' } } });
    expect(ofType(resources, ':RoleAssignment').map(({ name, inputs }) => [name, inputs])).toEqual([
      [
        'digits-pull',
        {
          principalId: 'digits-principal',
          principalType: 'ServicePrincipal',
          scope: '/azure/Registry/shop',
          roleDefinitionId: role('7f951dda-4ed3-4680-a7ca-43fe172d538d'),
        },
      ],
      [
        'digits-token',
        {
          principalId: 'digits-principal',
          principalType: 'ServicePrincipal',
          scope: '/azure/Vault/shop/secrets/token',
          roleDefinitionId: role('4633458b-17de-408a-b874-0445c86b69e6'),
        },
      ],
    ]);
    const order = resources.map(({ name, type }) => `${type.split(':').at(-1)} ${name}`);
    expect(order.indexOf('ContainerApp digits')).toBeGreaterThan(order.indexOf('RoleAssignment digits-token'));
  });

  test('says where it is, what it costs, which quota it needs, and how to ask', async () => {
    const { endpoint } = await made({ hardware: t4, scaling: { max: 3 } });
    const url = 'https://digits1a2b3c4d.shop.azurecontainerapps.io';
    expect(await settled(endpoint.url)).toBe(url);
    expect(await settled(endpoint.appName)).toBe('digits1a2b3c4d');
    expect(await settled(endpoint.revision)).toBe('digits1a2b3c4d--abc1234');
    expect(await settled(endpoint.resourceGroupName)).toBe('digits1a2b3c4d');
    expect(await settled(endpoint.principalId)).toBe('digits-principal');
    expect(await settled(endpoint.image)).toBe(reference);
    const { monthlyUsd, priceDate } = endpoint.plan.hardware.candidate;
    expect(monthlyUsd).toBeGreaterThan(0);
    expect(await settled(endpoint.monthlyUsd)).toBe(monthlyUsd);
    expect(await settled(endpoint.priceDate)).toBe(priceDate);
    expect(await settled(endpoint.quota)).toEqual([
      'Consumption-GPU-NC8as-T4: 3 accelerators for 3 replicas; serverless GPU quota, by support request; one whole GPU a replica',
    ]);
    expect(await settled(endpoint.request)).toMatch(
      new RegExp(`^curl -s ${url}/v2/models/digits/infer -H 'Content-Type: application/json' -d '\\{"inputs":`),
    );
  });

  test('on processors has no price, since none is known', async () => {
    const { endpoint } = await made();
    expect(await settled(endpoint.monthlyUsd)).toBeNull();
    expect(await settled(endpoint.quota)).toEqual([
      'Consumption-2cpu-4gib: 20 cores for 10 replicas; Managed Environment General Purpose Cores',
    ]);
  });
});

describe('the machine', () => {
  const sizes = machineTypes('azure-container-apps').map(({ name }) => name);

  test.each(sizes.filter((name) => name.endsWith('gib')))('%s has twice as much memory as processors', async (name) => {
    const { app } = await made({ hardware: Hardware.of(name), objective: {} });
    const { cpu, memory } = app.template.containers[0].resources;
    expect([name, memory]).toEqual([`Consumption-${cpu}cpu-${2 * cpu}gib`, `${2 * cpu}Gi`]);
    expect(app.workloadProfileName).toBe('Consumption');
  });

  test('with an accelerator of no fixed place is a profile that nodes are not counted of', async () => {
    const { app, environment } = await made({ hardware: t4 });
    expect(environment.workloadProfiles).toEqual([
      { name: 'Consumption', workloadProfileType: 'Consumption' },
      { name: 'gpu-nc8as-t4', workloadProfileType: 'Consumption-GPU-NC8as-T4' },
    ]);
    expect(app.workloadProfileName).toBe('gpu-nc8as-t4');
    expect(app.template.containers[0].resources).toEqual({ cpu: 8, memory: '56Gi' });
    expect(app.template.scale).toMatchObject({ minReplicas: 1, maxReplicas: 1 });
  });

  test('of the environment itself is counted in nodes, and lies in an environment of its own', async () => {
    const { app, resources } = await made({
      location: 'westus3',
      hardware: Hardware.of('NC24-A100'),
      scaling: { min: 1, max: 2 },
    });
    const [environment] = ofType(resources, ':ManagedEnvironment');
    expect(environment!.name).toBe('digits-nc24-a100');
    expect(environment!.inputs.workloadProfiles[1]).toEqual({
      name: 'nc24-a100',
      workloadProfileType: 'NC24-A100',
      minimumCount: 1,
      maximumCount: 2,
    });
    expect(app.template.containers[0].resources).toEqual({ cpu: 21, memory: '198Gi' });
  });

  test('has a profile whose name Azure takes, and no other machine has', () => {
    const names = sizes.filter((name) => name.includes('NC')).map(profileName);
    expect(names).toEqual(['gpu-nc8as-t4', 'gpu-nc24-a100', 'nc24-a100', 'nc48-a100', 'nc96-a100']);
    for (const name of names) expect(name).toMatch(/^[a-z0-9-]{2,15}$/);
  });

  test('may be left in one update only if its profile stays', async () => {
    const { environment } = await made({ profiles: ['Consumption-GPU-NC8as-T4'] });
    expect(environment.workloadProfiles).toEqual([
      { name: 'Consumption', workloadProfileType: 'Consumption' },
      { name: 'gpu-nc8as-t4', workloadProfileType: 'Consumption-GPU-NC8as-T4' },
    ]);
  });
});

describe('scaling', () => {
  test('follows requests, down to none where asked', async () => {
    const { app } = await made({ scaling: { toZero: true, max: 4, target: 7 }, idleSeconds: 60 });
    expect(app.template.scale).toEqual({
      minReplicas: 0,
      maxReplicas: 4,
      cooldownPeriod: 60,
      pollingInterval: 30,
      rules: [{ name: 'requests', http: { metadata: { concurrentRequests: '7' } } }],
    });
  });

  test('keeps a timetable: each start with its own end, so that nothing is held at the weekend', async () => {
    const { app } = await made({
      scaling: { toZero: true },
      schedules: [
        {
          at: '07:30',
          days: ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday'],
          timeZone: 'Europe/Amsterdam',
          min: 3,
        },
        { at: '19:00', timeZone: 'Europe/Amsterdam', min: 0 },
        { at: '22:00', days: ['Friday'], timeZone: 'Europe/Amsterdam', min: 2 },
      ],
    });
    const cron = (metadata: object, name: string) => ({
      name,
      custom: { type: 'cron', metadata: { timezone: 'Europe/Amsterdam', ...metadata } },
    });
    expect(app.template.scale.rules.slice(1)).toEqual([
      cron({ start: '30 7 * * 1,2,3,4,5', end: '0 19 * * 1,2,3,4,5', desiredReplicas: '3' }, 'schedule-1'),
      cron({ start: '0 22 * * 5', end: '0 19 * * 6', desiredReplicas: '2' }, 'schedule-2'),
    ]);
    expect(app.template.scale).toMatchObject({ minReplicas: 0, maxReplicas: 10 });
  });

  test('in a timetable with one number all week is that number', async () => {
    const { app } = await made({ schedules: [{ at: '07:30', min: 12 }] });
    expect(app.template.scale).toMatchObject({ minReplicas: 12, maxReplicas: 12 });
    expect(app.template.scale.rules).toHaveLength(1);
  });

  test('in a timetable without breaks is one rule', async () => {
    const { app } = await made({
      schedules: [
        { at: '07:00', min: 3 },
        { at: '12:00', min: 3 },
        { at: '19:00', min: 1 },
      ],
    });
    expect(app.template.scale.rules.slice(1).map(({ custom }: { custom: object }) => custom)).toEqual([
      {
        type: 'cron',
        metadata: { timezone: 'UTC', start: '0 7 * * *', end: '0 19 * * *', desiredReplicas: '3' },
      },
    ]);
  });
});

describe('requests', () => {
  test('are shared between revisions in the app itself', async () => {
    const { app } = await made({
      traffic: [
        { revision: 'digits1a2b3c4d--abc1234', percent: 90, label: 'blue' },
        { percent: 10, label: 'green' },
      ],
    });
    expect(app.configuration.activeRevisionsMode).toBe('Multiple');
    expect(app.configuration.ingress.traffic).toEqual([
      { revisionName: 'digits1a2b3c4d--abc1234', weight: 90, label: 'blue' },
      { latestRevision: true, weight: 10, label: 'green' },
    ]);
    expect(app.template.revisionSuffix).toBeUndefined();
  });

  test('are shared by names of your own', async () => {
    const { app } = await made({
      appName: 'shop-digits',
      revisionSuffix: 'v2',
      traffic: [
        { revision: 'v1', percent: 0 },
        { revision: 'shop-digits--v2', percent: 100 },
      ],
    });
    expect(app.containerAppName).toBe('shop-digits');
    expect(app.template.revisionSuffix).toBe('v2');
    expect(app.configuration.ingress.traffic).toEqual([
      { revisionName: 'shop-digits--v1', weight: 0 },
      { revisionName: 'shop-digits--v2', weight: 100 },
    ]);
  });

  test.each([
    ['internal', false, 'Disabled'],
    ['all', true, 'Enabled'],
  ] as const)('come from where it is said: %s', async (ingress, external, publicNetworkAccess) => {
    const { app, environment } = await made({ ingress });
    expect(app.configuration.ingress.external).toBe(external);
    expect(environment).toMatchObject({ publicNetworkAccess });
    expect(environment.vnetConfiguration).toBeUndefined();
  });

  test.each([
    ['internal', false, true],
    ['network', true, true],
    ['all', true, false],
  ] as const)('come from where it is said, with a network: %s', async (ingress, external, internal) => {
    const { app, environment } = await made({ ingress, subnetId: '/azure/Subnet/shop' });
    expect(app.configuration.ingress.external).toBe(external);
    expect(environment.vnetConfiguration).toEqual({ infrastructureSubnetId: '/azure/Subnet/shop', internal });
  });

  test('need a token and an address where asked', async () => {
    const { endpoint, app, resources } = await made({
      ingress: 'all',
      authentication: { clientId: 'app-of-entra', allowedPrincipals: ['web'] },
      allowedAddresses: ['203.0.113.0/24'],
    });
    expect(app.configuration.ingress.ipSecurityRestrictions).toEqual([
      { name: 'range-1', ipAddressRange: '203.0.113.0/24', action: 'Allow' },
    ]);
    expect(ofType(resources, ':ContainerAppsAuthConfig').map(({ inputs }) => inputs)).toEqual([
      {
        resourceGroupName: 'digits1a2b3c4d',
        containerAppName: 'digits1a2b3c4d',
        authConfigName: 'current',
        platform: { enabled: true },
        globalValidation: { unauthenticatedClientAction: 'Return401' },
        httpSettings: { requireHttps: true },
        identityProviders: {
          azureActiveDirectory: {
            enabled: true,
            registration: {
              clientId: 'app-of-entra',
              openIdIssuer: 'https://login.microsoftonline.com/00000000-0000-0000-0000-000000000002/v2.0',
            },
            validation: {
              allowedAudiences: ['app-of-entra', 'api://app-of-entra'],
              defaultAuthorizationPolicy: { allowedPrincipals: { identities: ['web'] } },
            },
          },
        },
      },
    ]);
    expect(await settled(endpoint.request)).toContain(
      'Bearer $(az account get-access-token --resource api://app-of-entra --query accessToken --output tsv)',
    );
  });

  test('need a token of another directory, from everybody who gets one', async () => {
    const { resources } = await made({ authentication: { clientId: 'app-of-entra', tenantId: 'theirs' } });
    const { registration, validation } = ofType(resources, ':ContainerAppsAuthConfig')[0]!.inputs.identityProviders
      .azureActiveDirectory;
    expect(registration.openIdIssuer).toBe('https://login.microsoftonline.com/theirs/v2.0');
    expect(validation.defaultAuthorizationPolicy).toBeUndefined();
  });
});

describe('what is there already', () => {
  test('is used: resource group, environment, identity, registry', async () => {
    const { resources, app } = await made({
      resourceGroupName: 'shop-rg',
      managedEnvironment: { id: '/azure/ManagedEnvironment/shop', profile: 'gpu' },
      identity: { id: '/azure/UserAssignedIdentity/shop', principalId: 'shop-principal' },
      hardware: t4,
    });
    for (const kind of [':ResourceGroup', ':ManagedEnvironment', ':UserAssignedIdentity', ':Registry', ':Workspace']) {
      expect(ofType(resources, kind)).toEqual([]);
    }
    expect(app).toMatchObject({
      resourceGroupName: 'shop-rg',
      environmentId: '/azure/ManagedEnvironment/shop',
      workloadProfileName: 'gpu',
      identity: { userAssignedIdentities: ['/azure/UserAssignedIdentity/shop'] },
    });
    expect(ofType(resources, ':RoleAssignment').map(({ inputs }) => inputs.principalId)).toEqual(['shop-principal']);
  });

  test('is the log', async () => {
    const { resources } = await made({ logsId: '/azure/Workspace/shop' });
    expect(ofType(resources, ':Workspace')).toEqual([]);
    expect(ofType(resources, ':DiagnosticSetting')[0]!.inputs.workspaceId).toBe('/azure/Workspace/shop');
  });

  test('is an image that nobody asks a role for', async () => {
    const { resources, app } = await made({ image: ContainerImage.fromReference('docker.io/shop/digits:1') });
    expect(ofType(resources, ':RoleAssignment')).toEqual([]);
    expect(app.configuration.registries).toBeUndefined();
  });

  test('was made by another program, and is asked', async () => {
    let found: ContainerAppAddress | undefined;
    const resources = await madeBy(() => {
      found = ContainerAppEndpoint.get('theirs', { appName: 'fraud', resourceGroupName: 'theirs-rg' });
    });
    expect(resources.map(({ id }) => id)).toEqual([
      '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/theirs-rg/providers/Microsoft.App/containerApps/fraud',
    ]);
    expect(await settled(found!.url)).toBe('https://fraud.shop.azurecontainerapps.io');
    expect(await settled(found!.appName)).toBe('fraud');
    expect(await settled(found!.revision)).toBe('fraud--abc1234');
  });
});

test('a secret is read from its vault by the identity, and never in the clear', async () => {
  const { app } = await made({
    environment: { MODE: 'fast' },
    secrets: { HF_TOKEN: { vaultId: '/azure/Vault/shop', secret: 'token', version: '7' } },
  });
  expect(app.configuration.secrets).toEqual([
    {
      name: 'hf-token',
      keyVaultUrl: 'https://shop.vault.azure.net/secrets/token/7',
      identity: '/azure/UserAssignedIdentity/digits',
    },
  ]);
  expect(app.template.containers[0].env).toEqual([
    { name: 'MODE', value: 'fast' },
    { name: 'HF_TOKEN', secretRef: 'hf-token' },
  ]);
});

test('an image is built and pushed to a registry of its own', async () => {
  vi.stubGlobal('fetch', async () => new Response(JSON.stringify({ refresh_token: 'token-of-registry' })));
  try {
    const { app, resources } = await made({ image: ContainerImage.fromPlan() });
    expect(ofType(resources, ':Registry')).toHaveLength(1);
    expect(app.configuration.registries).toEqual([
      { server: 'digits1a2b3c4d.azurecr.io', identity: '/azure/UserAssignedIdentity/digits' },
    ]);
    expect(app.template.containers[0].image).toMatch(
      /^digits1a2b3c4d\.azurecr\.io\/digits:[0-9a-f]{12}@sha256:[0-9a-f]{64}$/,
    );
  } finally {
    vi.unstubAllGlobals();
  }
});

test('a large model has a start-up window that holds what it reads, in periods that Azure takes', async () => {
  const { plan } = (await made()).endpoint;
  const [{ periodSeconds, failureThreshold }] = probesOf({
    ...plan,
    profile: { ...plan.profile, fileBytes: 80e9 },
  }) as [ReturnType<typeof probesOf>[0]];
  expect({ periodSeconds, failureThreshold }).toEqual({ periodSeconds: 240, failureThreshold: 41 });
});

test('what it is watched by is told of the app', async () => {
  const { resources, endpoint } = await made({ notify: [group], scaling: { toZero: true } });
  const alerts = ofType(resources, ':MetricAlert');
  expect(alerts.length).toBeGreaterThan(0);
  for (const { inputs } of alerts) {
    expect(inputs.scopes).toEqual(['/azure/ContainerApp/digits']);
    expect(inputs.actions).toEqual([{ actionGroupId: group }]);
  }
  expect(endpoint.resources.monitored.dashboard).not.toBeNull();
});

test('a child is changed by whoever knows better', async () => {
  const { app, environment, resources } = await made({
    authentication: { clientId: 'app-of-entra' },
    transform: {
      app: (args) => ({ ...args, kind: 'workflowapp' }),
      environment: (args) => ({ ...args, zoneRedundant: true }),
      authentication: (args) => ({ ...args, httpSettings: { requireHttps: false } }),
    },
  });
  expect([app.kind, environment.zoneRedundant]).toEqual(['workflowapp', true]);
  expect(ofType(resources, ':ContainerAppsAuthConfig')[0]!.inputs.httpSettings).toEqual({ requireHttps: false });
});

describe('a description that is wrong is refused at once', () => {
  const refused = (args: Partial<ContainerAppEndpointArgs>, name = 'digits') => {
    try {
      new ContainerAppEndpoint(name, { ...required, ...args });
    } catch (error) {
      expect(error).toBeInstanceOf(pulumi.InputPropertiesError);
      return (error as pulumi.InputPropertiesError).message;
    }
    throw new Error('it was taken');
  };
  const secret = { vaultId: 'v', secret: 's' };

  test('with everything that is wrong', () => {
    const message = refused({
      appName: 'My_App',
      revisionSuffix: 'Version 2',
      scaling: { min: 3, max: 2000, target: 1.5 },
      serving: { timeoutSeconds: 235 },
      ingress: 'open' as 'all',
      rollout: { strategy: 'canary' },
      profiles: ['Consumption-GPU-H100'],
      allowedAddresses: ['everywhere'],
      idleSeconds: 0,
      traffic: [{ revision: 'v1', percent: 50, label: 'Blue' }, { percent: 40 }],
      schedules: [
        { at: '25:00', min: 4 },
        { at: '07:00', min: 2, max: 9, timeZone: 'Europe/Amsterdam' },
        { at: '07:00', days: ['Monday'], min: 3000 },
      ],
      environment: { TOKEN: '1', PORT: '80', CONTAINER_APP_NAME: 'x' },
      secrets: { TOKEN: secret, A_B: secret, a_b: secret, __: secret, 'a-b': secret },
    });
    for (const line of [
      "appName: 'My_App' is no name for a container app",
      "revisionSuffix: 'Version 2' is given; allowed: 1 to 20 lower-case",
      'scaling: 2000 replicas are asked for; an app has at most 1000',
      'scaling.target: 1.5 is given; Container Apps count whole requests',
      'serving.timeoutSeconds: 235 is given; Container Apps end a request after 240 s. Give at most 230',
      "ingress: 'open' is given; allowed: internal, network, all",
      'rollout: Azure and Google move requests at once',
      "profiles: 'Consumption-GPU-H100' is no machine with a profile; allowed: Consumption-GPU-NC8as-T4, ",
      "allowedAddresses: 'everywhere' is no range",
      'idleSeconds: 0 is given; allowed: a whole number from 1',
      'traffic: the shares add to 90, not to 100',
      "traffic[0].label: 'Blue' is given; allowed: lower-case",
      "schedules[0].at: '25:00' is given",
      'schedules[1].max: Container Apps cannot change the most replicas',
      'schedules[1].min: 2 is below the 3 that are always there',
      'schedules[2].min: 3000 is above scaling.max, 2000',
      'schedules[2]: there is another time at 07:00 on Monday',
      'schedules: UTC and Europe/Amsterdam are given',
      'schedules: every revision that is there would follow the timetable',
      'environment: PORT is Container Apps',
      'environment: CONTAINER_APP_NAME is Container Apps',
      'secrets.TOKEN: there is an environment variable of this name, too',
      "secrets.a_b: Container Apps cannot tell it from A_B: both are 'a-b' there",
      'secrets.__: has no letter and no digit',
      "secrets: 'a-b' cannot be the name of a variable",
    ]) {
      expect(message).toContain(line);
    }
  });

  test.each([
    ['a component whose name is too long with the digits', {}, 'a'.repeat(25), "appName: the component's name"],
    ['a component with capital letters', {}, 'Digits', "appName: the component's name 'Digits'"],
    ['a machine that Azure does not have', { hardware: Hardware.of('Consumption-X1') }, 'digits', 'Consumption-X1'],
    ['a location that is missing', { location: '' }, 'digits', 'location: is missing'],
    [
      'a mail box as an action group',
      { notify: ['ml@shop.example'] },
      'digits',
      "notify[0]: 'ml@shop.example' is no full name of an action group. Give one such as /subscriptions/",
    ],
    [
      'an address that is none',
      { emails: ['ml'] },
      'digits',
      "emails[0]: 'ml' is no address. Give one such as ml@example.com",
    ],
    ['a region that Azure does not have', { location: 'westeurop' }, 'digits', 'Similar: westeurope'],
    [
      'an accelerator in a region without',
      { location: 'westeurope', hardware: t4 },
      'digits',
      'is not offered in westeurope',
    ],
    [
      'a region without accelerators, and no machine named',
      { location: 'westeurope', hardware: Hardware.auto() },
      'digits',
      'its price is not known; it is taken where it is named',
    ],
    ['fewer replicas at most than at least', { scaling: { min: 3, max: 2 } }, 'digits', 'min is 3 and max is 2'],
    [
      'a model that is elsewhere',
      {
        model: { ...digits, uri: 'https://shop.blob.core.windows.net/models/digits' },
      },
      'digits',
      "model: 'https://shop.blob.core.windows.net/models/digits' cannot be mounted by Container Apps",
    ],
    [
      'shares that are no whole numbers',
      { traffic: [{ percent: 12.5 }, { revision: 'digits--a', percent: 87.5 }] },
      'digits',
      'traffic: 12.5 is given; allowed: a whole number from 0 to 100',
    ],
    [
      'two shares of the newest',
      { traffic: [{ percent: 50 }, { percent: 50 }] },
      'digits',
      'the newest has two shares',
    ],
    [
      'a revision whose app has no name yet',
      { traffic: [{ revision: 'v1', percent: 100 }] },
      'digits',
      "traffic[0].revision: 'v1' is no full name of a revision",
    ],
    ['nobody who may ask', { allowedAddresses: [] }, 'digits', 'allowedAddresses: is empty'],
    ['a network that is not there', { ingress: 'network' }, 'digits', "ingress: 'network' is given, but there is none"],
    [
      'a scale to zero of nodes that stay',
      { location: 'westus3', hardware: Hardware.of('NC24-A100'), scaling: { toZero: true } },
      'digits',
      'does not scale to zero',
    ],
    [
      'what the environment decided',
      {
        managedEnvironment: { id: '/azure/ManagedEnvironment/shop' },
        subnetId: '/azure/Subnet/shop',
        profiles: ['Consumption-GPU-NC8as-T4'],
        logsId: '/azure/Workspace/shop',
      },
      'digits',
      'subnetId: the environment is yours',
    ],
    [
      'a budget that nobody is told of',
      { monitoring: { budget: { monthlyUsd: 5 } } },
      'digits',
      'monitoring.budget: nobody would be told',
    ],
    [
      'a location that is known too late',
      { location: pulumi.output('swedencentral') as unknown as string },
      'digits',
      'location: is an output',
    ],
  ] as const)('%s', (_, args, name, line) => {
    expect(refused(args as Partial<ContainerAppEndpointArgs>, name)).toContain(line);
  });
});
