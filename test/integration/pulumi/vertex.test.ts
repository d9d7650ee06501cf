/** A Vertex AI endpoint through its life with the real engine, the host of dynamic resources and an API on this machine. */

import { execFile } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageFile } from '../../../lib/package-root.js';
import { changes, makeProject, type Project } from './engine.js';
import { VertexApi } from './vertex-api.js';

const exec = promisify(execFile);

let project: Project;
let api: VertexApi;
beforeAll(async () => {
  project = await makeProject('vertex', ['gcp', 'docker-build']);
  api = await new VertexApi({
    file: join(project.folder, '..', 'clouds', 'vertex.json'),
    endpoints: () =>
      new Map(
        Object.entries(project.cloud('gcp'))
          .filter(([, { type }]) => type.endsWith(':AiEndpoint'))
          .map(([name, { inputs }]) => {
            const { dedicatedEndpointEnabled, network } = inputs;
            return [name, { dedicated: dedicatedEndpointEnabled === true, peered: network !== undefined }];
          }),
      ),
  }).start();
});
afterAll(async () => {
  await api?.stop();
  project?.remove();
});

const pulumi = (args: readonly string[], environment = {}) => {
  api.forget();
  return project.pulumi(args, { ...api.environment, ...environment });
};
const up = (environment = {}) => pulumi(['up', '--yes', '--skip-preview'], environment);

const endpoint = 'projects/shop/locations/europe-west4/endpoints/digits-dev';
const verbs: readonly (readonly [RegExp, string])[] = [
  [/models:upload$/, 'upload'],
  [/:deployModel$/, 'deploy'],
  [/:mutateDeployedModel$/, 'mutate'],
  [/^PATCH .*endpoints/, 'split'],
  [/:undeployModel$/, 'undeploy'],
  [/^DELETE .*models/, 'delete model'],
];
/** What the API was asked to change, in order. */
const asked = () =>
  api.asked
    .filter((each) => !each.startsWith('GET'))
    .map((each) => verbs.find(([pattern]) => pattern.test(each))?.[1] ?? each);

const split = () => api.state[`${endpoint}/trafficSplit`]?.inputs as Record<string, number> | undefined;
const idsOf = (names: readonly string[]) => names.map((name) => name.split('/').at(-1)!);
const deployed = () => idsOf(api.names('deployedModels'));
const modelOf = (id: string) => api.state[`${endpoint}/deployedModels/${id}`]!.inputs;
/** One model on one machine, all requests to it, and nothing besides. */
function expectOne(): string {
  expect(api.names('models')).toHaveLength(1);
  expect(deployed()).toHaveLength(1);
  expect(split()).toEqual({ [deployed()[0]!]: 100 });
  expect(modelOf(deployed()[0]!).model).toBe(api.names('models')[0]);
  return deployed()[0]!;
}

const other = { MACHINE: 'n1-standard-4', MODEL: 'digits-encoder' };
const ready = (tag: string) => `europe-west4-docker.pkg.dev/shop/images/digits:${tag}`;
const next = (percent: number) => ({ NEXT: JSON.stringify({ image: ready('next'), percent }) });

