/** The server itself: what it refuses, which the other tests rely on, and what it stands in for. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { account, region, type Server, startMoto } from './cloud.js';

let moto: Server;
beforeAll(async () => {
  moto = await startMoto();
});
afterAll(() => moto?.stop());

type Resources = Readonly<Record<string, { readonly Type: string; readonly Properties?: object }>>;

/** Makes or changes a stack and tells its status. */
async function stack(StackName: string, Resources: Resources, operation = 'create_stack') {
  await moto.ask('cloudformation', operation, { StackName, TemplateBody: JSON.stringify({ Resources }) });
  const { Stacks } = await moto.ask<{ Stacks: { StackStatus: string }[] }>('cloudformation', 'describe_stacks', {
    StackName,
  });
  return Stacks[0]!.StackStatus;
}

const configuration = (variant: object) => ({
  Config: {
    Type: 'AWS::SageMaker::EndpointConfig',
    Properties: { ProductionVariants: [{ VariantName: 'main', InitialVariantWeight: 1, ModelName: 'm', ...variant }] },
  },
});

const refused: Readonly<Record<string, readonly [Resources, string]>> = {
  'a type without support': [
    { Steps: { Type: 'AWS::SageMaker::Pipeline' } },
    'Steps: this server has no AWS::SageMaker::Pipeline',
  ],
  'an unknown property': [
    { Store: { Type: 'AWS::S3::Bucket', Properties: { BucketNam: 'x' } } },
    'Store (AWS::S3::Bucket) has no property BucketNam',
  ],
  'an unknown property further down': [
    configuration({ InstanceType: 'ml.c6i.large', Weight: 1 }),
    'ProductionVariants[0] has no property Weight',
  ],
  'a missing property': [
    { Wake: { Type: 'AWS::CloudWatch::CompositeAlarm', Properties: {} } },
    'Wake (AWS::CloudWatch::CompositeAlarm) lacks AlarmRule',
  ],
  'a wrong type': [
    configuration({ InstanceType: 'ml.c6i.large', InitialInstanceCount: 'two' }),
    'InitialInstanceCount is "two", not integer',
  ],
  'a machine that the region does not host': [
    configuration({ InstanceType: 'ml.p5e.48xlarge', InitialInstanceCount: 1 }),
    `ml.p5e.48xlarge is not hosted in ${region}`,
  ],
  'such a machine in a pool': [
    configuration({ InstancePools: [{ InstanceType: 'ml.p5e.48xlarge', Priority: 1 }] }),
    `ml.p5e.48xlarge is not hosted in ${region}`,
  ],
  'a composite alarm of alarms that are not there': [
    { Wake: { Type: 'AWS::CloudWatch::CompositeAlarm', Properties: { AlarmRule: 'ALARM("none")' } } },
    "names no alarm, or one that is not there: ['none']",
  ],
  'a custom resource without a handler': [{ Own: { Type: 'Custom::Own', Properties: {} } }, 'lacks ServiceToken'],
};

test.for(Object.entries(refused))('refuses %s', async ([name, [resources, words]]) => {
  const id = name.replaceAll(' ', '-');
  await expect(stack(id, resources)).rejects.toThrow(words);
  expect((await moto.held()).filter((each) => each.stack === id)).toEqual([]);
});

