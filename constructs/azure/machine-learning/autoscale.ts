/** How many instances a deployment of Azure Machine Learning has: they follow what they are busy with, and a timetable. */

import type { AutoscaleSettingArgs } from '@pulumi/azure-native/monitor/autoscaleSetting.js';
import type * as pulumi from '@pulumi/pulumi';
import { findWindows } from 'windows-iana';
import { type Problem, problemsOf } from '../../../lib/errors.js';
import type { EndpointPlan } from '../../../lib/plan.js';
import type { ScalingSpec } from '../../../lib/spec.js';
import { daysOf, type ScalingSchedule, timeOf } from '../../pulumi/schedules.js';

/** Instances, least and most. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** Of one deployment (Azure Machine Learning, Manage resource quotas). */
const mostInstances = 50;

/** Bounds as asked for, else from the plan's count to four times it. */
export function boundsOf({ hardware }: EndpointPlan, { min: least, max: most }: ScalingSpec = {}): Bounds {
  const { replicas } = hardware.candidate;
  const min = least ?? replicas;
  return { min, max: most ?? Math.min(mostInstances, 4 * Math.max(min, replicas)) };
}

export function boundProblems({ min = 1, max = 1, target }: ScalingSpec = {}): Problem[] {
  return problemsOf([
    ...([min, max] as const).map(
      (count) =>
        [
          count > mostInstances,
          'scaling',
          `${count} instances are asked for; a deployment has at most ${mostInstances}`,
        ] as const,
    ),
    [
      target !== undefined,
      'scaling.target',
      'Azure Machine Learning scales on how busy processors or accelerators are, not on requests. Leave it out',
    ],
  ]);
}

/** Share of an instance in use, percent, above which one is added and below which one is taken away. */
const busy = { above: 70, below: 25 } as const;

type Profile = Extract<AutoscaleSettingArgs['profiles'], readonly unknown[]>[number];

function rules(plan: EndpointPlan, deploymentId: pulumi.Input<string>) {
  const metricName =
    plan.hardware.chosen.accelerator === null ? 'CpuUtilizationPercentage' : 'GpuUtilizationPercentage';
  const rule = (
    operator: 'GreaterThan' | 'LessThan',
    threshold: number,
    direction: 'Increase' | 'Decrease',
    minutes: number,
  ) => ({
    metricTrigger: {
      metricName,
      metricResourceUri: deploymentId,
      operator,
      threshold,
      statistic: 'Average' as const,
      timeAggregation: 'Average' as const,
      timeGrain: 'PT1M',
      timeWindow: `PT${minutes}M`,
    },
    scaleAction: { direction, type: 'ChangeCount' as const, value: '1', cooldown: `PT${minutes}M` },
  });
  return [rule('GreaterThan', busy.above, 'Increase', 5), rule('LessThan', busy.below, 'Decrease', 15)];
}

/** Microsoft's name of a time zone; null where it has none. */
export const windowsZone = (name: string): string | null => (name === 'UTC' ? 'UTC' : (findWindows(name)[0] ?? null));

export const zoneProblems = (schedules: readonly ScalingSchedule[]): Problem[] =>
  schedules.flatMap(({ timeZone = 'UTC' }, index) =>
    windowsZone(timeZone) === null
      ? [
          {
            where: `schedules[${index}].timeZone`,
            what: `Azure does not know '${timeZone}'; give the name of a city, such as Europe/Amsterdam`,
          },
        ]
      : [],
  );

/** Profiles of a setting: one for always, one for each time of the timetable. Counts are texts there. */
export function profiles(
  plan: EndpointPlan,
  { min, max }: Bounds,
  schedules: readonly ScalingSchedule[],
  deploymentId: pulumi.Input<string>,
): Profile[] {
  const capacity = (least: number, most: number) => ({
    minimum: String(least),
    maximum: String(most),
    default: String(least),
  });
  const always = { name: 'always', capacity: capacity(min, max), rules: rules(plan, deploymentId) };
  return [
    always,
    ...schedules.map((schedule, index) => {
      const { hour, minute } = timeOf(schedule);
      const least = schedule.min ?? min;
      return {
        name: `schedule-${index + 1}`,
        capacity: capacity(least, Math.max(least, schedule.max ?? max)),
        rules: rules(plan, deploymentId),
        recurrence: {
          frequency: 'Week' as const,
          schedule: {
            days: [...daysOf(schedule)],
            hours: [hour],
            minutes: [minute],
            timeZone: windowsZone(schedule.timeZone ?? 'UTC')!,
          },
        },
      };
    }),
  ];
}
