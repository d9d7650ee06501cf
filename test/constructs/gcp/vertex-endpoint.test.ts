import { readFileSync } from 'node:fs';
import * as pulumi from '@pulumi/pulumi';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import {
  ContainerImage,
  Hardware,
  Model,
  VertexEndpoint,
  type VertexEndpointArgs,
} from '../../../constructs/gcp/index.js';
import { machineSpec } from '../../../constructs/gcp/vertex/serving.js';
import { machineTypes } from '../../../lib/hardware/catalogue/tables.js';
import { packageFile } from '../../../lib/package-root.js';
import { digits, inFolder, madeBy, ofType, settled } from '../pulumi/program.js';

inFolder();

const reference = 'europe-west4-docker.pkg.dev/shop/images/digits:1';
const image = ContainerImage.fromReference(reference);
const objective = { p99Ms: 100, requestsPerSecond: 50 };
const full = 'projects/shop/locations/europe-west4/endpoints/digits-dev';
const elsewhere = (uri: string) =>
  Model.fromProfile(packageFile('test', 'constructs', 'aws', 'digits.profile.json'), { uri });

/** An endpoint in the Netherlands, and what it makes. */
async function made(args: Partial<VertexEndpointArgs> = {}) {
  let endpoint: VertexEndpoint | undefined;
  const resources = await madeBy(() => {
    endpoint = new VertexEndpoint('digits', { model: digits, objective, location: 'europe-west4', image, ...args });
  });
  const only = (end: string) => ofType(resources, end)[0]!.inputs;
  return {
    endpoint: endpoint!,
    resources,
    only,
    model: only(':VertexModel').model,
    deployed: only(':VertexDeployedModel').deployedModel,
  };
}

describe('the same description as elsewhere', () => {
  test('makes an endpoint, a model with the image, a deployment on the machine of the plan, and its share', async () => {
    const { endpoint, resources, only, model, deployed } = await made();
    expect([...new Set(resources.map(({ type }) => type))].sort()).toEqual([
      'gcp:monitoring/alertPolicy:AlertPolicy',
      'gcp:monitoring/customService:CustomService',
      'gcp:monitoring/dashboard:Dashboard',
      'gcp:monitoring/slo:Slo',
      'gcp:serviceaccount/account:Account',
      'gcp:vertex/aiEndpoint:AiEndpoint',
      'pulumi-nodejs:dynamic/slipway/gcp:VertexDeployedModel',
      'pulumi-nodejs:dynamic/slipway/gcp:VertexModel',
      'pulumi-nodejs:dynamic/slipway/gcp:VertexTraffic',
      'slipway:gcp:VertexEndpoint',
    ]);
    expect(only(':AiEndpoint')).toEqual({
      name: 'digits-dev',
      displayName: 'digits-dev',
      description: 'Endpoint digits, by Slipway',
      location: 'europe-west4',
      region: 'europe-west4',
      labels: { 'slipway-endpoint': 'digits-shop-dev' },
      dedicatedEndpointEnabled: true,
    });
    expect(only(':VertexModel')).toMatchObject({
      parent: 'projects/shop/locations/europe-west4',
      modelId: expect.stringMatching(/^digits-dev-[0-9a-f]{12}$/),
      waitSeconds: 1801,
    });
    expect(model).toEqual({
      displayName: 'digits',
      labels: { 'slipway-endpoint': 'digits-shop-dev' },
      containerSpec: {
        imageUri: reference,
        ports: [{ containerPort: 8080 }],
        healthRoute: '/v2/health/ready',
        predictRoute: '/predict',
        deploymentTimeout: '1801s',
        startupProbe: {
          httpGet: { path: '/v2/health/ready', port: 8080 },
          periodSeconds: 10,
          timeoutSeconds: 15,
          failureThreshold: 31,
        },
      },
    });
    const { candidate, chosen } = endpoint.plan.hardware;
    expect(deployed).toEqual({
      model: 'digits-id',
      displayName: 'digits',
      serviceAccount: 'digits-dev@shop.iam.gserviceaccount.com',
      dedicatedResources: {
        machineSpec: { machineType: chosen.name },
        minReplicaCount: candidate.replicas,
        maxReplicaCount: 4 * candidate.replicas,
        autoscalingMetricSpecs: [
          { metricName: 'aiplatform.googleapis.com/prediction/online/cpu/utilization', target: 60 },
        ],
      },
    });
    const { endpoint: at, deployedModelId, waitSeconds } = only(':VertexDeployedModel');
    expect([at, deployedModelId, waitSeconds]).toEqual([full, expect.stringMatching(/^[1-9]\d{9}$/), 2701]);
    expect(only(':VertexTraffic')).toMatchObject({ endpoint: full, split: { [deployedModelId]: 100 } });
  });

  test('says where it is, what it costs, and how to ask, with the address that is known once something is deployed', async () => {
    const { endpoint } = await made();
    const url = `https://digits-dev.europe-west4-17.prediction.vertexai.goog/v1/${full}`;
    expect(await settled(endpoint.url)).toBe(url);
    expect(await settled(endpoint.predictUrl)).toBe(`${url}:predict`);
    expect(await settled(endpoint.endpointName)).toBe('digits-dev');
    expect(await settled(endpoint.monthlyUsd)).toBe(endpoint.plan.hardware.candidate.monthlyUsd);
    expect(await settled(endpoint.priceDate)).toBe(endpoint.plan.hardware.candidate.priceDate);
    const request = await settled(endpoint.request);
    expect(request).toContain(`curl -s ${url}:rawPredict`);
    expect(request).toContain('gcloud auth print-access-token');
  });

  test('gives a request the time that the server lets it', async () => {
    const { only } = await made({ serving: { timeoutSeconds: 900 } });
    expect(only(':VertexTraffic').inferenceSeconds).toBe(910);
  });
});

