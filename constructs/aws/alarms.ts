/** Alarms of one variant from its monitoring plan. What SageMaker publishes nothing of is left out, and said. */

import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { type Alert, type Comparison, objectiveNames } from '../../lib/monitoring/alerts.js';
import { MIN_BAD_REQUESTS } from '../../lib/monitoring/burn-rate.js';
import type { Objective } from '../../lib/monitoring/objectives.js';
import type { MonitoringPlan } from '../../lib/monitoring/plan.js';
import { type CloudWatchValue, cloudWatchValue, type VariantMachine } from '../../lib/monitoring/queries/cloudwatch.js';
import { acknowledge } from './acknowledged-findings.js';
import type { EndpointMetrics } from './endpoint-metrics.js';

/** The longest period of an alarm, seconds. */
const longestPeriod = 86_400;

const operators = {
  '>': cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
  '>=': cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
  '==': null,
} as const;

export interface VariantAlarms {
  /** One for each objective, quick enough to take a rollout back: the short window of the fastest burn rate. */
  readonly rollback: readonly cloudwatch.Alarm[];
  /** One for each alert of the plan that can be told from CloudWatch; the page ones first. */
  readonly alerts: readonly { readonly alert: Alert; readonly alarm: cloudwatch.IAlarm }[];
  /** Alerts that are left out, in words. */
  readonly notes: readonly string[];
}

const text = ({ summary, meaning, action }: Alert): string => `${summary}. ${meaning} ${action}`;

/** Alarms for the alerts and the objectives of a plan. */
export function variantAlarms(
  scope: Construct,
  plan: MonitoringPlan,
  metrics: EndpointMetrics,
  machine: VariantMachine,
): VariantAlarms {
  const notes: string[] = [];
  const alerts = plan.alerts.flatMap((alert) => {
    const parts = alert.when.map((comparison) => ({ comparison, value: cloudWatchValue(comparison.value, machine) }));
    const missing = parts.find(({ comparison, value }) => value === null || operators[comparison.is] === null);
    const long = parts.find(({ comparison }) => comparison.windowSeconds > longestPeriod);
    if (missing || long) {
      notes.push(
        missing
          ? `no alarm ${alert.name}: SageMaker publishes no metric for it`
          : `no alarm ${alert.name}: an alarm looks back one day at most`,
      );
      return [];
    }
    const watched = guarded(parts as readonly Part[]);
    const made = watched.map(({ comparison, value }, index) =>
      metricAlarm(scope, `${alert.name}${watched.length > 1 ? index + 1 : ''}`, alert, comparison, value, metrics),
    );
    const [only] = made;
    const alarm =
      made.length === 1
        ? only!
        : new cloudwatch.CompositeAlarm(scope, alert.name, {
            alarmRule: cloudwatch.AlarmRule.allOf(...made),
            alarmDescription: text(alert),
          });
    return [{ alert, alarm }];
  });
  return {
    rollback: plan.objectives.flatMap((objective) => rollbackAlarm(scope, objective, metrics, machine)),
    alerts,
    notes,
  };
}

interface Part {
  readonly comparison: Comparison;
  readonly value: CloudWatchValue;
}

/** A least number of requests is no alarm of its own: where there are fewer, the share over the same time is 0. */
function guarded(parts: readonly Part[]): readonly Part[] {
  const guard = parts.find(({ comparison }) => comparison.unit === 'requests' && comparison.is === '>=');
  if (!guard || parts.length === 1) return parts;
  const { comparison: least, value: count } = guard;
  return parts
    .filter((part) => part !== guard)
    .map(({ comparison, value }) => {
      if (comparison.windowSeconds !== least.windowSeconds) return { comparison, value };
      const expression = `IF((${count.expression}) >= ${least.than}, ${value.expression}, 0)`;
      return { comparison, value: { expression, metrics: { ...count.metrics, ...value.metrics } } };
    });
}

function metricAlarm(
  scope: Construct,
  id: string,
  alert: Alert,
  { windowSeconds, is, than }: Comparison,
  value: CloudWatchValue,
  metrics: EndpointMetrics,
): cloudwatch.Alarm {
  const periods = Math.max(1, Math.ceil(alert.when.length > 1 ? 1 : alert.forSeconds / windowSeconds));
  return new cloudwatch.Alarm(scope, id, {
    metric: metrics.math(value, { period: Duration.seconds(windowSeconds), label: alert.summary }),
    comparisonOperator: operators[is]!,
    threshold: than,
    evaluationPeriods: periods,
    treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    alarmDescription: text(alert),
  });
}

/** A share of bad requests over the shortest window, with the guard against a single error in the same expression. */
function rollbackAlarm(
  scope: Construct,
  { id, title, bad, total, burn }: Objective,
  metrics: EndpointMetrics,
  machine: VariantMachine,
): cloudwatch.Alarm[] {
  const [over, under] = [cloudWatchValue(bad, machine), cloudWatchValue(total, machine)];
  const [fastest] = burn;
  if (!over || !under || !fastest) return [];
  const value: CloudWatchValue = {
    expression: `IF((${over.expression}) >= ${MIN_BAD_REQUESTS}, (${over.expression}) / (${under.expression}), 0)`,
    metrics: { ...over.metrics, ...under.metrics },
  };
  return [
    new cloudwatch.Alarm(scope, `${objectiveNames[id]}Rollback`, {
      metric: metrics.math(value, { period: Duration.seconds(fastest.shortSeconds), label: `missed: ${title}` }),
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      threshold: fastest.badShare,
      evaluationPeriods: 1,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      alarmDescription: `A rollout is taken back: more than ${Number((100 * fastest.badShare).toPrecision(4))} % of requests missed the objective (${title}) within ${fastest.shortSeconds / 60} minutes.`,
    }),
  ];
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
