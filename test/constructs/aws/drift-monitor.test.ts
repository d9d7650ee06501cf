import { readFileSync } from 'node:fs';
import { CfnParameter, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { describe, expect, test } from 'vitest';
import { type DataCaptureOptions, type DriftMonitorOptions, ModelEndpoint } from '../../../constructs/aws/index.js';
import { packageFile } from '../../../lib/package-root.js';
import { digits, newApp, objective, only, output, readyImage, stacked, stackIn } from './stack.js';

const definitionType = 'AWS::SageMaker::DataQualityJobDefinition';
const scheduleType = 'AWS::SageMaker::MonitoringSchedule';

type Options = Partial<DriftMonitorOptions>;

const monitorIn = (stack: Stack, more: Options = {}): DriftMonitorOptions => ({
  baseline: { bucket: s3.Bucket.fromBucketName(stack, 'Baselines', 'baselines'), prefix: 'digits/3' },
  ...more,
});

/** An endpoint with a monitor. */
const monitored = (more: Options = {}, stack = stackIn(), capture: DataCaptureOptions = {}) =>
  stacked({ dataCapture: { ...capture, monitor: monitorIn(stack, more) } }, stack);

interface Statement {
  readonly Sid?: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

/** Statements of the monitor's role, by their id. */
function statements(template: Template): Record<string, Statement> {
  const [policy] = Object.entries(template.findResources('AWS::IAM::Policy')).filter(([id]) => /DriftMonitor/.test(id));
  const all = policy![1].Properties.PolicyDocument.Statement as Statement[];
  return Object.fromEntries(all.map((each) => [each.Sid ?? [each.Action].flat().join(' '), each]));
}

const ref = (part: string) => expect.stringMatching(new RegExp(`^Digits${part}[0-9A-F]{8}$`));
const captured = { Ref: ref('Captured') };
const key = { 'Fn::GetAtt': [ref('Key'), 'Arn'] };
const arn = (resource: string) => ({ 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, resource]] });
const inCaptured = (path: string) => ({ 'Fn::Join': ['', [{ 'Fn::GetAtt': [ref('Captured'), 'Arn'] }, `/${path}`]] });

