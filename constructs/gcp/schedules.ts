/** A timetable of an endpoint's bounds: jobs of Cloud Scheduler that write them, by an account that may do nothing else. */

import { Job } from '@pulumi/gcp/cloudscheduler/job.js';
import { IAMCustomRole } from '@pulumi/gcp/projects/iamcustomRole.js';
import { Account } from '@pulumi/gcp/serviceaccount/account.js';
import { IAMMember } from '@pulumi/gcp/serviceaccount/iammember.js';
import * as pulumi from '@pulumi/pulumi';
import { type Problem, problemsOf } from '../../lib/errors.js';
import { daysOf, type ScalingSchedule, scheduleProblems, timeOf, weekdays } from '../pulumi/schedules.js';
import { accountIdOf } from './identity.js';
import { idOf } from './service.js';

/** Instances or replicas, least and most. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** What a timetable changes, and how. */
export interface ScheduledTarget {
  /** What the jobs' account needs; Google's own roles for these may delete, too. */
  readonly permissions: readonly string[];
  readonly method: 'PATCH' | 'POST';
  readonly uri: pulumi.Input<string>;
  /** The request's body for bounds. */
  readonly body: (bounds: Bounds) => pulumi.Input<object>;
  /** Lets `member` use the role on what is changed, and on nothing else. */
  readonly grant: (name: string, role: pulumi.Input<string>, member: pulumi.Input<string>) => pulumi.Resource;
  /** Full name of the account that instances run as, `projects/PROJECT/serviceAccounts/E-MAIL`. */
  readonly runsAs: pulumi.Input<string>;
}

/** When a schedule comes, as cron has it: Sunday is 0. */
export function cronOf(schedule: ScalingSchedule): string {
  const { hour, minute } = timeOf(schedule);
  const days = [...new Set(daysOf(schedule))].map((day) => (weekdays.indexOf(day) + 1) % 7).sort();
  return `${minute} ${hour} * * ${days.length === weekdays.length ? '*' : days.join(',')}`;
}

/** Bounds from a schedule on; what it does not say is as the endpoint's own. */
function boundsOf({ min: least, max }: ScalingSchedule, usual: Bounds): Bounds {
  const min = least ?? usual.min;
  return { min, max: Math.max(min, max ?? usual.max) };
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
  /** Between the times of the timetable, and for what a schedule does not say. */
  readonly usual: Bounds;
}

/** Makes the jobs of a timetable. */
export function timetable(
  name: string,
  { permissions, method, uri, body, grant, runsAs }: ScheduledTarget,
  schedules: readonly ScalingSchedule[],
  { parent, project, location, usual }: TimetableOptions,
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
      permissions: [...permissions],
      ...place,
    },
    inside,
  );
  const granted = [
    grant(`${name}-schedule`, role.name, member),
    // Who changes what runs has to be allowed to act as what it runs as.
    new IAMMember(
      `${name}-schedule`,
      { serviceAccountId: runsAs, role: 'roles/iam.serviceAccountUser', member },
      inside,
    ),
  ];
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
            httpMethod: method,
            uri,
            headers: { 'Content-Type': 'application/json' },
            body: pulumi
              .output(body(boundsOf(schedule, usual)))
              .apply((value) => Buffer.from(JSON.stringify(value)).toString('base64')),
            oauthToken: { serviceAccountEmail: account.email },
          },
          ...place,
        },
        // The first time may be now.
        { ...inside, dependsOn: granted },
      ),
  );
}