describe('an accelerator', () => {
  test('is counted, scaled on what it does, and not multiplied, since the most replicas take quota', async () => {
    const { deployed, endpoint } = await made({ hardware: Hardware.of('n1-standard-4+1xT4'), utilization: 75 });
    const { replicas } = endpoint.plan.hardware.candidate;
    expect(deployed.dedicatedResources).toEqual({
      machineSpec: { machineType: 'n1-standard-4', acceleratorType: 'NVIDIA_TESLA_T4', acceleratorCount: 1 },
      minReplicaCount: replicas,
      maxReplicaCount: replicas,
      autoscalingMetricSpecs: [
        { metricName: 'aiplatform.googleapis.com/prediction/online/accelerator/duty_cycle', target: 75 },
        { metricName: 'aiplatform.googleapis.com/prediction/online/cpu/utilization', target: 75 },
      ],
    });
  });

  test('of every machine in the tables has a name that the API knows', () => {
    const proto = readFileSync(
      packageFile('node_modules', '@google-cloud', 'aiplatform', 'build', 'protos', 'protos.json'),
      'utf8',
    );
    const known = protobuf.Root.fromJSON(JSON.parse(proto)).lookupEnum(
      'google.cloud.aiplatform.v1.AcceleratorType',
    ).values;
    const ours = machineTypes('gcp-vertex').filter(({ accelerator }) => accelerator !== null);
    expect(ours.length).toBeGreaterThan(20);
    for (const chosen of ours) {
      const { machineType, acceleratorType, acceleratorCount } = machineSpec({ hardware: { chosen } } as never);
      const { vmType, acceleratorCount: count } = chosen;
      expect([machineType, acceleratorType! in known, acceleratorCount]).toEqual([vmType, true, count]);
    }
  });
});

describe('ids', () => {
  const ids = async (args: Partial<VertexEndpointArgs>) => {
    const { only } = await made(args);
    return [only(':VertexModel').modelId, only(':VertexDeployedModel').deployedModelId];
  };

  test('stay for the same, and for other counts and labels', async () => {
    const same = await ids({});
    expect(await ids({})).toEqual(same);
    expect(await ids({ scaling: { min: 3, max: 9 }, utilization: 80, tags: { team: 'vision' } })).toEqual(same);
  });

  test('of a deployment are others on another machine, of the model too for another container', async () => {
    const [model, deployed] = await ids({});
    const [onOther, otherMachine] = await ids({ hardware: Hardware.of('n2-standard-8') });
    expect(onOther).toBe(model);
    expect(otherMachine).not.toBe(deployed);
    const [otherImage] = await ids({ image: ContainerImage.fromReference('eu.gcr.io/shop/digits:2') });
    expect(otherImage).not.toBe(model);
    const [otherVariable] = await ids({ environment: { THRESHOLD: '0.5' } });
    expect(otherVariable).not.toBe(model);
  });
});

