/** Roles of Azure: who may do what, granted before what needs it is made. */

import { RoleAssignment } from '@pulumi/azure-native/authorization/roleAssignment.js';
import * as pulumi from '@pulumi/pulumi';

/** Built-in roles by what they are for; their ids are the same in every tenant (Azure, built-in roles). */
const builtInRoles = {
  /** AcrPull */
  pullImages: '7f951dda-4ed3-4680-a7ca-43fe172d538d',
  /** Storage Blob Data Reader */
  readBlobs: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1',
  /** Storage Blob Data Contributor */
  writeBlobs: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe',
  /** Key Vault Secrets User */
  readSecrets: '4633458b-17de-408a-b874-0445c86b69e6',
} as const;

/** Kinds of those who hold a role. */
export type PrincipalType = 'ServicePrincipal' | 'User' | 'Group';

/** Full id of a built-in role. */
export const builtInRole = (
  role: keyof typeof builtInRoles,
  subscriptionId: pulumi.Input<string>,
): pulumi.Output<string> =>
  pulumi.interpolate`/subscriptions/${subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/${builtInRoles[role]}`;

export interface Grant {
  /** Full id of a role. */
  readonly role: pulumi.Input<string>;
  /** What the role counts for, a full resource id. */
  readonly scope: pulumi.Input<string>;
  readonly principalId: pulumi.Input<string>;
  /** @default 'ServicePrincipal' */
  readonly principalType?: PrincipalType;
}

/** Gives a role to somebody. */
export const grant = (
  name: string,
  { role, scope, principalId, principalType = 'ServicePrincipal' }: Grant,
  options: pulumi.CustomResourceOptions,
): RoleAssignment =>
  // The kind is told, or the assignment fails while a new identity has not reached every place.
  new RoleAssignment(name, { scope, principalId, principalType, roleDefinitionId: role }, options);
