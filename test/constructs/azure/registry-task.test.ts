import { existsSync } from 'node:fs';
import * as pulumi from '@pulumi/pulumi';
import { expect, test } from 'vitest';
import { type RegistryTaskOptions, registryTaskImage } from '../../../constructs/azure/registry-task.js';
import { planned } from '../../../constructs/pulumi/endpoint-plan.js';
import { type BuildOptions, layOut } from '../../../constructs/pulumi/image-build.js';
import { ProblemsError } from '../../../lib/errors.js';
import { calls, digits, inFolder, madeBy, ofType, settled } from '../pulumi/program.js';

inFolder();

const registry = { loginServer: 'shop.azurecr.io', registryName: 'shop', resourceGroupName: 'images' };

async function made(more: Partial<RegistryTaskOptions> = {}, build: BuildOptions = {}) {
  let image: pulumi.Output<string> | undefined;
  const resources = await madeBy(() => {
    const plan = planned({ model: digits, location: 'westeurope' }, 'azure-ml', []);
    const parent = new pulumi.ComponentResource('shop:index:Endpoint', 'digits');
    image = registryTaskImage('digits', plan, layOut(plan, build), registry, {
      ...{ parent, resourceGroupName: 'models', location: 'westeurope', tags: { team: 'ml' }, ...more },
    });
  });
  return { image: image!, resources };
}

const one = (resources: Awaited<ReturnType<typeof made>>['resources'], end: string) => ofType(resources, end)[0]!;

test('a context is stored where the builder alone may read it, for two hours', async () => {
  const before = Date.now();
  const { resources } = await made();
  const { inputs, name } = one(resources, ':Blob');
  const [, digest] = /^digits-context-([0-9a-f]{12})$/.exec(name)!;
  expect(inputs).toMatchObject({
    accountName: 'contextdigits1a2b3c4d',
    containerName: 'contexts',
    blobName: expect.stringMatching(new RegExp(`^${digest}[0-9a-f]{52}\\.tar\\.gz$`)),
  });
  const { path } = inputs.source as pulumi.asset.FileAsset;
  expect(await path).toMatch(new RegExp(`^\\.slipway/digits/${digest}[0-9a-f]{4}\\.tar\\.gz$`));
  expect(existsSync(await path)).toBe(true);
  expect(one(resources, ':StorageAccount').inputs).toMatchObject({
    resourceGroupName: 'models',
    tags: { team: 'ml' },
    allowBlobPublicAccess: false,
    enableHttpsTrafficOnly: true,
  });
  expect(one(resources, ':BlobContainer').inputs.publicAccess).toBe('None');
  const [asked] = calls('listStorageAccountServiceSAS');
  expect(asked).toMatchObject({
    canonicalizedResource: `/blob/contextdigits1a2b3c4d/contexts/${inputs.blobName}`,
    permissions: 'r',
    protocols: 'https',
    resource: 'b',
  });
  const left = (Date.parse(asked!.sharedAccessExpiryTime as string) - before) / 1000;
  expect(left).toBeGreaterThanOrEqual(7200);
  expect(left).toBeLessThan(3 * 3600);
});

test('the registry builds it, and the image is named by its digest', async () => {
  const { image, resources } = await made();
  const { inputs, name } = one(resources, ':TaskRun');
  expect(name).toMatch(/^digits-[0-9a-f]{12}$/);
  const { value: request } = inputs.runRequest;
  const [tag] = request.imageNames as string[];
  const blob = one(resources, ':Blob').inputs.blobName;
  expect(tag).toMatch(/^digits:[0-9a-f]{12}$/);
  expect(inputs).toEqual({
    registryName: 'shop',
    resourceGroupName: 'images',
    forceUpdateTag: blob.replace('.tar.gz', ''),
    // A secret, since its address is signed.
    runRequest: { [pulumi.runtime.specialSigKey]: pulumi.runtime.specialSecretSig, value: request },
  });
  expect(request).toEqual({
    type: 'DockerBuildRequest',
    dockerFilePath: 'Dockerfile',
    imageNames: [tag],
    isPushEnabled: true,
    platform: { os: 'Linux', architecture: 'amd64' },
    sourceLocation: `https://contextdigits1a2b3c4d.blob.core.windows.net/contexts/${blob}?sig=of-azure`,
    timeout: 3600,
  });
  expect(await settled(image)).toBe(`shop.azurecr.io/${tag}@sha256:${'0'.repeat(64)}`);
});

test('on a larger machine, with more time', async () => {
  const { resources } = await made({ processors: 8, timeoutSeconds: 7200 });
  expect(one(resources, ':TaskRun').inputs.runRequest.value).toMatchObject({
    timeout: 7200,
    agentConfiguration: { cpu: 8 },
  });
});

test('what a registry cannot do is refused, all of it at once', async () => {
  let refused: unknown;
  const plan = planned({ model: digits, location: 'westeurope' }, 'azure-ml', []);
  const parent = new pulumi.ComponentResource('shop:index:Endpoint', 'digits');
  try {
    registryTaskImage('digits', plan, layOut(plan, { buildSecrets: { pip: 'secret' } }), registry, {
      ...{ parent, resourceGroupName: 'models', location: 'westeurope', tags: {} },
      ...{ processors: 0, timeoutSeconds: 60 },
    });
  } catch (error) {
    refused = error;
  }
  expect(refused).toBeInstanceOf(ProblemsError);
  expect((refused as ProblemsError).problems.map(({ where }) => where)).toEqual([
    'buildSecrets',
    'processors',
    'timeoutSeconds',
  ]);
  expect((refused as ProblemsError).message).toContain('hands no build secrets (pip) to a Dockerfile');
});
