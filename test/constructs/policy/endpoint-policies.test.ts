import { describe, expect, test } from 'vitest';
import { type EndpointPoliciesOptions, endpointPolicies, ProblemsError } from '../../../constructs/policy/index.js';
import { type Asked, judged, later, names } from './judged.js';

const digest = `@sha256:${'0'.repeat(64)}`;
const all: EndpointPoliciesOptions = { levels: Object.fromEntries(names().map((name) => [name, 'mandatory'])) };

const cloudRun = (more: object = {}, template: object = {}): Asked => ({
  type: 'gcp:cloudrunv2/service:Service',
  properties: {
    ingress: 'INGRESS_TRAFFIC_INTERNAL_ONLY',
    template: { containers: [{ image: `shop/fraud${digest}` }], ...template },
    ...more,
  },
});
const gpu = (count: string, max?: number | string): Asked =>
  cloudRun(max === undefined ? {} : { scaling: { maxInstanceCount: max } }, {
    nodeSelector: { accelerator: 'nvidia-l4' },
    containers: [{ image: `shop/fraud${digest}`, resources: { limits: { 'nvidia.com/gpu': count } } }],
  });
const member = (properties: object, type = 'gcp:cloudrunv2/serviceIamMember:ServiceIamMember'): Asked => ({
  type,
  properties,
});
const online = (properties: object, type = 'azure-native:machinelearningservices:OnlineEndpoint'): Asked => ({
  type,
  properties: { properties: { authMode: 'AADToken', publicNetworkAccess: 'Disabled', ...properties } },
});
const app = (ingress: object, more: object = {}, name = 'app'): Asked => ({
  type: 'azure-native:app:ContainerApp',
  name,
  properties: { configuration: { ingress }, template: { containers: [{ image: `shop/fraud${digest}` }] }, ...more },
});
const vertex = (properties: object): Asked => ({ type: 'gcp:vertex/aiEndpoint:AiEndpoint', properties });
const model = (image: string, more: object = {}): Asked => ({
  type: 'pulumi-nodejs:dynamic/slipway/gcp:VertexModel',
  properties: { model: { containerSpec: { imageUri: image }, ...more } },
});
const deployed = (name: string, most: number, count = 1, from: string[] = ['endpoint']): Asked => ({
  type: 'pulumi-nodejs:dynamic/slipway/gcp:VertexDeployedModel',
  name,
  properties: {
    endpoint: later,
    deployedModel: {
      dedicatedResources: {
        machineSpec: { machineType: 'g2-standard-4', acceleratorType: 'NVIDIA_A100_80GB', acceleratorCount: count },
        minReplicaCount: 1,
        maxReplicaCount: most,
      },
    },
  },
  from: { endpoint: from },
});
const deployment = (instanceType: string, capacity: number, name = 'deployment'): Asked => ({
  type: 'azure-native:machinelearningservices:OnlineDeployment',
  name,
  properties: { endpointName: 'fraud', properties: { instanceType }, sku: { capacity } },
});
const autoscale = (maximum: string): Asked => ({
  type: 'azure-native:monitor:AutoscaleSetting',
  name: 'autoscale',
  properties: { targetResourceUri: later, profiles: [{ capacity: { maximum: '1' } }, { capacity: { maximum } }] },
  from: { targetResourceUri: ['deployment'] },
});
const environment = (workloadProfileType: string): Asked => ({
  type: 'azure-native:app:ManagedEnvironment',
  name: 'environment',
  properties: { workloadProfiles: [{ name: 'gpu', workloadProfileType }] },
});
const gpuApp = (scale: object = {}): Asked =>
  app({ external: false }, { workloadProfileName: 'gpu', template: { containers: [], scale } });

