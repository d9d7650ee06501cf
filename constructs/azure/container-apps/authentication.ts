/** Who may ask a container app: a token of Entra ID, checked before a request reaches the container. */

import type { ContainerApp } from '@pulumi/azure-native/app/containerApp.js';
import {
  ContainerAppsAuthConfig,
  type ContainerAppsAuthConfigArgs,
} from '@pulumi/azure-native/app/containerAppsAuthConfig.js';
import * as pulumi from '@pulumi/pulumi';
import type { Foundation } from '../foundation.js';

/** Tokens for an application that is registered in Entra ID. */
export interface AuthenticationArgs {
  /** Application (client) id of the registration that callers ask a token for. */
  readonly clientId: pulumi.Input<string>;
  /**
   * Directory (tenant) that gives the tokens.
   *
   * @default - that of the subscription
   */
  readonly tenantId?: pulumi.Input<string>;
  /**
   * Object ids in Entra ID of those who may ask.
   *
   * @default - everybody who gets a token for the application
   */
  readonly allowedPrincipals?: readonly pulumi.Input<string>[];
}

/** A command that prints a token for the application. */
export const tokenCommand = (clientId: string): string =>
  `az account get-access-token --resource api://${clientId} --query accessToken --output tsv`;

/** Refuses requests without a token. Azure takes this only for an app that is there. */
export function authenticated(
  name: string,
  app: ContainerApp,
  { clientId, tenantId, allowedPrincipals }: AuthenticationArgs,
  { resourceGroupName, tenantId: own }: Foundation,
  transform: ((args: ContainerAppsAuthConfigArgs) => ContainerAppsAuthConfigArgs) | undefined,
  options: pulumi.CustomResourceOptions,
): ContainerAppsAuthConfig {
  const args: ContainerAppsAuthConfigArgs = {
    resourceGroupName,
    containerAppName: app.name,
    authConfigName: 'current',
    platform: { enabled: true },
    globalValidation: { unauthenticatedClientAction: 'Return401' },
    httpSettings: { requireHttps: true },
    identityProviders: {
      azureActiveDirectory: {
        enabled: true,
        registration: {
          clientId,
          openIdIssuer: pulumi.interpolate`https://login.microsoftonline.com/${tenantId ?? own}/v2.0`,
        },
        validation: {
          allowedAudiences: [clientId, pulumi.interpolate`api://${clientId}`],
          ...(allowedPrincipals && {
            defaultAuthorizationPolicy: { allowedPrincipals: { identities: [...allowedPrincipals] } },
          }),
        },
      },
    },
  };
  return new ContainerAppsAuthConfig(name, transform?.(args) ?? args, options);
}
