/** Where the image of an endpoint comes from: built from the plan when the stack is updated, or a ready one. */

import { Registry } from '@pulumi/azure-native/containerregistry/registry.js';
import * as pulumi from '@pulumi/pulumi';
import type { EndpointPlan } from '../../lib/plan.js';
import { type BuildOptions, builtImage, type LaidOut, layOut, type RegistryLogin } from '../pulumi/image-build.js';
import { plainName } from './foundation.js';
import { registryLogin } from './registry-login.js';
import { type RegistryTaskOptions, registryTaskImage } from './registry-task.js';

/** A registry of Azure that is there already. */
export interface RegistryReference {
  /** Full resource id; the endpoint's identity gets the role to pull from it. */
  readonly id: pulumi.Input<string>;
  /** Its host, `shop.azurecr.io`. */
  readonly loginServer: pulumi.Input<string>;
}

/** What a bound image is. */
export interface BoundImage {
  /** With its digest where it is built here. */
  readonly reference: pulumi.Output<string>;
  /** Where it is pulled from; null for a ready image of a registry that was not named. */
  readonly source: RegistryReference | null;
  /** Null where none was made. */
  readonly registry: Registry | null;
}

export interface PlannedImageOptions extends BuildOptions {
  /**
   * Registry that is pushed to.
   *
   * @default - a new one
   */
  readonly registry?: RegistryReference;
}

export interface DockerImageOptions extends PlannedImageOptions {
  /**
   * How Docker logs in to the registry.
   *
   * @default - by the identity that runs Pulumi, which needs the role AcrPush
   */
  readonly login?: Omit<RegistryLogin, 'address'>;
}

export interface RegistryTaskImageOptions
  extends Omit<PlannedImageOptions, 'buildSecrets'>,
    Pick<RegistryTaskOptions, 'processors' | 'timeoutSeconds'> {}

/** What an image is bound to. */
export interface ImagePlace {
  readonly parent: pulumi.Resource;
  /** Of the endpoint's component. */
  readonly name: string;
  readonly resourceGroupName: pulumi.Output<string>;
  readonly location: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Of another image of the same endpoint, to push to as well. */
  readonly registry: Registry | null;
}

/** The image that serves the model. */
export abstract class ContainerImage {
  /**
   * Built by Docker's buildx during `pulumi up`, the model quantized while it is built, and pushed to a registry of Azure; a preview
   * builds nothing. Needs the package `@pulumi/docker-build`.
   */
  static fromPlan(options: DockerImageOptions = {}): ContainerImage {
    return new DockerImage(options);
  }

  /**
   * Built by the registry itself during `pulumi up`, without Docker: the context is sent to it. A preview builds nothing.
   *
   * Takes no build secrets.
   */
  static fromRegistryTask(options: RegistryTaskImageOptions = {}): ContainerImage {
    return new RegistryTaskImage(options);
  }

  /**
   * A ready image: what `slipway build --push` made. A reference with a digest never changes.
   *
   * @param registry - where it is pulled from, to be granted to the endpoint's identity; without it that is yours to do
   */
  static fromReference(reference: pulumi.Input<string>, registry?: RegistryReference): ContainerImage {
    return new ReadyImage(reference, registry);
  }

  abstract bind(place: ImagePlace, plan: EndpointPlan): BoundImage;
}

class ReadyImage extends ContainerImage {
  constructor(
    private readonly reference: pulumi.Input<string>,
    private readonly registry: RegistryReference | undefined,
  ) {
    super();
  }

  bind(): BoundImage {
    return { reference: pulumi.output(this.reference), source: this.registry ?? null, registry: null };
  }
}

abstract class BuiltImage extends ContainerImage {
  constructor(private readonly planned: PlannedImageOptions) {
    super();
  }

  bind(place: ImagePlace, plan: EndpointPlan): BoundImage {
    const { registry: given, ...options } = this.planned;
    const made = given ? null : (place.registry ?? newRegistry(place));
    const source = made ?? given!;
    return { reference: this.build(place, plan, layOut(plan, options), source), source, registry: made };
  }

  protected abstract build(
    place: ImagePlace,
    plan: EndpointPlan,
    laidOut: LaidOut,
    registry: RegistryReference,
  ): pulumi.Output<string>;
}

const newRegistry = ({ name, parent, resourceGroupName, location, tags }: ImagePlace): Registry =>
  new Registry(
    plainName(name, 40),
    {
      ...{ resourceGroupName, location, tags: { ...tags } },
      sku: { name: 'Basic' },
      adminUserEnabled: false,
      publicNetworkAccess: 'Enabled',
    },
    { parent },
  );

class DockerImage extends BuiltImage {
  constructor(private readonly options: DockerImageOptions) {
    const { login: _, ...planned } = options;
    super(planned);
  }

  protected build(
    { name, parent }: ImagePlace,
    plan: EndpointPlan,
    laidOut: LaidOut,
    registry: RegistryReference,
  ): pulumi.Output<string> {
    const { login } = this.options;
    const loginServer = pulumi.output(registry.loginServer);
    const given = login ? { address: loginServer, ...login } : registryLogin(loginServer, parent);
    return builtImage(name, plan, laidOut, loginServer, this.options, { parent }, given);
  }
}

/** Parts of `/subscriptions/S/resourceGroups/G/providers/P/registries/NAME`. */
const partOf = (id: pulumi.Input<string>, index: number): pulumi.Output<string> =>
  pulumi.output(id).apply((text) => text.split('/')[index] ?? '');

class RegistryTaskImage extends BuiltImage {
  constructor(private readonly options: RegistryTaskImageOptions) {
    const { processors: _, timeoutSeconds: __, ...planned } = options;
    super(planned);
  }

  protected build(
    { name, parent, resourceGroupName, location, tags }: ImagePlace,
    plan: EndpointPlan,
    laidOut: LaidOut,
    { id, loginServer }: RegistryReference,
  ): pulumi.Output<string> {
    const { processors, timeoutSeconds } = this.options;
    const registry = { loginServer, registryName: partOf(id, 8), resourceGroupName: partOf(id, 4) };
    return registryTaskImage(name, plan, laidOut, registry, {
      ...{ parent, resourceGroupName, location, tags },
      ...(processors !== undefined && { processors }),
      ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    });
  }
}
