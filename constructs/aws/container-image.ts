/** Where the image of an endpoint comes from: built from the plan, here or in the cloud, or a ready one. */

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type DockerImageAssetSource, Stack, Stage } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as ecrAssets from 'aws-cdk-lib/aws-ecr-assets';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { ProblemsError } from '../../lib/errors.js';
import { type ImageContext, type ImageOptions, imageContext } from '../../lib/image/context.js';
import type { SecretId } from '../../lib/image/dockerfile.js';
import { writeContext, writeContextOnce } from '../../lib/image/write-context.js';
import { optionalPackage } from '../../lib/optional-package.js';
import type { EndpointPlan } from '../../lib/plan.js';

/** What a bound image is. */
export interface BoundImage {
  readonly imageUri: string;
  /** What it was built from; null for a ready image. */
  readonly context: ImageContext | null;
}

export interface PlannedImageOptions extends Omit<ImageOptions, 'model'> {
  /**
   * Where the builder finds the build secrets, as `docker build --secret` takes it after the id: `src=pip.conf`, `env=PIP_CONF`.
   *
   * @default - none
   */
  readonly buildSecrets?: Readonly<Partial<Record<SecretId, string>>>;
}

export interface RemoteImageOptions extends Omit<ImageOptions, 'model' | 'secrets'> {
  /**
   * Repository that is pushed to.
   *
   * @default - a new one, removed with the stack
   */
  readonly repository?: ecr.IRepository;
  /**
   * Network of the build: private subnets with a NAT gateway.
   *
   * @default - CodeBuild's own
   */
  readonly vpc?: ec2.IVpc;
}

/** The image that serves the model. */
export abstract class ContainerImage {
  /** Built from the plan by `cdk deploy`, the model quantized while it is built, and pushed to the bootstrap repository. The default. */
  static fromPlan(options: PlannedImageOptions = {}): ContainerImage {
    return new PlannedImage(options);
  }

  /**
   * Built from the plan by CodeBuild during the deployment, for machines without Docker. Needs the package
   * `@cdklabs/deploy-time-build`, which brings a custom resource.
   */
  static fromCodeBuild(options: RemoteImageOptions = {}): ContainerImage {
    return new RemoteImage(options);
  }

  /**
   * A ready image in a repository, of this account or another one: what `slipway build --push` made.
   *
   * @param tagOrDigest - `fraud-1`, or `sha256:…`, which never changes
   */
  static fromEcrRepository(repository: ecr.IRepository, tagOrDigest: string): ContainerImage {
    return new RepositoryImage(repository, tagOrDigest);
  }

  /** Makes it known to `scope` and lets `role` pull it. */
  abstract bind(scope: Construct, plan: EndpointPlan, role: iam.IRole): BoundImage;
}

/** What both kinds of builds are given. */
interface BuildProps {
  readonly directory: string;
  readonly platform: ecrAssets.Platform;
  readonly outputs: string[];
}

const platformOf = ({ platform }: ImageContext): ecrAssets.Platform =>
  platform === 'linux/arm64' ? ecrAssets.Platform.LINUX_ARM64 : ecrAssets.Platform.LINUX_AMD64;

/** SageMaker refuses OCI manifests, which some image stores write unless told otherwise. */
const outputs = ['type=docker'];

/** Lays the context out for as long as `use` takes: assets are staged when they are made. */
function withContext<T>(context: ImageContext, use: (props: BuildProps) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-context-'));
  try {
    const directory = join(folder, 'context');
    writeContext(context, directory);
    return use({ directory, platform: platformOf(context), outputs });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A model that is elsewhere stays there; SageMaker hands it to the container. */
const contextOf = (plan: EndpointPlan, options: ImageOptions): ImageContext =>
  imageContext(plan, { ...options, ...(plan.source.uri !== undefined && { model: 'bucket' }) });

/** An image of the assembly, laid out in the assembly itself: its files are read once, and copied once. */
function imageAsset(scope: Construct, context: ImageContext, asset: Omit<DockerImageAssetSource, 'sourceHash'>) {
  const stack = Stack.of(scope);
  const stage = Stage.of(scope)!;
  const { platform } = platformOf(context);
  const sourceHash = createHash('sha256').update(`${context.digest} ${platform}`).digest('hex');
  const directory = join(stage.assetOutdir, `asset.${sourceHash}`);
  writeContextOnce(context, directory);
  const directoryName = relative(stage.outdir, directory);
  return stack.synthesizer.addDockerImageAsset({
    ...{ sourceHash, directoryName, platform },
    dockerOutputs: outputs,
    ...asset,
  });
}

class PlannedImage extends ContainerImage {
  constructor(private readonly options: PlannedImageOptions) {
    super();
  }

  bind(scope: Construct, plan: EndpointPlan, role: iam.IRole): BoundImage {
    const { buildSecrets, ...options } = this.options;
    const secrets = Object.keys(buildSecrets ?? {}) as SecretId[];
    const context = contextOf(plan, { ...options, ...(secrets.length > 0 && { secrets }) });
    const { imageUri, repositoryName } = imageAsset(scope, context, {
      displayName: `Slipway image of ${plan.name}`,
      // Where a secret lies on one machine changes no image: it is no part of the hash.
      ...(buildSecrets && { dockerBuildSecrets: buildSecrets as Record<string, string> }),
    });
    ecr.Repository.fromRepositoryName(scope, 'Images', repositoryName).grantPull(role);
    return { imageUri, context };
  }
}

interface RemoteBuild {
  readonly repository: ecr.IRepository;
  readonly imageUri: string;
}
type RemoteBuildClass = new (
  scope: Construct,
  id: string,
  props: BuildProps & { repository?: ecr.IRepository; vpc?: ec2.IVpc },
) => RemoteBuild;

const remoteBuilder = '@cdklabs/deploy-time-build';

function remoteBuildClass(): RemoteBuildClass {
  const found = optionalPackage(remoteBuilder) as { ContainerImageBuild: RemoteBuildClass } | null;
  if (found) return found.ContainerImageBuild;
  throw new ProblemsError('The image cannot be built by CodeBuild', [
    { where: 'image', what: `the package ${remoteBuilder} is missing. Install it: npm install ${remoteBuilder}` },
  ]);
}

class RemoteImage extends ContainerImage {
  constructor(private readonly options: RemoteImageOptions) {
    super();
  }

  bind(scope: Construct, plan: EndpointPlan, role: iam.IRole): BoundImage {
    const { repository, vpc, ...options } = this.options;
    const Build = remoteBuildClass();
    const context = contextOf(plan, options);
    const built = withContext(
      context,
      (props) => new Build(scope, 'Image', { ...props, ...(repository && { repository }), ...(vpc && { vpc }) }),
    );
    built.repository.grantPull(role);
    return { imageUri: built.imageUri, context };
  }
}

class RepositoryImage extends ContainerImage {
  constructor(
    private readonly repository: ecr.IRepository,
    private readonly tagOrDigest: string,
  ) {
    super();
  }

  bind(_scope: Construct, _plan: EndpointPlan, role: iam.IRole): BoundImage {
    this.repository.grantPull(role);
    return { imageUri: this.repository.repositoryUriForTagOrDigest(this.tagOrDigest), context: null };
  }
}
