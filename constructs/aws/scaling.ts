/** How many machines a variant has: it follows the requests in flight, and a timetable where one is given. */

import { Duration, Stack, type TimeZone } from 'aws-cdk-lib';
import * as scaling from 'aws-cdk-lib/aws-applicationautoscaling';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';

/** A time at which the bounds change. */
export interface ScalingSchedule {
  /** When: `Schedule.cron({ hour: '7', weekDay: 'MON-FRI' })`. */
  readonly schedule: scaling.Schedule;
  /** @default TimeZone.ETC_UTC */
  readonly timeZone?: TimeZone;
  /** Machines from then on, least; whole, at least 1. */
  readonly min?: number;
  /** Machines from then on, most. */
  readonly max?: number;
}

export interface VariantScaling {
  /** Machines, least, from 1. */
  readonly min: number;
  /** Machines, most, from `min`. */
  readonly max: number;
  /** Requests in flight on one machine that scaling steers to, above 0. */
  readonly target: number;
  readonly schedules: readonly ScalingSchedule[];
}

/** Share of what a machine can work on at once that scaling steers to: the rest is for the minutes until another machine serves. */
export const targetShare = 0.7;

const cooldown = { in: Duration.minutes(5), out: Duration.minutes(1) };

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

/**
 * Scales a variant on its requests in flight, read every 10 seconds; one that always has `min` machines is left alone.
 *
 * @param resourceId - `endpoint/NAME/variant/NAME`
 */
export function scaleVariant(
  scope: Construct,
  resourceId: string,
  { min, max, target, schedules }: VariantScaling,
): scaling.ScalableTarget | null {
  if (max === min && schedules.length === 0) return null;
  const scalable = new scaling.ScalableTarget(scope, 'Scaling', {
    serviceNamespace: scaling.ServiceNamespace.SAGEMAKER,
    scalableDimension: 'sagemaker:variant:DesiredInstanceCount',
    resourceId,
    role: scalingRole(scope),
    minCapacity: min,
    maxCapacity: max,
  });
  scalable.scaleToTrackMetric('Concurrency', {
    predefinedMetric: scaling.PredefinedMetric.SAGEMAKER_VARIANT_CONCURRENT_REQUESTS_PER_MODEL_HIGH_RESOLUTION,
    targetValue: target,
    scaleInCooldown: cooldown.in,
    scaleOutCooldown: cooldown.out,
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