describe('two deployments', () => {
  const next = { image: ContainerImage.fromReference('eu.gcr.io/shop/digits:2'), percent: 10 };

  test('share the requests, whose rest is the first one’s', async () => {
    const { endpoint, resources, only } = await made({
      deployments: { next: { ...next, hardware: Hardware.of('n2-standard-8') } },
    });
    const deployed = ofType(resources, ':VertexDeployedModel');
    expect(deployed.map(({ name }) => name)).toEqual(['digits', 'digits-next']);
    const [first, second] = deployed.map(({ inputs }) => inputs.deployedModelId);
    expect(only(':VertexTraffic').split).toEqual({ [first]: 90, [second]: 10 });
    expect(deployed[1]!.inputs.deployedModel).toMatchObject({
      displayName: 'digits (next)',
      dedicatedResources: { machineSpec: { machineType: 'n2-standard-8' } },
    });
    const costs = [endpoint.plan, endpoint.furtherPlans.next!].map(({ hardware }) => hardware.candidate.monthlyUsd!);
    expect(await settled(endpoint.monthlyUsd)).toBe(costs[0]! + costs[1]!);
  });

  test('of which one gets nothing is not named in the split', async () => {
    const { resources, only } = await made({ deployments: { next: { ...next, percent: 0 } } });
    const [first] = ofType(resources, ':VertexDeployedModel');
    expect(only(':VertexTraffic').split).toEqual({ [first!.inputs.deployedModelId]: 100 });
  });

  test('that are the same are two all the same', async () => {
    const { resources } = await made({ deployments: { next: { image, percent: 50 } } });
    const each = (end: string, key: string) => new Set(ofType(resources, end).map(({ inputs }) => inputs[key]));
    expect(each(':VertexModel', 'modelId').size).toBe(2);
    expect(each(':VertexDeployedModel', 'deployedModelId').size).toBe(2);
  });

  test('that are built push to one repository', async () => {
    const { resources } = await made({ image: ContainerImage.fromPlan(), deployments: { next: { percent: 10 } } });
    expect(ofType(resources, ':Repository')).toHaveLength(1);
    expect(ofType(resources, ':Image').map(({ inputs }) => inputs.tags[0])).toEqual([
      expect.stringMatching(/^europe-west4-docker\.pkg\.dev\/shop\/digits-images\/digits:/),
      expect.stringMatching(/^europe-west4-docker\.pkg\.dev\/shop\/digits-images\/digits:/),
    ]);
  });
});

describe('a timetable', () => {
  const schedules = [
    { at: '07:30', days: ['Monday'], timeZone: 'Europe/Amsterdam', min: 3, max: 9 },
    { at: '19:00', min: 1 },
  ] as const;

  test('is jobs that write the bounds of the first deployment, by an account that may do nothing else', async () => {
    const { resources, only, endpoint } = await made({ schedules, scaling: { min: 2, max: 4 } });
    const jobs = ofType(resources, ':Job').map(({ inputs }) => inputs);
    const id = await settled(endpoint.resources.deployments[0]!.id);
    const target = `https://europe-west4-aiplatform.googleapis.com/v1/${full}:mutateDeployedModel`;
    expect(jobs.map(({ schedule, timeZone, httpTarget }) => [schedule, timeZone, httpTarget.uri])).toEqual([
      ['30 7 * * 1', 'Europe/Amsterdam', target],
      ['0 19 * * *', 'UTC', target],
    ]);
    const updateMask = 'dedicatedResources.minReplicaCount,dedicatedResources.maxReplicaCount';
    expect(jobs.map(({ httpTarget }) => JSON.parse(Buffer.from(httpTarget.body, 'base64').toString()))).toEqual(
      [
        [3, 9],
        [1, 4],
      ].map(([minReplicaCount, maxReplicaCount]) => ({
        deployedModel: { id, dedicatedResources: { minReplicaCount, maxReplicaCount } },
        updateMask,
      })),
    );
    expect(only(':VertexDeployedModel')).toMatchObject({
      scheduled: true,
      deployedModel: { dedicatedResources: { minReplicaCount: 2, maxReplicaCount: 4 } },
    });
    const member = 'serviceAccount:sched-digits-dev@shop.iam.gserviceaccount.com';
    expect(only(':IAMCustomRole').permissions).toEqual([
      'aiplatform.endpoints.get',
      'aiplatform.endpoints.deploy',
      'aiplatform.endpoints.update',
    ]);
    expect(only(':AiEndpointIamMember')).toMatchObject({ endpoint: 'digits-dev', member });
    expect(only(':IAMMember')).toMatchObject({ role: 'roles/iam.serviceAccountUser', member });
    expect(endpoint.resources.schedules).toHaveLength(2);
  });

  test('does not touch a further deployment', async () => {
    const { resources } = await made({ schedules, deployments: { next: { image } } });
    expect(ofType(resources, ':VertexDeployedModel').map(({ inputs }) => inputs.scheduled)).toEqual([true, undefined]);
  });
});

