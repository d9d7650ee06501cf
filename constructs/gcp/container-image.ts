/** Where the image of an endpoint comes from: built from the plan when the stack is updated, or a ready one. */

import { join } from 'node:path';
import type * as dockerBuild from '@pulumi/docker-build';
import { Repository } from '@pulumi/gcp/artifactregistry/repository.js';
import * as pulumi from '@pulumi/pulumi';
import { SlipwayError } from '../../lib/errors.js';
import { type ImageOptions, imageContext } from '../../lib/image/context.js';
import { writeContextOnce } from '../../lib/image/write-context.js';
import { optionalPackage } from '../../lib/optional-package.js';
import type { EndpointPlan } from '../../lib/plan.js';
import { idOf } from './service.js';

/** What a bound image is. */
export interface BoundImage {
  /** With its digest where it is built here. */
  readonly reference: pulumi.Output<string>;
  /** Null for a ready image. */
  readonly repository: Repository | null;
}

export interface PlannedImageOptions extends Omit<ImageOptions, 'model' | 'secrets'> {
  /**
   * Repository that is pushed to, `europe-west4-docker.pkg.dev/PROJECT/NAME`.
   *
   * @default - a new one in Artifact Registry
   */
  readonly repository?: pulumi.Input<string>;
  /**
   * Build secrets by id, their values: `{ pip: config.requireSecret('pipConf') }`.
   *
   * @default - none
   */
  readonly buildSecrets?: Readonly<Partial<Record<'ca' | 'pip' | 'netrc', pulumi.Input<string>>>>;
}

/** What an image is bound to. */
export interface ImagePlace {
  readonly parent: pulumi.Resource;
  /** Of the endpoint's component. */
  readonly name: string;
  readonly location: string;
  readonly project: pulumi.Input<string> | undefined;
}

/** The image that serves the model. */
export abstract class ContainerImage {
  /**
   * Built by Docker's buildx during `pulumi up`, the model quantized while it is built, and pushed to Artifact Registry; a preview builds
   * nothing. Needs the package `@pulumi/docker-build`.
   */
  static fromPlan(options: PlannedImageOptions = {}): ContainerImage {
    return new PlannedImage(options);
  }

  /** A ready image: what `slipway build --push` made. A reference with a digest never changes. */
  static fromReference(reference: pulumi.Input<string>): ContainerImage {
    return new ReadyImage(reference);
  }

  abstract bind(place: ImagePlace, plan: EndpointPlan): BoundImage;
}

class ReadyImage extends ContainerImage {
  constructor(private readonly reference: pulumi.Input<string>) {
    super();
  }

  bind(): BoundImage {
    return { reference: pulumi.output(this.reference), repository: null };
  }
}

const builder = '@pulumi/docker-build';

function docker(): typeof dockerBuild {
  const found = optionalPackage(builder);
  if (found) return found as typeof dockerBuild;
  throw new SlipwayError(
    `The image is built by the package ${builder}, which is missing. Install it: npm install ${builder}. Or give a ready image: ContainerImage.fromReference(…)`,
  );
}

/** Relative to the program, so that the state is the same from every machine. */
const contextFolder = (name: string, digest: string): string => join('.slipway', name, digest.slice(0, 16));

class PlannedImage extends ContainerImage {
  constructor(private readonly options: PlannedImageOptions) {
    super();
  }

  bind({ parent, name, location, project }: ImagePlace, plan: EndpointPlan): BoundImage {
    const { repository: given, buildSecrets = {}, ...options } = this.options;
    const secrets = Object.keys(buildSecrets) as (keyof typeof buildSecrets)[];
    const context = imageContext(plan, {
      ...options,
      ...(secrets.length > 0 && { secrets }),
      // A model that is elsewhere stays there; the platform hands it to the container.
      ...(plan.source.uri !== undefined && { model: 'bucket' }),
    });
    const folder = contextFolder(plan.name, context.digest);
    writeContextOnce(context, folder);
    const repository =
      given === undefined
        ? new Repository(
            name,
            {
              repositoryId: idOf(`${name}-images`, 63),
              format: 'DOCKER',
              location,
              ...(project !== undefined && { project }),
              description: `Images of the endpoint ${name}`,
            },
            { parent },
          )
        : null;
    const base = repository
      ? pulumi.interpolate`${location}-docker.pkg.dev/${repository.project}/${repository.repositoryId}`
      : pulumi.output(given!);
    const image = new (docker().Image)(
      name,
      {
        context: { location: folder },
        platforms: [context.platform as dockerBuild.Platform],
        tags: [pulumi.interpolate`${base}/${plan.name.toLowerCase()}:${context.digest.slice(0, 12)}`],
        push: true,
        // A preview shows what would be built; it builds nothing.
        buildOnPreview: false,
        ...(secrets.length > 0 && { secrets: buildSecrets as Record<string, pulumi.Input<string>> }),
      },
      { parent },
    );
    return { reference: image.ref, repository };
  }
}
