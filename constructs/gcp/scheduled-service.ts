/** A Cloud Run service as what a timetable changes. */

import type { Service } from '@pulumi/gcp/cloudrunv2/service.js';
import { ServiceIamMember } from '@pulumi/gcp/cloudrunv2/serviceIamMember.js';
import * as pulumi from '@pulumi/pulumi';
import type { ScheduledTarget } from './schedules.js';

/** What jobs write, and what the next `pulumi up` must leave as it is. */
export const scheduled = ['scaling.minInstanceCount', 'scaling.maxInstanceCount'] as const;

export interface ScheduledServiceOptions {
  readonly parent: pulumi.Resource;
  readonly project: pulumi.Input<string> | undefined;
  readonly location: string;
  readonly runsAs: pulumi.Input<string>;
}

/** Jobs may change this service, and not delete it. */
export function scheduledService(
  service: Service,
  { parent, project, location, runsAs }: ScheduledServiceOptions,
): ScheduledTarget {
  const url = pulumi.interpolate`https://run.googleapis.com/v2/projects/${service.project}/locations/${location}/services/${service.name}`;
  const place = project === undefined ? {} : { project };
  return {
    permissions: ['run.services.get', 'run.services.update'],
    method: 'PATCH',
    uri: pulumi.interpolate`${url}?updateMask=${scheduled.join(',')}`,
    body: ({ min, max }) => ({ scaling: { minInstanceCount: min, maxInstanceCount: max } }),
    grant: (name, role, member) =>
      new ServiceIamMember(name, { name: service.name, location, role, member, ...place }, { parent }),
    runsAs,
  };
}