describe('what is there already, and what is asked for', () => {
  test('secrets are read by the server, as an account that may, and never in the clear', async () => {
    const { resources } = await made({
      environment: { MODE: 'fast' },
      secrets: { TOKEN: { secret: 'shop-token' }, KEY: { secret: 'projects/theirs/secrets/key', version: '7' } },
    });
    const [model] = ofType(resources, ':VertexModel');
    expect(model!.inputs.model.containerSpec.env).toEqual([
      { name: 'MODE', value: 'fast' },
      {
        name: 'SLIPWAY_SECRETS',
        value:
          '{"TOKEN":"projects/shop/secrets/shop-token/versions/latest","KEY":"projects/theirs/secrets/key/versions/7"}',
      },
    ]);
    expect(ofType(resources, ':SecretIamMember').map(({ inputs }) => [inputs.secretId, inputs.role])).toEqual([
      ['projects/theirs/secrets/key', 'roles/secretmanager.secretAccessor'],
      ['shop-token', 'roles/secretmanager.secretAccessor'],
    ]);
  });

  test('an account, a key, an id, a project', async () => {
    const { resources, only, model, deployed } = await made({
      serviceAccount: pulumi.output('mine@shop.iam.gserviceaccount.com'),
      encryptionKey: pulumi.output('projects/shop/locations/europe-west4/keyRings/r/cryptoKeys/k'),
      endpointName: '123456789',
      project: pulumi.output('models'),
    });
    expect(ofType(resources, ':Account')).toEqual([]);
    const key = { kmsKeyName: 'projects/shop/locations/europe-west4/keyRings/r/cryptoKeys/k' };
    expect(only(':AiEndpoint')).toMatchObject({ name: '123456789', project: 'models', encryptionSpec: key });
    expect(model.encryptionSpec).toEqual(key);
    expect(deployed.serviceAccount).toBe('mine@shop.iam.gserviceaccount.com');
    expect(only(':VertexDeployedModel').endpoint).toBe('projects/models/locations/europe-west4/endpoints/123456789');
  });

  test('who may ask, by a role that can do nothing else', async () => {
    const { resources } = await made({
      invokers: ['serviceAccount:web@shop.iam.gserviceaccount.com', 'group:ml@example.org'],
    });
    expect(ofType(resources, ':IAMCustomRole').map(({ inputs }) => inputs.permissions)).toEqual([
      ['aiplatform.endpoints.predict'],
    ]);
    expect(ofType(resources, ':AiEndpointIamMember').map(({ inputs }) => inputs)).toEqual(
      ['serviceAccount:web@shop.iam.gserviceaccount.com', 'group:ml@example.org'].map((member) => ({
        ...{ endpoint: 'digits-dev', location: 'europe-west4', project: 'shop', member },
        role: 'projects/shop/roles/slipway_digits_dev_invoke',
      })),
    );
  });

  test('a model in a bucket is read by Vertex AI, and the account may read it', async () => {
    const { resources, model } = await made({ model: elsewhere('gs://my-models/digits/3') });
    expect(model.artifactUri).toBe('gs://my-models/digits/3');
    expect(ofType(resources, ':BucketIAMMember')[0]!.inputs).toMatchObject({
      bucket: 'my-models',
      role: 'roles/storage.objectViewer',
      member: 'serviceAccount:digits-dev@shop.iam.gserviceaccount.com',
    });
  });

  test('every route of the server instead of one', async () => {
    const { endpoint, model } = await made({ routes: 'invoke' });
    expect(model.containerSpec).toMatchObject({ invokeRoutePrefix: '/*' });
    expect(model.containerSpec.predictRoute).toBeUndefined();
    expect(await settled(endpoint.request)).toContain('/endpoints/digits-dev/invoke/v2/models/digits/infer ');
  });

  test('variables, spot machines, a log of requests, requests in BigQuery', async () => {
    const { only, model, deployed } = await made({
      environment: { THRESHOLD: '0.5' },
      spot: true,
      accessLog: true,
      requestLog: { table: 'bq://shop.digits.requests', share: 0.1 },
    });
    expect(model.containerSpec.env).toEqual([{ name: 'THRESHOLD', value: '0.5' }]);
    expect(deployed).toMatchObject({ enableAccessLogging: true, dedicatedResources: { spot: true } });
    expect(only(':AiEndpoint').predictRequestResponseLoggingConfig).toEqual({
      enabled: true,
      samplingRate: 0.1,
      bigqueryDestination: { outputUri: 'bq://shop.digits.requests' },
    });
  });

  test('overrides of what no option says, which have other ids', async () => {
    const { only } = await made();
    const changed = await made({
      transform: {
        endpoint: (args) => ({ ...args, deletionPolicy: 'PREVENT' }),
        model: (body) => ({ ...body, containerSpec: { ...body.containerSpec, sharedMemorySizeMb: '1024' } }),
        deployedModel: (body) => ({ ...body, disableContainerLogging: true }),
      },
    });
    expect(changed.only(':AiEndpoint').deletionPolicy).toBe('PREVENT');
    expect(changed.model.containerSpec.sharedMemorySizeMb).toBe('1024');
    expect(changed.deployed.disableContainerLogging).toBe(true);
    expect(changed.only(':VertexModel').modelId).not.toBe(only(':VertexModel').modelId);
    expect(changed.only(':VertexDeployedModel').deployedModelId).not.toBe(only(':VertexDeployedModel').deployedModelId);
  });
});