describe('a monitor', () => {
  const { template, endpoint } = monitored();

  test('is a job that compares what was captured with the baseline, cut off from every network', () => {
    expect(only(template, definitionType)).toEqual({
      RoleArn: { 'Fn::GetAtt': [ref('DriftMonitorRole'), 'Arn'] },
      DataQualityAppSpecification: {
        ImageUri: {
          'Fn::Join': [
            '',
            ['468650794304.dkr.ecr.eu-west-1.', { Ref: 'AWS::URLSuffix' }, '/sagemaker-model-monitor-analyzer'],
          ],
        },
        Environment: { publish_cloudwatch_metrics: 'Enabled' },
      },
      DataQualityBaselineConfig: {
        StatisticsResource: { S3Uri: 's3://baselines/digits/3/statistics.json' },
        ConstraintsResource: { S3Uri: 's3://baselines/digits/3/constraints.json' },
      },
      DataQualityJobInput: {
        EndpointInput: {
          EndpointName: { 'Fn::GetAtt': [ref('Endpoint'), 'EndpointName'] },
          LocalPath: '/opt/ml/processing/input/endpoint',
        },
      },
      DataQualityJobOutputConfig: {
        KmsKeyId: key,
        MonitoringOutputs: [
          {
            S3Output: {
              S3Uri: { 'Fn::Join': ['', ['s3://', captured, '/capture-monitor']] },
              LocalPath: '/opt/ml/processing/output',
              S3UploadMode: 'EndOfJob',
            },
          },
        ],
      },
      JobResources: {
        ClusterConfig: { InstanceCount: 1, InstanceType: 'ml.m5.xlarge', VolumeSizeInGB: 30, VolumeKmsKeyId: key },
      },
      NetworkConfig: { EnableNetworkIsolation: true, EnableInterContainerTrafficEncryption: true },
      StoppingCondition: { MaxRuntimeInSeconds: 3600 },
    });
  });

  test('runs once a day under the name of the endpoint; the definition has the name that CloudFormation gives it', () => {
    const definitionArn = { 'Fn::GetAtt': [ref('DriftMonitorDefinition'), 'JobDefinitionArn'] };
    const relative = { 'Fn::Select': [5, { 'Fn::Split': [':', definitionArn] }] };
    expect(only(template, scheduleType)).toEqual({
      MonitoringScheduleName: endpoint.endpointName,
      MonitoringScheduleConfig: {
        MonitoringType: 'DataQuality',
        MonitoringJobDefinitionName: { 'Fn::Select': [1, { 'Fn::Split': ['/', relative] }] },
        ScheduleConfig: { ScheduleExpression: 'cron(0 0 ? * * *)' },
      },
    });
  });

  test('has a role of its own that SageMaker of this account alone can take', () => {
    const roles = template.findResources('AWS::IAM::Role');
    expect(Object.keys(roles)).toEqual([ref('Role'), ref('DriftMonitorRole')]);
    expect(Object.values(roles)[1]!.Properties).toMatchObject({
      AssumeRolePolicyDocument: {
        Statement: [
          {
            Action: 'sts:AssumeRole',
            Principal: { Service: 'sagemaker.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': '123456789012' } },
          },
        ],
      },
    });
  });

  test('may read what is compared, write reports, pull that image, publish drift, and no more', () => {
    const found = statements(template);
    expect(
      Object.values(found)
        .flatMap(({ Action }) => Action)
        .sort(),
    ).toEqual([
      'cloudwatch:PutMetricData',
      'ecr:BatchCheckLayerAvailability',
      'ecr:BatchGetImage',
      'ecr:GetAuthorizationToken',
      'ecr:GetDownloadUrlForLayer',
      'kms:CreateGrant',
      'kms:Decrypt',
      'kms:DescribeKey',
      'kms:Encrypt',
      'kms:GenerateDataKey*',
      'kms:ReEncrypt*',
      'logs:CreateLogGroup',
      'logs:CreateLogStream',
      'logs:DescribeLogStreams',
      'logs:PutLogEvents',
      's3:GetObject',
      's3:GetObject',
      's3:ListBucket',
      's3:ListBucket',
      's3:PutObject',
    ]);
    expect(found.Captured!.Resource).toEqual(inCaptured('capture/*'));
    expect(found.CapturedNames).toMatchObject({
      Resource: { 'Fn::GetAtt': [ref('Captured'), 'Arn'] },
      Condition: { StringLike: { 's3:prefix': ['capture/*'] } },
    });
    const names = ['digits/3/statistics.json', 'digits/3/constraints.json'];
    expect(found.Baseline!.Resource).toEqual(names.map((name) => arn(`:s3:::baselines/${name}`)));
    expect(found.BaselineNames).toMatchObject({
      Resource: arn(':s3:::baselines'),
      Condition: { StringLike: { 's3:prefix': names } },
    });
    expect(found.Reports!.Resource).toEqual(inCaptured('capture-monitor/*'));
    expect(found.Logs!.Resource).toEqual(arn(':logs:eu-west-1:123456789012:log-group:/aws/sagemaker/ProcessingJobs:*'));
    expect(found.Metrics).toMatchObject({
      Resource: '*',
      Condition: {
        StringLike: {
          'cloudwatch:namespace': [
            '/aws/sagemaker/Endpoint*/data-metric*',
            'aws/sagemaker/Endpoint*/data-metric*',
            '/aws/sagemaker/ProcessingJobs',
          ],
        },
      },
    });
    const pull = 'ecr:BatchCheckLayerAvailability ecr:GetDownloadUrlForLayer ecr:BatchGetImage';
    expect(found[pull]!.Resource).toEqual(
      arn(':ecr:eu-west-1:468650794304:repository/sagemaker-model-monitor-analyzer'),
    );
  });

  test('comes after its rights and the endpoint, and goes before them', () => {
    const [definition] = Object.values(template.findResources(definitionType));
    expect(definition!.DependsOn).toEqual([expect.stringMatching(/^DigitsDriftMonitorRoleDefaultPolicy/)]);
  });

  test('is there for who composes with it, and the output says where its reports lie', () => {
    const { definition, schedule, role, reportsUrl } = endpoint.driftMonitor!;
    expect([definition, schedule, role].map(({ node }) => node.path)).toEqual(
      ['Definition', 'Schedule', 'Role'].map((id) => `Shop/Digits/DriftMonitor/${id}`),
    );
    expect(output(template, 'DriftReports')).toEqual({ 'Fn::Join': ['', ['s3://', captured, '/capture-monitor']] });
    expect(Stack.of(endpoint).resolve(reportsUrl)).toEqual(output(template, 'DriftReports'));
  });
});

