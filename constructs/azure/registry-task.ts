/** Builds the image of an endpoint in a registry of Azure while a stack is updated, without Docker; a preview builds nothing. */

import { TaskRun } from '@pulumi/azure-native/containerregistry/taskRun.js';
import { Blob } from '@pulumi/azure-native/storage/blob.js';
import { BlobContainer } from '@pulumi/azure-native/storage/blobContainer.js';
import { listStorageAccountServiceSASOutput } from '@pulumi/azure-native/storage/listStorageAccountServiceSAS.js';
import { StorageAccount } from '@pulumi/azure-native/storage/storageAccount.js';
import * as pulumi from '@pulumi/pulumi';
import { ProblemsError, problemsOf, SlipwayError } from '../../lib/errors.js';
import { archiveOnce } from '../../lib/image/archive.js';
import type { EndpointPlan } from '../../lib/plan.js';
import { type LaidOut, tagged } from '../pulumi/image-build.js';
import { plainName } from './foundation.js';

/** A registry that can run tasks. */
export interface TaskRegistry {
  /** Its host, `shop.azurecr.io`. */
  readonly loginServer: pulumi.Input<string>;
  readonly registryName: pulumi.Input<string>;
  /** The registry's own. */
  readonly resourceGroupName: pulumi.Input<string>;
}

export interface RegistryTaskOptions {
  readonly parent: pulumi.Resource;
  /** Of the endpoint: the context is stored there. */
  readonly resourceGroupName: pulumi.Input<string>;
  readonly location: string;
  readonly tags: Readonly<Record<string, string>>;
  /**
   * Processors of the machine that builds, whole, from 1. The gate measures on it.
   *
   * @default - the registry's own, 2
   */
  readonly processors?: number;
  /**
   * Time that the build may take, seconds, whole, 300 to 28800.
   *
   * @default 3600
   */
  readonly timeoutSeconds?: number;
}

/** The address of a context can be read for so long; a build reads it when it begins. */
const readableSeconds = 2 * 3600;

/** Where a context is stored, and its address with a signature that lets the builder read it and nothing else. */
function stored(
  name: string,
  { folder, context }: LaidOut,
  { parent, resourceGroupName, location, tags }: RegistryTaskOptions,
): pulumi.Output<string> {
  const inside = { parent };
  const account = new StorageAccount(
    plainName(`context${name}`, 15),
    {
      ...{ resourceGroupName, location, tags: { ...tags } },
      kind: 'StorageV2',
      sku: { name: 'Standard_LRS' },
      allowBlobPublicAccess: false,
      enableHttpsTrafficOnly: true,
      minimumTlsVersion: 'TLS1_2',
    },
    inside,
  );
  const place = { resourceGroupName, accountName: account.name };
  const container = new BlobContainer(
    `${name}-contexts`,
    { ...place, containerName: 'contexts', publicAccess: 'None' },
    inside,
  );
  const blob = new Blob(
    `${name}-context-${context.digest.slice(0, 12)}`,
    {
      ...place,
      containerName: container.name,
      blobName: `${context.digest}.tar.gz`,
      source: new pulumi.asset.FileAsset(archiveOnce(context, folder)),
    },
    // Its name says what is in it; another release of Node may pack the same files into other bytes.
    { ...inside, ignoreChanges: ['source', 'contentMd5'] },
  );
  const signature = listStorageAccountServiceSASOutput(
    {
      ...place,
      canonicalizedResource: pulumi.interpolate`/blob/${account.name}/${container.name}/${blob.name}`,
      resource: 'b',
      permissions: 'r',
      protocols: 'https',
      sharedAccessExpiryTime: new Date(Date.now() + readableSeconds * 1000).toISOString(),
    },
    inside,
  );
  return pulumi.secret(pulumi.interpolate`${blob.url}?${signature.serviceSasToken}`);
}

function refuse({ context }: LaidOut, { processors = 2, timeoutSeconds = 3600 }: RegistryTaskOptions): void {
  const within = (value: number, least: number, most: number) =>
    Number.isInteger(value) && value >= least && value <= most;
  const problems = problemsOf([
    [
      context.secrets.length > 0,
      'buildSecrets',
      `a registry's task hands no build secrets (${context.secrets.join(', ')}) to a Dockerfile. Build with Docker, ContainerImage.fromPlan({ buildSecrets }), or build elsewhere and give ContainerImage.fromReference(…)`,
    ],
    [
      !within(processors, 1, Number.MAX_SAFE_INTEGER),
      'processors',
      `${processors} is given; allowed: a whole number from 1`,
    ],
    [
      !within(timeoutSeconds, 300, 28_800),
      'timeoutSeconds',
      `${timeoutSeconds} is given; allowed: a whole number from 300 to 28800`,
    ],
  ]);
  if (problems.length > 0) throw new ProblemsError('The image cannot be built by a task of the registry', problems);
}

/**
 * Sends a context to a registry, which builds and keeps the image. One run for each content: another content is another run.
 *
 * @returns the image with its digest
 * @throws ProblemsError with everything that is wrong
 */
export function registryTaskImage(
  name: string,
  plan: EndpointPlan,
  laidOut: LaidOut,
  { loginServer, registryName, resourceGroupName }: TaskRegistry,
  options: RegistryTaskOptions,
): pulumi.Output<string> {
  refuse(laidOut, options);
  const { parent, processors, timeoutSeconds = 3600 } = options;
  const { context } = laidOut;
  const image = tagged(plan, context);
  const [, architecture = 'amd64'] = context.platform.split('/');
  const run = new TaskRun(
    `${plainName(name, 20)}-${context.digest.slice(0, 12)}`,
    {
      registryName,
      resourceGroupName,
      forceUpdateTag: context.digest,
      runRequest: {
        type: 'DockerBuildRequest',
        dockerFilePath: 'Dockerfile',
        imageNames: [image],
        isPushEnabled: true,
        platform: { os: 'Linux', architecture },
        sourceLocation: stored(name, laidOut, options),
        timeout: timeoutSeconds,
        ...(processors !== undefined && { agentConfiguration: { cpu: processors } }),
      },
    },
    // The signature is another one every time; what was built stays built.
    { parent, ignoreChanges: ['runRequest'] },
  );
  return pulumi.all([loginServer, run.runResult]).apply(([host, { outputImages = [], runErrorMessage }]) => {
    const digest = outputImages[0]?.digest;
    if (digest) return `${host}/${image}@${digest}`;
    throw new SlipwayError(
      `The registry ${host} has built no image ${image}: ${runErrorMessage || "its run says nothing; see 'az acr task logs'"}`,
    );
  });
}
