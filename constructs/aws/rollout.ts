/** How a new version takes over, and what takes it back. */

import { Token } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import type * as sagemaker from 'aws-cdk-lib/aws-sagemaker';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { Problem } from '../../lib/errors.js';
import type { RolloutSpec } from '../../lib/spec.js';

const limits = {
  canary: [1, 50],
  linear: [10, 50],
  'all-at-once': [1, 100],
} as const;

/** That SageMaker watches during a rollout. */
export const mostAlarms = 10;
const hour = 3600;

export function rolloutProblems({ strategy = 'canary', percent, waitSeconds, keepSeconds }: RolloutSpec): Problem[] {
  const problems: Problem[] = [];
  const [least, most] = limits[strategy] ?? [1, 100];
  if (percent !== undefined && !Token.isUnresolved(percent) && !(percent >= least && percent <= most)) {
    problems.push({
      where: 'rollout.percent',
      what: `${percent} is not from ${least} to ${most}, as ${strategy} needs`,
    });
  }
  for (const [where, value] of Object.entries({
    'rollout.waitSeconds': waitSeconds,
    'rollout.keepSeconds': keepSeconds,
  })) {
    if (value !== undefined && value > hour) {
      problems.push({ where, what: `${value} s is more than the hour that SageMaker allows` });
    }
  }
  return problems;
}

/** More alarms of the user's than there is room for. */
export function rollbackProblems(alarms: readonly cloudwatch.IAlarm[], own: number): Problem[] {
  const room = mostAlarms - own;
  if (alarms.length <= room) return [];
  return [
    {
      where: 'rollbackAlarms',
      what: `${alarms.length} are given; SageMaker watches ${mostAlarms} and the endpoint has ${own} of its own. Give at most ${room}, or join some in a composite alarm`,
    },
  ];
}

/** What takes a rollout back, of an endpoint or a component. */
export const autoRollback = (rollback: boolean | undefined, watched: readonly cloudwatch.IAlarm[]) =>
  rollback !== false && watched.length > 0
    ? { autoRollbackConfiguration: { alarms: watched.map(({ alarmName }) => ({ alarmName })) } }
    : {};

const routingTypes = { canary: 'CANARY', linear: 'LINEAR', 'all-at-once': 'ALL_AT_ONCE' } as const;

/** SageMaker's words for a rollout by blue/green. `watched` are the alarms that take it back. */
export function deploymentConfig(
  { strategy = 'canary', percent = 25, waitSeconds = 600, keepSeconds = 300, rollback }: RolloutSpec,
  watched: readonly cloudwatch.IAlarm[],
): sagemaker.CfnEndpoint.DeploymentConfigProperty {
  const size = { type: 'CAPACITY_PERCENT', value: percent };
  return {
    blueGreenUpdatePolicy: {
      trafficRoutingConfiguration: {
        type: routingTypes[strategy],
        ...(strategy === 'canary' && { canarySize: size }),
        ...(strategy === 'linear' && { linearStepSize: size }),
        ...(strategy !== 'all-at-once' && { waitIntervalInSeconds: waitSeconds }),
      },
      terminationWaitInSeconds: keepSeconds,
      maximumExecutionTimeoutInSeconds: 8 * hour,
    },
    ...autoRollback(rollback, watched),
  };
}

/** As the event says it; the spelling of SageMaker's API counts, too. */
const failures = ['ROLLING_BACK', 'UPDATE_ROLLBACK_FAILED', 'FAILED', 'RollingBack', 'UpdateRollbackFailed', 'Failed'];

/** Tells topics that a rollout is taken back, or that it failed: the endpoint then serves its old configuration, and looks healthy. */
export function tellFailedRollout(scope: Construct, endpointName: string, topics: readonly sns.ITopic[]): void {
  if (topics.length === 0) return;
  const field = (name: string) => events.EventField.fromPath(`$.detail.${name}`);
  const message = events.RuleTargetInput.fromText(
    `The rollout of endpoint ${field('EndpointName')} failed: ${field('EndpointStatus')}. It serves its old configuration. Look at its alarms and at the log of the containers; deploy the old description again until the cause is known.`,
  );
  new events.Rule(scope, 'FailedRollout', {
    description: `Endpoint ${endpointName}: a rollout was taken back or failed`,
    eventPattern: {
      source: ['aws.sagemaker'],
      detailType: ['SageMaker Endpoint State Change'],
      detail: { EndpointName: [endpointName], EndpointStatus: failures },
    },
    targets: topics.map((topic) => new targets.SnsTopic(topic, { message })),
  });
}
