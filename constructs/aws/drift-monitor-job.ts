/** What Model Monitor's job runs with: an image, and a role that may read what is compared, write reports, and nothing else. */

import { ArnFormat, Aws, CfnMapping, Stack } from 'aws-cdk-lib';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { once, readTable } from '../../lib/hardware/catalogue/csv.js';
import { acknowledge, keyGrants, wildcardResource } from './acknowledged-findings.js';
import { grantKey, newRole } from './execution-role.js';

/** Repository of Model Monitor's own image. */
export const analyzer = 'sagemaker-model-monitor-analyzer';

/** Accounts that AWS keeps the analyzer in, by region. */
export const analyzerAccounts = once(
  () => new Map(readTable('platforms/model-monitor.csv', (row) => [row.text('region'), row.text('account')] as const)),
);

/** An image of the user's. */
export interface MonitorImage {
  readonly repository: ecr.IRepository;
  /** `v1`, or `sha256:…`, which never changes. */
  readonly tagOrDigest: string;
}

/** Lets a role pull an image, the region's analyzer unless one is given; its URI. */
export function monitorImage(scope: Construct, image: MonitorImage | undefined, role: iam.Role): string {
  if (image) {
    image.repository.grantPull(role);
    return image.repository.repositoryUriForTagOrDigest(image.tagOrDigest);
  }
  const stack = Stack.of(scope);
  const account = analyzerAccounts().get(stack.region) ?? accountAtDeployment(scope);
  const repositoryArn = stack.formatArn({ service: 'ecr', account, resource: 'repository', resourceName: analyzer });
  ecr.Repository.fromRepositoryAttributes(scope, 'Image', { repositoryArn, repositoryName: analyzer }).grantPull(role);
  return `${account}.dkr.ecr.${stack.region}.${stack.urlSuffix}/${analyzer}`;
}

function accountAtDeployment(scope: Construct): string {
  const mapping = Object.fromEntries([...analyzerAccounts()].map(([region, account]) => [region, { account }]));
  return new CfnMapping(scope, 'Analyzers', { mapping }).findInMap(Aws.REGION, 'account');
}

/** Objects of a bucket, by their names or by patterns of them. */
export interface MonitorFiles {
  readonly bucket: s3.IBucket;
  readonly names: readonly string[];
}

export interface MonitorRoleProps {
  readonly endpointName: string;
  /** By what it is to the job. */
  readonly reads: Readonly<Record<string, MonitorFiles>>;
  readonly writes: MonitorFiles;
  /** Of the requests, the reports and the machine's disk. */
  readonly key: kms.IKey;
}

/** Namespaces of what a job publishes: of drift, where AWS's documents do not agree on one, and of its machine. */
const namespaces = [
  '/aws/sagemaker/Endpoint*/data-metric*',
  'aws/sagemaker/Endpoint*/data-metric*',
  '/aws/sagemaker/ProcessingJobs',
];

/** A role of least privilege. */
export function monitorRole(scope: Construct, { endpointName, reads, writes, key }: MonitorRoleProps): iam.Role {
  const role = newRole(scope, `${endpointName}, drift monitor`);
  const allow = (sid: string, actions: string[], resources: string[], StringLike?: Record<string, unknown>) =>
    role.addToPolicy(
      new iam.PolicyStatement({ sid, actions, resources, ...(StringLike && { conditions: { StringLike } }) }),
    );
  const objects = ({ bucket, names }: MonitorFiles) => names.map((name) => bucket.arnForObjects(name));
  for (const [what, files] of Object.entries(reads)) {
    allow(what, ['s3:GetObject'], objects(files));
    allow(`${what}Names`, ['s3:ListBucket'], [files.bucket.bucketArn], { 's3:prefix': files.names });
    // What the app does not know of a bucket, its owner has to grant.
    if (files.bucket.encryptionKey !== key) files.bucket.encryptionKey?.grantDecrypt(role);
  }
  allow('Reports', ['s3:PutObject'], objects(writes));
  grantKey(role, key);
  const logs = Stack.of(scope).formatArn({
    service: 'logs',
    resource: 'log-group',
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    resourceName: '/aws/sagemaker/ProcessingJobs:*',
  });
  const logActions = ['CreateLogGroup', 'CreateLogStream', 'DescribeLogStreams', 'PutLogEvents'];
  allow(
    'Logs',
    logActions.map((action) => `logs:${action}`),
    [logs],
  );
  // The API knows no resources; the namespace is what can be narrowed.
  allow('Metrics', ['cloudwatch:PutMetricData'], ['*'], { 'cloudwatch:namespace': namespaces });

  const wildcards = [writes, ...Object.values(reads)].flatMap(objects).filter((arn) => arn.endsWith('*'));
  acknowledge(role, [
    ...keyGrants,
    ['NIST.800.53.R5-IAMNoInlinePolicy', 'The policy belongs to this one role and goes with it'],
    ['AwsSolutions-IAM5[Resource::*]', 'PutMetricData and GetAuthorizationToken know no resources'],
    [wildcardResource(scope, logs), 'All jobs write to one log group, under names that are made when they run'],
    ...wildcards.map(
      (arn) => [wildcardResource(scope, arn), 'Requests and reports get their names when they are written'] as const,
    ),
  ]);
  return role;
}