test('data capture alone makes no monitor', () => {
  const { template, endpoint } = stacked({ dataCapture: {} });
  expect(endpoint.driftMonitor).toBeNull();
  template.resourceCountIs(definitionType, 0);
  template.resourceCountIs(scheduleType, 0);
  template.resourceCountIs('AWS::IAM::Role', 1);
});

test('nothing else of the endpoint is another one with a monitor', () => {
  const bare = stacked({ dataCapture: {} }).template.toJSON();
  const { Resources, Outputs } = monitored().template.toJSON();
  expect(Resources).toMatchObject(bare.Resources);
  expect(Outputs).toMatchObject(bare.Outputs);
  expect(Object.keys(Resources).length - Object.keys(bare.Resources).length).toBe(4);
});

test('a script makes columns of requests, and the role may read that script', () => {
  const stack = stackIn();
  const scripts = new s3.Bucket(stack, 'Scripts', { encryptionKey: new kms.Key(stack, 'ScriptKey') });
  const { template } = monitored({ preprocessor: { bucket: scripts, key: 'monitor/columns.py' } }, stack);
  const { DataQualityAppSpecification } = only<{ DataQualityAppSpecification: object }>(template, definitionType);
  const bucket = { Ref: expect.stringMatching(/^Scripts/) };
  expect(DataQualityAppSpecification).toMatchObject({
    RecordPreprocessorSourceUri: { 'Fn::Join': ['', ['s3://', bucket, '/monitor/columns.py']] },
  });
  const scriptsArn = { 'Fn::GetAtt': [expect.stringMatching(/^Scripts/), 'Arn'] };
  const { Preprocessor, PreprocessorNames, ...rest } = statements(template);
  expect(Preprocessor!.Resource).toEqual({ 'Fn::Join': ['', [scriptsArn, '/monitor/columns.py']] });
  expect(PreprocessorNames).toMatchObject({
    Resource: scriptsArn,
    Condition: { StringLike: { 's3:prefix': ['monitor/columns.py'] } },
  });
  expect(rest['kms:Decrypt']!.Resource).toEqual({ 'Fn::GetAtt': [expect.stringMatching(/^ScriptKey/), 'Arn'] });
});

test.each([
  [1, 'cron(0 * ? * * *)'],
  [2, 'cron(0 0/2 ? * * *)'],
  [6, 'cron(0 0/6 ? * * *)'],
  [23, 'cron(0 0/23 ? * * *)'],
  [24, 'cron(0 0 ? * * *)'],
])('every %i hours is %s, as Model Monitor takes it', (everyHours, expression) => {
  const { MonitoringScheduleConfig } = only<{ MonitoringScheduleConfig: object }>(
    monitored({ everyHours }).template,
    scheduleType,
  );
  expect(MonitoringScheduleConfig).toMatchObject({ ScheduleConfig: { ScheduleExpression: expression } });
});

test('a machine with disks of its own gets no key for them', () => {
  const { JobResources } = only<{ JobResources: { ClusterConfig: object } }>(
    monitored({ instanceType: 'ml.r5d.xlarge' }).template,
    definitionType,
  );
  expect(JobResources.ClusterConfig).toEqual({ InstanceCount: 1, InstanceType: 'ml.r5d.xlarge', VolumeSizeInGB: 30 });
});

test('reports stand beside what is captured, in a bucket of the user, too', () => {
  const reports = (prefix: string) => {
    const stack = stackIn();
    const bucket = s3.Bucket.fromBucketName(stack, 'Mine', 'mine');
    return [
      Stack.of(stack).resolve(monitored({}, stack, { bucket, prefix }).endpoint.driftMonitor!.reportsUrl),
      statements(Template.fromStack(stack)).Captured!.Resource,
    ];
  };
  expect(reports('shop/digits')).toEqual(['s3://mine/shop/digits-monitor', arn(':s3:::mine/shop/digits/*')]);
  expect(reports('')).toEqual(['s3://mine/monitor', arn(':s3:::mine/*')]);
});

