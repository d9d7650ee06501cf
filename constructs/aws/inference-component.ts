/** Scaling to zero: the model as an inference component on machines that SageMaker itself starts and stops. */

import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as sagemaker from 'aws-cdk-lib/aws-sagemaker';
import type { Construct } from 'constructs';
import type { EndpointPlan } from '../../lib/plan.js';
import type { RolloutSpec } from '../../lib/spec.js';
import { startTimes } from './container-model.js';
import { autoRollback } from './rollout.js';
import { machineImageOf, mainVariant } from './variant.js';

/** Machines without a model of their own: the components bring it. SageMaker takes one type here. */
export function componentVariant(
  { hardware, ...plan }: EndpointPlan,
  max: number,
): sagemaker.CfnEndpointConfig.ProductionVariantProperty {
  return {
    variantName: mainVariant,
    instanceType: hardware.chosen.name,
    // A deployment starts one machine, whatever the bounds are: a component is not made without a copy.
    initialInstanceCount: 1,
    managedInstanceScaling: { status: 'ENABLED', minInstanceCount: 0, maxInstanceCount: max },
    routingConfig: { routingStrategy: 'LEAST_OUTSTANDING_REQUESTS' },
    ...startTimes({ hardware, ...plan }),
    ...machineImageOf({ hardware, ...plan }),
  };
}

/**
 * What one copy asks of a machine, so that exactly one fits: all accelerators, or three quarters of the processors. The rest is
 * SageMaker's own. Memory: what the plan reckons with, at least 1 GiB.
 */
export function copyRequirements({
  hardware,
}: EndpointPlan): sagemaker.CfnInferenceComponent.InferenceComponentComputeResourceRequirementsProperty {
  const { chosen, candidate } = hardware;
  const memory = Math.min(
    Math.max(1024, Math.ceil(candidate.memoryGiB * 1.5 * 1024)),
    Math.floor((chosen.memoryBytes / 2 ** 20) * 0.75),
  );
  return {
    ...(chosen.accelerator === null
      ? { numberOfCpuCoresRequired: Math.max(0.25, 0.75 * chosen.processors) }
      : { numberOfAcceleratorDevicesRequired: chosen.acceleratorCount }),
    minMemoryRequiredInMb: chosen.accelerator === null ? memory : 1024,
  };
}

export interface ComponentProps {
  readonly name: string;
  readonly endpointName: string;
  readonly plan: EndpointPlan;
  readonly model: sagemaker.CfnModel;
  readonly rollout: RolloutSpec;
  readonly rollbackAlarms: readonly cloudwatch.IAlarm[];
}

/** Blue/green is not for components: copies are replaced in batches, and put back when an alarm goes off. */
export function inferenceComponent(scope: Construct, props: ComponentProps): sagemaker.CfnInferenceComponent {
  const { name, endpointName, plan, model, rollout, rollbackAlarms } = props;
  const batch = { type: 'CAPACITY_PERCENT', value: Math.min(50, rollout.percent ?? 25) };
  const { modelDataDownloadTimeoutInSeconds, ...health } = startTimes(plan);
  return new sagemaker.CfnInferenceComponent(scope, 'Component', {
    inferenceComponentName: name,
    endpointName,
    variantName: mainVariant,
    specification: {
      modelName: model.attrModelName,
      computeResourceRequirements: copyRequirements(plan),
      startupParameters: {
        ...health,
        ...(modelDataDownloadTimeoutInSeconds !== undefined && { modelDataDownloadTimeoutInSeconds }),
      },
    },
    runtimeConfig: { copyCount: 1 },
    deploymentConfig: {
      rollingUpdatePolicy: {
        maximumBatchSize: batch,
        rollbackMaximumBatchSize: { type: 'CAPACITY_PERCENT', value: 100 },
        waitIntervalInSeconds: Math.min(3600, rollout.waitSeconds ?? 600),
        maximumExecutionTimeoutInSeconds: 8 * 3600,
      },
      ...autoRollback(rollout.rollback, rollbackAlarms),
    },
  });
}

/** Requests that came while no machine ran. */
export const refusedForCapacity = (componentName: string): cloudwatch.Metric =>
  new cloudwatch.Metric({
    namespace: 'AWS/SageMaker',
    metricName: 'NoCapacityInvocationFailures',
    dimensionsMap: { InferenceComponentName: componentName },
    statistic: 'Maximum',
    period: Duration.seconds(30),
  });
