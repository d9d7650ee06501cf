/** Builds the image of an endpoint by Docker's buildx while a stack is updated; a preview builds nothing. */

import { join } from 'node:path';
import type * as dockerBuild from '@pulumi/docker-build';
import * as pulumi from '@pulumi/pulumi';
import { SlipwayError } from '../../lib/errors.js';
import { type ImageContext, type ImageOptions, imageContext } from '../../lib/image/context.js';
import { writeContextOnce } from '../../lib/image/write-context.js';
import { optionalPackage } from '../../lib/optional-package.js';
import type { EndpointPlan } from '../../lib/plan.js';

/** How an image is built. */
export interface BuildOptions extends Omit<ImageOptions, 'model' | 'secrets'> {
  /**
   * Build secrets by id, their values: `{ pip: config.requireSecret('pipConf') }`.
   *
   * @default - none
   */
  readonly buildSecrets?: Readonly<Partial<Record<'ca' | 'pip' | 'netrc', pulumi.Input<string>>>>;
}

/** A context on disk. */
export interface LaidOut {
  /** Relative to the program, so that the state is the same from every machine. */
  readonly folder: string;
  readonly context: ImageContext;
}

/** Writes the context of a plan to `.slipway/` beside the program, unless it is there. */
export function layOut(plan: EndpointPlan, { buildSecrets = {}, ...options }: BuildOptions): LaidOut {
  const secrets = Object.keys(buildSecrets) as (keyof typeof buildSecrets)[];
  const context = imageContext(plan, {
    ...options,
    ...(secrets.length > 0 && { secrets }),
    // A model that is elsewhere stays there; the platform hands it to the container.
    ...(plan.source.uri !== undefined && { model: 'bucket' }),
  });
  const folder = join('.slipway', plan.name, context.digest.slice(0, 16));
  writeContextOnce(context, folder);
  return { folder, context };
}

/** Repository of the registry and tag for a context: another content is another tag. */
export const tagged = ({ name }: EndpointPlan, { digest }: ImageContext): string =>
  `${name.toLowerCase()}:${digest.slice(0, 12)}`;

/** How to log in to a registry. */
export interface RegistryLogin {
  /** Its host. */
  readonly address: pulumi.Input<string>;
  readonly username: pulumi.Input<string>;
  readonly password: pulumi.Input<string>;
}

/**
 * The package that builds.
 *
 * @throws SlipwayError where it is missing
 */
export function builderPackage(name: '@pulumi/docker-build' | '@pulumi/command'): unknown {
  const found = optionalPackage(name);
  if (found) return found;
  throw new SlipwayError(
    `The image is built by the package ${name}, which is missing. Install it: npm install ${name}. Or give a ready image: ContainerImage.fromReference(…)`,
  );
}

/**
 * Builds a context and pushes it.
 *
 * @param repository - what the image's name begins with, without a slash at its end
 * @param login - to the registry; by default Docker's own credentials on the machine
 * @returns the image with its digest
 * @throws SlipwayError without the package `@pulumi/docker-build`
 */
export function builtImage(
  name: string,
  plan: EndpointPlan,
  { folder, context }: LaidOut,
  repository: pulumi.Input<string>,
  { buildSecrets = {} }: BuildOptions,
  options: pulumi.CustomResourceOptions,
  login?: RegistryLogin,
): pulumi.Output<string> {
  const { Image } = builderPackage('@pulumi/docker-build') as typeof dockerBuild;
  const image = new Image(
    name,
    {
      context: { location: folder },
      platforms: [context.platform as dockerBuild.Platform],
      tags: [pulumi.interpolate`${repository}/${tagged(plan, context)}`],
      push: true,
      ...(login && { registries: [login] }),
      // A preview shows what would be built; it builds nothing.
      buildOnPreview: false,
      ...(Object.keys(buildSecrets).length > 0 && { secrets: buildSecrets as Record<string, pulumi.Input<string>> }),
    },
    options,
  );
  return image.ref;
}
