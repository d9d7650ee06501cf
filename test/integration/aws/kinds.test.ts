/** Every other way to serve, deployed, changed and removed by the real CDK, and what the cloud then holds. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { account, type Cloud, region, startCloud } from './cloud.js';

let cloud: Cloud;
/** Ids of a network that was there before, and of its subnets. */
let network: readonly string[];

async function makeNetwork() {
  const { Vpc } = await cloud.ask<{ Vpc: { VpcId: string } }>('ec2', 'create_vpc', { CidrBlock: '10.0.0.0/16' });
  const { VpcId } = Vpc;
  const subnets = ['a', 'b'].map(async (zone, index) => {
    const parameters = { VpcId, CidrBlock: `10.0.${index}.0/24`, AvailabilityZone: `${region}${zone}` };
    return (await cloud.ask<{ Subnet: { SubnetId: string } }>('ec2', 'create_subnet', parameters)).Subnet.SubnetId;
  });
  return [VpcId, ...(await Promise.all(subnets))];
}

beforeAll(async () => {
  cloud = await startCloud();
  const bootstrap = await cloud.cdk(['bootstrap', `aws://${account}/${region}`], 'kinds.mjs');
  expect(bootstrap.code, bootstrap.said).toBe(0);
  await cloud.ask('ecr', 'create_repository', { repositoryName: 'digits' });
  network = await makeNetwork();
  await run('deploy');
});
afterAll(() => cloud?.remove());

async function run(what: 'deploy' | 'destroy', environment = {}) {
  const options = what === 'deploy' ? ['--require-approval', 'never', '--progress', 'events'] : ['--force'];
  const { code, said } = await cloud.cdk([what, '--all', ...options], 'kinds.mjs', {
    NETWORK: network.join(','),
    ...environment,
  });
  expect(code, said).toBe(0);
  return said;
}

type Properties = Record<string, never>;

/** Properties of the only resource of a type in a stack. */
async function only<T = Properties>(stack: string, type: string): Promise<T> {
  const found = (await cloud.held()).filter((each) => each.stack === stack && each.type === type);
  expect(found, `${stack}: ${type}`).toHaveLength(1);
  return found[0]!.properties as T;
}

interface Config {
  readonly ProductionVariants: readonly Readonly<Record<string, unknown>>[];
  readonly ShadowProductionVariants?: readonly Readonly<Record<string, unknown>>[];
  readonly AsyncInferenceConfig?: { readonly OutputConfig: Readonly<Record<string, unknown>> };
  readonly DataCaptureConfig?: { readonly InitialSamplingPercentage: number };
  readonly KmsKeyId?: string;
}
interface Described {
  readonly EndpointName: string;
  readonly EndpointConfigName: string;
  readonly EndpointStatus: string;
  readonly ProductionVariants: readonly Readonly<Record<string, unknown>>[];
}

/** The endpoint of a stack and its configuration as SageMaker describes them. */
async function described(stack: string) {
  const { EndpointName } = await only<{ EndpointName: string }>(stack, 'AWS::SageMaker::Endpoint');
  const endpoint = await cloud.ask<Described>('sagemaker', 'describe_endpoint', { EndpointName });
  expect(endpoint.EndpointStatus).toBe('InService');
  const { EndpointConfigName } = endpoint;
  const config = await cloud.ask<Config>('sagemaker', 'describe_endpoint_config', { EndpointConfigName });
  return { endpoint, config };
}

const targets = async (stack: string) => {
  const { endpoint } = await described(stack);
  const { ScalableTargets } = await cloud.ask<{
    ScalableTargets: { ResourceId: string; MinCapacity: number; MaxCapacity: number }[];
  }>('application-autoscaling', 'describe_scalable_targets', { ServiceNamespace: 'sagemaker' });
  return ScalableTargets.filter(({ ResourceId }) => ResourceId.split('/').includes(endpoint.EndpointName))
    .map(({ ResourceId, MinCapacity, MaxCapacity }) => [ResourceId.split('/').at(-1), MinCapacity, MaxCapacity])
    .sort();
};

