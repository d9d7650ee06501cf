/** One endpoint through its life with the real CDK: bootstrap, deployment with a real image, a change, a refused change, removal. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sampleRequest } from '../../../lib/local/sample.js';
import { digitsPlan } from '../../image/plans.js';
import { account, type Cloud, type Held, region, startCloud } from './cloud.js';

let cloud: Cloud;
beforeAll(async () => {
  cloud = await startCloud();
  const { code, said } = await cloud.cdk(['bootstrap', `aws://${account}/${region}`], 'digits.mjs');
  expect(said).toContain('bootstrapped');
  expect(code).toBe(0);
});
afterAll(() => cloud?.remove());

const deploy = (environment = {}) =>
  cloud.cdk(['deploy', '--require-approval', 'never', '--progress', 'events'], 'digits.mjs', environment);

interface Endpoint {
  readonly EndpointName: string;
  readonly EndpointConfigName: string;
  readonly EndpointStatus: string;
  readonly ProductionVariants: readonly { readonly CurrentInstanceCount: number; readonly VariantName: string }[];
}
interface Config {
  readonly ProductionVariants: readonly {
    readonly InstanceType: string;
    readonly InitialInstanceCount: number;
    readonly ModelName: string;
  }[];
}

async function endpoints() {
  const { Endpoints } = await cloud.ask<{ Endpoints: readonly Endpoint[] }>('sagemaker', 'list_endpoints');
  return Promise.all(
    Endpoints.map(({ EndpointName }) => cloud.ask<Endpoint>('sagemaker', 'describe_endpoint', { EndpointName })),
  );
}
const configOf = ({ EndpointConfigName }: Endpoint) =>
  cloud.ask<Config>('sagemaker', 'describe_endpoint_config', { EndpointConfigName });
const ofType = (held: readonly Held[], type: string) => held.filter((each) => each.type === type);

describe.sequential('an endpoint', () => {
  let first: Endpoint;
  let image: string;

  test('is deployed: the image built and pushed, everything in service', async () => {
    const { code, said } = await deploy();
    expect(code, said).toBe(0);
    expect(cloud.dockerCalls()).toEqual(['login', 'inspect', 'build', 'tag', 'push']);
    expect(said).toContain('aws sagemaker-runtime invoke-endpoint --region us-east-1');
    const found = await endpoints();
    expect(found).toHaveLength(1);
    first = found[0]!;
    expect(first.EndpointStatus).toBe('InService');
    const { ProductionVariants } = await configOf(first);
    expect(ProductionVariants).toMatchObject([{ InstanceType: 'ml.c6i.large', InitialInstanceCount: 2 }]);
    const { PrimaryContainer } = await cloud.ask<{ PrimaryContainer: { Image: string } }>(
      'sagemaker',
      'describe_model',
      {
        ModelName: ProductionVariants[0]!.ModelName,
      },
    );
    image = PrimaryContainer.Image;
  });

  test('has alarms, a dashboard and scaling that name it', async () => {
    const { MetricAlarms } = await cloud.ask<{ MetricAlarms: readonly object[] }>('cloudwatch', 'describe_alarms');
    const held = await cloud.held();
    const composite = ofType(held, 'AWS::CloudWatch::CompositeAlarm');
    expect(MetricAlarms.length).toBeGreaterThan(composite.length);
    expect(composite).toHaveLength(6);
    const { DashboardEntries } = await cloud.ask<{ DashboardEntries: object[] }>('cloudwatch', 'list_dashboards');
    expect(DashboardEntries).toHaveLength(1);
    const { ScalableTargets } = await cloud.ask<{ ScalableTargets: { ResourceId: string; MaxCapacity: number }[] }>(
      'application-autoscaling',
      'describe_scalable_targets',
      { ServiceNamespace: 'sagemaker' },
    );
    expect(ScalableTargets).toMatchObject([
      { ResourceId: `endpoint/${first.EndpointName}/variant/main`, MaxCapacity: 6 },
    ]);
    const [endpoint] = ofType(held, 'AWS::SageMaker::Endpoint');
    const watched = (
      endpoint!.properties as { DeploymentConfig: { AutoRollbackConfiguration: { Alarms: { AlarmName: string }[] } } }
    ).DeploymentConfig.AutoRollbackConfiguration.Alarms;
    const names = new Set((MetricAlarms as { AlarmName: string }[]).map(({ AlarmName }) => AlarmName));
    expect(watched.map(({ AlarmName }) => names.has(AlarmName))).toEqual([true, true]);
  });

  test('answers: the image that was pushed, pulled, started as SageMaker starts it', async () => {
    const container = await cloud.startImage(image);
    try {
      expect((await fetch(`${container.url}/ping`)).status).toBe(200);
      const answer = await fetch(`${container.url}/invocations`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(sampleRequest(digitsPlan()).body),
      });
      expect(answer.status).toBe(200);
      const { outputs } = (await answer.json()) as { outputs: { name: string; data: number[] }[] };
      expect(outputs[0]!.name).toBe('logits');
      expect(outputs[0]!.data).toHaveLength(10);
      const report = (await (await fetch(`${container.url}/report`)).json()) as { verdict: string };
      expect(report.verdict).toMatch(/^int8, /);
    } finally {
      await container.stop();
    }
  });

  test('is changed in place: another machine, the same image, the counts that scaling has set', async () => {
    const { code, said } = await deploy({ MACHINE: 'ml.c7i.xlarge', MACHINES: '3' });
    expect(code, said).toBe(0);
    const [now, ...others] = await endpoints();
    expect(others).toEqual([]);
    expect(now!.EndpointName).toBe(first.EndpointName);
    expect(now!.EndpointConfigName).not.toBe(first.EndpointConfigName);
    expect((await configOf(now!)).ProductionVariants).toMatchObject([
      { InstanceType: 'ml.c7i.xlarge', InitialInstanceCount: 3 },
    ]);
    expect(now!.ProductionVariants[0]!.CurrentInstanceCount).toBe(2);
    const { EndpointConfigs } = await cloud.ask<{ EndpointConfigs: object[] }>('sagemaker', 'list_endpoint_configs');
    expect(EndpointConfigs).toHaveLength(1);
    first = now!;
  });

  test('takes a new version of the model: another image, the same name', async () => {
    cloud.dockerCalls();
    const { code, said } = await deploy({ MODEL: 'digits-encoder', MACHINE: 'ml.c7i.xlarge', MACHINES: '3' });
    expect(code, said).toBe(0);
    expect(cloud.dockerCalls()).toEqual(['login', 'inspect', 'build', 'tag', 'push']);
    const [now] = await endpoints();
    expect(now!.EndpointName).toBe(first.EndpointName);
    const { ProductionVariants } = await configOf(now!);
    const { PrimaryContainer } = await cloud.ask<{ PrimaryContainer: { Image: string } }>(
      'sagemaker',
      'describe_model',
      {
        ModelName: ProductionVariants[0]!.ModelName,
      },
    );
    expect(PrimaryContainer.Image).not.toBe(image);
    first = now!;
  });

  test('an unchanged description builds nothing and changes nothing', async () => {
    const { code, said } = await deploy({ MODEL: 'digits-encoder', MACHINE: 'ml.c7i.xlarge', MACHINES: '3' });
    expect(code, said).toBe(0);
    expect(said).toContain('no changes');
    expect(cloud.dockerCalls()).toEqual([]);
    expect(await endpoints()).toEqual([first]);
  });

  test('a change that is refused leaves it as it was', async () => {
    const { code, said } = await deploy({ MODEL: 'digits-encoder', MACHINE: 'ml.c7i.99xlarge', MACHINES: '3' });
    expect(code).not.toBe(0);
    expect(said).toContain("'ml.c7i.99xlarge' is not offered by aws-sagemaker");
    expect(await endpoints()).toEqual([first]);
  });

  test('a change that the cloud refuses leaves it as it was', async () => {
    const { code, said } = await deploy({
      ...{ MODEL: 'digits-encoder', MACHINE: 'ml.c7i.xlarge', MACHINES: '3' },
      OVERRIDE: 'ml.p5e.48xlarge',
    });
    expect(code).not.toBe(0);
    expect(said).toContain('ml.p5e.48xlarge is not hosted in us-east-1');
    expect(said).toContain('UPDATE_ROLLBACK_COMPLETE');
    expect(await endpoints()).toEqual([first]);
    expect((await configOf(first)).ProductionVariants).toMatchObject([{ InstanceType: 'ml.c7i.xlarge' }]);
  });

  test('goes with its stack, and leaves nothing', async () => {
    const { code, said } = await cloud.cdk(['destroy', '--force'], 'digits.mjs', { MODEL: 'digits-encoder' });
    expect(code, said).toBe(0);
    expect(await endpoints()).toEqual([]);
    expect((await cloud.held()).filter(({ stack }) => stack === 'Shop')).toEqual([]);
    const { MetricAlarms } = await cloud.ask<{ MetricAlarms: object[] }>('cloudwatch', 'describe_alarms');
    expect(MetricAlarms).toEqual([]);
    const { Models } = await cloud.ask<{ Models: object[] }>('sagemaker', 'list_models');
    expect(Models).toEqual([]);
    const { Roles } = await cloud.ask<{ Roles: { RoleName: string }[] }>('iam', 'list_roles');
    expect(Roles.filter(({ RoleName }) => !RoleName.startsWith('cdk-'))).toEqual([]);
  });
});
