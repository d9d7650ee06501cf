import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { Hardware, Model } from '../../../constructs/aws/index.js';
import { digits, example, only, readyImage, stacked, stackIn } from './stack.js';

const next = Model.fromOnnx(example('digits.onnx'), { calibration: example('samples.npz'), name: 'digits-next' });

type Variant = { VariantName: string; InitialVariantWeight: number; InitialInstanceCount: number; ModelName: object };
type Config = { ProductionVariants: Variant[]; ShadowProductionVariants?: Variant[] };

describe('two variants', () => {
  const { template, endpoint } = stacked((stack) => ({
    weight: 90,
    variants: [{ name: 'next', model: next, weight: 10, image: readyImage(stack, 'Next') }],
  }));
  const { ProductionVariants } = only<Config>(template, 'AWS::SageMaker::EndpointConfig');

  test('share the requests by their weights, each with a model of its own', () => {
    expect(
      ProductionVariants.map(({ VariantName, InitialVariantWeight }) => [VariantName, InitialVariantWeight]),
    ).toEqual([
      ['main', 90],
      ['next', 10],
    ]);
    expect(ProductionVariants[0]!.ModelName).not.toEqual(ProductionVariants[1]!.ModelName);
    template.resourceCountIs('AWS::SageMaker::Model', 2);
    template.resourceCountIs('AWS::IAM::Role', 1);
  });

  test('are planned for all requests, and for the share that is meant', () => {
    const { main, next: other } = endpoint.plans;
    expect(main!.hardware.candidate.throughputPerSecond).toBeGreaterThanOrEqual(200);
    expect(other!.name).toBe('digits-next');
    expect(other!.hardware.candidate.monthlyUsd!).toBeLessThanOrEqual(main!.hardware.candidate.monthlyUsd!);
  });

  test('scale each by itself', () => {
    const targets = Object.values(template.findResources('AWS::ApplicationAutoScaling::ScalableTarget')).map(
      ({ Properties }) => JSON.stringify(Properties.ResourceId),
    );
    expect(targets).toHaveLength(2);
    expect(targets.filter((id) => id.includes('/variant/main'))).toHaveLength(1);
    expect(targets.filter((id) => id.includes('/variant/next'))).toHaveLength(1);
    template.resourceCountIs('AWS::ApplicationAutoScaling::ScalingPolicy', 2);
  });

  test('have alarms each, and all of them take a rollout back', () => {
    const { DeploymentConfig } = only<{
      DeploymentConfig: { AutoRollbackConfiguration: { Alarms: { AlarmName: { Ref: string } }[] } };
    }>(template, 'AWS::SageMaker::Endpoint');
    const alarms = template.findResources('AWS::CloudWatch::Alarm');
    const watched = DeploymentConfig.AutoRollbackConfiguration.Alarms.map(({ AlarmName }) =>
      JSON.stringify(alarms[AlarmName.Ref]!.Properties.Metrics),
    );
    expect(watched).toHaveLength(4);
    expect(watched.filter((metrics) => metrics.includes('"Value":"next"'))).toHaveLength(2);
  });

  test('cost the sum of both', () => {
    const sum =
      endpoint.plans.main!.hardware.candidate.monthlyUsd! + endpoint.plans.next!.hardware.candidate.monthlyUsd!;
    expect(template.findOutputs('*', { Value: sum.toFixed(2) })).not.toEqual({});
  });
});

test('a weight of 0 stays 0', () => {
  const { template } = stacked((stack) => ({
    weight: 0,
    variants: [{ name: 'next', model: next, image: readyImage(stack, 'Next') }],
  }));
  const { ProductionVariants } = only<Config>(template, 'AWS::SageMaker::EndpointConfig');
  expect(ProductionVariants.map(({ InitialVariantWeight }) => InitialVariantWeight)).toEqual([0, 1]);
});

test('a shadow gets copies of a share of the requests, and nobody is told of its errors', () => {
  const { template } = stacked((stack) => ({
    weight: 2,
    shadow: { model: next, share: 0.5, image: readyImage(stack, 'Shadow') },
  }));
  const config = only<Config>(template, 'AWS::SageMaker::EndpointConfig');
  expect(config.ProductionVariants.map(({ VariantName }) => VariantName)).toEqual(['main']);
  expect(config.ShadowProductionVariants).toEqual([
    expect.objectContaining({ VariantName: 'shadow', InitialVariantWeight: 1 }),
  ]);
  expect(JSON.stringify(template.findResources('AWS::CloudWatch::Alarm'))).not.toContain('"shadow"');
  template.resourceCountIs('AWS::ApplicationAutoScaling::ScalableTarget', 1);
});

test('a machine for each variant', () => {
  const { template } = stacked((stack) => ({
    hardware: Hardware.of('ml.c6i.large'),
    variants: [{ name: 'next', model: next, hardware: Hardware.of('ml.c7i.large'), image: readyImage(stack, 'Next') }],
  }));
  template.hasResourceProperties('AWS::SageMaker::EndpointConfig', {
    ProductionVariants: [
      Match.objectLike({ InstanceType: 'ml.c6i.large' }),
      Match.objectLike({ InstanceType: 'ml.c7i.large' }),
    ],
  });
});

test.each([
  [{ weight: 0 }, /weight: every weight is 0/],
  [{ weight: -1 }, /weight: -1 is given; allowed: a number from 0/],
  [{ weight: Number.NaN }, /weight: NaN is given/],
  [{ variants: [{ name: 'main', model: digits }] }, /variants: two variants are named main/],
  [{ variants: [{ name: 'a_b', model: digits }] }, /variants\[0\]\.name: 'a_b' is no name for SageMaker/],
  [{ variants: [{ name: 'b', model: Model.fromOnnx('none.onnx') }] }, /variants\[0\]\.model: .*none\.onnx/],
  [
    { shadow: { model: digits }, variants: [{ name: 'b', model: digits }] },
    /shadow: an endpoint with a shadow has one other/,
  ],
  [{ shadow: { model: digits, share: 1.5 } }, /shadow\.share: 1\.5 is given; allowed: a number above 0, to 1/],
  [
    { variants: Array.from({ length: 10 }, (_, index) => ({ name: `v${index}`, model: digits })) },
    /variants: 11 variants are given, an endpoint has at most 10/,
  ],
])('%j is refused', (props, message) => {
  expect(() => stacked(props)).toThrow(message);
});

test('a variant that is taken away leaves the others as they were', () => {
  const before = stacked();
  const after = stacked({}, stackIn());
  expect(after.template.toJSON()).toEqual(before.template.toJSON());
});