/** What is wrong, and the policy that says so. */
const broken: readonly (readonly [what: string, stack: readonly Asked[], policy: string, message: RegExp])[] = [
  [
    'everybody may ask a service',
    [member({ member: 'allUsers' })],
    'slipway-authenticated',
    /^Here allUsers may ask it\. Name the callers/,
  ],
  [
    'everybody with an account of Google may',
    [
      member(
        { members: ['user:a@example.org', 'allAuthenticatedUsers'] },
        'gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding',
      ),
    ],
    'slipway-authenticated',
    /allAuthenticatedUsers may ask it/,
  ],
  [
    'a policy as a whole lets everybody',
    [
      member(
        { policyData: JSON.stringify({ bindings: [{ role: 'roles/run.invoker', members: ['allUsers'] }] }) },
        'gcp:cloudrunv2/serviceIamPolicy:ServiceIamPolicy',
      ),
    ],
    'slipway-authenticated',
    /allUsers/,
  ],
  [
    'an older service',
    [member({ member: 'allUsers' }, 'gcp:cloudrun/iamMember:IamMember')],
    'slipway-authenticated',
    /allUsers/,
  ],
  [
    'an endpoint of Vertex AI',
    [member({ member: 'allUsers' }, 'gcp:vertex/aiEndpointIamMember:AiEndpointIamMember')],
    'slipway-authenticated',
    /allUsers/,
  ],
  ['no invoker is asked', [cloudRun({ invokerIamDisabled: true })], 'slipway-authenticated', /invokerIamDisabled/],
  ['keys instead of tokens', [online({ authMode: 'Key' })], 'slipway-authenticated', /authMode is Key/],
  [
    'keys, by another version of the API',
    [online({ authMode: 'AMLToken' }, 'azure-native:machinelearningservices/v20240401:OnlineEndpoint')],
    'slipway-authenticated',
    /authMode is AMLToken/,
  ],
  [
    'an app without any question',
    [app({ external: true })],
    'slipway-container-app-authenticated',
    /the ingress is external, and nobody is asked/,
  ],
  [
    'a service that says nothing of its ingress',
    [cloudRun({ ingress: undefined })],
    'slipway-ingress',
    /INGRESS_TRAFFIC_ALL/,
  ],
  ['a service from anywhere', [cloudRun({ ingress: 'INGRESS_TRAFFIC_ALL' })], 'slipway-ingress', /INGRESS_TRAFFIC_ALL/],
  ['an endpoint from anywhere', [online({ publicNetworkAccess: 'Enabled' })], 'slipway-ingress', /publicNetworkAccess/],
  [
    'one that says nothing of it',
    [online({ publicNetworkAccess: undefined })],
    'slipway-ingress',
    /publicNetworkAccess/,
  ],
  [
    'an app from anywhere, although it asks',
    [app({ external: true, ipSecurityRestrictions: [{ action: 'Allow', ipAddressRange: '10.0.0.0/8' }] })],
    'slipway-ingress',
    /the ingress is external/,
  ],
  [
    'a tag',
    [cloudRun({}, { containers: [{ image: `a${digest}` }, { image: 'shop/sidecar:1' }] })],
    'slipway-image-digest',
    /^Here shop\/sidecar:1 has no digest/,
  ],
  [
    'a tag of a model',
    [model('europe-west4-docker.pkg.dev/shop/fraud:1')],
    'slipway-image-digest',
    /fraud:1 has no digest/,
  ],
  [
    'a tag of an environment',
    [
      {
        type: 'azure-native:machinelearningservices:EnvironmentVersion',
        properties: { properties: { image: 'shop.azurecr.io/fraud' } },
      },
    ],
    'slipway-image-digest',
    /fraud has no digest/,
  ],
  [
    'a tag of what runs before an app',
    [app({ external: false }, { template: { containers: [], initContainers: [{ image: 'init:2' }] } })],
    'slipway-image-digest',
    /init:2 has no digest/,
  ],
  [
    'a tag beside a model of the garden',
    [
      {
        type: 'gcp:vertex/aiEndpointWithModelGardenDeployment:AiEndpointWithModelGardenDeployment',
        properties: { modelConfig: { containerSpec: { imageUri: 'vllm:latest' } } },
      },
    ],
    'slipway-image-digest',
    /vllm:latest/,
  ],
  ['many accelerators', [gpu('1', 9)], 'slipway-accelerators', /there may be 9 accelerators; allowed: 8/],
  ['no upper bound', [gpu('1')], 'slipway-accelerators', /there is no upper bound; allowed: 8 accelerators/],
  [
    'deployments of one endpoint together',
    [deployed('b', 3, 2), deployed('a', 3), { ...vertex({}), name: 'endpoint' }],
    'slipway-accelerators',
    /there may be 9 accelerators/,
  ],
  [
    'instances that scaling may add',
    [deployment('Standard_NC24ads_A100_v4', 1), autoscale('9')],
    'slipway-accelerators',
    /there may be 9 accelerators/,
  ],
  ['large machines', [deployment('Standard_ND96asr_v4', 2)], 'slipway-accelerators', /there may be 16 accelerators/],
  [
    'machines that no table has',
    [deployment('Standard_NC6s_v9', 9)],
    'slipway-accelerators',
    /there may be 9 accelerators/,
  ],
  [
    'as many replicas as Azure lets',
    [environment('Consumption-GPU-NC24-A100'), gpuApp()],
    'slipway-accelerators',
    /there may be 10 accelerators/,
  ],
];

