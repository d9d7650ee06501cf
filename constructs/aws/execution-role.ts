/** The role that SageMaker runs the container with: it may pull the image, write logs and metrics of this endpoint, and nothing else. */

import { ArnFormat, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { acknowledge, keyGrants, wildcardResource } from './acknowledged-findings.js';

/** A role without rights that only SageMaker of this account can take. */
export function newRole(scope: Construct, endpointName: string): iam.Role {
  return new iam.Role(scope, 'Role', {
    assumedBy: new iam.ServicePrincipal('sagemaker.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
    description: `SageMaker endpoint ${endpointName}`,
  });
}

/** What the container of an endpoint needs besides its image; who brings a key, a bucket or a secret grants that. */
export function grantExecution(scope: Construct, role: iam.IRole, endpointName: string, inVpc: boolean): void {
  const stack = Stack.of(scope);
  const allow = (sid: string, props: Omit<iam.PolicyStatementProps, 'sid'>) =>
    role.addToPrincipalPolicy(new iam.PolicyStatement({ sid, ...props }));
  const logGroups = ['Endpoints', 'InferenceComponents'].map((kind) =>
    stack.formatArn({
      service: 'logs',
      resource: 'log-group',
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      resourceName: `/aws/sagemaker/${kind}/${endpointName}*`,
    }),
  );
  allow('Logs', {
    actions: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:DescribeLogStreams', 'logs:PutLogEvents'],
    resources: logGroups,
  });
  allow('Metrics', {
    actions: ['cloudwatch:PutMetricData'],
    // The API knows no resources; the namespace is what can be narrowed.
    resources: ['*'],
    conditions: { StringLike: { 'cloudwatch:namespace': ['AWS/SageMaker', '/aws/sagemaker/*'] } },
  });
  if (inVpc) {
    allow('NetworkInterfaces', {
      actions: [
        'ec2:CreateNetworkInterface',
        'ec2:CreateNetworkInterfacePermission',
        'ec2:DeleteNetworkInterface',
        'ec2:DeleteNetworkInterfacePermission',
        'ec2:DescribeDhcpOptions',
        'ec2:DescribeNetworkInterfaces',
        'ec2:DescribeSecurityGroups',
        'ec2:DescribeSubnets',
        'ec2:DescribeVpcs',
      ],
      // The interfaces have no names before they are made, and the Describe calls take no resource.
      resources: ['*'],
    });
  }
  acknowledge(role, [
    ...logGroups.map((arn) => [wildcardResource(scope, arn), 'The log groups of this endpoint, by its name'] as const),
    ['NIST.800.53.R5-IAMNoInlinePolicy', 'The policy belongs to this one role and goes with it'],
  ]);
  // Of a role that is not made here the rest is its owner's to judge.
  if (role.node.scope !== scope) return;
  acknowledge(role, [
    ['AwsSolutions-IAM5[Resource::*]', 'PutMetricData, GetAuthorizationToken and network interfaces know no resources'],
    ...keyGrants,
  ]);
}

/** Without the role's policies SageMaker cannot pull the image, and the stack rolls back: what uses them waits for them. */
export function afterPolicies(resource: Construct, role: iam.IRole): void {
  resource.node.addDependency(...role.node.findAll().filter((child) => child instanceof iam.Policy));
}

/** Lets the role encrypt and decrypt, and SageMaker pass the key on to the machines' disks. */
export function grantKey(role: iam.IRole, key: kms.IKey): void {
  key.grantEncryptDecrypt(role);
  role.addToPrincipalPolicy(
    new iam.PolicyStatement({
      sid: 'DiskKey',
      actions: ['kms:CreateGrant', 'kms:DescribeKey'],
      resources: [key.keyArn],
      conditions: { Bool: { 'kms:GrantIsForAWSResource': 'true' } },
    }),
  );
}
