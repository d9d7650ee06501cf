import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { expect, test } from 'vitest';
import { ContainerImage, ModelEndpoint, ProblemsError } from '../../../constructs/gcp/index.js';
import { digits, inFolder, madeBy, ofType, settled } from '../pulumi/program.js';

inFolder();

async function made(image: ContainerImage) {
  let endpoint: ModelEndpoint | undefined;
  const resources = await madeBy(() => {
    endpoint = new ModelEndpoint('digits', { model: digits, location: 'europe-west4', image });
  });
  const [built] = ofType(resources, ':Command');
  return { endpoint: endpoint!, resources, built: built!.inputs, config: JSON.parse(built!.inputs.stdin) };
}

test('a context is laid out beside the program, sent by gcloud, and served by its digest', async () => {
  const { endpoint, resources, built, config } = await made(ContainerImage.fromCloudBuild());
  const { SLIPWAY_CONTEXT: folder, SLIPWAY_IMAGE: image } = built.environment;
  expect(built.environment).toEqual({
    SLIPWAY_CONTEXT: expect.stringMatching(/^\.slipway\/digits\/[0-9a-f]{16}$/),
    SLIPWAY_IMAGE: expect.stringMatching(/^europe-west4-docker\.pkg\.dev\/shop\/digits-images\/digits:[0-9a-f]{12}$/),
    SLIPWAY_PROJECT: 'shop',
    SLIPWAY_REGION: 'global',
  });
  expect(existsSync(join(folder, 'Dockerfile'))).toBe(true);
  expect(built.triggers).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
  expect(built.triggers[0]).toMatch(new RegExp(`^${folder.split('/').at(-1)}`));
  expect(built.delete).toBeUndefined();
  expect(config).toEqual({
    steps: [
      {
        name: 'gcr.io/cloud-builders/docker',
        args: ['build', '--tag', image, '.'],
        env: ['DOCKER_BUILDKIT=1'],
      },
    ],
    images: [image],
    timeout: '3600s',
    options: { machineType: 'E2_HIGHCPU_8' },
  });
  expect(await settled(endpoint.image)).toBe(`${image}@sha256:${'0'.repeat(64)}`);
  expect(ofType(resources, ':Repository')).toHaveLength(1);
});

test('elsewhere, as another account, with secrets that the build alone reads', async () => {
  const { resources, built, config } = await made(
    ContainerImage.fromCloudBuild({
      repository: pulumi.output('europe-west1-docker.pkg.dev/tools/models'),
      region: 'europe-west1',
      machineType: 'E2_HIGHCPU_32',
      timeoutSeconds: 7200,
      serviceAccount: 'projects/tools/serviceAccounts/builds@tools.iam.gserviceaccount.com',
      buildSecrets: {
        pip: 'projects/tools/secrets/pip/versions/latest',
        ca: pulumi.output('projects/tools/secrets/ca/versions/2'),
      },
      baseImage: 'python:3.12-slim-bookworm',
    }),
  );
  expect(ofType(resources, ':Repository')).toEqual([]);
  expect(built.environment).toMatchObject({ SLIPWAY_PROJECT: 'tools', SLIPWAY_REGION: 'europe-west1' });
  expect(config).toMatchObject({
    timeout: '7200s',
    options: { machineType: 'E2_HIGHCPU_32', logging: 'CLOUD_LOGGING_ONLY' },
    serviceAccount: 'projects/tools/serviceAccounts/builds@tools.iam.gserviceaccount.com',
    availableSecrets: {
      secretManager: [
        { versionName: 'projects/tools/secrets/ca/versions/2', env: 'SLIPWAY_CA' },
        { versionName: 'projects/tools/secrets/pip/versions/latest', env: 'SLIPWAY_PIP' },
      ],
    },
  });
  expect(config.steps[0]).toMatchObject({
    args: expect.arrayContaining(['--secret', 'id=ca,env=SLIPWAY_CA', 'id=pip,env=SLIPWAY_PIP']),
    secretEnv: ['SLIPWAY_CA', 'SLIPWAY_PIP'],
  });
});

test('a time that no build has is refused', () => {
  expect(() => ContainerImage.fromCloudBuild({ timeoutSeconds: 0 })).toThrow(ProblemsError);
  expect(() => ContainerImage.fromCloudBuild({ timeoutSeconds: 90_000 })).toThrow(
    /timeoutSeconds: 90000 is given; allowed: a whole number from 1 to 86400/,
  );
});
