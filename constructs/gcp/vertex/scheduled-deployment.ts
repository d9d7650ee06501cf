/** A deployed model of Vertex AI as what a timetable changes. */

import type { AiEndpoint } from '@pulumi/gcp/vertex/aiEndpoint.js';
import { AiEndpointIamMember } from '@pulumi/gcp/vertex/aiEndpointIamMember.js';
import * as pulumi from '@pulumi/pulumi';
import type { ScheduledTarget } from '../schedules.js';

export interface ScheduledDeploymentOptions {
  readonly parent: pulumi.Resource;
  readonly endpoint: AiEndpoint;
  /** Of the deployed model. */
  readonly id: pulumi.Output<string>;
  readonly runsAs: pulumi.Input<string>;
}

/** Jobs may change what is deployed on this endpoint, and not delete it. */
export function scheduledDeployment({ parent, endpoint, id, runsAs }: ScheduledDeploymentOptions): ScheduledTarget {
  const { name: called, location, project } = endpoint;
  return {
    // Google tells of no permission of this method's own.
    permissions: ['aiplatform.endpoints.get', 'aiplatform.endpoints.deploy', 'aiplatform.endpoints.update'],
    method: 'POST',
    uri: pulumi.interpolate`https://${location}-aiplatform.googleapis.com/v1/projects/${project}/locations/${location}/endpoints/${called}:mutateDeployedModel`,
    body: ({ min, max }) => ({
      deployedModel: { id, dedicatedResources: { minReplicaCount: min, maxReplicaCount: max } },
      updateMask: 'dedicatedResources.minReplicaCount,dedicatedResources.maxReplicaCount',
    }),
    grant: (name, role, member) =>
      new AiEndpointIamMember(name, { endpoint: called, location, project, role, member }, { parent }),
    runsAs,
  };
}
