/** An endpoint on Cloud Run through its life with the real engine. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Call, changes, contextsIn, makeProject, type Project } from './engine.js';

let project: Project;
beforeAll(async () => {
  project = await makeProject('cloud-run', ['gcp', 'docker-build']);
});
afterAll(() => project?.remove());

const up = (environment = {}) => project.pulumi(['up', '--yes', '--skip-preview'], environment);

const service = () => {
  const [found] = Object.entries(project.cloud('gcp')).filter(([, { type }]) => type.endsWith(':Service'));
  return found![1].inputs as {
    name: string;
    traffics: object[];
    template: { containers: { image: string; resources: { limits: Record<string, string> } }[] };
  };
};
const containerOf = () => service().template.containers[0]!;
const made = (calls: readonly Call[], type: string) => calls.filter((call) => call.type?.endsWith(type));

describe.sequential('an endpoint', () => {
  test('is shown by a preview that builds and makes nothing', async () => {
    const { code, said, calls } = await project.pulumi(['preview']);
    expect(code, said).toBe(0);
    expect(said).toContain('slipway:gcp:ModelEndpoint');
    expect(calls.filter(({ method, preview }) => method === 'create' && !preview)).toEqual([]);
    expect(project.cloud('gcp')).toEqual({});
    expect(project.cloud('docker-build')).toEqual({});
  });

  test('is made in one update, its image by digest', async () => {
    const { code, said, calls } = await up();
    expect(code, said).toBe(0);
    const { url, image, monthlyUsd, request } = await project.outputs();
    expect(url).toMatch(/^https:\/\/digits-[0-9a-f]{8}-[0-9a-f]+\.a\.run\.app$/);
    expect(image).toMatch(/digits:[0-9a-f]{12}@sha256:[0-9a-f]{64}$/);
    expect(containerOf().image).toBe(image);
    expect(monthlyUsd).toBeGreaterThan(0);
    expect(request).toContain(url);
    expect(made(calls, ':Image').filter(({ method }) => method === 'create')).toHaveLength(1);
    expect(contextsIn(project, 'digits')).toHaveLength(1);
  });

  test('up again changes nothing', async () => {
    const again = await up();
    expect(again.code, again.said).toBe(0);
    expect(changes(again)).toEqual([]);
    const preview = await project.pulumi(['preview', '--expect-no-changes']);
    expect(preview.code, preview.said).toBe(0);
  });

  test('moves to another machine in place', async () => {
    const before = service().name;
    const ran = await up({ MACHINE: '4cpu-4gib' });
    expect(ran.code, ran.said).toBe(0);
    expect(changes(ran)).toEqual(expect.arrayContaining(['update Service']));
    expect(changes(ran).filter((each) => /create|delete/.test(each))).toEqual([]);
    expect(service().name).toBe(before);
    expect(containerOf().resources.limits).toEqual({ cpu: '4', memory: '4096Mi' });
  });

  test('takes a new version of the model: another image, a new revision of the same service', async () => {
    const before = containerOf().image;
    const ran = await up({ MACHINE: '4cpu-4gib', MODEL: 'digits-encoder' });
    expect(ran.code, ran.said).toBe(0);
    expect(containerOf().image).not.toBe(before);
    expect(ran.calls.filter(({ method, type }) => method === 'create' && type?.endsWith(':Service'))).toEqual([]);
  });

  test('moves its requests between revisions', async () => {
    const TRAFFIC = JSON.stringify([
      { percent: 90, revision: 'digits-00001' },
      { percent: 10, tag: 'next' },
    ]);
    const ran = await up({ MACHINE: '4cpu-4gib', MODEL: 'digits-encoder', TRAFFIC });
    expect(ran.code, ran.said).toBe(0);
    expect(service().traffics).toMatchObject([
      { percent: 90, revision: 'digits-00001' },
      { percent: 10, tag: 'next' },
    ]);
    const back = await up({ MACHINE: '4cpu-4gib', MODEL: 'digits-encoder' });
    expect(back.code, back.said).toBe(0);
    expect(service().traffics).toMatchObject([{ percent: 100 }]);
  });

  test('is refused in the preview with every problem at once, and nothing changes', async () => {
    const before = project.cloud('gcp');
    const { code, said, calls } = await project.pulumi(['up', '--yes'], { WRONG: '1', MODEL: 'digits-encoder' });
    expect(code).not.toBe(0);
    expect(said).toContain("serviceName: 'My_Service' is no name for Cloud Run");
    expect(said).toContain('traffic: the shares add to 50, not to 100');
    expect(calls.filter(({ preview, method }) => !preview && ['create', 'update', 'delete'].includes(method))).toEqual(
      [],
    );
    expect(project.cloud('gcp')).toEqual(before);
  });

  test('with inputs that Google does not have is refused in the preview, each with its place', async () => {
    const before = project.cloud('gcp');
    const ODD = JSON.stringify({ ingress: 'OPEN', scaling: { minInstanceCount: 'one' }, cron: 'x' });
    const { code, said } = await project.pulumi(['preview'], { ODD, MACHINE: '4cpu-4gib', MODEL: 'digits-encoder' });
    expect(code).not.toBe(0);
    expect(said).toContain('ingress: "OPEN" is none of');
    expect(said).toContain('scaling.minInstanceCount: "one" is no int32');
    expect(said).toContain('cron: is not there');
    expect(project.cloud('gcp')).toEqual(before);
  });

  test('sees what was changed behind its back, and puts it back', async () => {
    project.drift('gcp', (cloud) => {
      const [id] = Object.keys(cloud).filter(
        (each) => each.includes('/services/digits-') && each.includes('locations'),
      );
      cloud[id!]!.inputs.ingress = 'INGRESS_TRAFFIC_ALL';
      cloud[id!]!.outputs.ingress = 'INGRESS_TRAFFIC_ALL';
    });
    const environment = { MACHINE: '4cpu-4gib', MODEL: 'digits-encoder' };
    const refreshed = await project.pulumi(['refresh', '--yes', '--skip-preview'], environment);
    expect(refreshed.code, refreshed.said).toBe(0);
    const ran = await up(environment);
    expect(ran.code, ran.said).toBe(0);
    expect(changes(ran)).toEqual(['update Service']);
    expect(service()).toMatchObject({ ingress: 'INGRESS_TRAFFIC_INTERNAL_ONLY' });
  });

  test('is destroyed, and nothing is left', async () => {
    const ran = await project.pulumi(['destroy', '--yes', '--skip-preview'], { MODEL: 'digits-encoder' });
    expect(ran.code, ran.said).toBe(0);
    expect(project.cloud('gcp')).toEqual({});
  });

  test('that fails in the middle goes on where it was', async () => {
    const image = { IMAGE: 'europe-west4-docker.pkg.dev/shop/images/digits:1' };
    const failed = await up({ ...image, CLOUD_FAIL: 'create:ServiceIamMember' });
    expect(failed.code).not.toBe(0);
    expect(failed.said).toContain('injected failure of create');
    const after = await up(image);
    expect(after.code, after.said).toBe(0);
    expect(changes(after).filter((each) => each === 'create Service')).toEqual([]);
    expect(changes(after)).toContain('create ServiceIamMember');
  });

  test('with an accelerator, whose limits the cloud checks', async () => {
    const ran = await up({ MACHINE: '4cpu-16gib-l4', IMAGE: 'europe-west4-docker.pkg.dev/shop/images/digits:gpu' });
    expect(ran.code, ran.said).toBe(0);
    expect(containerOf().resources.limits).toEqual({ cpu: '4', memory: '16384Mi', 'nvidia.com/gpu': '1' });
  });

  test('that was deleted behind the engine’s back is made again', async () => {
    const image = { IMAGE: 'europe-west4-docker.pkg.dev/shop/images/digits:gpu', MACHINE: '4cpu-16gib-l4' };
    project.drift('gcp', (cloud) => {
      for (const id of Object.keys(cloud)) if (/locations\/.*\/services\//.test(id)) delete cloud[id];
    });
    const refreshed = await project.pulumi(['refresh', '--yes', '--skip-preview'], image);
    expect(refreshed.code, refreshed.said).toBe(0);
    const ran = await up(image);
    expect(ran.code, ran.said).toBe(0);
    expect(changes(ran)).toContain('create Service');
    expect(containerOf().image).toBe(image.IMAGE);
  });

  test('that is interrupted while it is made goes on with the next update', async () => {
    const other = await makeProject('cloud-run', ['gcp', 'docker-build']);
    try {
      const image = { IMAGE: 'europe-west4-docker.pkg.dev/shop/images/digits:1' };
      const running = other.pulumi(['up', '--yes', '--skip-preview'], { ...image, CLOUD_SLOW_MS: '1000' });
      await vi.waitFor(() => expect(Object.keys(other.cloud('gcp'))).not.toEqual([]), {
        timeout: 30_000,
        interval: 50,
      });
      other.interrupt();
      const ended = await running;
      expect(ended.code, ended.said).not.toBe(0);
      expect(changes(ended)).not.toContain('create ServiceIamMember');
      const after = await other.pulumi(['up', '--yes', '--skip-preview'], image);
      expect(after.code, after.said).toBe(0);
      const again = await other.pulumi(['preview', '--expect-no-changes'], image);
      expect(again.code, again.said).toBe(0);
    } finally {
      other.remove();
    }
  });

  test('whose build has a secret keeps it out of the state, the log and what is said', async () => {
    const other = await makeProject('cloud-run', ['gcp', 'docker-build']);
    try {
      const set = ['config', 'set', '--secret', 'pip', 'https://user:hunter2@packages.example'];
      const configured = await other.pulumi(set);
      expect(configured.code, configured.said).toBe(0);
      const ran = await other.pulumi(['up', '--yes', '--skip-preview', '--diff']);
      expect(ran.code, ran.said).toBe(0);
      const [image] = made(ran.calls, ':Image').filter(({ method }) => method === 'create');
      expect(JSON.stringify(image!.inputs)).toContain('[secret]');
      const exported = await other.pulumi(['stack', 'export']);
      expect(exported.code, exported.said).toBe(0);
      expect(exported.said).toContain('ciphertext');
      const config = readFileSync(join(other.folder, 'Pulumi.dev.yaml'), 'utf8');
      expect(config).toContain('secure:');
      for (const text of [ran.said, JSON.stringify(ran.calls), exported.said, config]) {
        expect(text).not.toContain('hunter2');
      }
      // What the cloud was given is the secret itself.
      expect(JSON.stringify(other.cloud('docker-build'))).toContain('hunter2');
    } finally {
      other.remove();
    }
  });

  test('that another made is taken over, and nothing changes', async () => {
    const cloud = project.cloud('gcp');
    const [id] = Object.keys(cloud).filter((each) => /locations\/.*\/services\//.test(each));
    const { name, template } = service() as unknown as { name: string; template: { serviceAccount: string } };
    const other = await makeProject('cloud-run', ['gcp', 'docker-build']);
    try {
      const accounts = Object.entries(cloud).filter(([, { type }]) => type.endsWith(':Account'));
      other.fill('gcp', Object.fromEntries([...accounts, [id!, cloud[id!]!]]));
      other.drift('gcp', (theirs) => {
        const { inputs, outputs } = theirs[id!]!;
        // Theirs has no secret.
        for (const side of [inputs, outputs]) {
          (side.template as { containers: { envs?: object[] }[] }).containers[0]!.envs = [];
        }
      });
      const environment = {
        ...{ NAME: name, IMPORT: id, ACCOUNT: template.serviceAccount },
        ...{ IMAGE: 'europe-west4-docker.pkg.dev/shop/images/digits:gpu', MACHINE: '4cpu-16gib-l4' },
      };
      const ran = await other.pulumi(['up', '--yes', '--skip-preview'], environment);
      expect(ran.code, ran.said).toBe(0);
      expect(ran.said).toMatch(/1 imported/);
      expect(changes(ran).filter((each) => each.endsWith(' Service'))).toEqual([]);
      const { IMPORT: _, ...without } = environment;
      const again = await other.pulumi(['preview', '--expect-no-changes'], without);
      expect(again.code, again.said).toBe(0);
    } finally {
      other.remove();
    }
  });
});
