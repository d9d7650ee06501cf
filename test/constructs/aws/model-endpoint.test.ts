import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as scaling from 'aws-cdk-lib/aws-applicationautoscaling';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import { describe, expect, test } from 'vitest';
import { ContainerImage, Hardware, Model, ModelEndpoint } from '../../../constructs/aws/index.js';
import { digits, example, newApp, only, stacked, stackIn } from './stack.js';

describe('three lines', () => {
  const stack = stackIn();
  const endpoint = new ModelEndpoint(stack, 'Digits', {
    model: digits,
    objective: { p99Ms: 50, requestsPerSecond: 200 },
  });
  const template = Template.fromStack(stack);

  test('make model, configuration, endpoint, role, key, scaling, alarms and dashboard', () => {
    const counts = Object.values(template.toJSON().Resources as Record<string, { Type: string }>)
      .map(({ Type }) => Type.replace('AWS::', ''))
      .filter((type) => !/CDK/.test(type));
    expect([...new Set(counts)].sort()).toEqual([
      'ApplicationAutoScaling::ScalableTarget',
      'ApplicationAutoScaling::ScalingPolicy',
      'CloudWatch::Alarm',
      'CloudWatch::CompositeAlarm',
      'CloudWatch::Dashboard',
      'IAM::Policy',
      'IAM::Role',
      'KMS::Key',
      'SageMaker::Endpoint',
      'SageMaker::EndpointConfig',
      'SageMaker::Model',
    ]);
  });

  test('take machine and count from the plan', () => {
    const { chosen, candidate } = endpoint.plan.hardware;
    const { ProductionVariants } = only<{ ProductionVariants: unknown[] }>(template, 'AWS::SageMaker::EndpointConfig');
    expect(ProductionVariants).toEqual([
      {
        VariantName: 'main',
        ModelName: { 'Fn::GetAtt': [expect.any(String), 'ModelName'] },
        InstanceType: chosen.name,
        InitialInstanceCount: candidate.replicas,
        InitialVariantWeight: 1,
        ContainerStartupHealthCheckTimeoutInSeconds: 601,
        RoutingConfig: { RoutingStrategy: 'LEAST_OUTSTANDING_REQUESTS' },
      },
    ]);
    expect(template.findOutputs('*', { Value: candidate.monthlyUsd!.toFixed(2) })).not.toEqual({});
  });

  test('build the image in the deployment', () => {
    const { Image } = only<{ PrimaryContainer: { Image: object } }>(template, 'AWS::SageMaker::Model').PrimaryContainer;
    expect(JSON.stringify(Image)).toMatch(/container-assets.*:[0-9a-f]{64}/);
  });

  test('keep the counts that scaling has set, and go back on their own alarms', () => {
    const made = only<{
      RetainAllVariantProperties: boolean;
      ExcludeRetainedVariantProperties: object[];
      DeploymentConfig: {
        BlueGreenUpdatePolicy: object;
        AutoRollbackConfiguration: { Alarms: { AlarmName: { Ref: string } }[] };
      };
    }>(template, 'AWS::SageMaker::Endpoint');
    expect(made.RetainAllVariantProperties).toBe(true);
    // Kept weights would make a change from 90/10 to 50/50 do nothing.
    expect(made.ExcludeRetainedVariantProperties).toEqual([{ VariantPropertyType: 'DesiredWeight' }]);
    expect(made.DeploymentConfig.BlueGreenUpdatePolicy).toEqual({
      TrafficRoutingConfiguration: {
        Type: 'CANARY',
        CanarySize: { Type: 'CAPACITY_PERCENT', Value: 25 },
        WaitIntervalInSeconds: 600,
      },
      TerminationWaitInSeconds: 300,
      MaximumExecutionTimeoutInSeconds: 28_800,
    });
    const alarms = template.findResources('AWS::CloudWatch::Alarm');
    const rollback = made.DeploymentConfig.AutoRollbackConfiguration.Alarms.map(({ AlarmName }) => AlarmName.Ref);
    expect(rollback).toHaveLength(2);
    for (const name of rollback) expect(alarms[name]!.Properties.EvaluationPeriods).toBe(1);
  });

  test('give the role nothing on all resources but what has none', () => {
    const { PolicyDocument } = only<{
      PolicyDocument: { Statement: { Sid?: string; Action: string | string[]; Resource: unknown }[] };
    }>(template, 'AWS::IAM::Policy');
    const wide = PolicyDocument.Statement.filter(({ Resource }) => Resource === '*').map(({ Action }) => Action);
    expect(wide).toEqual(['cloudwatch:PutMetricData', 'ecr:GetAuthorizationToken']);
    template.hasResourceProperties('AWS::IAM::Role', { ManagedPolicyArns: Match.absent() });
  });

  test('give the same template from a copy of the model in another place', () => {
    const folder = mkdtempSync(join(tmpdir(), 'slipway-elsewhere-'));
    try {
      for (const name of ['digits.onnx', 'samples.npz']) copyFileSync(example(name), join(folder, name));
      const again = stackIn();
      const model = Model.fromOnnx(join(folder, 'digits.onnx'), { calibration: join(folder, 'samples.npz') });
      new ModelEndpoint(again, 'Digits', { model, objective: { p99Ms: 50, requestsPerSecond: 200 } });
      expect(Template.fromStack(again).toJSON()).toEqual(template.toJSON());
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('give the same template again', () => {
    const again = stackIn();
    new ModelEndpoint(again, 'Digits', { model: digits, objective: { p99Ms: 50, requestsPerSecond: 200 } });
    expect(Template.fromStack(again).toJSON()).toEqual(template.toJSON());
  });
});

describe('alarms', () => {
  type Alarm = { Metrics: { Expression?: string; MetricStat?: { Period: number; Stat: string } }[]; Threshold: number };
  const { template, endpoint } = stacked();
  const alarms = Object.entries(template.findResources('AWS::CloudWatch::Alarm')).map(
    ([id, { Properties }]) => [id, Properties as Alarm] as const,
  );
  const alarm = (name: string) => alarms.find(([id]) => id.startsWith(`Digits${name}`))![1];

  test('of latency count requests slower than the objective, in microseconds', () => {
    const { Metrics, Threshold } = alarm('LatencyRollback');
    expect(Metrics[0]!.Expression).toBe(
      'IF((FILL(modelLatency_TC_50000, 0)) >= 5, (FILL(modelLatency_TC_50000, 0)) / (FILL(modelLatency_SampleCount, 0)), 0)',
    );
    expect(Metrics.slice(1).map(({ MetricStat }) => [MetricStat!.Stat, MetricStat!.Period])).toEqual([
      ['TC(50000:)', 300],
      ['SampleCount', 300],
    ]);
    expect(Threshold).toBe(0.144);
  });

  test('of a burn rate need both windows and more than a few errors', () => {
    const composite = Object.entries(template.findResources('AWS::CloudWatch::CompositeAlarm')).find(([id]) =>
      id.startsWith('DigitsAvailabilityBurn1h'),
    )![1];
    expect(JSON.stringify(composite.Properties.AlarmRule).match(/ALARM/g)).toHaveLength(2);
    expect(alarm('AvailabilityBurn1h1').Metrics[0]!.Expression).toBe(
      'IF((FILL(invocation5XXErrors_Sum, 0)) >= 5, IF((FILL(invocations_Sum, 0)) > 0, (FILL(invocation5XXErrors_Sum, 0)) / (FILL(invocations_Sum, 0)), 0), 0)',
    );
    expect(alarm('AvailabilityBurn1h1').Threshold).toBe(0.0144);
    expect(alarm('AvailabilityBurn1h1').Metrics[1]!.MetricStat!.Period).toBe(3600);
    expect(alarm('AvailabilityBurn1h2').Metrics[1]!.MetricStat!.Period).toBe(300);
  });

  test('that CloudWatch cannot hold are left out, and said', () => {
    expect(endpoint.alarms.notes).toEqual([
      'no alarm AvailabilityBurn3d: an alarm looks back one day at most',
      'no alarm LatencyBurn3d: an alarm looks back one day at most',
      'no alarm EndpointDown: SageMaker publishes no metric for it',
      'no alarm EndpointNotReady: SageMaker publishes no metric for it',
      'no alarm QueueSaturated: SageMaker publishes no metric for it',
    ]);
  });

  test('in PromQL tell the rest where the collector of SageMaker is asked for, and tell the topics', () => {
    const { template: detailed, endpoint: watched } = stacked((stack) => ({
      metrics: { detailed: true },
      notify: [new sns.Topic(stack, 'Topic')],
    }));
    expect(only<{ MetricsConfig: object }>(detailed, 'AWS::SageMaker::EndpointConfig').MetricsConfig).toEqual({
      EnableEnhancedMetrics: true,
      EnableDetailedObservability: true,
    });
    expect(watched.alarms.notes).toEqual(['no alarm EndpointDown: SageMaker publishes no metric for it']);
    const made = Object.values(detailed.findResources('AWS::CloudWatch::Alarm'))
      .map(({ Properties }) => Properties)
      .filter(({ EvaluationCriteria }) => EvaluationCriteria !== undefined);
    expect(made).toHaveLength(5);
    const queue = made.find(({ EvaluationCriteria }) =>
      JSON.stringify(EvaluationCriteria).includes('onnx_queue_limit'),
    )!;
    expect(queue).toMatchObject({
      EvaluationInterval: 60,
      EvaluationCriteria: { PromQLCriteria: { PendingPeriod: 60, RecoveryPeriod: 300 } },
      AlarmActions: [{ Ref: expect.stringContaining('Topic') }],
    });
    expect(JSON.stringify(queue.EvaluationCriteria)).toContain('aws.sagemaker.endpoint.name');
  });

  test('in PromQL are none unless asked, and the collector is left as SageMaker has it', () => {
    const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm'));
    expect(alarms.filter(({ Properties }) => Properties.EvaluationCriteria !== undefined)).toEqual([]);
    const off = stacked({ metrics: { detailed: false } }).template;
    const { MetricsConfig } = only<{ MetricsConfig: object }>(off, 'AWS::SageMaker::EndpointConfig');
    expect(MetricsConfig).toEqual({ EnableEnhancedMetrics: true, EnableDetailedObservability: false });
  });

  test('tell the topics', () => {
    const { template: told } = stacked((stack) => ({ notify: [new sns.Topic(stack, 'Topic')] }));
    for (const { Properties } of Object.values(told.findResources('AWS::CloudWatch::CompositeAlarm'))) {
      expect(Properties.AlarmActions).toEqual([{ Ref: expect.stringContaining('Topic') }]);
      expect(Properties.OKActions).toEqual([{ Ref: expect.stringContaining('Topic') }]);
    }
  });
});

test('a rollout that fails tells the topics, since the endpoint looks healthy afterwards', () => {
  const { template, endpoint } = stacked((stack) => ({ notify: [new sns.Topic(stack, 'Topic')] }));
  const { EventPattern, Targets } = only<{
    EventPattern: object;
    Targets: { Arn: object; InputTransformer: object }[];
  }>(template, 'AWS::Events::Rule');
  expect(EventPattern).toMatchObject({
    source: ['aws.sagemaker'],
    'detail-type': ['SageMaker Endpoint State Change'],
    detail: {
      EndpointName: [endpoint.endpointName],
      EndpointStatus: expect.arrayContaining(['ROLLING_BACK', 'RollingBack']),
    },
  });
  expect(Targets[0]!.Arn).toEqual({ Ref: expect.stringContaining('Topic') });
  stacked().template.resourceCountIs('AWS::Events::Rule', 0);
});

test('the dashboard shows milliseconds, and utilization of all processors', () => {
  const { template, endpoint } = stacked();
  const body = JSON.stringify(only<{ DashboardBody: object }>(template, 'AWS::CloudWatch::Dashboard').DashboardBody);
  expect(body).toContain('(modelLatency_p99 / 1000000) * 1000');
  expect(body).toContain('Latency (ms)');
  expect(body).toContain(`machines * ${endpoint.plan.hardware.chosen.price!.usdPerHour}`);
  expect(body).not.toContain('GPUUtilization');
});

describe('scaling', () => {
  test('follows requests in flight, read every ten seconds', () => {
    const { template } = stacked({ scaling: { min: 2, max: 7 } });
    template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
      MinCapacity: 2,
      MaxCapacity: 7,
      ScalableDimension: 'sagemaker:variant:DesiredInstanceCount',
    });
    template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalingPolicy', {
      TargetTrackingScalingPolicyConfiguration: {
        PredefinedMetricSpecification: {
          PredefinedMetricType: 'SageMakerVariantConcurrentRequestsPerModelHighResolution',
        },
      },
    });
  });

  test('is left out where the count is fixed, which an update then sets', () => {
    const { template } = stacked({ scaling: { min: 2, max: 2 } });
    template.resourceCountIs('AWS::ApplicationAutoScaling::ScalableTarget', 0);
    template.hasResourceProperties('AWS::SageMaker::Endpoint', { RetainAllVariantProperties: Match.absent() });
  });

  test('keeps a timetable', () => {
    const schedule = scaling.Schedule.cron({ hour: '7', minute: '0', weekDay: 'MON-FRI' });
    const { template } = stacked({ scaling: { min: 2, max: 4 }, schedules: [{ schedule, min: 4 }] });
    template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
      ScheduledActions: [{ ScalableTargetAction: { MinCapacity: 4 }, Schedule: 'cron(0 7 ? * MON-FRI *)' }],
    });
  });
});

