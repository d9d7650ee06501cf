/** What other libraries for SageMaker got wrong, each as its own test. */

import { Match, Template } from 'aws-cdk-lib/assertions';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as iam from 'aws-cdk-lib/aws-iam';
import { expect, test } from 'vitest';
import { ContainerImage, Hardware, ModelEndpoint } from '../../../constructs/aws/index.js';
import { digits, only, readyImage, stacked, stackedAsync, stackIn } from './stack.js';

test('a weight of 0 is not replaced by a default', () => {
  const { template } = stacked((stack) => ({
    weight: 1,
    variants: [{ name: 'next', model: digits, weight: 0, image: readyImage(stack, 'Next') }],
  }));
  template.hasResourceProperties('AWS::SageMaker::EndpointConfig', {
    ProductionVariants: [Match.objectLike({ InitialVariantWeight: 1 }), Match.objectLike({ InitialVariantWeight: 0 })],
  });
});

test('every variant scales, not the first alone', () => {
  const { template } = stacked((stack) => ({
    variants: ['a', 'b'].map((name) => ({ name, model: digits, image: readyImage(stack, name) })),
  }));
  template.resourceCountIs('AWS::ApplicationAutoScaling::ScalableTarget', 3);
  template.resourceCountIs('AWS::ApplicationAutoScaling::ScalingPolicy', 3);
});

test('a minimum of 0 is kept where it is legal, and refused where it is not', () => {
  stacked({ scaling: { toZero: true } }).template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
    MinCapacity: 0,
  });
  stackedAsync({ scaling: { min: 0, max: 2 } }).template.hasResourceProperties(
    'AWS::ApplicationAutoScaling::ScalableTarget',
    { MinCapacity: 0 },
  );
  expect(() => stacked({ scaling: { min: 0 } })).toThrow(/scaling\.min: 0 is given; allowed: a whole number from 1/);
});

test('a minimum above what the plan needs is what the endpoint starts with', () => {
  const { template } = stacked({ scaling: { min: 7, max: 9 } });
  template.hasResourceProperties('AWS::SageMaker::EndpointConfig', {
    ProductionVariants: [Match.objectLike({ InitialInstanceCount: 7 })],
  });
});

test.each([
  ['real-time', () => stacked().template, 'SageMakerVariantConcurrentRequestsPerModelHighResolution', undefined],
  ['asynchronous', () => stackedAsync().template, undefined, 'ApproximateBacklogSizePerInstance'],
])('a %s endpoint scales on a metric that it publishes', (_mode, make, predefined, custom) => {
  const policies = Object.values(make().findResources('AWS::ApplicationAutoScaling::ScalingPolicy'))
    .map(({ Properties }) => Properties.TargetTrackingScalingPolicyConfiguration)
    .filter(Boolean);
  expect(policies).toHaveLength(1);
  expect(policies[0].PredefinedMetricSpecification?.PredefinedMetricType).toBe(predefined);
  expect(policies[0].CustomizedMetricSpecification?.MetricName).toBe(custom);
});

test('metrics carry the dimensions EndpointName and VariantName', () => {
  const { template, endpoint } = stacked();
  const used = Object.values(template.findResources('AWS::CloudWatch::Alarm'))
    .flatMap(({ Properties }) => Properties.Metrics as { MetricStat?: { Metric: { Dimensions: object[] } } }[])
    .flatMap(({ MetricStat }) => (MetricStat ? [MetricStat.Metric.Dimensions] : []));
  for (const dimensions of used) {
    expect(dimensions).toEqual([
      { Name: 'EndpointName', Value: endpoint.endpointName },
      { Name: 'VariantName', Value: 'main' },
    ]);
  }
  expect(used.length).toBeGreaterThan(10);
});

test('everything is made under the endpoint, and nothing reports home', () => {
  const stack = stackIn();
  new ModelEndpoint(stack, 'Digits', { model: digits, image: readyImage(stack) });
  expect(stack.node.children.map(({ node }) => node.id).sort()).toEqual(['Digits', 'Images']);
  const text = JSON.stringify(Template.fromStack(stack).toJSON());
  expect(text).not.toMatch(/Custom::|AWS::Lambda|telemetry|https:\/\//i);
});

test('two endpoints of one stack do not meet', () => {
  const stack = stackIn();
  const image = readyImage(stack);
  for (const id of ['One', 'Two']) new ModelEndpoint(stack, id, { model: digits, image });
  const names = Object.values(Template.fromStack(stack).findResources('AWS::SageMaker::Endpoint')).map(
    ({ Properties }) => Properties.EndpointName,
  );
  expect(new Set(names).size).toBe(2);
});

test('a role that is given is used, and no other is made', () => {
  const { template } = stacked((stack) => ({
    role: iam.Role.fromRoleArn(stack, 'Mine', 'arn:aws:iam::123456789012:role/mine'),
  }));
  template.resourceCountIs('AWS::IAM::Role', 0);
  template.hasResourceProperties('AWS::SageMaker::Model', { ExecutionRoleArn: 'arn:aws:iam::123456789012:role/mine' });
});

test.each([
  ['ml.c6g.large', false],
  ['ml.g4dn.xlarge', true],
  ['ml.g6e.xlarge', true],
  ['ml.p4de.24xlarge', true],
  ['ml.p5.48xlarge', true],
])('whether %s has accelerators is in the catalogue, not in its name', (name, accelerated) => {
  const { template, endpoint } = stacked({ hardware: Hardware.of(name), objective: {} }, stackIn('us-east-1'));
  expect(endpoint.plan.hardware.chosen.name).toBe(name);
  const [variant] = only<{ ProductionVariants: [object] }>(
    template,
    'AWS::SageMaker::EndpointConfig',
  ).ProductionVariants;
  expect('InferenceAmiVersion' in variant).toBe(accelerated);
});

test('an image of another account and region can be used', () => {
  const { template } = stacked((stack) => ({
    image: ContainerImage.fromEcrRepository(
      ecr.Repository.fromRepositoryArn(stack, 'Theirs', 'arn:aws:ecr:us-east-1:999999999999:repository/digits'),
      'v1',
    ),
  }));
  const { Image } = only<{ PrimaryContainer: { Image: unknown } }>(template, 'AWS::SageMaker::Model').PrimaryContainer;
  expect(JSON.stringify(Image)).toContain('999999999999.dkr.ecr.us-east-1.');
});

test('who may invoke may do so at once, as a stream and by way of a queue', () => {
  const stack = stackIn();
  const endpoint = new ModelEndpoint(stack, 'Digits', { model: digits, image: readyImage(stack) });
  endpoint.grantInvoke(new iam.Role(stack, 'Caller', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') }));
  Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: [
        Match.objectLike({
          Action: [
            'sagemaker:InvokeEndpoint',
            'sagemaker:InvokeEndpointWithResponseStream',
            'sagemaker:InvokeEndpointAsync',
          ],
        }),
      ],
    },
  });
});

test('an update keeps the counts of scaling, and replaces a configuration whose name is generated', () => {
  const { template } = stacked();
  template.hasResourceProperties('AWS::SageMaker::Endpoint', { RetainAllVariantProperties: true });
  template.hasResourceProperties('AWS::SageMaker::EndpointConfig', { EndpointConfigName: Match.absent() });
});

test('the model waits for what its role may do', () => {
  const { template } = stacked();
  const [model] = Object.values(template.findResources('AWS::SageMaker::Model'));
  const policies = Object.keys(template.findResources('AWS::IAM::Policy'));
  expect(model!.DependsOn).toEqual(policies);
});
