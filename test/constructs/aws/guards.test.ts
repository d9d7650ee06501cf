import { CfnParameter, Lazy, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import { describe, expect, test } from 'vitest';
import { Hardware, Model, ModelEndpoint } from '../../../constructs/aws/index.js';
import { digits, newApp, only, output, readyImage, stacked, stackIn } from './stack.js';

describe('an idle endpoint', () => {
  test('is told after a day, with what it costs', () => {
    const { template, endpoint } = stacked((stack) => ({ notify: [new sns.Topic(stack, 'Topic')] }));
    const [alarm] = Object.entries(template.findResources('AWS::CloudWatch::Alarm')).filter(([id]) => /Idle/.test(id));
    const { Properties } = alarm![1];
    const monthly = endpoint.plan.hardware.candidate.monthlyUsd!;
    expect(Properties.AlarmDescription).toContain(
      `$${(monthly / 730).toFixed(2)} an hour, $${monthly.toFixed(2)} a month`,
    );
    expect(Properties.Metrics[0].Expression).toBe('IF(machines > 0, FILL(requests, 0))');
    expect(
      Properties.Metrics.slice(1).map((metric: { MetricStat: { Period: number } }) => metric.MetricStat.Period),
    ).toEqual([3600, 3600]);
    expect(Properties).toMatchObject({ EvaluationPeriods: 24, Threshold: 1, ComparisonOperator: 'LessThanThreshold' });
    expect(Properties.AlarmActions).toEqual([{ Ref: expect.stringContaining('Topic') }]);
  });

  test('is told sooner, or never', () => {
    const sooner = stacked({ monitoring: { idleHours: 2 } });
    sooner.template.hasResourceProperties('AWS::CloudWatch::Alarm', { EvaluationPeriods: 2, Threshold: 1 });
    expect(stacked({ monitoring: { idleHours: 0 } }).endpoint.idleAlarm).toBeNull();
    expect(() => stacked({ monitoring: { idleHours: 25 } })).toThrow(/monitoring\.idleHours: 25 is given/);
  });
});

describe('a budget', () => {
  type Budget = {
    Budget: { BudgetLimit: object; CostFilters: { TagKeyValue: string[] } };
    NotificationsWithSubscribers: { Notification: { NotificationType: string }; Subscribers: object[] }[];
  };
  const { template, endpoint } = stacked((stack) => ({
    notify: [new sns.Topic(stack, 'Topic')],
    monitoring: { budget: { emails: ['ml@example.org'] } },
  }));
  const made = only<Budget>(template, 'AWS::Budgets::Budget');

  test('is what the plan says and a tenth, over what carries its tag', () => {
    expect(made.Budget.BudgetLimit).toEqual({
      Amount: Math.ceil(endpoint.plan.hardware.candidate.monthlyUsd! * 1.1),
      Unit: 'USD',
    });
    const [, value] = made.Budget.CostFilters.TagKeyValue[0]!.split('$');
    expect(made.Budget.CostFilters.TagKeyValue).toEqual([`user:slipway:endpoint$${value}`]);
    template.hasResourceProperties('AWS::SageMaker::Endpoint', {
      Tags: Match.arrayWith([{ Key: 'slipway:endpoint', Value: value }]),
    });
  });

  test('tells before and after, by mail and by topic', () => {
    expect(made.NotificationsWithSubscribers.map(({ Notification }) => Notification.NotificationType)).toEqual([
      'ACTUAL',
      'FORECASTED',
    ]);
    expect(made.NotificationsWithSubscribers[0]!.Subscribers).toEqual([
      { SubscriptionType: 'EMAIL', Address: 'ml@example.org' },
      { SubscriptionType: 'SNS', Address: { Ref: expect.stringContaining('Topic') } },
    ]);
    expect(JSON.stringify(template.findResources('AWS::SNS::TopicPolicy'))).toContain('budgets.amazonaws.com');
  });

  test('that nobody is told of is refused', () => {
    expect(() => stacked({ monitoring: { budget: {} } })).toThrow(/monitoring\.budget: nobody would be told/);
  });
});

describe('data capture', () => {
  const { template } = stacked({ dataCapture: { percent: 20 }, hardware: Hardware.auto({ accelerators: ['T4'] }) });

  test('keeps a share in a bucket of its own', () => {
    const { DataCaptureConfig, KmsKeyId } = only<{ DataCaptureConfig: object; KmsKeyId?: unknown }>(
      template,
      'AWS::SageMaker::EndpointConfig',
    );
    expect(DataCaptureConfig).toMatchObject({
      EnableCapture: true,
      InitialSamplingPercentage: 20,
      CaptureOptions: [{ CaptureMode: 'Input' }, { CaptureMode: 'Output' }],
      KmsKeyId: { 'Fn::GetAtt': [expect.stringContaining('Key'), 'Arn'] },
    });
    // The machine has disks of its own, which take no key; the bucket does.
    expect(KmsKeyId).toBeUndefined();
    template.hasResource('AWS::S3::Bucket', { DeletionPolicy: 'Retain' });
  });

  test('lets the role write there and nowhere else', () => {
    const statements = Object.values(template.findResources('AWS::IAM::Policy')).flatMap(
      ({ Properties }) => Properties.PolicyDocument.Statement as { Action: string | string[]; Resource: unknown }[],
    );
    const puts = statements.filter(({ Action }) => [Action].flat().includes('s3:PutObject'));
    expect(puts.map(({ Resource }) => JSON.stringify(Resource))).toEqual([expect.stringContaining('/capture/*')]);
  });

  test.each([
    [{ percent: 0 }, /dataCapture\.percent: 0 is given/],
    [{ capture: [] }, /dataCapture\.capture: nothing would be kept/],
    [{ days: 0.5 }, /dataCapture\.days: 0\.5 is given/],
  ])('%j is refused', (dataCapture, message) => {
    expect(() => stacked({ dataCapture })).toThrow(message);
  });
});

describe('settings of the container', () => {
  test('variables go into the model, secrets by their ARN alone', () => {
    const stack = stackIn();
    const secret = new secretsmanager.Secret(stack, 'Password');
    new ModelEndpoint(stack, 'Digits', {
      model: digits,
      image: readyImage(stack),
      environment: { THRESHOLD: '0.5' },
      secrets: { DB_PASSWORD: secret },
    });
    const template = Template.fromStack(stack);
    const { Environment } = only<{ PrimaryContainer: { Environment: Record<string, unknown> } }>(
      template,
      'AWS::SageMaker::Model',
    ).PrimaryContainer;
    expect(Environment.THRESHOLD).toBe('0.5');
    expect(Environment.SLIPWAY_SECRETS).toEqual({
      'Fn::Join': ['', ['{"DB_PASSWORD":"', { Ref: expect.stringContaining('Password') }, '"}']],
    });
    expect(JSON.stringify(template.findResources('AWS::IAM::Policy'))).toContain('secretsmanager:GetSecretValue');
  });

  test.each([
    [{ 'a-b': true }, /secrets\.a-b: 'a-b' cannot be a variable/],
    [{ PYTHONPATH: true }, /secrets\.PYTHONPATH: 'PYTHONPATH' cannot be a variable/],
    [{ MODE: true }, /secrets\.MODE: there is an environment variable of this name, too/],
  ])('%j is no secret', (names, message) => {
    const secretsOf = (stack: Stack) =>
      Object.fromEntries(
        Object.keys(names).map((name) => [name, secretsmanager.Secret.fromSecretNameV2(stack, name, 'shop')]),
      );
    expect(() => stacked((stack) => ({ secrets: secretsOf(stack), environment: { MODE: 'a' } }))).toThrow(message);
  });

  test('an isolated container reads no secrets', () => {
    expect(() =>
      stacked((stack) => ({
        networkIsolation: true,
        secrets: { A: secretsmanager.Secret.fromSecretNameV2(stack, 'A', 'a') },
      })),
    ).toThrow(/secrets: an isolated container cannot read secrets/);
  });
});

describe('private access', () => {
  test('is an interface endpoint through which this endpoint alone can be asked', () => {
    const { template, endpoint } = stacked((stack) => ({
      vpc: new ec2.Vpc(stack, 'Vpc', { maxAzs: 2 }),
      privateAccess: true,
    }));
    const { PolicyDocument, PrivateDnsEnabled, ServiceName } = only<{
      PolicyDocument: { Statement: { Action: string[]; Resource: unknown }[] };
      PrivateDnsEnabled: boolean;
      ServiceName: unknown;
    }>(template, 'AWS::EC2::VPCEndpoint');
    expect(PolicyDocument.Statement).toHaveLength(1);
    expect(JSON.stringify(PolicyDocument.Statement[0]!.Resource)).toContain(
      `:endpoint/${endpoint.endpointName.toLowerCase()}`,
    );
    expect(PolicyDocument.Statement[0]!.Action).toContain('sagemaker:InvokeEndpoint');
    expect(PrivateDnsEnabled).toBe(true);
    expect(ServiceName).toBe('com.amazonaws.eu-west-1.sagemaker.runtime');
  });
});

describe('a model in a bucket', () => {
  const profile = 'test/constructs/aws/digits.profile.json';
  const { template } = stacked({
    model: Model.fromProfile(profile, { uri: 's3://my-models/digits/3' }),
    image: undefined as never,
  });

  test('is read from its folder, without a tar step', () => {
    const { PrimaryContainer } = only<{ PrimaryContainer: { ModelDataSource: object } }>(
      template,
      'AWS::SageMaker::Model',
    );
    expect(PrimaryContainer.ModelDataSource).toEqual({
      S3DataSource: { S3Uri: 's3://my-models/digits/3/', S3DataType: 'S3Prefix', CompressionType: 'None' },
    });
    template.hasResourceProperties('AWS::SageMaker::EndpointConfig', {
      ProductionVariants: [Match.objectLike({ ModelDataDownloadTimeoutInSeconds: 601 })],
    });
  });

  test('lets the role read that folder', () => {
    const policies = JSON.stringify(template.findResources('AWS::IAM::Policy'));
    expect(policies).toContain(':s3:::my-models/digits/3/*');
    expect(policies).toContain('"s3:prefix":["digits/3/*"]');
  });
});

describe('what is known only at deployment', () => {
  test('is no reason to crash: names, accounts, regions, roles', () => {
    const stack = new Stack(newApp(), 'Shop');
    const name = new CfnParameter(stack, 'EndpointName').valueAsString;
    const role = iam.Role.fromRoleArn(stack, 'Theirs', new CfnParameter(stack, 'RoleArn').valueAsString);
    const endpoint = new ModelEndpoint(stack, 'Digits', {
      model: digits,
      endpointName: name,
      role,
      image: readyImage(stack),
      environment: { MODE: Lazy.string({ produce: () => 'a' }) },
      rollout: { waitSeconds: 60 },
    });
    const template = Template.fromStack(stack);
    expect(only<{ EndpointName: object }>(template, 'AWS::SageMaker::Endpoint').EndpointName).toEqual({
      Ref: 'EndpointName',
    });
    expect(endpoint.plan.hardware.chosen.name).toMatch(/^ml\.(m5|c5|r5)\./);
    Annotations.fromStack(stack).hasWarning('/Shop/Digits', Match.stringLikeRegexp('region is not known'));
    expect(JSON.stringify(output(template, 'Request'))).toContain('"Ref":"AWS::Region"');
  });

  test('is told where a plain value is needed', () => {
    const stack = stackIn();
    const count = new CfnParameter(stack, 'Count', { type: 'Number' }).valueAsNumber;
    expect(() => stacked({ scaling: { min: count } }, stack)).toThrow(
      /scaling\.min: is known only at deployment, but the machine is chosen at synthesis/,
    );
  });
});

test('a role that SageMaker cannot take is refused', () => {
  expect(() =>
    stacked((stack) => ({
      role: new iam.Role(stack, 'Mine', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') }),
    })),
  ).toThrow(/role: Shop\/Mine does not trust sagemaker\.amazonaws\.com\. Add it to its trust policy/);
});

test('a reservation takes the first type alone', () => {
  const { template, endpoint } = stacked({
    hardware: Hardware.auto({ accelerators: ['T4', 'A10G'] }),
    capacityReservation: { mlReservationArn: 'arn:aws:sagemaker:eu-west-1:123456789012:training-plan/x' },
  });
  template.hasResourceProperties('AWS::SageMaker::EndpointConfig', {
    ProductionVariants: [
      Match.objectLike({
        InstanceType: endpoint.plan.hardware.chosen.name,
        InstancePools: Match.absent(),
        CapacityReservationConfig: {
          MlReservationArn: 'arn:aws:sagemaker:eu-west-1:123456789012:training-plan/x',
          CapacityReservationPreference: 'capacity-reservations-only',
        },
      }),
    ],
  });
});

test('tags and the fineness of metrics as asked', () => {
  const { template } = stacked({ tags: { team: 'ml' }, metrics: { perMachine: false, everySeconds: 10 } });
  template.hasResourceProperties('AWS::SageMaker::EndpointConfig', {
    MetricsConfig: { EnableEnhancedMetrics: false, MetricPublishFrequencyInSeconds: 10 },
    Tags: [{ Key: 'team', Value: 'ml' }],
  });
});

test('the output is a command that asks once, with a real sample', () => {
  const { template, endpoint } = stacked();
  const text = JSON.stringify(output(template, 'Request'));
  expect(text).toContain('aws sagemaker-runtime invoke-endpoint --region eu-west-1 --endpoint-name');
  expect(text).toContain('"datatype');
  expect(text.length).toBeLessThan(4096);
  expect(endpoint.endpointName).toMatch(/^[A-Za-z0-9-]+$/);
});

test.each([
  [{ hardware: Hardware.of('ml.p5e.48xlarge') }, /hardware: .*ml\.p5e\.48xlarge/],
  [{ objective: { payload: { rows: 60_000 } } }, /a request has .* MB, the platform takes 6(\.\d+)? MB/],
  [{ scaling: { min: 5, max: 2 } }, /scaling: min is 5 and max is 2/],
  [{ scaling: { min: 0 } }, /scaling\.min: 0 is given; allowed: a whole number from 1/],
  [{ rollout: { keepSeconds: 4000 } }, /rollout\.keepSeconds: 4000 s is more than the hour/],
  [
    { schedules: [{ schedule: { expressionString: 'x' } as never, min: 0 }] },
    /schedules\[0\]: 0 is given; allowed: a whole number from 1/,
  ],
])('%j is refused', (props, message) => {
  expect(() => stacked(props)).toThrow(message);
});

test('a type that the region does not host is refused', () => {
  expect(() => stacked({ hardware: Hardware.of('ml.g6.xlarge') }, stackIn('af-south-1'))).toThrow(
    /ml\.g6\.xlarge. is not offered in af-south-1\. There: ml\./,
  );
});
