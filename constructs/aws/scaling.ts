/** How many machines or copies there are: they follow the requests in flight, and a timetable where one is given. */

import { Duration, Stack, type TimeZone } from 'aws-cdk-lib';
import * as scaling from 'aws-cdk-lib/aws-applicationautoscaling';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { atOnce } from '../../lib/hardware/concurrency.js';
import type { EndpointPlan } from '../../lib/plan.js';
import type { ScheduledBounds } from '../../lib/scheduled-bounds.js';
import type { ScalingSpec } from '../../lib/spec.js';

/** A time at which the bounds change. */
export interface ScalingSchedule extends ScheduledBounds {
  /** When: `Schedule.cron({ hour: '7', weekDay: 'MON-FRI' })`. */
  readonly schedule: scaling.Schedule;
  /** @default TimeZone.ETC_UTC */
  readonly timeZone?: TimeZone;
}

/** Bounds, and the requests in flight on one machine that scaling steers to. */
export interface ScalingBounds {
  readonly min: number;
  readonly max: number;
  readonly target: number;
}

/** Share of what a machine can work on at once that scaling steers to: the rest is for the minutes until another machine serves. */
const targetShare = 0.7;

/** Bounds as asked for, else from the plan: its count to four times it, at 70 % of what a machine works on at once. */
export function boundsOf({ hardware }: EndpointPlan, asked: ScalingSpec = {}): ScalingBounds {
  const { candidate } = hardware;
  const min = asked.min ?? candidate.replicas;
  return {
    min,
    max: asked.max ?? 4 * Math.max(min, candidate.replicas),
    target: asked.target ?? Math.max(1, Math.floor(10 * targetShare * atOnce(hardware)) / 10),
  };
}

const cooldown = { scaleInCooldown: Duration.minutes(5), scaleOutCooldown: Duration.minutes(1) };

/** The role that Application Auto Scaling makes for itself in every account; one of our own would do the same. */
function scalingRole(scope: Construct): iam.IRole {
  const service = 'sagemaker.application-autoscaling.amazonaws.com';
  const arn = Stack.of(scope).formatArn({
    service: 'iam',
    region: '',
    resource: 'role',
    resourceName: `aws-service-role/${service}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint`,
  });
  return iam.Role.fromRoleArn(scope, 'ScalingRole', arn, { mutable: false });
}

/** What scales: the machines of a variant (`endpoint/NAME/variant/NAME`), or the copies of a component (`inference-component/NAME`). */
export interface Scaled {
  readonly resourceId: string;
  readonly what: 'machines' | 'copies';
}

const dimensions = {
  machines: 'sagemaker:variant:DesiredInstanceCount',
  copies: 'sagemaker:inference-component:DesiredCopyCount',
} as const;

/** Registers what scales with its bounds and timetable. */
export function scalableTarget(
  scope: Construct,
  { resourceId, what }: Scaled,
  { min, max }: Pick<ScalingBounds, 'min' | 'max'>,
  schedules: readonly ScalingSchedule[],
): scaling.ScalableTarget {
  const scalable = new scaling.ScalableTarget(scope, 'Scaling', {
    serviceNamespace: scaling.ServiceNamespace.SAGEMAKER,
    scalableDimension: dimensions[what],
    resourceId,
    role: scalingRole(scope),
    minCapacity: min,
    maxCapacity: max,
  });
  for (const [index, { schedule, timeZone, min: least, max: most }] of schedules.entries()) {
    scalable.scaleOnSchedule(`Schedule${index + 1}`, {
      schedule,
      ...(timeZone && { timeZone }),
      ...(least !== undefined && { minCapacity: least }),
      ...(most !== undefined && { maxCapacity: most }),
    });
  }
  return scalable;
}

/** Follows the requests in flight, read every 10 seconds. */
export function followConcurrency(scalable: scaling.ScalableTarget, what: Scaled['what'], target: number): void {
  scalable.scaleToTrackMetric('Concurrency', {
    predefinedMetric:
      what === 'machines'
        ? scaling.PredefinedMetric.SAGEMAKER_VARIANT_CONCURRENT_REQUESTS_PER_MODEL_HIGH_RESOLUTION
        : scaling.PredefinedMetric.SAGEMAKER_INFERENCE_COMPONENT_CONCURRENT_REQUESTS_PER_COPY_HIGH_RESOLUTION,
    targetValue: target,
    ...cooldown,
  });
}

/** Follows the requests that wait for each machine of an asynchronous endpoint. */
export function followBacklog(scalable: scaling.ScalableTarget, endpointName: string, target: number): void {
  scalable.scaleToTrackMetric('Backlog', {
    customMetric: new cloudwatch.Metric({
      namespace: 'AWS/SageMaker',
      metricName: 'ApproximateBacklogSizePerInstance',
      dimensionsMap: { EndpointName: endpointName },
      statistic: 'Average',
      period: Duration.minutes(1),
    }),
    targetValue: target,
    ...cooldown,
  });
}

/**
 * One machine more when requests come and there is none: tracking a metric per machine has nothing to track then.
 *
 * @param asked - at least 1 when requests came that no machine takes
 */
export function wakeUp(scope: Construct, scalable: scaling.ScalableTarget, asked: cloudwatch.Metric): cloudwatch.Alarm {
  const one = new scaling.StepScalingAction(scope, 'WakeUp', {
    scalingTarget: scalable,
    adjustmentType: scaling.AdjustmentType.CHANGE_IN_CAPACITY,
    metricAggregationType: scaling.MetricAggregationType.MAXIMUM,
    cooldown: Duration.minutes(5),
  });
  one.addAdjustment({ lowerBound: 0, adjustment: 1 });
  const alarm = new cloudwatch.Alarm(scope, 'Asleep', {
    metric: asked,
    threshold: 1,
    comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    evaluationPeriods: 1,
    treatMissingData: cloudwatch.TreatMissingData.MISSING,
    alarmDescription: 'Requests came while no machine ran. The alarm starts one; until it serves they fail or wait.',
  });
  alarm.addAlarmAction(new actions.ApplicationScalingAction(one));
  return alarm;
}