test('takes custom resources, keeps what they say, and answers their attributes', async () => {
  const own = (Size: string) => ({
    First: { Type: 'AWS::CloudFormation::CustomResource', Properties: { ServiceToken: 'handler', Size } },
    Second: {
      Type: 'Custom::Own',
      Properties: { ServiceToken: 'handler', Url: { 'Fn::GetAtt': ['First', 'Url'] } },
    },
  });
  const kept = async () =>
    (await moto.held()).map(({ logicalId, type, physicalId, properties: { ServiceToken: _, ...rest } }) => ({
      ...{ logicalId, type, physicalId, rest },
    }));
  expect(await stack('own', own('1'))).toBe('CREATE_COMPLETE');
  const [first, second] = await kept();
  expect(first).toMatchObject({
    ...{ logicalId: 'First', type: 'AWS::CloudFormation::CustomResource', rest: { Size: '1' } },
  });
  expect(second).toMatchObject({
    ...{ logicalId: 'Second', type: 'Custom::Own', rest: { Url: `${first!.physicalId}.Url` } },
  });
  expect(await stack('own', own('2'), 'update_stack')).toBe('UPDATE_COMPLETE');
  expect(await kept()).toEqual([{ ...first, rest: { Size: '2' } }, second]);
  await moto.ask('cloudformation', 'delete_stack', { StackName: 'own' });
  expect(await moto.held()).toEqual([]);
});

test('serves a stage of a REST API', async () => {
  const RestApiId = { Ref: 'Api' };
  const api = (Variables: object) => ({
    Api: { Type: 'AWS::ApiGateway::RestApi', Properties: { Name: 'digits' } },
    Method: {
      Type: 'AWS::ApiGateway::Method',
      Properties: {
        RestApiId,
        ResourceId: { 'Fn::GetAtt': ['Api', 'RootResourceId'] },
        ...{ HttpMethod: 'POST', AuthorizationType: 'AWS_IAM' },
        Integration: {
          ...{ Type: 'AWS', IntegrationHttpMethod: 'POST' },
          Uri: `arn:aws:apigateway:${region}:runtime.sagemaker:path/endpoints/digits/invocations`,
          Credentials: `arn:aws:iam::${account}:role/caller`,
        },
      },
    },
    Deployment: { Type: 'AWS::ApiGateway::Deployment', DependsOn: 'Method', Properties: { RestApiId } },
    Stage: {
      Type: 'AWS::ApiGateway::Stage',
      Properties: { RestApiId, DeploymentId: { Ref: 'Deployment' }, StageName: 'prod', Variables },
    },
    Account: { Type: 'AWS::ApiGateway::Account' },
  });
  const stages = async () => {
    const { items } = await moto.ask<{ items: { id: string }[] }>('apigateway', 'get_rest_apis');
    const { item } = await moto.ask<{ item: { stageName: string; variables: object }[] }>('apigateway', 'get_stages', {
      restApiId: items[0]!.id,
    });
    return item.map(({ stageName, variables }) => [stageName, variables]);
  };
  expect(await stack('api', api({ at: 'first' }))).toBe('CREATE_COMPLETE');
  expect(await stages()).toEqual([['prod', { at: 'first' }]]);
  expect(await stack('api', api({ at: 'second' }), 'update_stack')).toBe('UPDATE_COMPLETE');
  expect(await stages()).toEqual([['prod', { at: 'second' }]]);
  await moto.ask('cloudformation', 'delete_stack', { StackName: 'api' });
  expect(await moto.ask('apigateway', 'get_rest_apis')).toEqual({ items: [] });
});

test('takes flow logs of a network', async () => {
  const resources = {
    Network: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: '10.0.0.0/16' } },
    Store: { Type: 'AWS::S3::Bucket' },
    Log: {
      Type: 'AWS::EC2::FlowLog',
      Properties: {
        ...{ ResourceId: { Ref: 'Network' }, ResourceType: 'VPC', TrafficType: 'ALL', LogDestinationType: 's3' },
        LogDestination: { 'Fn::GetAtt': ['Store', 'Arn'] },
      },
    },
  };
  expect(await stack('flow', resources)).toBe('CREATE_COMPLETE');
  const { FlowLogs } = await moto.ask<{ FlowLogs: { ResourceId: string }[] }>('ec2', 'describe_flow_logs');
  const network = (await moto.held()).find(({ logicalId }) => logicalId === 'Network');
  expect(FlowLogs).toMatchObject([{ ResourceId: network!.physicalId }]);
});
