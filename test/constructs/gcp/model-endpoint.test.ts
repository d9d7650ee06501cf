import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { describe, expect, test } from 'vitest';
import {
  ContainerImage,
  Hardware,
  Model,
  ModelEndpoint,
  type ModelEndpointArgs,
} from '../../../constructs/gcp/index.js';
import { packageFile } from '../../../lib/package-root.js';
import { digits, inFolder, madeBy, ofType, settled } from '../pulumi/program.js';

inFolder();

const reference = 'europe-west4-docker.pkg.dev/shop/images/digits:1';
const image = ContainerImage.fromReference(reference);
const objective = { p99Ms: 100, requestsPerSecond: 50 };

/** An endpoint in the Netherlands, and what it makes. */
async function made(args: Partial<ModelEndpointArgs> = {}) {
  let endpoint: ModelEndpoint | undefined;
  const resources = await madeBy(() => {
    endpoint = new ModelEndpoint('digits', { model: digits, objective, location: 'europe-west4', image, ...args });
  });
  const [service] = ofType(resources, ':Service');
  return {
    endpoint: endpoint!,
    resources,
    service: service!.inputs,
    container: service!.inputs.template.containers[0],
  };
}

describe('the same description as elsewhere', () => {
  test('makes a service with the machine of the plan, and an account without roles', async () => {
    const { endpoint, resources, service, container } = await made();
    expect([...new Set(resources.map(({ type }) => type))].sort()).toEqual([
      'gcp:cloudrunv2/service:Service',
      'gcp:monitoring/alertPolicy:AlertPolicy',
      'gcp:monitoring/dashboard:Dashboard',
      'gcp:monitoring/genericService:GenericService',
      'gcp:monitoring/slo:Slo',
      'gcp:serviceaccount/account:Account',
      'slipway:gcp:ModelEndpoint',
    ]);
    const { chosen } = endpoint.plan.hardware;
    expect(container.resources).toEqual({
      limits: { cpu: String(chosen.processors), memory: `${chosen.memoryBytes / 2 ** 20}Mi` },
      cpuIdle: false,
      startupCpuBoost: true,
    });
    expect(container.image).toBe(reference);
    expect(service).toMatchObject({
      location: 'europe-west4',
      ingress: 'INGRESS_TRAFFIC_INTERNAL_ONLY',
      deletionProtection: false,
      traffics: [{ type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST', percent: 100 }],
    });
    expect(service.template.serviceAccount).toBe('digits-dev@shop.iam.gserviceaccount.com');
    expect(service.template.nodeSelector).toBeUndefined();
  });

  test('gives an instance what it works on and as much that waits, not the 80 of web pages', async () => {
    const { endpoint, service } = await made();
    const { workers, candidate } = endpoint.plan.hardware;
    expect(service.template.maxInstanceRequestConcurrency).toBe(2 * Math.max(workers!, candidate.batch));
  });

  test('bounds instances on the service alone, where they do not drift', async () => {
    const { service } = await made({ scaling: { min: 2, max: 5 } });
    expect(service.scaling).toEqual({ minInstanceCount: 2, maxInstanceCount: 5 });
    expect(service.template.scaling).toBeUndefined();
  });

  test('waits for a start as long as the model needs', async () => {
    const { container } = await made();
    expect(container.startupProbe).toEqual({
      httpGet: { path: '/v2/health/ready', port: 8080 },
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 25,
    });
  });

  test('says where it is, what it costs, and how to ask', async () => {
    const { endpoint } = await made();
    expect(await settled(endpoint.url)).toBe('https://digits-abc.a.run.app');
    expect(await settled(endpoint.monthlyUsd)).toBe(endpoint.plan.hardware.candidate.monthlyUsd);
    expect(await settled(endpoint.priceDate)).toBe(endpoint.plan.hardware.candidate.priceDate);
    const request = await settled(endpoint.request);
    expect(request).toContain('curl -s https://digits-abc.a.run.app/v2/models/digits/infer');
    expect(request).toContain('gcloud auth print-identity-token');
  });
});

describe("the server's own metrics", () => {
  test('are read by a second container, of an account that may write them', async () => {
    const { resources, service } = await made({ prometheus: true });
    const [server, collector] = service.template.containers;
    expect(server).toMatchObject({ name: 'server', ports: { containerPort: 8080 } });
    expect(collector).toMatchObject({ name: 'collector', dependsOns: ['server'] });
    expect(collector.ports).toBeUndefined();
    expect(ofType(resources, 'projects/iAMMember:IAMMember').map(({ inputs }) => inputs)).toEqual([
      {
        project: 'shop',
        role: 'roles/monitoring.metricWriter',
        member: 'serviceAccount:digits-dev@shop.iam.gserviceaccount.com',
      },
    ]);
  });

  test('stay in the container unless they are wanted', async () => {
    const { service } = await made();
    expect(service.template.containers).toHaveLength(1);
  });
});

describe('an accelerator', () => {
  test('has the limits that Cloud Run asks for, and stops when nobody asks', async () => {
    const { service, container } = await made({
      hardware: Hardware.auto({ accelerators: ['L4'] }),
      scaling: { toZero: true },
    });
    expect(service.template).toMatchObject({
      nodeSelector: { accelerator: 'nvidia-l4' },
      gpuZonalRedundancyDisabled: true,
    });
    expect(container.resources).toMatchObject({
      limits: { cpu: '4', memory: '16384Mi', 'nvidia.com/gpu': '1' },
      cpuIdle: false,
    });
    expect(service.scaling).toEqual({ minInstanceCount: 0, maxInstanceCount: 3 });
  });

  test('whose price nobody has told us is taken when it is named', async () => {
    const { endpoint, service, container } = await made({ hardware: Hardware.of('20cpu-80gib-rtx-pro-6000') });
    expect(service.template.nodeSelector).toEqual({ accelerator: 'nvidia-rtx-pro-6000' });
    expect(container.resources.limits).toEqual({ cpu: '20', memory: '81920Mi', 'nvidia.com/gpu': '1' });
    expect(await settled(endpoint.monthlyUsd)).toBeNull();
  });

  test('is redundant over zones where the machine is named so', async () => {
    const { service } = await made({ hardware: Hardware.of('4cpu-16gib-l4-zonal') });
    expect(service.template.gpuZonalRedundancyDisabled).toBe(false);
  });
});

describe('what is there already', () => {
  test('an account, a network, a key, a name', async () => {
    const { resources, service } = await made({
      serviceAccount: 'mine@shop.iam.gserviceaccount.com',
      network: { network: 'shop', subnetwork: 'models', tags: ['models'], egress: 'all' },
      encryptionKey: 'projects/shop/locations/europe-west4/keyRings/r/cryptoKeys/k',
      serviceName: 'digits-reader',
      project: 'shop',
    });
    expect(ofType(resources, ':Account')).toEqual([]);
    expect(service).toMatchObject({ name: 'digits-reader', project: 'shop' });
    expect(service.template).toMatchObject({
      serviceAccount: 'mine@shop.iam.gserviceaccount.com',
      encryptionKey: 'projects/shop/locations/europe-west4/keyRings/r/cryptoKeys/k',
      vpcAccess: {
        egress: 'ALL_TRAFFIC',
        networkInterfaces: [{ network: 'shop', subnetwork: 'models', tags: ['models'] }],
      },
    });
  });

  test('who may ask, and nobody else', async () => {
    const { resources } = await made({ invokers: ['serviceAccount:web@shop.iam.gserviceaccount.com'] });
    expect(ofType(resources, ':ServiceIamMember').map(({ inputs }) => inputs)).toEqual([
      expect.objectContaining({ role: 'roles/run.invoker', member: 'serviceAccount:web@shop.iam.gserviceaccount.com' }),
    ]);
  });

  test('secrets by reference, which the account may read before the service starts', async () => {
    const { resources, container } = await made({
      environment: { THRESHOLD: '0.5' },
      secrets: { TOKEN: { secret: 'shop-token', version: '3' } },
    });
    expect(container.envs).toEqual([
      { name: 'THRESHOLD', value: '0.5' },
      { name: 'TOKEN', valueSource: { secretKeyRef: { secret: 'shop-token', version: '3' } } },
    ]);
    expect(ofType(resources, ':SecretIamMember')[0]!.inputs).toMatchObject({
      secretId: 'shop-token',
      role: 'roles/secretmanager.secretAccessor',
      member: 'serviceAccount:digits-dev@shop.iam.gserviceaccount.com',
    });
  });

  test('a model in a bucket is mounted, and the account may read it', async () => {
    const { resources, service, container } = await made({
      model: Model.fromProfile(packageFile('test', 'constructs', 'aws', 'digits.profile.json'), {
        uri: 'gs://my-models/digits/3',
      }),
    });
    expect(service.template.volumes).toEqual([{ name: 'model', gcs: { bucket: 'my-models', readOnly: true } }]);
    expect(container.volumeMounts).toEqual([{ name: 'model', mountPath: '/opt/slipway/model', subPath: 'digits/3' }]);
    expect(ofType(resources, ':BucketIAMMember')[0]!.inputs).toMatchObject({
      bucket: 'my-models',
      role: 'roles/storage.objectViewer',
    });
  });

  test('outputs of other resources wherever the machine does not depend on them', async () => {
    const { service } = await made({
      project: pulumi.output('shop'),
      serviceAccount: pulumi.output('mine@shop.iam.gserviceaccount.com'),
      invokers: [pulumi.output('group:ml@example.org')],
    });
    expect(service.project).toBe('shop');
  });

  test('an override of what no option says', async () => {
    const { service } = await made({
      transform: { service: (given) => ({ ...given, customAudiences: ['https://models.example.org'] }) },
    });
    expect(service.customAudiences).toEqual(['https://models.example.org']);
  });
});

test('traffic goes to revisions as asked', async () => {
  const { service } = await made({
    traffic: [
      { percent: 90, revision: 'digits-00007' },
      { percent: 10, tag: 'next' },
    ],
  });
  expect(service.traffics).toEqual([
    { type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION', percent: 90, revision: 'digits-00007' },
    { type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST', percent: 10, tag: 'next' },
  ]);
});

test('an image of the plan is laid out beside the program, and built by its digest', async () => {
  const { resources, container } = await made({ image: ContainerImage.fromPlan() });
  const [built] = ofType(resources, ':Image');
  expect(built!.inputs).toMatchObject({ push: true, buildOnPreview: false, platforms: ['linux/amd64'] });
  expect(built!.inputs.context.location).toMatch(/^\.slipway\/digits\/[0-9a-f]{16}$/);
  expect(built!.inputs.tags[0]).toMatch(/^europe-west4-docker\.pkg\.dev\/shop\/digits-images\/digits:[0-9a-f]{12}$/);
  expect(container.image).toMatch(/@sha256:0{64}$/);
  expect(existsSync(join(built!.inputs.context.location, 'Dockerfile'))).toBe(true);
  expect(readdirSync(join('.slipway', 'digits')).filter((name) => name.includes('.'))).toEqual([]);
});

describe('in the preview', () => {
  const wrong = (args: Partial<ModelEndpointArgs>) => () =>
    new ModelEndpoint('digits', { model: digits, location: 'europe-west4', image, ...args });

  test('every problem is told at once, as Pulumi shows them', () => {
    let error: unknown;
    try {
      wrong({
        model: Model.fromOnnx('none.onnx'),
        serviceName: 'My_Service',
        traffic: [{ percent: 60 }, { percent: 60, revision: 'a' }],
        environment: { PORT: '1' },
        serving: { timeoutSeconds: 3600 },
      })();
    } catch (caught) {
      error = caught;
    }
    expect(pulumi.InputPropertiesError.isInstance(error)).toBe(true);
    const { errors, message } = error as pulumi.InputPropertiesError;
    expect(errors.map(({ propertyPath }) => propertyPath)).toEqual([
      'serviceName',
      'traffic',
      'serving.timeoutSeconds',
      'environment',
      'model',
    ]);
    expect(message).toContain("Endpoint 'none' cannot be planned (5 problems)");
    expect(message).toContain('traffic: the shares add to 120, not to 100');
  });

  test.each<[string, Partial<ModelEndpointArgs>, RegExp]>([
    ['no region', { location: '' }, /location: is missing/],
    [
      'an address as a channel',
      { notify: ['ml@shop.example'] },
      /notify\[0\]: 'ml@shop\.example' is no full name of a notification channel/,
    ],
    ['a region that is none', { location: 'europe-west99' }, /'europe-west99' is no region of gcp-cloud-run/],
    [
      'a region without accelerators',
      { hardware: Hardware.of('4cpu-16gib-l4'), location: 'us-west1' },
      /'4cpu-16gib-l4' is not offered in us-west1/,
    ],
    [
      'an output where a value is needed',
      { scaling: { min: pulumi.output(1) as never } },
      /scaling\.min: is an output/,
    ],
    ['public, but unreachable', { invokers: ['allUsers'] }, /ingress: allUsers may ask, but only inside/],
    ['most of no instance', { scaling: { max: 0 } }, /scaling\.max: 0 is given; allowed: a whole number from 1/],
    [
      'a model that cannot be mounted',
      {
        model: Model.fromProfile(packageFile('test', 'constructs', 'aws', 'digits.profile.json'), { uri: 's3://a/b' }),
      },
      /cannot be mounted by Cloud Run/,
    ],
    [
      'a request that is too large',
      { objective: { payload: { rows: 60_000 } } },
      /a request has .* the platform takes/,
    ],
    [
      'a secret that is a variable, too',
      { environment: { A: '1' }, secrets: { A: { secret: 'a' } } },
      /secrets\.A: there is an environment variable/,
    ],
  ])('%s is refused', (_what, args, message) => {
    expect(wrong(args)).toThrow(message);
  });
});
