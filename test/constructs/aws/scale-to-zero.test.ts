import { Match, Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import { describe, expect, test } from 'vitest';
import { Hardware, ModelEndpoint } from '../../../constructs/aws/index.js';
import { digits, only, output, readyImage, stacked, stackIn } from './stack.js';

describe('an endpoint that scales to zero', () => {
  const { template, endpoint } = stacked({
    scaling: { toZero: true, max: 3 },
    hardware: Hardware.auto({ accelerators: ['T4', 'A10G'] }),
  });
  const name = endpoint.endpointName;

  test('has machines that SageMaker stops, and a role on the configuration', () => {
    const { chosen } = endpoint.plan.hardware;
    template.hasResourceProperties('AWS::SageMaker::EndpointConfig', {
      ExecutionRoleArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('Role'), 'Arn'] },
      ProductionVariants: [
        {
          VariantName: 'main',
          InstanceType: chosen.name,
          InitialInstanceCount: 1,
          ModelName: Match.absent(),
          ManagedInstanceScaling: { Status: 'ENABLED', MinInstanceCount: 0, MaxInstanceCount: 3 },
          InferenceAmiVersion: 'al2023-ami-sagemaker-inference-gpu-4-1',
        },
      ],
    });
  });

  test('serves the model as a component, one copy a machine', () => {
    const component = only<Record<string, unknown>>(template, 'AWS::SageMaker::InferenceComponent');
    expect(component).toMatchObject({
      InferenceComponentName: name,
      VariantName: 'main',
      RuntimeConfig: { CopyCount: 1 },
      Specification: {
        ModelName: { 'Fn::GetAtt': [expect.any(String), 'ModelName'] },
        ComputeResourceRequirements: {
          NumberOfAcceleratorDevicesRequired: endpoint.plan.hardware.chosen.acceleratorCount,
          MinMemoryRequiredInMb: 1024,
        },
        StartupParameters: { ContainerStartupHealthCheckTimeoutInSeconds: 601 },
      },
    });
  });

  test('replaces copies in batches and goes back on its own alarms; the endpoint has no blue/green', () => {
    const { DeploymentConfig } = only<{
      DeploymentConfig: { RollingUpdatePolicy: object; AutoRollbackConfiguration: { Alarms: object[] } };
    }>(template, 'AWS::SageMaker::InferenceComponent');
    expect(DeploymentConfig.RollingUpdatePolicy).toMatchObject({
      MaximumBatchSize: { Type: 'CAPACITY_PERCENT', Value: 25 },
      WaitIntervalInSeconds: 600,
    });
    expect(DeploymentConfig.AutoRollbackConfiguration.Alarms).toHaveLength(2);
    template.hasResourceProperties('AWS::SageMaker::Endpoint', { DeploymentConfig: Match.absent() });
  });

  test('keeps a minimum of 0 copies', () => {
    template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
      MinCapacity: 0,
      MaxCapacity: 3,
      ScalableDimension: 'sagemaker:inference-component:DesiredCopyCount',
      ResourceId: `inference-component/${name}`,
    });
    template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalingPolicy', {
      TargetTrackingScalingPolicyConfiguration: {
        PredefinedMetricSpecification: {
          PredefinedMetricType: 'SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution',
        },
      },
    });
  });

  test('wakes up on requests that found no machine', () => {
    const [alarm] = Object.values(template.findResources('AWS::CloudWatch::Alarm')).filter(
      ({ Properties }) => Properties.MetricName === 'NoCapacityInvocationFailures',
    );
    expect(alarm!.Properties).toMatchObject({
      Dimensions: [{ Name: 'InferenceComponentName', Value: name }],
      Statistic: 'Maximum',
      Period: 30,
      Threshold: 1,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      AlarmActions: [{ Ref: expect.stringContaining('WakeUp') }],
    });
    template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalingPolicy', {
      PolicyType: 'StepScaling',
      StepScalingPolicyConfiguration: {
        AdjustmentType: 'ChangeInCapacity',
        StepAdjustments: [{ MetricIntervalLowerBound: 0, ScalingAdjustment: 1 }],
      },
    });
  });

  test('reads requests by component, machines by variant', () => {
    const metrics = Object.values(template.findResources('AWS::CloudWatch::Alarm'))
      .flatMap(({ Properties }) => (Properties.Metrics ?? []) as { MetricStat?: { Metric: Record<string, unknown> } }[])
      .flatMap(({ MetricStat }) => (MetricStat ? [MetricStat.Metric] : []));
    const dimensions = (name: string) =>
      metrics.filter(({ MetricName }) => MetricName === name).map(({ Dimensions }) => Dimensions as { Name: string }[]);
    for (const each of dimensions('Invocations'))
      expect(each.map(({ Name }) => Name)).toEqual(['InferenceComponentName']);
    for (const each of dimensions('MemoryUtilization')) {
      expect(each.map(({ Name }) => Name)).toEqual(['EndpointName', 'VariantName']);
    }
    expect(dimensions('Invocations').length).toBeGreaterThan(0);
  });

  test('prints what an hour costs, and a request to the component', () => {
    const { monthlyUsd } = endpoint.plan.hardware.candidate;
    expect(output(template, 'HourlyUsd')).toBe((monthlyUsd! / 730).toFixed(2));
    expect(JSON.stringify(output(template, 'Request'))).toContain(`--inference-component-name ${name}`);
  });

  test('has no alarm for idle machines, which stop', () => {
    expect(endpoint.idleAlarm).toBeNull();
  });
});

test('whoever may ask the endpoint may ask the component', () => {
  const stack = stackIn();
  const endpoint = new ModelEndpoint(stack, 'Digits', {
    model: digits,
    scaling: { toZero: true },
    image: readyImage(stack),
    endpointName: 'Digits-1',
  });
  endpoint.grantInvoke(new iam.Role(stack, 'Caller', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') }));
  const [policy] = Object.entries(Template.fromStack(stack).findResources('AWS::IAM::Policy')).filter(([id]) =>
    id.startsWith('Caller'),
  );
  const [statement] = policy![1].Properties.PolicyDocument.Statement;
  expect(JSON.stringify(statement.Resource)).toMatch(/:endpoint\/digits-1".*:inference-component\/digits-1"/);
});

test('on processors, a copy takes three quarters of them, and memory for the model', () => {
  const { template, endpoint } = stacked({ scaling: { toZero: true }, hardware: Hardware.of('ml.c6i.xlarge') });
  expect(endpoint.plan.hardware.chosen.processors).toBe(4);
  template.hasResourceProperties('AWS::SageMaker::InferenceComponent', {
    Specification: { ComputeResourceRequirements: { NumberOfCpuCoresRequired: 3, MinMemoryRequiredInMb: 1024 } },
  });
});

test.each([
  [{ shadow: { model: digits } }, /shadow: an endpoint that scales to zero serves one model/],
  [{ variants: [{ name: 'b', model: digits }] }, /variants: an endpoint that scales to zero serves one model/],
  [{ rollout: { strategy: 'linear' as const } }, /rollout\.strategy: copies are replaced in batches of 25 %/],
  [{ scaling: { toZero: true, min: 1 } }, /scaling\.min: toZero stops the last machine, but min keeps 1/],
  [
    { capacityReservation: { mlReservationArn: 'arn:aws:sagemaker:eu-west-1:1:x' } },
    /capacityReservation: reserved machines are paid for/,
  ],
])('together with %j it is refused', (props, message) => {
  expect(() => stacked({ scaling: { toZero: true }, ...props })).toThrow(message);
});