/** What is as it should be, or cannot be told yet. */
const sound: readonly (readonly [what: string, stack: readonly Asked[]])[] = [
  ['a guarded service', [cloudRun(), member({ member: 'serviceAccount:web@shop.iam.gserviceaccount.com' })]],
  ['one behind a load balancer', [cloudRun({ ingress: 'INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER' })]],
  ['an online endpoint', [online({})]],
  ['an internal app', [app({ external: false })]],
  ['accelerators within bounds', [gpu('1', 8)]],
  ['the bound of an older template', [cloudRun({}, { ...gpu('1').properties, scaling: { maxInstanceCount: 2 } })]],
  ['parts of an accelerator', [deployment('Standard_NV6ads_A10_v5', 48)]],
  ['two endpoints, each within bounds', [deployed('a', 8, 1, []), deployed('b', 8, 1, [])]],
  [
    'machines without accelerators',
    [deployment('Standard_F4s_v2', 40), cloudRun({ scaling: { maxInstanceCount: 90 } })],
  ],
  ['other resources', [{ type: 'gcp:storage/bucket:Bucket', properties: { ingress: 'all', member: 'allUsers' } }]],
  ['a policy that is no JSON', [member({ policyData: '{' }, 'gcp:cloudrunv2/serviceIamPolicy:ServiceIamPolicy')]],
  [
    'a resource without anything',
    [{ type: 'gcp:cloudrunv2/service:Service', properties: { ingress: 'INGRESS_TRAFFIC_INTERNAL_ONLY' } }],
  ],
];

test.each(broken)('%s', (_what, stack, policy, message) => {
  const said = judged(stack).filter(([name]) => name === policy);
  expect(said).toHaveLength(1);
  expect(said[0]![1]).toMatch(message);
});

test('of several deployments the first by name is told, in whatever order they were made', () => {
  const [a, b, endpoint] = [deployed('a', 5), deployed('b', 5), { ...vertex({}), name: 'endpoint' }];
  for (const stack of [
    [a, b, endpoint],
    [endpoint, b, a],
  ]) {
    expect(judged(stack)).toEqual([['slipway-accelerators', expect.stringContaining('10 accelerators'), 'a']]);
  }
});

test.each(sound)('nothing is said about %s', (_what, stack) => {
  expect(judged(stack)).toEqual([]);
});

describe('what a preview does not know', () => {
  const stacks: readonly (readonly [string, readonly Asked[]])[] = [
    ['an image', [cloudRun({}, { containers: [{ image: later }] }), model(later)]],
    [
      'an ingress, a member, a mode',
      [
        cloudRun({ ingress: later }),
        member({ member: later }),
        online({ authMode: later, publicNetworkAccess: later }),
      ],
    ],
    ['a whole template', [cloudRun({ template: later })]],
    [
      'bounds',
      [gpu('1', later), deployed('a', later as never), { ...deployment('Standard_ND96asr_v4', later as never) }],
    ],
    ['restrictions', [app({ external: true, ipSecurityRestrictions: later })]],
    ['profiles', [{ ...environment(later) }, gpuApp({ maxReplicas: 100 })]],
    ['keys', [vertex({ encryptionSpec: later, network: later }), cloudRun({}, { encryptionKey: later })]],
  ];

  test.each(stacks)('%s is left to the update', (what, stack) => {
    const options = what === 'keys' ? all : {};
    const rules = judged(stack, options).map(([policy]) => policy);
    // An app is public whoever may come in.
    expect(
      rules.filter(
        (policy) => policy !== 'slipway-budget' && !(what === 'restrictions' && policy === 'slipway-ingress'),
      ),
    ).toEqual([]);
  });

  const every = [...broken, ...sound].map(([what, stack]) => [what, stack] as const);
  test.each(every)('not one of its values stops a policy: %s', (_what, stack) => {
    const hidden = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(hidden)
        : typeof value === 'object' && value !== null
          ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hidden(inner)]))
          : later;
    const unknowns = stack.map((resource) => ({ ...resource, properties: hidden(resource.properties) as object }));
    expect(judged(unknowns)).toEqual([]);
  });
});

