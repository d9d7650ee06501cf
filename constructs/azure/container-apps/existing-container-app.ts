/** A container app that another program made. */

import { ContainerApp } from '@pulumi/azure-native/app/containerApp.js';
import { getClientConfigOutput } from '@pulumi/azure-native/authorization/getClientConfig.js';
import * as pulumi from '@pulumi/pulumi';

/** Where a container app is. */
export interface ContainerAppReference {
  readonly appName: pulumi.Input<string>;
  readonly resourceGroupName: pulumi.Input<string>;
}

/** What others compose with. Who may ask is decided by the network and by `authentication`, not by roles. */
export interface ContainerAppAddress {
  /** Address of the app. */
  readonly url: pulumi.Output<string>;
  readonly appName: pulumi.Output<string>;
  /** Name of the newest revision. */
  readonly revision: pulumi.Output<string>;
}

export const addressOf = (app: ContainerApp): ContainerAppAddress => ({
  // A preview knows the configuration that is asked for, without an address in it; that of the revision is not known as long.
  url: pulumi
    .all([app.configuration, app.latestRevisionFqdn])
    .apply(([configuration]) => `https://${configuration?.ingress?.fqdn}`),
  appName: app.name,
  revision: app.latestRevisionName,
});

export function existingContainerApp(
  name: string,
  { appName, resourceGroupName }: ContainerAppReference,
  options: pulumi.CustomResourceOptions = {},
): ContainerAppAddress {
  const { subscriptionId } = getClientConfigOutput(options.parent ? { parent: options.parent } : {});
  const id = pulumi.interpolate`/subscriptions/${subscriptionId}/resourceGroups/${resourceGroupName}/providers/Microsoft.App/containerApps/${appName}`;
  return addressOf(ContainerApp.get(name, id, options));
}
