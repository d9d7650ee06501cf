/** What every endpoint on Azure stands on: a resource group and an identity, new ones or yours. */

import { getClientConfigOutput } from '@pulumi/azure-native/authorization/getClientConfig.js';
import { UserAssignedIdentity } from '@pulumi/azure-native/managedidentity/userAssignedIdentity.js';
import { ResourceGroup } from '@pulumi/azure-native/resources/resourceGroup.js';
import * as pulumi from '@pulumi/pulumi';
import type { Problem } from '../../lib/errors.js';
import { problemsOf } from '../../lib/errors.js';
import { variableName } from '../../lib/spec-problems.js';
import { builtInRole, grant } from './roles.js';

/** A user-assigned identity that is there already. */
export interface IdentityReference {
  /** Full resource id. */
  readonly id: pulumi.Input<string>;
  /** Object id of its service principal, which roles are given to. */
  readonly principalId: pulumi.Input<string>;
}

/** A secret of Key Vault. */
export interface SecretReference {
  /** Full resource id of the vault, whose access is by roles. */
  readonly vaultId: pulumi.Input<string>;
  /** Its name in the vault. */
  readonly secret: pulumi.Input<string>;
  /** @default - the newest */
  readonly version?: pulumi.Input<string>;
}

/** Where an endpoint is made. */
export interface FoundationArgs {
  /** The region, `westeurope`; a plain value, since prices and machines depend on it. */
  readonly location: string;
  /**
   * Name of the resource group that everything is made in.
   *
   * @default - a new one
   */
  readonly resourceGroupName?: pulumi.Input<string>;
  /**
   * The identity that the endpoint runs as. What the image, the model and the secrets need is granted to it.
   *
   * @default - a new one without any role
   */
  readonly identity?: IdentityReference;
  /**
   * Secrets for hooks, by the name of their environment variable.
   *
   * @default - none
   */
  readonly secrets?: Readonly<Record<string, SecretReference>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly tags?: Readonly<Record<string, string>>;
}

export interface Foundation {
  readonly resourceGroupName: pulumi.Output<string>;
  /** Null where one was given. */
  readonly resourceGroup: ResourceGroup | null;
  /** Null where one was given. */
  readonly userAssignedIdentity: UserAssignedIdentity | null;
  readonly identity: { readonly id: pulumi.Output<string>; readonly principalId: pulumi.Output<string> };
  readonly subscriptionId: pulumi.Output<string>;
  readonly tenantId: pulumi.Output<string>;
}

/** Makes what is not given. */
export function foundation(name: string, args: FoundationArgs, parent: pulumi.Resource): Foundation {
  const { location, tags = {} } = args;
  const resourceGroup =
    args.resourceGroupName === undefined ? new ResourceGroup(name, { location, tags }, { parent }) : null;
  const resourceGroupName = resourceGroup ? resourceGroup.name : pulumi.output(args.resourceGroupName!);
  const made = args.identity ? null : new UserAssignedIdentity(name, { resourceGroupName, location, tags }, { parent });
  const { subscriptionId, tenantId } = getClientConfigOutput({ parent });
  return {
    resourceGroupName,
    resourceGroup,
    userAssignedIdentity: made,
    identity: {
      id: made ? made.id : pulumi.output(args.identity!.id),
      principalId: made ? made.principalId : pulumi.output(args.identity!.principalId),
    },
    subscriptionId,
    tenantId,
  };
}

/** Lets the identity read the secrets; one role for each. */
export const grantSecrets = (
  name: string,
  secrets: Readonly<Record<string, SecretReference>>,
  { identity, subscriptionId }: Foundation,
  parent: pulumi.Resource,
): pulumi.Resource[] =>
  Object.entries(secrets).map(([variable, { vaultId, secret }]) =>
    grant(
      `${name}-${variable.toLowerCase()}`,
      {
        role: builtInRole('readSecrets', subscriptionId),
        scope: pulumi.interpolate`${vaultId}/secrets/${secret}`,
        principalId: identity.principalId,
      },
      { parent },
    ),
  );

/** Address of a secret, `https://VAULT.vault.azure.net/secrets/NAME`, with its version where one is given. */
export const secretUrl = ({ vaultId, secret, version }: SecretReference): pulumi.Output<string> =>
  pulumi
    .all([vaultId, secret, version])
    .apply(([vault, name, which]) =>
      [`https://${vault.split('/').at(-1)}.vault.azure.net/secrets/${name}`, ...(which ? [which] : [])].join('/'),
    );

/** Letters and digits alone, lower-case: names of registries and storage accounts have nothing else. */
export const plainName = (name: string, most: number): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '')
    .replace(/^\d+/, '')
    .slice(0, most) || 'endpoint';

/** What is wrong with the variables of a container. */
export function variableProblems({ secrets = {}, environment = {} }: FoundationArgs): Problem[] {
  return Object.keys(secrets).flatMap((name) =>
    problemsOf([
      [
        !variableName.test(name),
        'secrets',
        `'${name}' cannot be the name of a variable; allowed: letters, digits and '_'`,
      ],
      [name in environment, `secrets.${name}`, 'there is an environment variable of this name, too'],
    ]),
  );
}
