/** How a Vertex AI endpoint is asked, and who may. */

import { IAMCustomRole } from '@pulumi/gcp/projects/iamcustomRole.js';
import { AiEndpoint } from '@pulumi/gcp/vertex/aiEndpoint.js';
import { AiEndpointIamMember } from '@pulumi/gcp/vertex/aiEndpointIamMember.js';
import * as pulumi from '@pulumi/pulumi';
import { idOf } from '../service.js';

/** Where an endpoint is. */
export interface VertexEndpointReference {
  /** Its id, the last part of its name. */
  readonly endpointName: pulumi.Input<string>;
  /** The region, `europe-west4`. */
  readonly location: pulumi.Input<string>;
  /** @default - the provider's */
  readonly project?: pulumi.Input<string>;
}

/** What others compose with. */
export interface AskedVertexEndpoint {
  /** What `:predict` and `:rawPredict` are put behind; callers send an access token. */
  readonly url: pulumi.Output<string>;
  readonly predictUrl: pulumi.Output<string>;
  readonly endpointName: pulumi.Output<string>;
  /** Lets `member` ask, and do nothing else; `serviceAccount:caller@project.iam.gserviceaccount.com`. */
  grantInvoke(name: string, member: pulumi.Input<string>): AiEndpointIamMember;
}

/** Full name of an endpoint, behind the address of those that have one, or the region's. */
export function urlOf(endpoint: string, dns: string): string {
  const region = /\/locations\/([^/]+)/.exec(endpoint)?.[1];
  const host = dns.replace(/^https?:\/\//, '') || `${region}-aiplatform.googleapis.com`;
  return `https://${host}/v1/${endpoint}`;
}

/** Gives members the right to ask an endpoint; the role for it is made with the first. */
export function invokeGrants(
  name: string,
  { name: endpoint, location, project }: AiEndpoint,
  options: pulumi.CustomResourceOptions,
): (name: string, member: pulumi.Input<string>) => AiEndpointIamMember {
  let role: IAMCustomRole | undefined;
  return (grant, member) => {
    role ??= new IAMCustomRole(
      `${name}-invoke`,
      {
        roleId: `slipway_${idOf(`${name}-${pulumi.getStack()}`, 40).replaceAll('-', '_')}_invoke`,
        title: `Ask the endpoint ${name}`.slice(0, 100),
        // Google's own role for this may deploy and delete, too.
        permissions: ['aiplatform.endpoints.predict'],
        project,
      },
      options,
    );
    return new AiEndpointIamMember(grant, { endpoint, location, project, role: role.name, member }, options);
  };
}

export function existingVertexEndpoint(
  name: string,
  { endpointName, location, project }: VertexEndpointReference,
  options: pulumi.CustomResourceOptions = {},
): AskedVertexEndpoint {
  const id =
    project === undefined
      ? pulumi.interpolate`${location}/${endpointName}`
      : pulumi.interpolate`projects/${project}/locations/${location}/endpoints/${endpointName}`;
  const endpoint = AiEndpoint.get(name, id, undefined, options);
  const full = pulumi.interpolate`projects/${endpoint.project}/locations/${endpoint.location}/endpoints/${endpoint.name}`;
  const url = pulumi.all([full, endpoint.dedicatedEndpointDns]).apply(([each, dns]) => urlOf(each, dns));
  const { parent, provider } = options;
  return {
    url,
    predictUrl: pulumi.interpolate`${url}:predict`,
    endpointName: endpoint.name,
    grantInvoke: invokeGrants(name, endpoint, { ...(parent && { parent }), ...(provider && { provider }) }),
  };
}