interface Definition {
  readonly JobDefinitionName: string;
  readonly DataQualityBaselineConfig: { readonly StatisticsResource: { readonly S3Uri: string } };
  readonly DataQualityAppSpecification: { readonly ImageUri: string };
  readonly DataQualityJobInput: { readonly EndpointInput: { readonly EndpointName: string } };
}

/** The monitor of a stack: when it runs, and its job as SageMaker describes it. */
async function monitored(stack: string) {
  const schedule = await only<{
    MonitoringScheduleName: string;
    MonitoringScheduleConfig: {
      MonitoringJobDefinitionName: string;
      ScheduleConfig: { ScheduleExpression: string };
    };
  }>(stack, 'AWS::SageMaker::MonitoringSchedule');
  const { MonitoringJobDefinitionName: JobDefinitionName, ScheduleConfig } = schedule.MonitoringScheduleConfig;
  const definition = await cloud.ask<Definition>('sagemaker', 'describe_data_quality_job_definition', {
    JobDefinitionName,
  });
  return { name: schedule.MonitoringScheduleName, expression: ScheduleConfig.ScheduleExpression, definition };
}

const definitions = async () =>
  (
    await cloud.ask<{ JobDefinitionSummaries: { MonitoringJobDefinitionName: string }[] }>(
      'sagemaker',
      'list_data_quality_job_definitions',
    )
  ).JobDefinitionSummaries.map((each) => each.MonitoringJobDefinitionName);