describe('an accelerator', () => {
  const { template, endpoint } = stacked({ hardware: Hardware.auto({ accelerators: ['T4', 'A10G', 'L4'] }) });
  const [variant] = only<{ ProductionVariants: Record<string, unknown>[]; KmsKeyId?: unknown }>(
    template,
    'AWS::SageMaker::EndpointConfig',
  ).ProductionVariants;

  test('has the types that may take over, the best first, and the driver that fits its CUDA', () => {
    const types = [endpoint.plan.hardware.chosen, ...endpoint.plan.hardware.fallbacks].map(({ name }) => name);
    expect(variant!.InstancePools).toEqual(
      types.slice(0, 5).map((InstanceType, index) => ({ InstanceType, Priority: index + 1 })),
    );
    expect(variant).not.toHaveProperty('InstanceType');
    expect(variant!.InferenceAmiVersion).toBe('al2023-ami-sagemaker-inference-gpu-4-1');
  });

  test('with disks of its own takes neither key nor volume size', () => {
    template.hasResourceProperties('AWS::SageMaker::EndpointConfig', { KmsKeyId: Match.absent() });
    expect(variant).not.toHaveProperty('VolumeSizeInGB');
    expect(endpoint.encryptionKey).toBeNull();
    template.resourceCountIs('AWS::KMS::Key', 0);
  });

  test('is on the dashboard', () => {
    expect(JSON.stringify(template.toJSON())).toContain('GPUUtilization');
  });
});