describe.sequential('an endpoint', () => {
  test('is shown by a preview that asks nothing and makes nothing', async () => {
    const { code, said } = await pulumi(['preview']);
    expect(code, said).toBe(0);
    expect(said).toContain('slipway:gcp:VertexEndpoint');
    expect(api.asked).toEqual([]);
    expect(project.cloud('gcp')).toEqual({});
  });

  test('is made in one update: model, deployment, requests', async () => {
    const { code, said } = await up();
    expect(code, said).toBe(0);
    expect(asked()).toEqual(['upload', 'deploy', 'split']);
    expectOne();
    const { url, predictUrl, image, monthlyUsd, request } = await project.outputs();
    expect(url).toBe(`https://digits-dev.europe-west4-17.prediction.vertexai.goog/v1/${endpoint}`);
    expect(predictUrl).toBe(`${url}:predict`);
    expect(request).toContain(`${url}:rawPredict`);
    expect(monthlyUsd).toBeGreaterThan(0);
    expect(image).toMatch(/@sha256:[0-9a-f]{64}$/);
    expect(api.state[api.names('models')[0]!]!.inputs.containerSpec.imageUri).toBe(image);
  });

  test('up again changes nothing', async () => {
    const again = await up();
    expect(again.code, again.said).toBe(0);
    expect(api.asked).toEqual([]);
    expect(changes(again)).toEqual([]);
    const preview = await pulumi(['preview', '--expect-no-changes']);
    expect(preview.code, preview.said).toBe(0);
  });

  test('changes how many there may be in place', async () => {
    const before = expectOne();
    const ran = await up({ COUNTS: '{"min":3,"max":6}' });
    expect(ran.code, ran.said).toBe(0);
    expect(asked()).toEqual(['mutate']);
    expect(expectOne()).toBe(before);
    expect(modelOf(before).dedicatedResources).toMatchObject({ minReplicaCount: 3, maxReplicaCount: 6 });
  });

  test('moves to another machine: the new one beside the old, requests, then the old one goes', async () => {
    const image = { IMAGE: ready('1') };
    const same = await up(image);
    expect(same.code, same.said).toBe(0);
    const before = expectOne();
    const shown = await pulumi(['preview', '--diff'], { ...image, MACHINE: 'n1-standard-4' });
    expect(shown.said).toMatch(/\+-pulumi-nodejs:dynamic\/slipway\/gcp:VertexDeployedModel/);
    expect(shown.said).not.toMatch(/\+-pulumi-nodejs:dynamic\/slipway\/gcp:VertexModel/);
    expect(api.asked).toEqual([]);
    const ran = await up({ ...image, MACHINE: 'n1-standard-4' });
    expect(ran.code, ran.said).toBe(0);
    expect(asked()).toEqual(['deploy', 'split', 'undeploy']);
    expect(expectOne()).not.toBe(before);
  });

  test('takes a new version of the model: it is served before the old one goes, and the old model is deleted', async () => {
    const [before] = api.names('models');
    const ran = await up(other);
    expect(ran.code, ran.said).toBe(0);
    expect(asked()).toEqual(['upload', 'deploy', 'split', 'undeploy', 'delete model']);
    expectOne();
    expect(api.names('models')[0]).not.toBe(before);
  });

  test('has a second deployment, gives it requests, and takes them away', async () => {
    const first = expectOne();
    const made = await up({ ...other, ...next(10) });
    expect(made.code, made.said).toBe(0);
    expect(asked()).toEqual(['upload', 'deploy', 'split']);
    const second = deployed().find((id) => id !== first)!;
    expect(split()).toEqual({ [first]: 90, [second]: 10 });

    const moved = await up({ ...other, ...next(100) });
    expect(moved.code, moved.said).toBe(0);
    expect(asked()).toEqual(['split']);
    expect(split()).toEqual({ [second]: 100 });

    const back = await up(other);
    expect(back.code, back.said).toBe(0);
    expect(asked()).toEqual(['split', 'undeploy', 'delete model']);
    expect(expectOne()).toBe(first);
  });

  test('is refused in the preview with every problem at once, and nothing changes', async () => {
    const before = api.state;
    const { code, said } = await pulumi(['up', '--yes'], { ...other, WRONG: '1' });
    expect(code).not.toBe(0);
    for (const problem of [
      "endpointName: 'My_Endpoint' is no id for an endpoint",
      'scaling.min: 0 is given',
      'scaling.target: Vertex AI scales on how busy',
      'deployments.next.percent: 101 is given',
    ]) {
      expect(said).toContain(problem);
    }
    expect(api.asked).toEqual([]);
    expect(api.state).toBe(before);
  });
});

