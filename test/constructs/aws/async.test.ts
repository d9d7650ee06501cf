import { Match, Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import { describe, expect, test } from 'vitest';
import { AsyncModelEndpoint, Hardware } from '../../../constructs/aws/index.js';
import { digits, only, output, readyImage, stackedAsync, stackIn } from './stack.js';

describe('an asynchronous endpoint', () => {
  const { template, endpoint } = stackedAsync((stack) => ({
    successTopic: new sns.Topic(stack, 'Done'),
    errorTopic: new sns.Topic(stack, 'Failed'),
    scaling: { max: 3 },
    hardware: Hardware.of('ml.c6i.xlarge'),
  }));

  test('reads requests from a bucket, writes answers and failures to it, and tells the topics', () => {
    const { AsyncInferenceConfig } = only<{ AsyncInferenceConfig: Record<string, Record<string, unknown>> }>(
      template,
      'AWS::SageMaker::EndpointConfig',
    );
    const { OutputConfig, ClientConfig } = AsyncInferenceConfig;
    expect(JSON.stringify(OutputConfig!.S3OutputPath)).toMatch(/"s3:\/\/".*"\/output"/);
    expect(JSON.stringify(OutputConfig!.S3FailurePath)).toMatch(/"s3:\/\/".*"\/failed"/);
    expect(OutputConfig!.NotificationConfig).toEqual({
      SuccessTopic: { Ref: expect.stringMatching(/^Done/) },
      ErrorTopic: { Ref: expect.stringMatching(/^Failed/) },
    });
    expect(ClientConfig!.MaxConcurrentInvocationsPerInstance).toBe(
      Math.max(endpoint.plan.hardware.workers!, endpoint.plan.hardware.candidate.batch),
    );
  });

  test('scales from nothing on the queue, whose only dimension is the endpoint', () => {
    template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
      MinCapacity: 0,
      MaxCapacity: 3,
      ScalableDimension: 'sagemaker:variant:DesiredInstanceCount',
    });
    template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalingPolicy', {
      TargetTrackingScalingPolicyConfiguration: {
        CustomizedMetricSpecification: {
          MetricName: 'ApproximateBacklogSizePerInstance',
          Dimensions: [{ Name: 'EndpointName', Value: endpoint.endpointName }],
          Statistic: 'Average',
        },
        TargetValue: 5,
      },
    });
  });

  test('wakes up on requests without a machine', () => {
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'HasBacklogWithoutCapacity',
      Dimensions: [{ Name: 'EndpointName', Value: endpoint.endpointName }],
      AlarmActions: [{ Ref: Match.stringLikeRegexp('WakeUp') }],
    });
  });

  test('uses no metric that SageMaker does not publish of it', () => {
    const used = JSON.stringify([
      template.findResources('AWS::CloudWatch::Alarm'),
      template.findResources('AWS::CloudWatch::Dashboard'),
      template.findResources('AWS::ApplicationAutoScaling::ScalingPolicy'),
    ]);
    for (const name of ['Invocations', 'InvocationsPerInstance', 'OverheadLatency', 'ConcurrentRequestsPerModel']) {
      expect(used).not.toMatch(new RegExp(`\\\\?"${name}\\\\?"`));
    }
    expect(used).not.toContain('VariantInvocations');
  });

  test('is taken back when requests fail', () => {
    const { DeploymentConfig } = only<{
      DeploymentConfig: { AutoRollbackConfiguration: { Alarms: { AlarmName: { Ref: string } }[] } };
    }>(template, 'AWS::SageMaker::Endpoint');
    const [{ AlarmName }] = DeploymentConfig.AutoRollbackConfiguration.Alarms as [{ AlarmName: { Ref: string } }];
    expect(template.findResources('AWS::CloudWatch::Alarm')[AlarmName.Ref]!.Properties).toMatchObject({
      MetricName: 'InvocationFailures',
      Threshold: 0,
    });
  });

  test('has a bucket that is closed, encrypted and emptied', () => {
    expect(only(template, 'AWS::S3::Bucket')).toMatchObject({
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' } }],
      },
      LifecycleConfiguration: { Rules: [{ ExpirationInDays: 30, Status: 'Enabled' }] },
      VersioningConfiguration: { Status: 'Enabled' },
    });
    expect(JSON.stringify(only(template, 'AWS::S3::BucketPolicy'))).toContain('"aws:SecureTransport":"false"');
  });

  test('prints how to ask', () => {
    const command = JSON.stringify(output(template, 'Request'));
    expect(command).toContain('invoke-endpoint-async');
    expect(command).toContain('/input/request.json');
  });
});

test('a caller may put requests and read answers, and touch nothing else in the bucket', () => {
  const stack = stackIn();
  const endpoint = new AsyncModelEndpoint(stack, 'Digits', { model: digits, image: readyImage(stack) });
  endpoint.grantInvoke(new iam.Role(stack, 'Caller', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') }));
  const [policy] = Object.entries(Template.fromStack(stack).findResources('AWS::IAM::Policy')).filter(([id]) =>
    id.startsWith('Caller'),
  );
  const statements = policy![1].Properties.PolicyDocument.Statement as {
    Action: string | string[];
    Resource: unknown;
  }[];
  const put = statements.filter(({ Action }) => [Action].flat().includes('s3:PutObject'));
  expect(put.map(({ Resource }) => JSON.stringify(Resource))).toEqual([expect.stringContaining('/input/*')]);
  expect(statements.flatMap(({ Action }) => Action)).toContain('sagemaker:InvokeEndpointAsync');
  expect(statements.flatMap(({ Action }) => Action)).toContain('kms:Decrypt');
});

test('a machine that is to stay does', () => {
  const { template } = stackedAsync({ scaling: { min: 1, max: 2 } });
  template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', { MinCapacity: 1 });
  expect(JSON.stringify(template.toJSON())).not.toContain('HasBacklogWithoutCapacity');
});

test('a bucket of yours is used', () => {
  const { template } = stackedAsync((stack) => ({ bucket: s3.Bucket.fromBucketName(stack, 'Mine', 'my-requests') }));
  template.resourceCountIs('AWS::S3::Bucket', 0);
  template.hasResourceProperties('AWS::SageMaker::EndpointConfig', {
    AsyncInferenceConfig: { OutputConfig: { S3OutputPath: 's3://my-requests/output' } },
  });
});

test.each([
  [{ maxConcurrency: 1001 }, /maxConcurrency: 1001 is given; allowed: a whole number from 1 to 1000/],
  [{ backlogPerMachine: 0 }, /backlogPerMachine: 0 is given; allowed: a number above 0/],
  [{ scaling: { target: 3 } }, /scaling\.target: requests wait here.*backlogPerMachine/],
  [{ scaling: { min: 3, max: 2 } }, /scaling: min is 3 and max is 2/],
  [{ privateAccess: true }, /privateAccess: there is no network/],
])('%j is refused', (props, message) => {
  expect(() => stackedAsync(props)).toThrow(message);
});
