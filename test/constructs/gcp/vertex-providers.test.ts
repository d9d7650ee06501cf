/** The methods of the dynamic resources as Pulumi stores and runs them: as text, in a place without this package. */

import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import Module from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { deployedModelProvider } from '../../../constructs/gcp/vertex/deployed-model.js';
import { modelProvider } from '../../../constructs/gcp/vertex/model.js';
import { trafficProvider } from '../../../constructs/gcp/vertex/traffic.js';
import { VertexApi } from '../../integration/pulumi/vertex-api.js';

type Provider = Required<pulumi.dynamic.ResourceProvider>;
const textOf = async (provider: unknown) => (await pulumi.runtime.serializeFunction(() => provider)).text;

/** What the engine gets of a provider. */
async function stored(provider: unknown): Promise<Provider> {
  const module = new Module('stored') as Module & { _compile(text: string, name: string): void };
  module._compile(await textOf(provider), 'stored.js');
  return module.exports.handler();
}

let models: Provider;
let deployments: Provider;
let traffic: Provider;
beforeAll(async () => {
  [models, deployments, traffic] = await Promise.all([
    stored(modelProvider),
    stored(deployedModelProvider),
    stored(trafficProvider),
  ]);
});

const parent = 'projects/shop/locations/europe-west4';
const endpoint = `${parent}/endpoints/digits-dev`;
const id = `${parent}/models/digits-dev-1`;

const model = (more = {}) => ({
  parent,
  modelId: 'digits-dev-1',
  waitSeconds: 60,
  model: {
    displayName: 'digits',
    labels: { team: 'vision' },
    containerSpec: {
      imageUri: 'europe-west4-docker.pkg.dev/shop/images/digits@sha256:1',
      ports: [{ containerPort: 8080 }],
      predictRoute: '/predict',
      healthRoute: '/v2/health/ready',
      deploymentTimeout: '1800s',
      env: [{ name: 'THRESHOLD', value: '0.5' }],
      startupProbe: {
        httpGet: { path: '/v2/health/ready', port: 8080 },
        ...{ periodSeconds: 10, timeoutSeconds: 15, failureThreshold: 30 },
      },
    },
    ...more,
  },
});

const deployment = (counts = {}, deployedModelId = '1234567890') => ({
  endpoint,
  deployedModelId,
  waitSeconds: 60,
  deployedModel: {
    model: id,
    displayName: 'digits',
    serviceAccount: 'digits-dev@shop.iam.gserviceaccount.com',
    dedicatedResources: {
      machineSpec: { machineType: 'g2-standard-4', acceleratorType: 'NVIDIA_L4', acceleratorCount: 1 },
      minReplicaCount: 1,
      maxReplicaCount: 2,
      autoscalingMetricSpecs: [
        { metricName: 'aiplatform.googleapis.com/prediction/online/cpu/utilization', target: 60 },
      ],
      ...counts,
    },
  },
});

const split = (shares: Readonly<Record<string, number>>, more = {}) => ({
  endpoint,
  split: shares,
  waitSeconds: 60,
  ...more,
});

let api: VertexApi;
const before = { ...process.env };
beforeEach(async () => {
  api = await new VertexApi({ endpoints: () => new Map([[endpoint, { dedicated: true, peered: false }]]) }).start();
  Object.assign(process.env, api.environment);
});
afterEach(async () => {
  await api.stop();
  process.env = { ...before };
});

/** Requests that change something. */
const changes = () => api.asked.filter((each) => !each.startsWith('GET'));
const uploaded = () => models.create(model());
const both = async () => {
  await uploaded();
  await deployments.create(deployment());
  api.forget();
};