describe.sequential('a rollout that fails', () => {
  test('leaves the old deployment with every request, and goes on where it was', async () => {
    const before = expectOne();
    api.trouble(/:deployModel/, 'error');
    const failed = await up({ ...other, IMAGE: ready('2') });
    expect(failed.code).not.toBe(0);
    expect(failed.said).toContain('Model server never became ready [{"reason":"see the logs"}]');
    expect(split()).toEqual({ [before]: 100 });
    expect(deployed()).toEqual([before]);
    const after = await up({ ...other, IMAGE: ready('2') });
    expect(after.code, after.said).toBe(0);
    expect(asked()).toEqual(['deploy', 'split', 'undeploy', 'delete model']);
    expect(expectOne()).not.toBe(before);
  });

  test('before requests moved, and is given up for a third version, leaves nothing behind', async () => {
    const before = expectOne();
    api.trouble(/^PATCH .*endpoints/, 503, 6);
    const failed = await up({ ...other, IMAGE: ready('3') });
    expect(failed.code).not.toBe(0);
    expect(failed.said).toContain('503 UNAVAILABLE: not now');
    expect(split()).toEqual({ [before]: 100 });
    const after = await up({ ...other, IMAGE: ready('4') });
    expect(after.code, after.said).toBe(0);
    const at = asked();
    expect(at.indexOf('split')).toBeLessThan(at.indexOf('undeploy'));
    expectOne();
    expect(api.state[api.names('models')[0]!]!.inputs.containerSpec.imageUri).toBe(ready('4'));
  });

  test('with broken connections and a busy API gets there all the same', async () => {
    api.trouble(/upload|deployModel|endpoints\/digits-dev$/, 'reset', 2);
    api.trouble(/operations\/\d+$/, 503, 3);
    api.trouble(/upload|:deployModel/, 'lost', 2);
    const ran = await up({ ...other, IMAGE: ready('5') });
    expect(ran.code, ran.said).toBe(0);
    expectOne();
  });

  test('before the old one went: it goes with the next update', async () => {
    api.trouble(/:undeployModel/, 500, 6);
    const failed = await up({ ...other, IMAGE: ready('6') });
    expect(failed.code).not.toBe(0);
    expect(deployed()).toHaveLength(2);
    const after = await up({ ...other, IMAGE: ready('6') });
    expect(after.code, after.said).toBe(0);
    expect(asked()).toEqual(['undeploy', 'delete model']);
    expectOne();
  });
});

describe.sequential('an update that is broken off', () => {
  test('cancels what it has begun, and goes on where it was', async () => {
    const before = expectOne();
    api.trouble(/:deployModel/, 'stuck');
    let over = false;
    const running = up({ ...other, IMAGE: ready('7') }).finally(() => {
      over = true;
    });
    const seen = (what: RegExp) => api.asked.some((each) => what.test(each));
    const pause = () => new Promise((resolve) => setTimeout(resolve, 100));
    while (!over && !seen(/^GET .*endpoints\/digits-dev\/operations\/\d+$/)) await pause();
    project.interrupt();
    await pause();
    expect(seen(/:cancel$/)).toBe(false);
    project.interrupt();
    const { code, said } = await running;
    expect(code).not.toBe(0);
    expect(said).toContain('update cancelled');
    expect(api.asked.filter((each) => each.endsWith(':cancel'))).toHaveLength(1);
    expect(split()).toEqual({ [before]: 100 });

    const after = await up({ ...other, IMAGE: ready('7') });
    expect(after.code, after.said).toBe(0);
    expect(asked()).toEqual(['deploy', 'split', 'undeploy', 'delete model']);
    expect(expectOne()).not.toBe(before);
  });
});

describe.sequential('what was changed behind its back', () => {
  const now = { ...other, IMAGE: ready('7') };

  test('is seen, and put back', async () => {
    const id = expectOne();
    api.drift((held) => {
      held[`${endpoint}/deployedModels/${id}`]!.inputs.dedicatedResources.maxReplicaCount = 2;
      held[`${endpoint}/trafficSplit`]!.inputs = {};
      held[api.names('models')[0]!]!.inputs.labels = {};
    });
    const refreshed = await pulumi(['refresh', '--yes', '--skip-preview'], now);
    expect(refreshed.code, refreshed.said).toBe(0);
    expect(refreshed.said).toMatch(/3 updated|~ 3/);
    const ran = await up(now);
    expect(ran.code, ran.said).toBe(0);
    expect(asked().sort()).toEqual([expect.stringMatching(/^PATCH .*models/), 'mutate', 'split'].sort());
    expect(expectOne()).toBe(id);
    expect(modelOf(id).dedicatedResources.maxReplicaCount).toBe(8);
  });

  test('is made again where it is gone', async () => {
    const id = expectOne();
    api.drift((held) => {
      delete held[`${endpoint}/deployedModels/${id}`];
      delete held[`${endpoint}/trafficSplit`];
    });
    const refreshed = await pulumi(['refresh', '--yes', '--skip-preview'], now);
    expect(refreshed.code, refreshed.said).toBe(0);
    const ran = await up(now);
    expect(ran.code, ran.said).toBe(0);
    expect(asked()).toEqual(['deploy', 'split']);
    expect(expectOne()).toBe(id);
  });
});

