/** An image that Cloud Build makes, with the real engine, commands that really run and a gcloud that is a script. */

import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changes, contextsIn, makeProject, type Project } from './engine.js';

interface Build {
  readonly project: string;
  readonly region: string;
  readonly config: { readonly images: readonly string[] } & Readonly<Record<string, unknown>>;
}

let project: Project;
beforeAll(async () => {
  project = await makeProject('cloud-build', ['gcp', 'command']);
  const gcloud = join(project.bin, 'gcloud');
  writeFileSync(gcloud, `#!/bin/sh\nexec '${process.execPath}' '${join(__dirname, 'shims', 'gcloud.cjs')}' "$@"\n`);
  chmodSync(gcloud, 0o755);
});
afterAll(() => project?.remove());

const up = (environment = {}) => project.pulumi(['up', '--yes', '--skip-preview'], environment);

const builds = (): readonly Build[] => {
  const log = join(dirname(project.folder), 'clouds', 'gcloud.jsonl');
  const lines = existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : [];
  return lines.map((line) => JSON.parse(line) as Build);
};
const served = () => {
  const [service] = Object.values(project.cloud('gcp')).filter(({ type }) => type.endsWith('/service:Service'));
  const { template } = (service?.inputs ?? {}) as { template: { containers: { image: string }[] } };
  return template.containers[0]!.image;
};

describe.sequential('an image of Cloud Build', () => {
  test('is not built by a preview', async () => {
    const { code, said } = await project.pulumi(['preview']);
    expect(code, said).toBe(0);
    expect(said).toContain('command:local:Command');
    expect(builds()).toEqual([]);
    expect(contextsIn(project, 'digits')).toHaveLength(1);
  });

  test('that fails is told with what gcloud said, and nothing is served', async () => {
    const { code, said } = await up({ GCLOUD_FAIL: 'the gate failed: int8 loses 3 %' });
    expect(code).not.toBe(0);
    expect(said).toContain('the gate failed: int8 loses 3 %');
    expect(Object.values(project.cloud('gcp')).filter(({ type }) => type.endsWith('/service:Service'))).toEqual([]);
  });

  test('whose digest gcloud does not tell is no image', async () => {
    const { code, said } = await up({ GCLOUD_SAYS: 'WARNING: deprecated' });
    expect(code).not.toBe(0);
    expect(said).toContain(
      "gcloud said 'WARNING: deprecated' instead of the digest of europe-west4-docker.pkg.dev/shop",
    );
  });

  test('is built by the next update, and served by its digest', async () => {
    const { code, said } = await up();
    expect(code, said).toBe(0);
    const { image } = await project.outputs();
    expect(image).toMatch(
      /^europe-west4-docker\.pkg\.dev\/shop\/digits-images\/digits:[0-9a-f]{12}@sha256:[0-9a-f]{64}$/,
    );
    expect(served()).toBe(image);
    const [build] = builds().slice(-1);
    const [tag] = (image as string).split('@');
    expect(build).toEqual({
      project: 'shop',
      region: 'global',
      config: {
        steps: [
          {
            name: 'gcr.io/cloud-builders/docker',
            args: ['build', '--tag', tag, '--secret', 'id=pip,env=SLIPWAY_PIP', '.'],
            env: ['DOCKER_BUILDKIT=1'],
            secretEnv: ['SLIPWAY_PIP'],
          },
        ],
        images: [tag],
        timeout: '3600s',
        options: { machineType: 'E2_HIGHCPU_8' },
        availableSecrets: {
          secretManager: [{ versionName: 'projects/shop/secrets/pip/versions/3', env: 'SLIPWAY_PIP' }],
        },
      },
    });
  });

  test('is not built again without a change', async () => {
    const before = builds().length;
    const again = await up();
    expect(again.code, again.said).toBe(0);
    expect(changes(again)).toEqual([]);
    expect(builds()).toHaveLength(before);
  });

  test('is built anew for another model', async () => {
    const before = served();
    const ran = await up({ MODEL: 'digits-encoder' });
    expect(ran.code, ran.said).toBe(0);
    expect(changes(ran)).toEqual(expect.arrayContaining(['create Command', 'delete Command', 'update Service']));
    expect(served()).not.toBe(before);
    expect(served()).toMatch(/\/digits-encoder:[0-9a-f]{12}@sha256:[0-9a-f]{64}$/);
  });

  test('is left in the registry when the stack is destroyed', async () => {
    const before = builds().length;
    const ran = await project.pulumi(['destroy', '--yes', '--skip-preview'], { MODEL: 'digits-encoder' });
    expect(ran.code, ran.said).toBe(0);
    expect(builds()).toHaveLength(before);
    expect(project.cloud('gcp')).toEqual({});
  });
});
