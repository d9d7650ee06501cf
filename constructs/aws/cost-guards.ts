/** What an endpoint may cost without anyone noticing: an alarm when nobody asks, a budget when it costs more than planned. */

import { Duration, Names, Stack, Tags } from 'aws-cdk-lib';
import * as budgets from 'aws-cdk-lib/aws-budgets';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { Problem } from '../../lib/errors.js';
import type { BudgetSpec, EndpointSpec } from '../../lib/spec.js';
import type { EndpointMetrics } from './endpoint-metrics.js';

const usd = (amount: number): string => `$${amount.toFixed(2)}`;

/**
 * An alarm when machines have run for so many hours on end and nobody has asked.
 *
 * Hours without machines have no data, so that a new endpoint does not begin with an alarm.
 *
 * @param monthlyUsd - what the machines cost in 730 hours; null where no price is known
 */
export function idleAlarm(
  scope: Construct,
  metrics: EndpointMetrics,
  hours: number,
  monthlyUsd: number | null,
): cloudwatch.Alarm {
  const period = Duration.hours(1);
  const cost = monthlyUsd === null ? '' : ` It costs ${usd(monthlyUsd / 730)} an hour, ${usd(monthlyUsd)} a month.`;
  return new cloudwatch.Alarm(scope, 'Idle', {
    metric: new cloudwatch.MathExpression({
      expression: 'IF(machines > 0, FILL(requests, 0))',
      usingMetrics: { machines: metrics.instances({ period }), requests: metrics.invocations({ period }) },
      label: 'requests while machines run',
      period,
    }),
    threshold: 1,
    comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
    evaluationPeriods: hours,
    treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    alarmDescription: `Nobody has asked the endpoint for ${hours} h.${cost} Remove the stack, or let it scale to zero.`,
  });
}

/** The tag that the costs of one endpoint are told apart by. */
export const costTag = 'slipway:endpoint';

export function budgetProblems({ monitoring }: EndpointSpec, notify: readonly sns.ITopic[]): Problem[] {
  const budget = monitoring?.budget;
  if (!budget || budget.emails || notify.length > 0) return [];
  return [{ where: 'monitoring.budget', what: 'nobody would be told. Give emails, or topics in notify' }];
}

/**
 * A budget over everything that carries the endpoint's tag. Costs appear under a tag once it is activated as a cost allocation tag.
 *
 * @param plannedUsd - of the plan, 730 hours
 */
export function budget(
  scope: Construct,
  { monthlyUsd, emails = [] }: BudgetSpec,
  plannedUsd: number | null,
  notify: readonly sns.ITopic[],
): budgets.CfnBudget {
  const value = Names.uniqueResourceName(scope, { maxLength: 63, separator: '-' });
  Tags.of(scope).add(costTag, value);
  for (const topic of notify) {
    topic.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: 'Budget',
        principals: [new iam.ServicePrincipal('budgets.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
      }),
    );
  }
  const subscribers = [
    ...emails.map((address) => ({ subscriptionType: 'EMAIL', address })),
    ...notify.slice(0, 1).map(({ topicArn }) => ({ subscriptionType: 'SNS', address: topicArn })),
  ];
  const planned = plannedUsd === null ? undefined : Math.ceil(plannedUsd * 1.1);
  return new budgets.CfnBudget(scope, 'Budget', {
    budget: {
      budgetType: 'COST',
      timeUnit: 'MONTHLY',
      budgetLimit: { amount: monthlyUsd ?? planned ?? 100, unit: 'USD' },
      costFilters: { TagKeyValue: [`user:${costTag}$${value}`] },
    },
    notificationsWithSubscribers: ['ACTUAL', 'FORECASTED'].map((notificationType) => ({
      notification: {
        notificationType,
        comparisonOperator: 'GREATER_THAN',
        threshold: 100,
        thresholdType: 'PERCENTAGE',
      },
      subscribers,
    })),
  });
}
