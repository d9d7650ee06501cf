/** How a new version takes over the requests, and what takes it back. */

import type { Duration } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as sagemaker from 'aws-cdk-lib/aws-sagemaker';
import type { Problem } from '../../lib/errors.js';

/** How requests move to the new fleet, which is started beside the old one. */
export interface RolloutOptions {
  /**
   * `canary`: first a part of the fleet, the rest after a wait. `linear`: in equal steps with a wait after each. `all-at-once`: no wait.
   *
   * @default 'canary'
   */
  readonly strategy?: 'canary' | 'linear' | 'all-at-once';
  /**
   * Share of the fleet in the first part or in each step, percent: 1 to 50, of `linear` 10 to 50.
   *
   * @default 25
   */
  readonly percent?: number;
  /**
   * How long the alarms are watched after each part, 0 to 1 hour.
   *
   * @default Duration.minutes(10)
   */
  readonly wait?: Duration;
  /**
   * How long the old fleet stays after all requests have moved, 0 to 1 hour.
   *
   * @default Duration.minutes(5)
   */
  readonly keepOldFleet?: Duration;
  /**
   * Go back to the old fleet when one of the endpoint's alarms goes off.
   *
   * @default true
   */
  readonly rollback?: boolean;
  /**
   * Alarms of yours that take it back too, at most 10 with the endpoint's own.
   *
   * @default - none
   */
  readonly alarms?: readonly cloudwatch.IAlarm[];
}

const limits = {
  canary: [1, 50],
  linear: [10, 50],
  'all-at-once': [1, 100],
} as const;

const mostAlarms = 10;
const hour = 3600;

export function rolloutProblems({ strategy = 'canary', percent, wait, keepOldFleet }: RolloutOptions): Problem[] {
  const [least, most] = limits[strategy];
  const problems: Problem[] = [];
  if (percent !== undefined && !(percent >= least && percent <= most)) {
    problems.push({
      where: 'rollout.percent',
      what: `${percent} is not from ${least} to ${most}, as ${strategy} needs`,
    });
  }
  for (const [where, value] of Object.entries({ 'rollout.wait': wait, 'rollout.keepOldFleet': keepOldFleet })) {
    if (value && !value.isUnresolved() && value.toSeconds() > hour) {
      problems.push({ where, what: `${value.toSeconds()} s is more than the hour that SageMaker allows` });
    }
  }
  return problems;
}

const routingTypes = { canary: 'CANARY', linear: 'LINEAR', 'all-at-once': 'ALL_AT_ONCE' } as const;

/** SageMaker's words for a rollout. `own` are the alarms of the endpoint itself. */
export function deploymentConfig(
  { strategy = 'canary', percent = 25, wait, keepOldFleet, rollback = true, alarms = [] }: RolloutOptions,
  own: readonly cloudwatch.IAlarm[],
): sagemaker.CfnEndpoint.DeploymentConfigProperty {
  const size = { type: 'CAPACITY_PERCENT', value: percent };
  const watched = rollback ? [...alarms, ...own].slice(0, mostAlarms) : [];
  return {
    blueGreenUpdatePolicy: {
      trafficRoutingConfiguration: {
        type: routingTypes[strategy],
        ...(strategy === 'canary' && { canarySize: size }),
        ...(strategy === 'linear' && { linearStepSize: size }),
        ...(strategy !== 'all-at-once' && { waitIntervalInSeconds: wait?.toSeconds() ?? 600 }),
      },
      terminationWaitInSeconds: keepOldFleet?.toSeconds() ?? 300,
      maximumExecutionTimeoutInSeconds: 8 * hour,
    },
    ...(watched.length > 0 && {
      autoRollbackConfiguration: { alarms: watched.map(({ alarmName }) => ({ alarmName })) },
    }),
  };
}