test('a baseline may lie right in its bucket', () => {
  const stack = stackIn();
  const bucket = s3.Bucket.fromBucketName(stack, 'Root', 'root');
  const { template } = monitored({ baseline: { bucket, prefix: '' } }, stack);
  expect(only<{ DataQualityBaselineConfig: object }>(template, definitionType).DataQualityBaselineConfig).toEqual({
    StatisticsResource: { S3Uri: 's3://root/statistics.json' },
    ConstraintsResource: { S3Uri: 's3://root/constraints.json' },
  });
});

describe('the image', () => {
  const uriOf = (template: Template) =>
    only<{ DataQualityAppSpecification: { ImageUri: unknown } }>(template, definitionType).DataQualityAppSpecification
      .ImageUri;

  test.each([
    ['eu-central-1', '048819808253'],
    ['us-east-1', '156813124566'],
    ['ap-northeast-1', '574779866223'],
  ])("is AWS's of %s, in the account %s", (region, account) => {
    expect(uriOf(monitored({}, stackIn(region)).template)).toEqual({
      'Fn::Join': [
        '',
        [`${account}.dkr.ecr.${region}.`, { Ref: 'AWS::URLSuffix' }, '/sagemaker-model-monitor-analyzer'],
      ],
    });
  });

  test('is looked up at deployment where the region is not known before', () => {
    const { template } = monitored({}, new Stack(newApp(), 'Shop'));
    const [[name, mapping]] = Object.entries(template.findMappings('*')) as [[string, Record<string, object>]];
    const rows = readFileSync(packageFile('data', 'platforms', 'model-monitor.csv'), 'utf8')
      .trim()
      .split('\n')
      .slice(1);
    expect(rows).toHaveLength(20);
    expect(mapping).toEqual(
      Object.fromEntries(rows.map((row) => row.split(',')).map(([at, account]) => [at, { account }])),
    );
    const account = { 'Fn::FindInMap': [name, { Ref: 'AWS::Region' }, 'account'] };
    expect(uriOf(template)).toEqual({
      'Fn::Join': [
        '',
        [
          account,
          '.dkr.ecr.',
          { Ref: 'AWS::Region' },
          '.',
          { Ref: 'AWS::URLSuffix' },
          '/sagemaker-model-monitor-analyzer',
        ],
      ],
    });
    const pull = 'ecr:BatchCheckLayerAvailability ecr:GetDownloadUrlForLayer ecr:BatchGetImage';
    expect(JSON.stringify(statements(template)[pull]!.Resource)).toContain(JSON.stringify(account));
  });

  test('may be one of the user, which the role may pull', () => {
    const stack = stackIn('ap-northeast-3');
    const theirs = 'arn:aws:ecr:ap-northeast-3:999999999999:repository/sagemaker-model-monitor-analyzer';
    const repository = ecr.Repository.fromRepositoryArn(stack, 'Analyzer', theirs);
    const { template } = monitored({ image: { repository, tagOrDigest: 'latest' } }, stack);
    expect(uriOf(template)).toEqual({
      'Fn::Join': [
        '',
        ['999999999999.dkr.ecr.ap-northeast-3.', { Ref: 'AWS::URLSuffix' }, '/sagemaker-model-monitor-analyzer:latest'],
      ],
    });
    const pull = 'ecr:BatchCheckLayerAvailability ecr:GetDownloadUrlForLayer ecr:BatchGetImage';
    expect(statements(template)[pull]!.Resource).toBe(theirs);
  });

  test('has to be given where nobody knows its account', () => {
    expect(() => monitored({}, stackIn('ap-northeast-3'))).toThrow(
      /dataCapture\.monitor\.image: it is not known where AWS keeps Model Monitor's image for ap-northeast-3\. Give image: the repository sagemaker-model-monitor-analyzer of AWS's account there/,
    );
  });
});

