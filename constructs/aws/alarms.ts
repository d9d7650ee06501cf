/** Alarms of one variant from its monitoring plan. What SageMaker publishes nothing of is left out, and said. */

import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { Alert } from '../../lib/monitoring/alerts.js';
import { type CloudWatchAlarm, cloudWatchAlarms } from '../../lib/monitoring/cloudwatch.js';
import type { MonitoringPlan } from '../../lib/monitoring/plan.js';
import type { VariantMachine } from '../../lib/monitoring/queries/cloudwatch.js';
import { type CollectedVariant, detailedAlarms } from '../../lib/monitoring/sagemaker-detailed.js';
import { acknowledge } from './acknowledged-findings.js';
import type { EndpointMetrics } from './endpoint-metrics.js';

const operators = {
  '>': cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
  '>=': cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
} as const;

export interface VariantAlarms {
  /** One for each objective, quick enough to take a rollout back: the short window of the fastest burn rate. */
  readonly rollback: readonly cloudwatch.Alarm[];
  /** One for each alert of the plan that can be told from CloudWatch; the page ones first. */
  readonly alerts: readonly { readonly alert: Alert; readonly alarm: cloudwatch.IAlarm }[];
  /** Alerts that are left out, in words. */
  readonly notes: readonly string[];
}

/** Alarms for the alerts and the objectives of a plan. */
export function variantAlarms(
  scope: Construct,
  plan: MonitoringPlan,
  metrics: EndpointMetrics,
  machine: VariantMachine,
): VariantAlarms {
  const { rollback, alerts, notes } = cloudWatchAlarms(plan, machine);
  const made = (each: CloudWatchAlarm) => metricAlarm(scope, each, metrics);
  return {
    alerts: alerts.map(({ alert, description, alarms }) => {
      const parts = alarms.map(made);
      const [only] = parts;
      const alarm =
        parts.length === 1
          ? only!
          : new cloudwatch.CompositeAlarm(scope, alert.name, {
              alarmRule: cloudwatch.AlarmRule.allOf(...parts),
              alarmDescription: description,
            });
      return { alert, alarm };
    }),
    rollback: rollback.map(made),
    notes,
  };
}

const metricAlarm = (
  scope: Construct,
  { id, value, label, is, than, periodSeconds, periods, description }: CloudWatchAlarm,
  metrics: EndpointMetrics,
): cloudwatch.Alarm =>
  new cloudwatch.Alarm(scope, id, {
    metric: metrics.math(value, { period: Duration.seconds(periodSeconds), label }),
    comparisonOperator: operators[is],
    threshold: than,
    evaluationPeriods: periods,
    treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    alarmDescription: description,
  });

/** The same with alarms in PromQL for what SageMaker's own metrics do not tell. */
export function withDetailedAlarms(
  scope: Construct,
  plan: MonitoringPlan,
  variant: CollectedVariant,
  { rollback, alerts, notes }: VariantAlarms,
): VariantAlarms {
  const told = alerts.map(({ alert }) => alert.name);
  const detailed = detailedAlarms(plan, variant, told).map(({ alert, query, pendingSeconds }) => ({
    alert,
    alarm: new cloudwatch.PromQLAlarm(scope, alert.name, {
      query,
      evaluationInterval: Duration.minutes(1),
      pendingPeriod: Duration.seconds(pendingSeconds),
      recoveryPeriod: Duration.minutes(5),
      alarmDescription: `${alert.summary}. ${alert.meaning} ${alert.action}`,
    }),
  }));
  const names = detailed.map(({ alert }) => `no alarm ${alert.name}:`);
  return {
    rollback,
    alerts: [...alerts, ...detailed],
    notes: notes.filter((note) => !names.some((name) => note.startsWith(name))),
  };
}

/** Tells topics when an alarm goes off and when it ends. */
export function notifyAll(alarms: readonly (cloudwatch.IAlarm | null)[], topics: readonly sns.ITopic[]): void {
  for (const alarm of alarms) {
    if (!(alarm instanceof cloudwatch.AlarmBase)) continue;
    for (const topic of topics) {
      alarm.addAlarmAction(new actions.SnsAction(topic));
      alarm.addOkAction(new actions.SnsAction(topic));
    }
  }
}

/** Alarms that tell nobody: parts of a composite one, those that SageMaker watches, and all of them where no topic is given. */
export function acknowledgeQuietAlarms(scope: Construct, quiet: boolean): void {
  acknowledge(scope, [
    [
      'NIST.800.53.R5-CloudWatchAlarmAction',
      quiet
        ? 'No topic is given (notify); the alarms are on the dashboard, and SageMaker takes rollouts back by them'
        : 'Parts of a composite alarm, which tells, and alarms that SageMaker watches during a rollout',
    ],
  ]);
}