describe('what is there already', () => {
  test('a role is used, and gets what image and key need', () => {
    const { template } = stacked((stack) => ({
      role: new iam.Role(stack, 'Mine', { assumedBy: new iam.ServicePrincipal('sagemaker.amazonaws.com') }),
    }));
    template.resourceCountIs('AWS::IAM::Role', 1);
    template.hasResourceProperties('AWS::SageMaker::Model', {
      ExecutionRoleArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^Mine'), 'Arn'] },
    });
  });

  test('a network, its groups and a key', () => {
    const { template, endpoint } = stacked((stack) => {
      const vpc = new ec2.Vpc(stack, 'Vpc');
      return {
        vpc,
        encryptionKey: kms.Key.fromKeyArn(
          stack,
          'Mine',
          'arn:aws:kms:eu-west-1:123456789012:key/12345678-1234-1234-1234-123456789012',
        ),
      };
    });
    template.hasResourceProperties('AWS::SageMaker::Model', {
      VpcConfig: { Subnets: Match.anyValue(), SecurityGroupIds: [Match.anyValue()] },
    });
    template.resourceCountIs('AWS::KMS::Key', 0);
    template.hasResourceProperties('AWS::SageMaker::EndpointConfig', {
      KmsKeyId: 'arn:aws:kms:eu-west-1:123456789012:key/12345678-1234-1234-1234-123456789012',
    });
    expect(endpoint.connections.securityGroups).toHaveLength(1);
  });

  test('a dashboard gets the widgets', () => {
    const { template } = stacked((stack) => ({ dashboard: new cloudwatch.Dashboard(stack, 'Mine') }));
    template.resourceCountIs('AWS::CloudWatch::Dashboard', 1);
  });

  test('an image of another account', () => {
    const { template } = stacked((stack) => ({
      image: ContainerImage.fromEcrRepository(
        ecr.Repository.fromRepositoryArn(stack, 'Theirs', 'arn:aws:ecr:eu-west-1:999999999999:repository/digits'),
        'sha256:0123',
      ),
    }));
    expect(
      JSON.stringify(only<{ PrimaryContainer: object }>(template, 'AWS::SageMaker::Model').PrimaryContainer),
    ).toContain('999999999999.dkr.ecr.eu-west-1.');
  });

  test('an endpoint made elsewhere can be asked and watched', () => {
    const stack = stackIn();
    const endpoint = ModelEndpoint.fromEndpointArn(
      stack,
      'Theirs',
      'arn:aws:sagemaker:us-east-1:999999999999:endpoint/fraud',
    );
    const role = new iam.Role(stack, 'Caller', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    endpoint.grantInvoke(role);
    expect(endpoint.endpointName).toBe('fraud');
    expect(endpoint.endpointRef).toEqual({ endpointArn: endpoint.endpointArn });
    Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: [
          {
            Action: [
              'sagemaker:InvokeEndpoint',
              'sagemaker:InvokeEndpointWithResponseStream',
              'sagemaker:InvokeEndpointAsync',
            ],
            Resource: 'arn:aws:sagemaker:us-east-1:999999999999:endpoint/fraud',
          },
        ],
      },
    });
  });
});

describe('at synth', () => {
  test('every problem is told at once', () => {
    const wrong = () =>
      stacked({
        model: Model.fromOnnx('none.onnx'),
        endpointName: 'my_endpoint',
        rollout: { strategy: 'linear', percent: 5, waitSeconds: 7200 },
        securityGroups: [],
        environment: { 'a-b': '1' },
      });
    for (const part of [
      /none\.onnx/,
      /endpointName: 'my_endpoint' is no name for SageMaker/,
      /rollout\.percent: 5 is not from 10 to 50/,
      /rollout\.waitSeconds: 7200 s is more than the hour/,
      /vpc: subnets or security groups are given/,
      /environment: 'a-b' cannot be the name of a variable/,
    ]) {
      expect(wrong).toThrow(part);
    }
  });

  test('a region that is not known takes the reference prices, and warns', () => {
    const stack = new Stack(newApp(), 'Shop');
    stacked({}, stack);
    Annotations.fromStack(stack).hasWarning('/Shop/Digits', Match.stringLikeRegexp('prices of us-east-1'));
  });
});