describe.sequential('deployed', () => {
  test('an endpoint with accelerators has types by rank, and the machine image for them', async () => {
    const { config } = await described('Accelerated');
    expect(config.ProductionVariants).toMatchObject([
      { InferenceAmiVersion: 'al2023-ami-sagemaker-inference-gpu-4-1', InstancePools: expect.any(Array) },
    ]);
    const pools = config.ProductionVariants[0]!.InstancePools as { Priority: number; InstanceType: string }[];
    expect(pools.map(({ Priority }) => Priority)).toEqual(pools.map((_, index) => index + 1));
    expect(pools[0]!.InstanceType).toMatch(/^ml\.g(4dn|5)\./);
    expect(config.KmsKeyId).toBeUndefined();
  });

  test('an endpoint that scales to zero has a component that scales to zero copies, and wakes up', async () => {
    const component = await only<{ InferenceComponentName: string; RuntimeConfig: { CopyCount: number } }>(
      'ToZero',
      'AWS::SageMaker::InferenceComponent',
    );
    expect(component.RuntimeConfig.CopyCount).toBe(1);
    expect(await targets('ToZero')).toEqual([[component.InferenceComponentName, 0, 2]]);
    const { config } = await described('ToZero');
    expect(config.ProductionVariants).toMatchObject([
      { ManagedInstanceScaling: { Status: 'ENABLED', MinInstanceCount: 0, MaxInstanceCount: 2 } },
    ]);
    const { ScalingPolicies } = await cloud.ask<{
      ScalingPolicies: { PolicyType: string; PolicyARN: string; ResourceId: string }[];
    }>('application-autoscaling', 'describe_scaling_policies', {
      ServiceNamespace: 'sagemaker',
      ResourceId: `inference-component/${component.InferenceComponentName}`,
    });
    expect(ScalingPolicies.map(({ PolicyType }) => PolicyType).sort()).toEqual([
      'StepScaling',
      'TargetTrackingScaling',
    ]);
    const { MetricAlarms } = await cloud.ask<{ MetricAlarms: { MetricName?: string; AlarmActions: string[] }[] }>(
      'cloudwatch',
      'describe_alarms',
    );
    const [asleep] = MetricAlarms.filter(({ MetricName }) => MetricName === 'NoCapacityInvocationFailures');
    const step = ScalingPolicies.find(({ PolicyType }) => PolicyType === 'StepScaling')!;
    expect(asleep!.AlarmActions).toEqual([step.PolicyARN]);
  });

  test('an asynchronous endpoint has a queue that scales from nothing', async () => {
    const { config } = await described('Asynchronous');
    const bucket = (await cloud.held()).find(
      ({ stack, type }) => stack === 'Asynchronous' && type === 'AWS::S3::Bucket',
    );
    expect(config.AsyncInferenceConfig!.OutputConfig).toMatchObject({
      S3OutputPath: `s3://${bucket!.physicalId}/output`,
      S3FailurePath: `s3://${bucket!.physicalId}/failed`,
      NotificationConfig: {
        SuccessTopic: expect.stringContaining(':sns:'),
        ErrorTopic: expect.stringContaining(':sns:'),
      },
    });
    expect(await targets('Asynchronous')).toEqual([['main', 0, 2]]);
  });

  test('a serverless endpoint has memory and no machines', async () => {
    const { config } = await described('Serverless');
    expect(config.ProductionVariants).toMatchObject([
      { ServerlessConfig: { MemorySizeInMB: 1024, MaxConcurrency: 20 } },
    ]);
    expect(await targets('Serverless')).toEqual([]);
  });

  test('two variants share the requests 90 to 10, and scale each', async () => {
    const { endpoint } = await described('Variants');
    expect(endpoint.ProductionVariants.map(({ VariantName, CurrentWeight }) => [VariantName, CurrentWeight])).toEqual([
      ['main', 90],
      ['encoder', 10],
    ]);
    expect((await targets('Variants')).map(([name]) => name)).toEqual(['encoder', 'main']);
  });

  test('a shadow listens to half of the requests', async () => {
    const { ShadowProductionVariants } = (await described('Shadow')).config;
    expect(ShadowProductionVariants).toMatchObject([{ VariantName: 'shadow', InitialVariantWeight: 0.5 }]);
  });

  test('a monitor finds the job that it starts by the name that it got, and the job its endpoint', async () => {
    const { endpoint, config } = await described('Monitored');
    expect(config.DataCaptureConfig!.InitialSamplingPercentage).toBe(100);
    const { name, expression, definition } = await monitored('Monitored');
    expect(name).toBe(endpoint.EndpointName);
    expect(expression).toBe('cron(0 0 ? * * *)');
    expect(definition.DataQualityAppSpecification.ImageUri).toBe(
      `156813124566.dkr.ecr.${region}.amazonaws.com/sagemaker-model-monitor-analyzer`,
    );
    expect(definition.DataQualityBaselineConfig.StatisticsResource.S3Uri).toBe(
      's3://baselines/digits/1/statistics.json',
    );
    expect(definition.DataQualityJobInput.EndpointInput.EndpointName).toBe(endpoint.EndpointName);
    expect(await definitions()).toEqual([definition.JobDefinitionName]);
  });

  test('an endpoint uses the network, role and key that are there', async () => {
    const held = (await cloud.held()).filter(({ stack }) => stack === 'Existing');
    const roles = held.filter(({ type }) => type === 'AWS::IAM::Role');
    expect(roles).toHaveLength(1);
    const { ExecutionRoleArn, VpcConfig, PrimaryContainer } = await only<{
      ExecutionRoleArn: string;
      VpcConfig: { Subnets: string[] };
      PrimaryContainer: { Environment: { SLIPWAY_SECRETS: string } };
    }>('Existing', 'AWS::SageMaker::Model');
    expect(ExecutionRoleArn).toBe(`arn:aws:iam::${account}:role/${roles[0]!.physicalId}`);
    expect(VpcConfig.Subnets).toEqual(network.slice(1));
    expect(JSON.parse(PrimaryContainer.Environment.SLIPWAY_SECRETS).TOKEN).toContain(':secretsmanager:');
    expect(held.filter(({ type }) => type === 'AWS::KMS::Key')).toHaveLength(1);
    expect((await described('Existing')).config.DataCaptureConfig!.InitialSamplingPercentage).toBe(10);
    const { VpcEndpoints } = await cloud.ask<{ VpcEndpoints: { ServiceName: string; PolicyDocument: string }[] }>(
      'ec2',
      'describe_vpc_endpoints',
    );
    const [access] = VpcEndpoints.filter(({ ServiceName }) => ServiceName.endsWith('.sagemaker.runtime'));
    expect(access!.PolicyDocument).toContain(':endpoint/existing-digits');
    const { Budgets } = await cloud.ask<{ Budgets: { CostFilters: { TagKeyValue: string[] } }[] }>(
      'budgets',
      'describe_budgets',
      { AccountId: account },
    );
    expect(Budgets[0]!.CostFilters.TagKeyValue[0]).toMatch(/^user:slipway:endpoint\$Existing/);
  });
});

