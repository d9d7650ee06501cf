/** What CloudWatch has of an asynchronous endpoint: its queue and what became of the requests. SageMaker counts no invocations here. */

import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type { Machine } from '../../lib/hardware/machine.js';
import { graph, machinesAndCost } from './dashboard.js';
import type { EndpointMetrics } from './endpoint-metrics.js';
import { mainVariant } from './variant.js';

export interface QueueMetrics {
  /** Requests waiting or running. */
  readonly backlog: cloudwatch.Metric;
  /** Those for each machine. */
  readonly backlogPerMachine: cloudwatch.Metric;
  /** 1 when requests wait and no machine runs. */
  readonly asleep: cloudwatch.Metric;
  readonly processed: cloudwatch.Metric;
  readonly failed: cloudwatch.Metric;
  readonly expired: cloudwatch.Metric;
  /** Milliseconds. */
  readonly waited: cloudwatch.Metric;
}

export function queueMetrics(endpointName: string): QueueMetrics {
  const of = (metricName: string, statistic: string, variant: boolean) =>
    new cloudwatch.Metric({
      namespace: 'AWS/SageMaker',
      metricName,
      statistic,
      period: Duration.minutes(1),
      dimensionsMap: { EndpointName: endpointName, ...(variant && { VariantName: mainVariant }) },
    });
  return {
    backlog: of('ApproximateBacklogSize', 'Maximum', false),
    backlogPerMachine: of('ApproximateBacklogSizePerInstance', 'Average', false),
    asleep: of('HasBacklogWithoutCapacity', 'Average', false),
    processed: of('InvocationsProcessed', 'Sum', true),
    failed: of('InvocationFailures', 'Sum', true),
    expired: of('ExpiredRequests', 'Sum', true),
    waited: of('TimeInBacklog', 'Average', true),
  };
}

export interface QueueAlarms {
  /** Requests failed; takes a rollout back. */
  readonly failures: cloudwatch.Alarm;
  /** Requests wait although machines run. */
  readonly backlog: cloudwatch.Alarm;
  /** Requests went away unanswered. */
  readonly expired: cloudwatch.Alarm;
}

/** @param target - requests for each machine that scaling steers to */
export function queueAlarms(scope: Construct, metrics: QueueMetrics, target: number): QueueAlarms {
  const above = (id: string, metric: cloudwatch.Metric, threshold: number, minutes: number, what: string) =>
    new cloudwatch.Alarm(scope, id, {
      metric,
      threshold,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: minutes,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      alarmDescription: what,
    });
  const over = Duration.minutes(5);
  return {
    failures: above(
      'Failures',
      metrics.failed.with({ period: over }),
      0,
      1,
      'Requests failed within 5 minutes. Their reasons lie in the bucket under failed/, and in the log of the container.',
    ),
    backlog: above(
      'Backlog',
      metrics.backlogPerMachine,
      10 * target,
      15,
      `More than ${10 * target} requests have waited for each machine for 15 minutes. Raise scaling.max, or send less.`,
    ),
    expired: above(
      'Expired',
      metrics.expired.with({ period: over }),
      0,
      1,
      'Requests waited longer than their time to live and went away unanswered. Raise scaling.max, or give them more time.',
    ),
  };
}

/** Queue, outcomes, time, machines with their cost and how busy they are. */
export function queueWidgets(
  queue: QueueMetrics,
  metrics: EndpointMetrics,
  { price, processors }: Machine,
): cloudwatch.IWidget[] {
  return [
    graph('Queue (requests)', [
      queue.backlog.with({ label: 'waiting or running' }),
      queue.backlogPerMachine.with({ label: 'for each machine' }),
    ]),
    graph('Requests a minute', [
      queue.processed.with({ label: 'answered' }),
      queue.failed.with({ label: 'failed' }),
      queue.expired.with({ label: 'waited too long' }),
    ]),
    graph('Time in the queue (ms)', [queue.waited.with({ label: 'mean' })]),
    graph('Time in the container (ms)', [metrics.latency({ statistic: 'Average' })]),
    machinesAndCost(metrics, price?.usdPerHour ?? null),
    graph('Processors (%)', [metrics.processors(processors)]),
  ];
}