describe.sequential('a timetable', () => {
  const times = [{ at: '07:30', days: ['Monday', 'Friday'], min: 3, max: 9 }];
  const scheduled = { ...other, IMAGE: ready('7'), TIMES: JSON.stringify(times) };
  const jobs = () => Object.values(project.cloud('gcp')).filter(({ type }) => type.endsWith(':Job'));
  const bounds = (id: string) => {
    const { minReplicaCount, maxReplicaCount } = modelOf(id).dedicatedResources;
    return [minReplicaCount, maxReplicaCount];
  };
  const ask = async (method: string, path: string, body?: string) => {
    const headers = { Authorization: `Bearer ${api.environment.GOOGLE_OAUTH_ACCESS_TOKEN}` };
    const answer = await fetch(`http://127.0.0.1:${api.port}${path}`, { method, headers, ...(body && { body }) });
    return (await answer.json()) as Record<string, unknown>;
  };

  test('writes bounds by a request that the API takes, and an update leaves them', async () => {
    const id = expectOne();
    const before = bounds(id);
    const ran = await up(scheduled);
    expect(ran.code, ran.said).toBe(0);
    expect(bounds(id)).toEqual(before);
    const [{ inputs }, ...more] = jobs() as [ReturnType<typeof jobs>[number]];
    expect(more).toEqual([]);
    expect(inputs.schedule).toBe('30 7 * * 1,5');
    const { uri, httpMethod, body } = inputs.httpTarget as Record<string, string>;
    const { origin, pathname } = new URL(uri!);
    expect(origin).toBe('https://europe-west4-aiplatform.googleapis.com');
    const begun = await ask(httpMethod!, pathname, Buffer.from(body!, 'base64').toString());
    expect(begun).toHaveProperty('name');
    await expect.poll(async () => (await ask('GET', `/v1/${begun.name}`)).response).toBeDefined();
    expect(bounds(id)).toEqual([3, 9]);

    const refreshed = await pulumi(['refresh', '--yes', '--skip-preview'], scheduled);
    expect(refreshed.code, refreshed.said).toBe(0);
    const again = await up(scheduled);
    expect(again.code, again.said).toBe(0);
    expect(changes(again)).toEqual([]);
    expect(asked()).toEqual([]);
    expect(bounds(id)).toEqual([3, 9]);
  });

  test('takes other bounds over with its next time', async () => {
    const ran = await up({ ...scheduled, COUNTS: '{"min":2,"max":4}' });
    expect(ran.code, ran.said).toBe(0);
    expect(asked()).toEqual([]);
    expect(bounds(expectOne())).toEqual([3, 9]);
  });

  test('gives the bounds back when it goes', async () => {
    const ran = await up({ ...other, IMAGE: ready('7') });
    expect(ran.code, ran.said).toBe(0);
    expect(asked()).toEqual(['mutate']);
    expect(jobs()).toEqual([]);
    expect(bounds(expectOne())).toEqual([2, 8]);
  });
});

describe.sequential('the state', () => {
  test('has no token in it, and no secret in the clear', async () => {
    const secret = 'a-name-that-nobody-may-see';
    const ran = await up({ ...other, IMAGE: ready(secret), SECRET: '1' });
    expect(ran.code, ran.said).toBe(0);
    expect(api.state[api.names('models')[0]!]!.inputs.containerSpec.imageUri).toBe(ready(secret));
    const { said } = await pulumi(['stack', 'export']);
    expect(said).toContain('VertexDeployedModel');
    expect(said).not.toContain(api.environment.GOOGLE_OAUTH_ACCESS_TOKEN!);
    expect(said).not.toContain(secret);
    const again = await up({ ...other, IMAGE: ready(secret), SECRET: '1' });
    expect(again.code, again.said).toBe(0);
    expect(asked()).toEqual([]);
  });

  test('that is lost is found again: the endpoint by import, the rest by its name', async () => {
    const id = expectOne();
    const now = { ...other, IMAGE: ready('6') };
    const same = await up(now);
    expect(same.code, same.said).toBe(0);
    const kept = expectOne();
    expect(kept).not.toBe(id);
    for (const args of [
      ['stack', 'rm', '--force', '--yes', 'dev'],
      ['stack', 'init', 'dev'],
    ]) {
      const { code, said } = await pulumi(args);
      expect(code, said).toBe(0);
    }
    project.drift('gcp', (cloud) => {
      for (const name of Object.keys(cloud)) if (name !== endpoint) delete cloud[name];
    });
    const ran = await up({ ...now, IMPORT: endpoint });
    expect(ran.code, ran.said).toBe(0);
    expect(ran.calls.filter(({ method, type }) => method === 'create' && type?.endsWith(':AiEndpoint'))).toEqual([]);
    expect(asked()).toEqual(['split']);
    expect(expectOne()).toBe(kept);
    const after = await up(now);
    expect(after.code, after.said).toBe(0);
    expect(api.asked).toEqual([]);
  });
});

