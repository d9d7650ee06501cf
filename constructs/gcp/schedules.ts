/** A timetable of a Cloud Run service's bounds: jobs of Cloud Scheduler that write them, by an account that may do nothing else. */

import type { Service } from '@pulumi/gcp/cloudrunv2/service.js';
import { ServiceIamMember } from '@pulumi/gcp/cloudrunv2/serviceIamMember.js';
import { Job } from '@pulumi/gcp/cloudscheduler/job.js';
import { IAMCustomRole } from '@pulumi/gcp/projects/iamcustomRole.js';
import { Account } from '@pulumi/gcp/serviceaccount/account.js';
import { IAMMember } from '@pulumi/gcp/serviceaccount/iammember.js';
import * as pulumi from '@pulumi/pulumi';
import { type Problem, problemsOf } from '../../lib/errors.js';
import { daysOf, type ScalingSchedule, scheduleProblems, timeOf, weekdays } from '../pulumi/schedules.js';
import { accountIdOf } from './identity.js';
import { idOf } from './service.js';

/** Bounds of a service as it takes them. */
export interface InstanceBounds {
  readonly minInstanceCount: number;
  readonly maxInstanceCount: number;
}

/** What jobs write, and what the next `pulumi up` must leave as it is. */
export const scheduled = ['scaling.minInstanceCount', 'scaling.maxInstanceCount'] as const;

/** When a schedule comes, as cron has it: Sunday is 0. */
export function cronOf(schedule: ScalingSchedule): string {
  const { hour, minute } = timeOf(schedule);
  const days = [...new Set(daysOf(schedule))].map((day) => (weekdays.indexOf(day) + 1) % 7).sort();
  return `${minute} ${hour} * * ${days.length === weekdays.length ? '*' : days.join(',')}`;
}

/** Bounds from a schedule on; what it does not say is as the endpoint's own. */
function boundsOf({ min, max }: ScalingSchedule, usual: InstanceBounds): InstanceBounds {
  const minInstanceCount = min ?? usual.minInstanceCount;
  return { minInstanceCount, maxInstanceCount: Math.max(minInstanceCount, max ?? usual.maxInstanceCount) };
}

/** @param toZero - whether the endpoint may stop */
export const timetableProblems = (schedules: readonly ScalingSchedule[], toZero: boolean): Problem[] => [
  ...scheduleProblems(schedules, toZero ? 0 : 1),
  ...schedules.flatMap(({ max }, index) =>
    problemsOf([
      [
        toZero && max === 0,
        `schedules[${index}].max`,
        '0 is given; a service has at least 1 instance when it is asked',
      ],
    ]),
  ),
];

export interface TimetableOptions {
  readonly parent: pulumi.Resource;
  readonly project: pulumi.Input<string> | undefined;
  readonly location: string;
  /** Full name of the account that instances run as, `projects/PROJECT/serviceAccounts/E-MAIL`. */
  readonly runsAs: pulumi.Input<string>;
  /** Between the times of the timetable, and for what a schedule does not say. */
  readonly usual: InstanceBounds;
}

/** Makes the jobs of a timetable. */
export function timetable(
  name: string,
  service: Service,
  schedules: readonly ScalingSchedule[],
  { parent, project, location, runsAs, usual }: TimetableOptions,
): readonly Job[] {
  if (schedules.length === 0) return [];
  const place = project === undefined ? {} : { project };
  const inside = { parent };
  const account = new Account(
    `${name}-schedule`,
    { accountId: accountIdOf(`sched-${name}`), displayName: `Timetable of the endpoint ${name}`, ...place },
    inside,
  );
  const member = pulumi.interpolate`serviceAccount:${account.email}`;
  const role = new IAMCustomRole(
    `${name}-schedule`,
    {
      roleId: `slipway_${idOf(`${name}-${pulumi.getStack()}`, 48).replaceAll('-', '_')}`,
      title: `Bounds of the endpoint ${name}`.slice(0, 100),
      // Google's own role for this may delete the service, too.
      permissions: ['run.services.get', 'run.services.update'],
      ...place,
    },
    inside,
  );
  const granted = [
    new ServiceIamMember(
      `${name}-schedule`,
      { name: service.name, location, role: role.name, member, ...place },
      inside,
    ),
    // Who changes a service has to be allowed to act as what it runs as.
    new IAMMember(
      `${name}-schedule`,
      { serviceAccountId: runsAs, role: 'roles/iam.serviceAccountUser', member },
      inside,
    ),
  ];
  const url = pulumi.interpolate`https://run.googleapis.com/v2/projects/${service.project}/locations/${location}/services/${service.name}`;
  return schedules.map(
    (schedule, index) =>
      new Job(
        `${name}-schedule-${index + 1}`,
        {
          region: location,
          description: `Bounds of the endpoint ${name}`,
          schedule: cronOf(schedule),
          timeZone: schedule.timeZone ?? 'UTC',
          attemptDeadline: '180s',
          retryConfig: { retryCount: 3 },
          httpTarget: {
            httpMethod: 'PATCH',
            uri: pulumi.interpolate`${url}?updateMask=${scheduled.join(',')}`,
            headers: { 'Content-Type': 'application/json' },
            body: Buffer.from(JSON.stringify({ scaling: boundsOf(schedule, usual) })).toString('base64'),
            oauthToken: { serviceAccountEmail: account.email },
          },
          ...place,
        },
        // The first time may be now.
        { ...inside, dependsOn: granted },
      ),
  );
}