describe('an upload', () => {
  test('is one request, and ends when its operation does', async () => {
    const { id: made, outs } = await uploaded();
    expect(made).toBe(id);
    expect(outs).toMatchObject(model());
    expect(changes()).toEqual(['POST europe-west4/models:upload']);
    expect(api.names('models')).toEqual([id]);
    expect(api.asked.filter((each) => each.includes('/operations/')).length).toBe(2);
  });

  test('of what is there already, as after a run that was broken off, finds it', async () => {
    await uploaded();
    api.forget();
    expect(await uploaded()).toMatchObject({ id });
    expect(changes()).toEqual([]);
  });

  test('that an earlier run has begun is waited for', async () => {
    const first = uploaded();
    while (api.asked.length < 4) await new Promise((resolve) => setTimeout(resolve, 1));
    await Promise.all([first, uploaded()]);
    expect(changes()).toEqual(['POST europe-west4/models:upload']);
  });

  test.each([503, 500, 429, 'reset'] as const)('goes on after %s', async (how) => {
    api.trouble(/upload|operations\/1$/, how, 3);
    await uploaded();
    expect(api.names('models')).toEqual([id]);
  });

  test('whose answer is lost is not made twice', async () => {
    api.trouble(/upload/, 'lost');
    await uploaded();
    expect(api.names('models')).toEqual([id]);
    expect(changes().length).toBeLessThanOrEqual(3);
  });

  test('that ends in an error tells all of it, and is not tried again', async () => {
    api.trouble(/upload/, 'error');
    await expect(uploaded()).rejects.toThrow(
      /^Vertex AI, POST .*\/models:upload: FAILED_PRECONDITION: Model server never became ready \[{"reason":"see the logs"}\]$/,
    );
    expect(changes()).toHaveLength(1);
  });

  test('that is refused tells why', async () => {
    await expect(models.create(model({ displayName: 7 }))).rejects.toThrow(
      'models:upload: 400 INVALID_ARGUMENT: model: displayName: 7 is no string',
    );
  });

  test('that the API cannot answer ends after some tries', async () => {
    api.trouble(/upload/, 503, 99);
    await expect(uploaded()).rejects.toThrow('models:upload: 503 UNAVAILABLE: not now');
    expect(changes()).toHaveLength(6);
  });

  test('that takes too long is cancelled', async () => {
    api.trouble(/upload/, 'stuck');
    await expect(models.create({ ...model(), waitSeconds: 0.05 })).rejects.toThrow(
      /upload: it takes longer than 0.05 s, and was cancelled: projects\/17\/.*\/operations\/1$/,
    );
    expect(changes()).toEqual([
      'POST europe-west4/models:upload',
      'POST europe-west4/models/digits-dev-1/operations/1:cancel',
    ]);
    expect(api.names('models')).toEqual([]);
  });
});

describe('a model', () => {
  test('with other labels stays; with another id is made anew, the old one after it', async () => {
    expect(await models.diff(id, model(), model({ labels: { team: 'web' } }))).toEqual({
      ...{ changes: true, replaces: [], deleteBeforeReplace: false },
    });
    expect(await models.diff(id, model(), { ...model(), modelId: 'digits-dev-2' })).toEqual({
      ...{ changes: true, replaces: ['modelId'], deleteBeforeReplace: false },
    });
    expect(await models.diff(id, model(), { ...model(), waitSeconds: 7 })).toMatchObject({ changes: false });
  });

  test('gets other labels in place', async () => {
    await uploaded();
    api.forget();
    await models.update(id, model(), model({ labels: { team: 'web' } }));
    expect(api.asked).toEqual(['PATCH europe-west4/models/digits-dev-1']);
    expect(api.state[id]!.inputs).toMatchObject({ displayName: 'digits', labels: { team: 'web' } });
  });

  test('is read as it is; labels of others are not ours', async () => {
    await uploaded();
    api.drift((held) => {
      held[id]!.inputs.displayName = 'other';
      held[id]!.inputs.labels = { team: 'web', theirs: 'x' };
    });
    const { props } = await models.read(id, model());
    expect(props).toEqual(model({ displayName: 'other', labels: { team: 'web' } }));
    expect(await models.diff(id, props, model())).toMatchObject({ changes: true, replaces: [] });
  });

  test('that is gone is gone', async () => {
    expect(await models.read(id, model())).toEqual({});
    await models.delete(id, model());
    expect(changes()).toEqual([]);
  });

  test('is deleted, but not while it is deployed', async () => {
    await both();
    await expect(models.delete(id, model())).rejects.toThrow(/FAILED_PRECONDITION: .*digits-dev-1 is deployed/);
    await deployments.delete('', deployment());
    await models.delete(id, model());
    expect(api.names('models')).toEqual([]);
  });
});

