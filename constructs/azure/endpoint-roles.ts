/** What the identity of a managed online endpoint may do, and those who ask it. */

import { RoleDefinition } from '@pulumi/azure-native/authorization/roleDefinition.js';
import * as pulumi from '@pulumi/pulumi';
import type { DeploymentImage } from './deployment-images.js';
import type { ModelEndpointArgs } from './endpoint-args.js';
import { type Foundation, grantSecrets } from './foundation.js';
import { builtInRole, grant } from './roles.js';
import type { BoundWorkspace } from './workspace.js';

/**
 * Lets the endpoint pull its images and read its model and secrets. Azure does all of that while it makes a deployment, with the endpoint's
 * identity: the roles come first.
 */
export function grantEndpoint(
  name: string,
  { secrets = {} }: ModelEndpointArgs,
  images: readonly DeploymentImage[],
  { storageId }: BoundWorkspace,
  base: Foundation,
  parent: pulumi.Resource,
): readonly pulumi.Resource[] {
  const { subscriptionId, identity } = base;
  const { principalId } = identity;
  const pulled = images.flatMap(({ role, bound }) => (bound.source ? [{ role, id: bound.source.id }] : []));
  // Azure refuses a role that is there already.
  const each = pulled.filter(({ id }, index) => pulled.findIndex((other) => other.id === id) === index);
  return [
    ...each.map(({ role, id }) =>
      grant(
        role === 'main' ? `${name}-pull` : `${name}-${role}-pull`,
        { role: builtInRole('pullImages', subscriptionId), scope: id, principalId },
        { parent },
      ),
    ),
    ...(storageId
      ? [
          grant(
            `${name}-models`,
            { role: builtInRole('readBlobs', subscriptionId), scope: storageId, principalId },
            { parent },
          ),
        ]
      : []),
    ...grantSecrets(name, secrets, base, parent),
  ];
}

/** Azure's own roles for this may change the endpoint too. */
const scoring = 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints/score/action';

/** A role that may ask the endpoint and nothing else; its full id. */
export function invokeRole(
  name: string,
  endpointName: pulumi.Output<string>,
  { subscriptionId, resourceGroupName }: Foundation,
  parent: pulumi.Resource,
): pulumi.Output<string> {
  const scope = pulumi.interpolate`/subscriptions/${subscriptionId}/resourceGroups/${resourceGroupName}`;
  const role = new RoleDefinition(
    name,
    {
      scope,
      assignableScopes: [scope],
      // One name in a tenant.
      roleName: pulumi.interpolate`Ask ${endpointName} (${resourceGroupName})`,
      roleType: 'CustomRole',
      description: pulumi.interpolate`May send requests to the endpoint ${endpointName}`,
      permissions: [{ actions: [scoring] }],
    },
    { parent },
  );
  return role.id;
}
