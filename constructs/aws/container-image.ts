/** Where the image of an endpoint comes from: built from the plan, or a ready one. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as ecr from 'aws-cdk-lib/aws-ecr';
import * as ecrAssets from 'aws-cdk-lib/aws-ecr-assets';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { type ImageContext, type ImageOptions, imageContext } from '../../lib/image/context.js';
import { writeContext } from '../../lib/image/write-context.js';
import type { EndpointPlan } from '../../lib/plan.js';

/** What a bound image is. */
export interface BoundImage {
  readonly imageUri: string;
  /** What it was built from; null for a ready image. */
  readonly context: ImageContext | null;
}

/** The image that serves the model. */
export abstract class ContainerImage {
  /** Built from the plan by `cdk deploy`, the model quantized while it is built, and pushed to the bootstrap repository. The default. */
  static fromPlan(options: Omit<ImageOptions, 'model'> = {}): ContainerImage {
    return new PlannedImage(options);
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

class PlannedImage extends ContainerImage {
  constructor(private readonly options: Omit<ImageOptions, 'model'>) {
    super();
  }

  bind(scope: Construct, plan: EndpointPlan, role: iam.IRole): BoundImage {
    const context = imageContext(plan, this.options);
    const folder = mkdtempSync(join(tmpdir(), 'slipway-context-'));
    try {
      writeContext(context, join(folder, 'context'));
      const asset = new ecrAssets.DockerImageAsset(scope, 'Image', {
        directory: join(folder, 'context'),
        platform: context.platform === 'linux/arm64' ? ecrAssets.Platform.LINUX_ARM64 : ecrAssets.Platform.LINUX_AMD64,
        // SageMaker refuses OCI manifests, which some image stores write unless told otherwise.
        outputs: ['type=docker'],
        displayName: `Slipway image of ${plan.name}`,
      });
      asset.repository.grantPull(role);
      return { imageUri: asset.imageUri, context };
    } finally {
      // The asset was staged in the assembly when it was made.
      rmSync(folder, { recursive: true, force: true });
    }
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