describe('a deployment', () => {
  test('is one request without a split', async () => {
    await uploaded();
    api.forget();
    const made = await deployments.create(deployment());
    expect(made.id).toBe(`${endpoint}/deployedModels/1234567890`);
    expect(changes()).toEqual(['POST europe-west4/endpoints/digits-dev:deployModel']);
    expect(api.bodies.find(({ deployedModel }) => deployedModel)).toEqual({
      deployedModel: { id: '1234567890', ...deployment().deployedModel },
    });
  });

  test('waits for what else goes on in the endpoint', async () => {
    await uploaded();
    await Promise.all([deployments.create(deployment()), deployments.create(deployment({}, '2'))]);
    expect(api.names('deployedModels')).toHaveLength(2);
  });

  test('that is there already is found, and gets its counts', async () => {
    await both();
    await deployments.create(deployment({ minReplicaCount: 2 }));
    expect(changes()).toEqual(['POST europe-west4/endpoints/digits-dev:mutateDeployedModel']);
    expect(api.state[`${endpoint}/deployedModels/1234567890`]!.inputs.dedicatedResources.minReplicaCount).toBe(2);
  });

  test('whose answer is lost is not made twice', async () => {
    await uploaded();
    api.trouble(/deployModel/, 'lost');
    await deployments.create(deployment());
    expect(api.names('deployedModels')).toHaveLength(1);
  });

  test('whose container does not start is told, and not tried again', async () => {
    await uploaded();
    api.forget();
    api.trouble(/deployModel/, 'error');
    await expect(deployments.create(deployment())).rejects.toThrow('Model server never became ready');
    expect(changes()).toHaveLength(1);
    expect(api.names('deployedModels')).toEqual([]);
  });

  test('of a model that is not there is refused', async () => {
    await expect(deployments.create(deployment())).rejects.toThrow(
      `there is no endpoint ${endpoint}, or no model ${id}`,
    );
  });

  test('without replicas is refused by the API', async () => {
    await uploaded();
    await expect(deployments.create(deployment({ minReplicaCount: 0 }))).rejects.toThrow(
      'INVALID_ARGUMENT: min_replica_count is 0, at least 1',
    );
  });

  test('with other counts stays; with another id is made anew, the old one after it', async () => {
    const old = deployment();
    expect(await deployments.diff('', old, deployment({ maxReplicaCount: 5 }))).toEqual({
      ...{ changes: true, replaces: [], deleteBeforeReplace: false },
    });
    expect(await deployments.diff('', old, deployment({}, '7'))).toEqual({
      ...{ changes: true, replaces: ['deployedModelId'], deleteBeforeReplace: false },
    });
    expect(await deployments.diff('', old, deployment())).toMatchObject({ changes: false });
    // What the engine says for a value that it does not know yet.
    const unknown = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';
    expect(await deployments.diff('', old, { ...old, endpoint: unknown, deployedModel: unknown })).toMatchObject({
      ...{ changes: true, replaces: ['endpoint'] },
    });
    expect(await models.diff(id, model(), { ...model(), model: unknown })).toMatchObject({ changes: true });
    expect(await traffic.diff('', split({}), split(unknown as never))).toMatchObject({ changes: true, replaces: [] });
  });

  test('changes its counts in place', async () => {
    await both();
    await deployments.update('', deployment(), deployment({ minReplicaCount: 3, maxReplicaCount: 9 }));
    expect(changes()).toEqual(['POST europe-west4/endpoints/digits-dev:mutateDeployedModel']);
    expect(api.bodies[0].updateMask).toBe(
      'dedicatedResources.minReplicaCount,dedicatedResources.maxReplicaCount,dedicatedResources.autoscalingMetricSpecs',
    );
    expect(api.state[`${endpoint}/deployedModels/1234567890`]!.inputs.dedicatedResources).toMatchObject({
      ...{ minReplicaCount: 3, maxReplicaCount: 9 },
      machineSpec: { machineType: 'g2-standard-4' },
    });
  });

  test('leaves its counts to a timetable', async () => {
    await both();
    const scheduled = { ...deployment(), scheduled: true };
    const more = { ...deployment({ minReplicaCount: 3, maxReplicaCount: 9 }), scheduled: true };
    expect(await deployments.diff('', scheduled, more)).toMatchObject({ changes: false });
    api.drift((held) => {
      held[`${endpoint}/deployedModels/1234567890`]!.inputs.dedicatedResources.minReplicaCount = 2;
    });
    const { props } = await deployments.read(`${endpoint}/deployedModels/1234567890`, scheduled);
    expect(props).toEqual(scheduled);
    await deployments.create(scheduled);
    expect(changes()).toEqual([]);
    const steered = { ...deployment({ autoscalingMetricSpecs: [] }), scheduled: true };
    expect(await deployments.diff('', scheduled, steered)).toMatchObject({ changes: true, replaces: [] });
    api.forget();
    await deployments.update('', scheduled, steered);
    expect(api.bodies[0].updateMask).toBe('dedicatedResources.autoscalingMetricSpecs');
    expect(api.state[`${endpoint}/deployedModels/1234567890`]!.inputs.dedicatedResources.minReplicaCount).toBe(2);
  });

  test('gets its counts back when the timetable goes', async () => {
    await both();
    const scheduled = { ...deployment(), scheduled: true };
    expect(await deployments.diff('', scheduled, deployment())).toMatchObject({ changes: true, replaces: [] });
    expect(await deployments.diff('', deployment(), scheduled)).toMatchObject({ changes: true, replaces: [] });
    await deployments.update('', scheduled, deployment());
    expect(api.bodies[0].updateMask).toContain('dedicatedResources.minReplicaCount');
  });

  test('is read with the counts that it has', async () => {
    await both();
    api.drift((held) => {
      held[`${endpoint}/deployedModels/1234567890`]!.inputs.dedicatedResources.maxReplicaCount = 1;
    });
    const { props } = await deployments.read('', deployment());
    expect(props).toEqual(deployment({ maxReplicaCount: 1 }));
    expect(await deployments.read('', deployment({}, '7'))).toEqual({});
  });

  test('goes without a split, and twice does no harm', async () => {
    await both();
    await deployments.delete('', deployment());
    await deployments.delete('', deployment());
    expect(changes()).toEqual(['POST europe-west4/endpoints/digits-dev:undeployModel']);
    expect(api.bodies.find(({ deployedModelId }) => deployedModelId)).toEqual({ deployedModelId: '1234567890' });
  });
});

