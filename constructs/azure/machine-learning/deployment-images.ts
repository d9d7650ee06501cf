/** The image of each deployment of a managed online endpoint. */

import type { Registry } from '@pulumi/azure-native/containerregistry/registry.js';
import type * as pulumi from '@pulumi/pulumi';
import type { EndpointPlan } from '../../../lib/plan.js';
import type { Plans } from '../../pulumi/endpoint-plan.js';
import { type BoundImage, ContainerImage } from '../container-image.js';
import type { Foundation } from '../foundation.js';
import type { ModelEndpointArgs } from './endpoint-args.js';

export interface DeploymentImage {
  /** `main`, or the name of a further deployment. */
  readonly role: string;
  readonly plan: EndpointPlan;
  readonly bound: BoundImage;
}

/** Binds them; those that are built share one registry. */
export function bindImages(
  name: string,
  { location, tags = {}, image, deployments = {} }: ModelEndpointArgs,
  { main, further }: Plans,
  { resourceGroupName }: Foundation,
  parent: pulumi.Resource,
): readonly DeploymentImage[] {
  let registry: Registry | null = null;
  const bind = (role: string, plan: EndpointPlan, source = ContainerImage.fromPlan()): DeploymentImage => {
    const called = role === 'main' ? name : `${name}-${role}`;
    const bound = source.bind({ ...{ parent, resourceGroupName, location, tags, registry }, name: called }, plan);
    registry ??= bound.registry;
    return { role, plan, bound };
  };
  return [
    bind('main', main, image),
    ...Object.entries(further).map(([role, plan]) => bind(role, plan, deployments[role]?.image)),
  ];
}
