/** Where the image of an endpoint comes from: built from the plan when the stack is updated, or a ready one. */

import { Repository } from '@pulumi/gcp/artifactregistry/repository.js';
import * as pulumi from '@pulumi/pulumi';
import type { EndpointPlan } from '../../lib/plan.js';
import { type BuildOptions, builtImage, layOut } from '../pulumi/image-build.js';
import { type CloudBuildOptions, cloudBuiltImage, refuseCloudBuild } from './cloud-build.js';
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
    return new DockerImage(options);
  }

  /**
   * Built by Google's Cloud Build during `pulumi up`, from a context that gcloud uploads: no Docker is needed. A preview builds nothing.
   * Needs the package `@pulumi/command` and gcloud, logged in.
   *
   * Cost: the minutes of the build on its machine.
   */
  static fromCloudBuild(options: CloudBuildOptions = {}): ContainerImage {
    return new CloudBuildImage(options);
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

abstract class BuiltImage extends ContainerImage {
  constructor(private readonly given: pulumi.Input<string> | undefined) {
    super();
  }

  bind(place: ImagePlace, plan: EndpointPlan): BoundImage {
    const { name, location } = place;
    const repository = this.given === undefined ? newRepository(place) : null;
    const base = repository
      ? pulumi.interpolate`${location}-docker.pkg.dev/${repository.project}/${repository.repositoryId}`
      : pulumi.output(this.given!);
    return { reference: this.build(name, plan, base, place.parent), repository };
  }

  /** The image with its digest, pushed to `repository`. */
  protected abstract build(
    name: string,
    plan: EndpointPlan,
    repository: pulumi.Output<string>,
    parent: pulumi.Resource,
  ): pulumi.Output<string>;
}

const newRepository = ({ name, location, project, parent }: ImagePlace): Repository =>
  new Repository(
    name,
    {
      repositoryId: idOf(`${name}-images`, 63),
      format: 'DOCKER',
      location,
      ...(project !== undefined && { project }),
      description: `Images of the endpoint ${name}`,
    },
    { parent },
  );

class DockerImage extends BuiltImage {
  private readonly options: BuildOptions;

  constructor({ repository, ...options }: PlannedImageOptions) {
    super(repository);
    this.options = options;
  }

  protected build(
    name: string,
    plan: EndpointPlan,
    repository: pulumi.Output<string>,
    parent: pulumi.Resource,
  ): pulumi.Output<string> {
    return builtImage(name, plan, layOut(plan, this.options), repository, this.options, { parent });
  }
}

class CloudBuildImage extends BuiltImage {
  constructor(private readonly options: CloudBuildOptions) {
    super(options.repository);
    refuseCloudBuild(options);
  }

  protected build(
    name: string,
    plan: EndpointPlan,
    repository: pulumi.Output<string>,
    parent: pulumi.Resource,
  ): pulumi.Output<string> {
    const { repository: _, region: _region, machineType, timeoutSeconds, serviceAccount, ...context } = this.options;
    return cloudBuiltImage(name, plan, layOut(plan, context), repository, this.options, parent);
  }
}
