/** Where the image of an endpoint comes from: built from the plan when the stack is updated, or a ready one. */

import { Repository } from '@pulumi/gcp/artifactregistry/repository.js';
import * as pulumi from '@pulumi/pulumi';
import type { EndpointPlan } from '../../lib/plan.js';
import { type BuildOptions, builtImage, layOut } from '../pulumi/image-build.js';
import { idOf } from './service.js';

/** What a bound image is. */
export interface BoundImage {
  /** With its digest where it is built here. */
  readonly reference: pulumi.Output<string>;
  /** Null for a ready image. */
  readonly repository: Repository | null;
}

export interface PlannedImageOptions extends BuildOptions {
  /**
   * Repository that is pushed to, `europe-west4-docker.pkg.dev/PROJECT/NAME`.
   *
   * @default - a new one in Artifact Registry
   */
  readonly repository?: pulumi.Input<string>;
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

class PlannedImage extends ContainerImage {
  constructor(private readonly options: PlannedImageOptions) {
    super();
  }

  bind({ parent, name, location, project }: ImagePlace, plan: EndpointPlan): BoundImage {
    const { repository: given, ...build } = this.options;
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
    return { reference: builtImage(name, plan, layOut(plan, build), base, build, { parent }), repository };
  }
}