describe('where it is reached from', () => {
  test('a shared address', async () => {
    const { endpoint, only } = await made({ dedicated: false });
    expect(only(':AiEndpoint').dedicatedEndpointEnabled).toBeUndefined();
    expect(await settled(endpoint.url)).toBe(`https://europe-west4-aiplatform.googleapis.com/v1/${full}`);
  });

  test('Private Service Connect, by a connection that Google makes', async () => {
    const { endpoint, only } = await made({
      privateServiceConnect: {
        projects: ['web'],
        networks: [{ project: 'web', network: 'projects/web/global/networks/default' }],
      },
    });
    expect(only(':AiEndpoint').privateServiceConnectConfig).toEqual({
      enablePrivateServiceConnect: true,
      projectAllowlists: ['web'],
      pscAutomationConfigs: [{ projectId: 'web', network: 'projects/web/global/networks/default' }],
    });
    expect(only(':AiEndpoint').dedicatedEndpointEnabled).toBeUndefined();
    expect(await settled(endpoint.url)).toBe(`http://10.0.0.7/v1/${full}`);
    expect(await settled(endpoint.serviceAttachment)).toContain('/serviceAttachments/digits');
  });

  test('a peered network', async () => {
    const network = 'projects/17/global/networks/shop';
    const { endpoint, only } = await made({ network });
    expect(only(':AiEndpoint').network).toBe(network);
    expect(await settled(endpoint.predictUrl)).toBe('http://digits.aiplatform.googleapis.com/v1/models/7:predict');
  });

  test('an endpoint that is there already is asked and granted', async () => {
    let theirs: ReturnType<typeof VertexEndpoint.get> | undefined;
    const resources = await madeBy(() => {
      const place = { location: 'europe-west4', project: 'models' };
      theirs = VertexEndpoint.get('theirs', { endpointName: '123', ...place });
      theirs.grantInvoke('web', 'serviceAccount:web@shop.iam.gserviceaccount.com');
    });
    expect(await settled(theirs!.predictUrl)).toBe(
      'https://123.europe-west4-17.prediction.vertexai.goog/v1/projects/models/locations/europe-west4/endpoints/123:predict',
    );
    expect(ofType(resources, ':AiEndpointIamMember')[0]!.inputs).toMatchObject({
      ...{ endpoint: '123', project: 'models', location: 'europe-west4' },
      role: 'projects/shop/roles/slipway_theirs_dev_invoke',
    });
  });
});