describe('an app that anyone can reach', () => {
  const open = app({ external: true });
  const auth = (properties: object, from: readonly string[] = []): Asked => ({
    type: 'azure-native:app:ContainerAppsAuthConfig',
    name: 'auth',
    properties,
    from: { containerAppName: from },
  });
  const said = (...stack: Asked[]) =>
    judged(stack)
      .map(([policy]) => policy)
      .filter((policy) => policy !== 'slipway-ingress');

  test('may ask who comes, by name or by what the name was made from', () => {
    expect(said(open, auth({ containerAppName: 'app' }))).toEqual([]);
    expect(said(open, auth({ containerAppName: later }, ['app']))).toEqual([]);
    expect(said(open, auth({ containerAppName: 'another' }))).toEqual(['slipway-container-app-authenticated']);
  });

  test('may ask where they come from', () => {
    expect(said(app({ external: true, ipSecurityRestrictions: [{ action: 'Allow' }] }))).toEqual([]);
    expect(said(app({ external: true, ipSecurityRestrictions: [] }))).toEqual(['slipway-container-app-authenticated']);
  });
});

describe('only once somebody asks', () => {
  const asked = (policy: string, stack: readonly Asked[]) =>
    judged(stack, { levels: { [policy]: 'advisory' } }).filter(([name]) => name === policy);

  test('a key of yours', () => {
    const stack = [
      cloudRun(),
      vertex({}),
      model(`a${digest}`),
      { type: 'azure-native:machinelearningservices:Workspace', properties: {} },
    ];
    expect(judged(stack)).toEqual([]);
    expect(asked('slipway-customer-key', stack).map(([, message]) => message)).toEqual([
      'Here template.encryptionKey is missing. Give encryptionKey to the endpoint.',
      'Here encryptionSpec.kmsKeyName is missing. Give encryptionKey to the endpoint.',
      'Here model.encryptionSpec.kmsKeyName is missing. Give encryptionKey to the endpoint.',
      'Here encryption.keyVaultProperties.keyIdentifier is missing. Give encryptionKey to the endpoint.',
    ]);
    const key = 'projects/shop/locations/europe-west4/keyRings/r/cryptoKeys/k';
    const keyed = [
      cloudRun({}, { encryptionKey: key }),
      vertex({ encryptionSpec: { kmsKeyName: key } }),
      model(`a${digest}`, { encryptionSpec: { kmsKeyName: key } }),
    ];
    expect(asked('slipway-customer-key', keyed)).toEqual([]);
  });

  test('a Vertex AI endpoint that your networks alone reach', () => {
    expect(asked('slipway-vertex-private', [vertex({})])).toHaveLength(1);
    expect(asked('slipway-vertex-private', [vertex({ network: 'projects/1/global/networks/shop' })])).toEqual([]);
    const connect = { privateServiceConnectConfig: { enablePrivateServiceConnect: true } };
    expect(asked('slipway-vertex-private', [vertex(connect)])).toEqual([]);
  });

  test('a budget on each cloud', () => {
    const stack = [
      { ...cloudRun(), name: 'digits' },
      { ...online({}), name: 'fraud' },
    ];
    expect(asked('slipway-budget', stack)).toEqual([
      ['slipway-budget', expect.stringContaining('no budget tells what digits on Google Cloud cost'), null],
      ['slipway-budget', expect.stringContaining('no budget tells what fraud on Azure cost'), null],
    ]);
    const budgets = [
      { type: 'gcp:billing/budget:Budget', properties: {} },
      { type: 'azure-native:consumption:Budget', properties: {} },
    ];
    expect(asked('slipway-budget', [...stack, ...budgets])).toEqual([]);
    expect(asked('slipway-budget', [budgets[0]!])).toEqual([]);
  });
});