describe.sequential('the end', () => {
  test('another key is another endpoint: all of the old one goes first', async () => {
    const key = { ...other, IMAGE: ready('6'), KEY: 'projects/shop/locations/europe-west4/keyRings/r/cryptoKeys/k' };
    const ran = await up(key);
    expect(ran.code, ran.said).toBe(0);
    expect(asked()).toEqual(['split', 'undeploy', 'delete model', 'upload', 'deploy', 'split']);
    expectOne();
    const again = await up(key);
    expect(again.code, again.said).toBe(0);
    expect(api.asked).toEqual([]);
  });

  test('destroyed with two deployments, nothing is left', async () => {
    const two = await up({ ...other, IMAGE: ready('6'), ...next(50) });
    expect(two.code, two.said).toBe(0);
    expect(Object.values(split()!)).toEqual([50, 50]);
    const ran = await pulumi(['destroy', '--yes', '--skip-preview'], other);
    expect(ran.code, ran.said).toBe(0);
    // Both are undeployed at the same time; who comes second is told that the endpoint is busy, and asks again.
    expect([...new Set(asked())]).toEqual(['split', 'undeploy', 'delete model']);
    expect(api.names('models')).toEqual([]);
    expect(api.names('deployedModels')).toEqual([]);
    expect(project.cloud('gcp')).toEqual({});
  });

  test('in a peered network, which takes one deployment at a time, the old one goes first', async () => {
    const peered = { NETWORK: 'projects/17/global/networks/shop' };
    const made = await up({ ...peered, IMAGE: ready('1') });
    expect(made.code, made.said).toBe(0);
    const ran = await up({ ...peered, IMAGE: ready('2') });
    expect(ran.code, ran.said).toBe(0);
    expect(asked()).toEqual(['upload', 'undeploy', 'deploy', 'split', 'delete model']);
    expectOne();
    const destroyed = await pulumi(['destroy', '--yes', '--skip-preview'], { ...peered, IMAGE: ready('2') });
    expect(destroyed.code, destroyed.said).toBe(0);
  });

  test('destroyed although everything is gone already', async () => {
    const made = await up({ IMAGE: ready('1') });
    expect(made.code, made.said).toBe(0);
    api.drift((held) => {
      for (const name of Object.keys(held)) delete held[name];
    });
    const ran = await pulumi(['destroy', '--yes', '--skip-preview'], { IMAGE: ready('1') });
    expect(ran.code, ran.said).toBe(0);
    expect(project.cloud('gcp')).toEqual({});
  });
});

test('methods that are stored load nothing of this package, wherever it is installed, and need no TypeScript', async () => {
  const installed = join(project.folder, 'node_modules', 'slipway', 'vertex');
  cpSync(packageFile('dist', 'constructs', 'gcp', 'vertex'), installed, { recursive: true });
  const program = `
    const Module = require('node:module');
    const load = Module._load;
    Module._load = (name, ...rest) => load(name === 'typescript' ? 'none' : name, ...rest);
    const { runtime } = require('@pulumi/pulumi');
    if (require('@pulumi/pulumi/typescript-shim').version !== '3.8.3') throw new Error('not its own parser');
    for (const [file, provider] of [['model', 'modelProvider'], ['deployed-model', 'deployedModelProvider'], ['traffic', 'trafficProvider']]) {
      const stored = require('./node_modules/slipway/vertex/' + file + '.js')[provider];
      runtime.serializeFunction(() => stored).then(({ text }) => console.log(text));
    }`;
  const env = { ...process.env, NODE_PATH: packageFile('node_modules') };
  const { stdout } = await exec(process.execPath, ['-e', program], { cwd: project.folder, env });
  expect(stdout.match(/exports\.handler = /g)).toHaveLength(3);
  expect(stdout).toContain(':deployModel');
  expect(stdout).not.toMatch(/require\(/);
});