describe('shares', () => {
  test('are set, and say the address that the endpoint has now', async () => {
    await both();
    const { id: made, outs } = await traffic.create(split({ '1234567890': 100 }));
    expect(made).toBe(`${endpoint}/trafficSplit`);
    expect(outs).toMatchObject({
      dns: 'https://digits-dev.europe-west4-17.prediction.vertexai.goog',
      ...{ privateUri: '', serviceAttachment: '', connectedAddress: '' },
    });
    expect(api.state[`${endpoint}/trafficSplit`]!.inputs).toEqual({ '1234567890': 100 });
  });

  test('with a time for requests, set once', async () => {
    await both();
    const asked = split({ '1234567890': 100 }, { inferenceSeconds: 900 });
    await traffic.create(asked);
    await traffic.update('', asked, asked);
    expect(changes().filter((each) => each.endsWith(':update'))).toHaveLength(1);
    expect(api.state[`${endpoint}/inferenceTimeout`]!.inputs).toBe('900s');
  });

  test('of a model that is not deployed are refused by the API', async () => {
    await both();
    await expect(traffic.create(split({ '7': 100 }))).rejects.toThrow('traffic_split names 7, which is not deployed');
  });

  test('are taken away before models can go', async () => {
    await both();
    await deployments.create(deployment({}, '2'));
    await traffic.create(split({ '1234567890': 100 }));
    await expect(deployments.delete('', deployment())).rejects.toThrow(/1234567890 has traffic/);
    await traffic.delete('', split({ '1234567890': 100 }));
    await deployments.delete('', deployment());
    expect(api.names('deployedModels')).toEqual([`${endpoint}/deployedModels/2`]);
  });

  test('are read as they are, and differ by endpoint, share and time', async () => {
    await both();
    await traffic.create(split({ '1234567890': 100 }));
    api.drift((held) => {
      held[`${endpoint}/trafficSplit`]!.inputs = {};
    });
    const { props } = await traffic.read('', split({ '1234567890': 100 }));
    expect(props).toMatchObject({ split: {} });
    const old = split({ '1': 90, '2': 10 });
    expect(await traffic.diff('', old, split({ '2': 10, '1': 90 }))).toMatchObject({ changes: false });
    expect(await traffic.diff('', old, split({ '1': 100 }))).toMatchObject({ changes: true, replaces: [] });
    expect(await traffic.diff('', old, { ...old, inferenceSeconds: 7 })).toMatchObject({ changes: true, replaces: [] });
    expect(await traffic.diff('', old, { ...old, endpoint: 'x' })).toMatchObject({ replaces: ['endpoint'] });
  });

  test('of an endpoint that is gone are gone', async () => {
    const gone = split({}, { endpoint: `${parent}/endpoints/none` });
    expect(await traffic.read('', gone)).toEqual({});
    await traffic.delete('', gone);
    await expect(traffic.create(gone)).rejects.toThrow(`there is no endpoint ${parent}/endpoints/none`);
  });
});