describe.sequential('changed', () => {
  let before: Awaited<ReturnType<typeof described>>;
  let monitor: Awaited<ReturnType<typeof monitored>>;
  beforeAll(async () => {
    before = await described('Variants');
    monitor = await monitored('Monitored');
    await run('deploy', { CHANGED: '1' });
  });

  test('the second variant is gone, and the main one gets every request again', async () => {
    const { endpoint } = await described('Variants');
    expect(endpoint.EndpointName).toBe(before.endpoint.EndpointName);
    expect(endpoint.EndpointConfigName).not.toBe(before.endpoint.EndpointConfigName);
    expect(endpoint.ProductionVariants).toMatchObject([{ VariantName: 'main', CurrentWeight: 1 }]);
    expect((await targets('Variants')).map(([name]) => name)).toEqual(['main']);
  });

  test('the monitor starts another job, more often, and the one before is gone', async () => {
    const { name, expression, definition } = await monitored('Monitored');
    expect([name, expression]).toEqual([monitor.name, 'cron(0 0/6 ? * * *)']);
    expect(definition.JobDefinitionName).not.toBe(monitor.definition.JobDefinitionName);
    expect(definition.DataQualityBaselineConfig.StatisticsResource.S3Uri).toBe(
      's3://baselines/digits/2/statistics.json',
    );
    expect(await definitions()).toEqual([definition.JobDefinitionName]);
  });

  test('other machines, bounds, memory, shares', async () => {
    expect((await described('Accelerated')).config.ProductionVariants).toMatchObject([
      { InstancePools: expect.arrayContaining([{ InstanceType: 'ml.g6.xlarge', Priority: 1 }]) },
    ]);
    expect((await targets('ToZero'))[0]!.slice(1)).toEqual([0, 3]);
    expect(await targets('Asynchronous')).toEqual([['main', 0, 3]]);
    expect((await described('Serverless')).config.ProductionVariants).toMatchObject([
      { ServerlessConfig: { MaxConcurrency: 30 } },
    ]);
    expect((await described('Shadow')).config.ShadowProductionVariants).toMatchObject([{ InitialVariantWeight: 1 }]);
    expect((await described('Existing')).config.DataCaptureConfig!.InitialSamplingPercentage).toBe(50);
  });
});

test('removed, nothing is left but buckets that are to stay', async () => {
  await run('destroy');
  const left = (await cloud.held()).filter(({ stack }) => stack !== 'CDKToolkit');
  expect(left).toEqual([]);
  const { Endpoints } = await cloud.ask<{ Endpoints: object[] }>('sagemaker', 'list_endpoints');
  expect(Endpoints).toEqual([]);
  expect(await definitions()).toEqual([]);
  const { Buckets } = await cloud.ask<{ Buckets: { Name: string }[] }>('s3', 'list_buckets');
  expect(Buckets.filter(({ Name }) => !Name.startsWith('cdk-')).map(({ Name }) => Name.split('-')[0])).toEqual(
    expect.arrayContaining(['asynchronous', 'existing', 'monitored']),
  );
});