describe('refused is', () => {
  test.each<[string, Options, RegExp]>([
    [
      '0 hours',
      { everyHours: 0 },
      /dataCapture\.monitor\.everyHours: 0 is given; allowed: a whole number from 1 to 24/,
    ],
    ['25 hours', { everyHours: 25 }, /dataCapture\.monitor\.everyHours: 25 is given/],
    ['half an hour', { everyHours: 0.5 }, /dataCapture\.monitor\.everyHours: 0\.5 is given/],
    ['no hours', { everyHours: Number.NaN }, /dataCapture\.monitor\.everyHours: NaN is given/],
    ['a type of EC2', { instanceType: 'm5.xlarge' }, /dataCapture\.monitor\.instanceType: 'm5\.xlarge' is given/],
  ])('%s', (_what, options, message) => {
    expect(() => monitored(options)).toThrow(message);
  });

  test('a path with a slash at an end', () => {
    const stack = stackIn();
    const bucket = s3.Bucket.fromBucketName(stack, 'Mine', 'mine');
    const refused = (options: Options, capture?: DataCaptureOptions) => () => monitored(options, stackIn(), capture);
    expect(refused({ baseline: { bucket, prefix: 'a/' } })).toThrow(
      /dataCapture\.monitor\.baseline\.prefix: 'a\/' is given; allowed: the folder's path without '\/' at its ends/,
    );
    for (const path of ['', '/a.py', 'a/']) {
      expect(refused({ preprocessor: { bucket, key: path } })).toThrow(
        `dataCapture.monitor.preprocessor.key: '${path}' is given; allowed: the script's path`,
      );
    }
    expect(refused({}, { prefix: '/capture' })).toThrow(/dataCapture\.prefix: '\/capture' is given/);
  });

  test('a monitor of requests that are not kept', () => {
    expect(() => monitored({}, stackIn(), { capture: ['output'] })).toThrow(
      /dataCapture\.capture: the monitor compares requests, and none would be kept/,
    );
  });

  test.each(['variants', 'shadow'])('a monitor of several models: %s', (which) => {
    const refused = () =>
      stacked((stack) => ({
        dataCapture: { monitor: monitorIn(stack) },
        ...(which === 'shadow' ? { shadow: { model: digits } } : { variants: [{ name: 'next', model: digits }] }),
      }));
    expect(refused).toThrow(/dataCapture\.monitor: Model Monitor takes endpoints with one model, and this one has 2/);
  });

  test('everything at once', () => {
    const refused = () => monitored({ everyHours: 30, instanceType: 'big' }, stackIn('ap-northeast-3'), { percent: 0 });
    expect(refused).toThrow(/4 problems/);
  });

  test('a timetable that is known only at deployment', () => {
    const stack = stackIn();
    const everyHours = new CfnParameter(stack, 'Hours', { type: 'Number' }).valueAsNumber;
    expect(() => monitored({ everyHours }, stack)).toThrow(
      /dataCapture\.monitor\.everyHours: is known only at deployment, but the timetable is written at synthesis/,
    );
  });
});

test('names that are known only at deployment are no reason to crash', () => {
  const stack = stackIn();
  const parameter = (id: string) => new CfnParameter(stack, id).valueAsString;
  const bucket = s3.Bucket.fromBucketName(stack, 'Late', parameter('Bucket'));
  const endpointName = parameter('Name');
  new ModelEndpoint(stack, 'Digits', {
    ...{ model: digits, objective, image: readyImage(stack), endpointName },
    dataCapture: {
      bucket,
      prefix: parameter('Folder'),
      monitor: { baseline: { bucket, prefix: parameter('Baseline') }, instanceType: parameter('Machine') },
    },
  });
  const template = Template.fromStack(stack);
  expect(only<{ MonitoringScheduleName: object }>(template, scheduleType).MonitoringScheduleName).toEqual({
    Ref: 'Name',
  });
  expect(only(template, definitionType)).toMatchObject({
    DataQualityBaselineConfig: {
      StatisticsResource: {
        S3Uri: { 'Fn::Join': ['', ['s3://', { Ref: 'Bucket' }, '/', { Ref: 'Baseline' }, '/statistics.json']] },
      },
    },
    JobResources: { ClusterConfig: { InstanceType: { Ref: 'Machine' } } },
  });
});