describe('the token', () => {
  const bin = mkdtempSync(join(tmpdir(), 'slipway-gcloud-'));
  afterAll(() => rmSync(bin, { recursive: true, force: true }));
  const gcloud = (script: string) => {
    writeFileSync(join(bin, 'gcloud'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, 'gcloud'), 0o755);
    process.env.PATH = bin;
  };
  const token = 'token-of-the-test';
  beforeEach(() => {
    delete process.env.GOOGLE_OAUTH_ACCESS_TOKEN;
    process.env.GCE_METADATA_HOST = '127.0.0.1:1';
  });

  test('comes from the machine where the variable is missing', async () => {
    process.env.GCE_METADATA_HOST = `127.0.0.1:${api.port}`;
    await uploaded();
    expect(api.names('models')).toEqual([id]);
  });

  test('comes from gcloud on a machine that is none of Google’s', async () => {
    gcloud(`[ "$2" = application-default ] && exit 1; [ "$1 $2" = 'auth print-access-token' ] && echo ${token}`);
    await uploaded();
    expect(api.names('models')).toEqual([id]);
  });

  test('is asked for again where it is refused', async () => {
    gcloud(
      `[ -e ${bin}/again ] && echo ${token} && exit; touch ${bin}/again 2>/dev/null || : > ${bin}/again; echo old`,
    );
    await uploaded();
    expect(api.names('models')).toEqual([id]);
  });

  test('is missing: what to do is told', async () => {
    gcloud('exit 1');
    await expect(uploaded()).rejects.toThrow(/no credentials for Vertex AI\. Set GOOGLE_OAUTH_ACCESS_TOKEN/);
  });

  test('is no part of what is stored', async () => {
    process.env.GOOGLE_OAUTH_ACCESS_TOKEN = token;
    for (const provider of [modelProvider, deployedModelProvider, trafficProvider]) {
      const text = await textOf(provider);
      expect(text).not.toContain(token);
      expect(text).not.toContain(process.cwd());
      expect(text).not.toMatch(/require\(/);
    }
  });
});

test('an engine that is interrupted cancels what it has begun', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-interrupted-'));
  writeFileSync(join(folder, 'stored.js'), await textOf(modelProvider));
  // The host of dynamic providers serves on while nothing is asked of it.
  const program = `setInterval(() => {}, 1000); require('./stored.js').handler().create(${JSON.stringify(model())}).catch((error) => console.log(error.message))`;
  api.trouble(/upload/, 'stuck');
  const child = spawn(process.execPath, ['-e', program], { cwd: folder, env: { ...process.env, ...api.environment } });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  while (!api.asked.some((each) => each.endsWith('/operations/1')))
    await new Promise((resolve) => setTimeout(resolve, 5));
  child.kill('SIGINT');
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on('exit', (code, signal) => resolve([code, signal]));
  });
  expect([code, signal]).toEqual([null, 'SIGINT']);
  expect(said).toMatch(/upload: interrupted, and was cancelled/);
  expect(changes()).toContain('POST europe-west4/models/digits-dev-1/operations/1:cancel');
  rmSync(folder, { recursive: true, force: true });
});
