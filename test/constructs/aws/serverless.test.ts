import { Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { describe, expect, test } from 'vitest';
import { Hardware, Model, ServerlessModelEndpoint } from '../../../constructs/aws/index.js';
import { digits, example, newApp, only, output, stackedServerless, stackIn } from './stack.js';

describe('a serverless endpoint', () => {
  const { template, endpoint } = stackedServerless({ objective: { requestsPerSecond: 20 } });

  test('has the least memory that holds the model, and no machine', () => {
    const { ProductionVariants } = only<{ ProductionVariants: object[] }>(template, 'AWS::SageMaker::EndpointConfig');
    expect(ProductionVariants).toEqual([
      {
        VariantName: 'main',
        ModelName: { 'Fn::GetAtt': [expect.any(String), 'ModelName'] },
        InitialVariantWeight: 1,
        ServerlessConfig: { MemorySizeInMB: 1024, MaxConcurrency: 10 },
      },
    ]);
    template.resourceCountIs('AWS::ApplicationAutoScaling::ScalableTarget', 0);
  });

  test('says what a million requests cost', () => {
    const { chosen, candidate } = endpoint.plan.hardware;
    const expected = (candidate.p50Ms / 1000 / 3600) * chosen.price!.usdPerHour * 1e6;
    expect(output(template, 'UsdPerMillion')).toBe(expected.toFixed(2));
  });

  test('runs an image for the processors that Lambda has', () => {
    expect(endpoint.plan.recipe.target.instructionSets).toEqual(['unknown']);
    expect(endpoint.plan.hardware.chosen.architecture).toBe('x86_64');
  });

  test('is taken back on its own alarms', () => {
    const { DeploymentConfig } = only<{ DeploymentConfig: { AutoRollbackConfiguration: { Alarms: object[] } } }>(
      template,
      'AWS::SageMaker::Endpoint',
    );
    expect(DeploymentConfig.AutoRollbackConfiguration.Alarms).toHaveLength(1);
  });
});

test('memory and concurrency as asked', () => {
  const { template } = stackedServerless({ memoryMb: 3072, maxConcurrency: 50, provisionedConcurrency: 2 });
  const { ProductionVariants } = only<{ ProductionVariants: { ServerlessConfig: object }[] }>(
    template,
    'AWS::SageMaker::EndpointConfig',
  );
  expect(ProductionVariants[0]!.ServerlessConfig).toEqual({
    MemorySizeInMB: 3072,
    MaxConcurrency: 50,
    ProvisionedConcurrency: 2,
  });
});

test.each([
  [{ memoryMb: 1500 }, /memoryMb: 1500 is given; allowed: 1024, 2048, 3072, 4096, 5120, 6144/],
  [{ maxConcurrency: 201 }, /maxConcurrency: 201 is given; allowed: a whole number from 1 to 200/],
  [
    { maxConcurrency: 5, provisionedConcurrency: 6 },
    /provisionedConcurrency: 6 is given; allowed: a whole number from 1 to 5/,
  ],
  [
    { hardware: Hardware.of('ml.g5.xlarge') },
    /hardware: a serverless endpoint has no machine types and no accelerators/,
  ],
  [{ scaling: { min: 1 } }, /scaling: a serverless endpoint scales by itself/],
  [{ dataCapture: {} }, /dataCapture: a serverless endpoint captures no data/],
  [{ variants: [] }, /variants: a serverless endpoint serves one model/],
  [{ objective: { payload: { rows: 60_000 } } }, /a request has .* MB, the platform takes 4(\.\d)? MB/],
])('%j is refused', (props, message) => {
  expect(() => stackedServerless(props as object)).toThrow(message);
});

test('a network is refused', () => {
  const stack = new Stack(newApp(), 'Shop', { env: { account: '123456789012', region: 'eu-west-1' } });
  const vpc = new ec2.Vpc(stack, 'Vpc');
  expect(() => new ServerlessModelEndpoint(stack, 'Digits', { model: digits, ...{ vpc } })).toThrow(
    /vpc: a serverless endpoint cannot be in a network of yours/,
  );
});

test('a model in a bucket is refused', () => {
  const model = Model.fromProfile('test/digits.profile.json', { uri: 's3://models/digits' });
  expect(() => new ServerlessModelEndpoint(stackIn(), 'Digits', { model })).toThrow(/model: the files of a serverless/);
  expect(example('digits.onnx')).toContain('digits');
});