describe('in the preview', () => {
  const wrong = (args: Partial<VertexEndpointArgs>) => () =>
    new VertexEndpoint('digits', { model: digits, location: 'europe-west4', image, ...args });

  test('every problem is told at once, as Pulumi shows them', () => {
    let error: unknown;
    try {
      wrong({
        model: Model.fromOnnx('none.onnx'),
        endpointName: 'Digits_1',
        scaling: { target: 3 },
        utilization: 0,
        environment: { AIP_MODE: 'x' },
        tags: { Team: 'Vision' },
        deployments: { next: { percent: 60 }, last: { percent: 60, serving: { timeoutSeconds: 4000 } } },
      })();
    } catch (caught) {
      error = caught;
    }
    expect(pulumi.InputPropertiesError.isInstance(error)).toBe(true);
    const { errors, message } = error as pulumi.InputPropertiesError;
    expect(errors.map(({ propertyPath }) => propertyPath)).toEqual([
      'endpointName',
      'utilization',
      'tags',
      'deployments',
      'scaling.target',
      'environment',
      'deployments.last.serving.timeoutSeconds',
      'model',
    ]);
    expect(message).toContain("Endpoint 'none' cannot be planned (8 problems)");
    expect(message).toContain('deployments: the shares add to 120;');
  });

  test.each<[string, Partial<VertexEndpointArgs>, RegExp]>([
    [
      'a channel by its number',
      { notify: ['123'] },
      /notify\[0\]: '123' is no full name of a notification channel\. Give one such as projects\/shop\/notificationChannels\/123/,
    ],
    [
      'a timetable that stops it',
      { schedules: [{ at: '19:00', min: 0 }] },
      /schedules\[0\]: 0 is given; allowed: a whole number from 1/,
    ],
    ['no region', { location: '' }, /location: is missing/],
    ['a region that is none', { location: 'europe-west99' }, /'europe-west99' is no region of gcp-vertex/],
    ['a machine that is not in the list', { hardware: Hardware.of('n1-standard-3') }, /'n1-standard-3' is not offered/],
    [
      'an output where a value is needed',
      { scaling: { min: pulumi.output(1) as never } },
      /scaling\.min: is an output/,
    ],
    ['no replica', { scaling: { min: 0 } }, /scaling\.min: 0 is given/],
    [
      'no replica at times',
      { scaling: { toZero: true } },
      /does not scale to zero: a deployed model keeps at least one/,
    ],
    ['a numeric id that is too long', { endpointName: '1234567890' }, /endpointName: '1234567890' is no id/],
    ['a share that is none', { deployments: { next: { percent: 1.5 } } }, /deployments\.next\.percent: 1\.5 is given/],
    [
      'a deployment of the first one’s name',
      { deployments: { main: {} } },
      /'main' is no name for a further deployment/,
    ],
    [
      'two private ways',
      { network: 'n', privateServiceConnect: { projects: ['p'] } },
      /network: an endpoint is reached from a peered network or by Private Service Connect/,
    ],
    [
      'two deployments in a peered network',
      { network: 'n', deployments: { next: { percent: 10 } } },
      /deployments: an endpoint in a peered network has one deployment/,
    ],
    [
      'an address of its own in a peered network',
      { network: 'n', dedicated: true },
      /dedicated: an endpoint in a peered/,
    ],
    ['every route of a shared endpoint', { routes: 'invoke', dedicated: false }, /routes: 'invoke' needs an endpoint/],
    ['routes that are none', { routes: 'all' as never }, /routes: 'all' is given; allowed: predict, invoke/],
    [
      'requests of a private endpoint in BigQuery',
      { privateServiceConnect: { projects: ['p'] }, requestLog: { table: 'bq://shop' } },
      /requestLog: Vertex AI keeps no requests of private endpoints/,
    ],
    ['a share of nothing', { requestLog: { table: 'bq://shop', share: 0 } }, /requestLog\.share: 0 is given/],
    [
      'a request that takes too long',
      { dedicated: false, serving: { timeoutSeconds: 60 } },
      /Vertex AI ends a request of this kind of endpoint after 60 s\. Give at most 50/,
    ],
    [
      'a model that Vertex AI cannot read',
      { model: elsewhere('s3://a/b') },
      /'s3:\/\/a\/b' cannot be read by Vertex AI/,
    ],
    [
      'a secret and a variable of one name',
      { environment: { TOKEN: '1' }, secrets: { TOKEN: { secret: 'shop-token' } } },
      /secrets\.TOKEN: there is an environment variable of this name, too/,
    ],
    [
      'a canary that nobody would watch',
      { rollout: { strategy: 'canary' } },
      /rollout: Azure and Google move requests/,
    ],
    [
      'a request that is too large',
      { objective: { payload: { rows: 60_000 } } },
      /a request has .* the platform takes 10/,
    ],
    [
      'a budget without who pays',
      { monitoring: { budget: {} } },
      /billingAccount: is missing: a budget is made in the account that pays/,
    ],
  ])('%s is refused', (_what, args, message) => {
    expect(wrong(args)).toThrow(message);
  });
});
