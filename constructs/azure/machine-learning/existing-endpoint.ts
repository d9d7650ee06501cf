/** A managed online endpoint that another program made. */

import { getClientConfigOutput } from '@pulumi/azure-native/authorization/getClientConfig.js';
import type { RoleAssignment } from '@pulumi/azure-native/authorization/roleAssignment.js';
import { OnlineEndpoint } from '@pulumi/azure-native/machinelearningservices/onlineEndpoint.js';
import * as pulumi from '@pulumi/pulumi';
import type { Invoker } from './endpoint-args.js';
import { invokeGrants } from './endpoint-roles.js';

/** Where an endpoint is. */
export interface EndpointReference {
  readonly endpointName: pulumi.Input<string>;
  readonly workspaceName: pulumi.Input<string>;
  readonly resourceGroupName: pulumi.Input<string>;
}

/** What others compose with. */
export interface Endpoint {
  /** Where requests go; callers send a token of Entra ID for `https://ml.azure.com`. */
  readonly url: pulumi.Output<string>;
  readonly endpointName: pulumi.Output<string>;
  /** Lets somebody ask, and do nothing else. */
  grantInvoke(name: string, invoker: Invoker): RoleAssignment;
}

export function existingEndpoint(
  name: string,
  { endpointName, workspaceName, resourceGroupName }: EndpointReference,
  options: pulumi.CustomResourceOptions = {},
): Endpoint {
  const { subscriptionId } = getClientConfigOutput(options.parent ? { parent: options.parent } : {});
  const id = pulumi.interpolate`/subscriptions/${subscriptionId}/resourceGroups/${resourceGroupName}/providers/Microsoft.MachineLearningServices/workspaces/${workspaceName}/onlineEndpoints/${endpointName}`;
  const endpoint = OnlineEndpoint.get(name, id, options);
  const group = pulumi.output(resourceGroupName);
  return {
    url: endpoint.properties.apply(({ scoringUri }) => scoringUri),
    endpointName: endpoint.name,
    grantInvoke: invokeGrants(
      { id: endpoint.id, name: endpoint.name, resourceGroupName: group, subscriptionId },
      options.parent,
    ),
  };
}