describe('policies can be set', () => {
  const publicly = { ...cloudRun({ ingress: 'INGRESS_TRAFFIC_ALL' }), name: 'shop' };

  test('by options', () => {
    expect(judged([publicly], { except: { 'slipway-ingress': ['shop'] } })).toEqual([]);
    expect(judged([publicly], { levels: { 'slipway-ingress': 'disabled' } })).toEqual([]);
    expect(judged([gpu('1', 20)], { maxAccelerators: 20 })).toEqual([]);
    expect(judged([gpu('1', 2)], { accelerators: ['t4', 'a100'] })).toEqual([
      ['slipway-accelerators', expect.stringContaining('there is l4; allowed: t4, a100'), 'it'],
    ]);
    expect(judged([deployed('a', 2)], { accelerators: ['a100'] })).toEqual([]);
    expect(judged([gpu('1', 20)], { except: { 'slipway-accelerators': ['it'] } })).toEqual([]);
  });

  test("by Pulumi's own configuration, which wins", () => {
    expect(judged([publicly], {}, { 'slipway-ingress': { except: ['shop'] } })).toEqual([]);
    expect(judged([gpu('1', 20)], { maxAccelerators: 1 }, { 'slipway-accelerators': { most: 20 } })).toEqual([]);
    expect(judged([gpu('1', 2)], {}, { 'slipway-accelerators': { allowed: ['t4'] } })).toHaveLength(1);
  });

  test('and tell what can be set', () => {
    const policies = endpointPolicies({ maxAccelerators: 4, except: { 'slipway-ingress': ['shop'] } });
    const of = (name: string) => policies.find((policy) => policy.name === name)!;
    expect(of('slipway-accelerators').configSchema!.properties).toMatchObject({
      except: { default: [] },
      most: { default: 4 },
      allowed: { default: [] },
    });
    expect(Object.keys(of('slipway-ingress').configSchema!.properties)).toEqual(['except']);
    expect(of('slipway-ingress').configSchema!.properties.except).toMatchObject({ default: ['shop'] });
    expect(policies.map(({ name, enforcementLevel, tags = [] }) => [name, enforcementLevel, ...tags])).toEqual([
      ['slipway-authenticated', 'mandatory', 'CKV_GCP_102'],
      ['slipway-container-app-authenticated', 'mandatory'],
      ['slipway-ingress', 'mandatory'],
      ['slipway-image-digest', 'mandatory'],
      ['slipway-accelerators', 'mandatory'],
      ['slipway-customer-key', 'disabled', 'CKV2_GCP_24'],
      ['slipway-vertex-private', 'disabled'],
      ['slipway-budget', 'disabled'],
    ]);
    for (const { description, remediationSteps } of policies) {
      expect(description).toMatch(/\.$/);
      expect(remediationSteps).toMatch(/\.$/);
    }
  });

  test('but not to what makes no sense', () => {
    const wrong = () =>
      endpointPolicies({
        levels: { 'slipway-ingres': 'mandatory', 'slipway-ingress': 'never' as never },
        except: { ingress: [] },
        maxAccelerators: 0,
        accelerators: ['A100'],
      });
    expect(wrong).toThrow(ProblemsError);
    expect(wrong).toThrow(/levels: 'slipway-ingres' is no policy; there are slipway-authenticated,/);
    expect(wrong).toThrow(/except: 'ingress' is no policy/);
    expect(wrong).toThrow(/levels\.slipway-ingress: 'never' is given; allowed: advisory, mandatory, disabled/);
    expect(wrong).toThrow(/maxAccelerators: 0 is given; allowed: a number above 0/);
    expect(wrong).toThrow(/accelerators: 'A100' is no accelerator; there are t4,.* a100,/);
  });
});
