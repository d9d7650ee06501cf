/** What the identity of a managed online endpoint may do, and those who ask it. */

import type { RoleAssignment } from '@pulumi/azure-native/authorization/roleAssignment.js';
import { RoleDefinition } from '@pulumi/azure-native/authorization/roleDefinition.js';
import * as pulumi from '@pulumi/pulumi';
import { type Foundation, grantSecrets } from '../foundation.js';
import { builtInRole, grant } from '../roles.js';
import type { DeploymentImage } from './deployment-images.js';
import type { Invoker, ModelEndpointArgs } from './endpoint-args.js';
import type { BoundWorkspace } from './workspace.js';

/**
 * Lets the endpoint pull its images, read its model and secrets, and write what it captures. Azure does all of that while it makes a deployment, with the endpoint's
 * identity: the roles come first.
 */
export function grantEndpoint(
  name: string,
  { secrets = {}, dataCapture }: ModelEndpointArgs,
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
            {
              role: builtInRole(dataCapture ? 'writeBlobs' : 'readBlobs', subscriptionId),
              scope: storageId,
              principalId,
            },
            { parent },
          ),
        ]
      : []),
    ...grantSecrets(name, secrets, base, parent),
  ];
}

/** Azure's own roles for this may change the endpoint too. */
const scoring = 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints/score/action';

/** What a role for asking is made for. */
export interface Askable {
  /** Full resource id. */
  readonly id: pulumi.Output<string>;
  readonly name: pulumi.Output<string>;
  readonly resourceGroupName: pulumi.Output<string>;
  readonly subscriptionId: pulumi.Output<string>;
}

/** A role that may ask the endpoint and nothing else; its full id. */
function invokeRole(name: string, endpoint: Askable, parent: pulumi.Resource | undefined): pulumi.Output<string> {
  const { subscriptionId, resourceGroupName } = endpoint;
  const scope = pulumi.interpolate`/subscriptions/${subscriptionId}/resourceGroups/${resourceGroupName}`;
  const role = new RoleDefinition(
    name,
    {
      scope,
      assignableScopes: [scope],
      // One name in a tenant.
      roleName: pulumi.interpolate`Ask ${endpoint.name} (${resourceGroupName})`,
      roleType: 'CustomRole',
      description: pulumi.interpolate`May send requests to the endpoint ${endpoint.name}`,
      permissions: [{ actions: [scoring] }],
    },
    parent ? { parent } : {},
  );
  return role.id;
}

/** Gives the right to ask an endpoint; the role is made when the first one gets it. */
export type GrantInvoke = (name: string, invoker: Invoker) => RoleAssignment;

export function invokeGrants(endpoint: Askable, parent: pulumi.Resource | undefined): GrantInvoke {
  let role: pulumi.Output<string> | undefined;
  return (name, { principalId, principalType }) => {
    role ??= invokeRole(name, endpoint, parent);
    return grant(
      name,
      { role, scope: endpoint.id, principalId, ...(principalType && { principalType }) },
      parent ? { parent } : {},
    );
  };
}
