/** A Cloud Run service that another program made, to be asked and to let others ask. */

import { Service } from '@pulumi/gcp/cloudrunv2/service.js';
import { ServiceIamMember } from '@pulumi/gcp/cloudrunv2/serviceIamMember.js';
import * as pulumi from '@pulumi/pulumi';

/** Where an endpoint is. */
export interface EndpointReference {
  readonly serviceName: pulumi.Input<string>;
  /** The region, `europe-west4`. */
  readonly location: pulumi.Input<string>;
  /** @default - the provider's */
  readonly project?: pulumi.Input<string>;
}

/** What others compose with. */
export interface Endpoint {
  /** Address of the service; callers send an ID token for it. */
  readonly url: pulumi.Output<string>;
  readonly serviceName: pulumi.Output<string>;
  /** Lets `member` ask, such as `serviceAccount:caller@project.iam.gserviceaccount.com`. */
  grantInvoke(name: string, member: pulumi.Input<string>): ServiceIamMember;
}

/** The right to ask a service, given to one member. */
export const grantInvoke = (
  name: string,
  { name: service, location, project }: Service,
  member: pulumi.Input<string>,
  options: pulumi.CustomResourceOptions,
): ServiceIamMember =>
  new ServiceIamMember(name, { name: service, location, project, role: 'roles/run.invoker', member }, options);

export function existingEndpoint(
  name: string,
  { serviceName, location, project }: EndpointReference,
  options: pulumi.CustomResourceOptions = {},
): Endpoint {
  const id =
    project === undefined
      ? pulumi.interpolate`${location}/${serviceName}`
      : pulumi.interpolate`projects/${project}/locations/${location}/services/${serviceName}`;
  const service = Service.get(name, id, undefined, options);
  const { parent, provider } = options;
  return {
    url: service.uri,
    serviceName: service.name,
    grantInvoke: (grant, member) =>
      grantInvoke(grant, service, member, { ...(parent && { parent }), ...(provider && { provider }) }),
  };
}
