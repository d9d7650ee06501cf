/** The network of the containers, and the way to an endpoint that never leaves a network. */

import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { type Problem, problemsOf } from '../../lib/errors.js';

export interface NetworkOptions {
  /**
   * Network whose addresses the container can reach.
   *
   * @default - SageMaker's own network
   */
  readonly vpc?: ec2.IVpc;
  /** @default - private subnets with a way out */
  readonly vpcSubnets?: ec2.SubnetSelection;
  /** @default - a group that lets everything out and nothing in */
  readonly securityGroups?: readonly ec2.ISecurityGroup[];
  /**
   * Cut the container off from every network, S3 and ECR included. The model is there all the same: in the image, or brought by SageMaker.
   *
   * @default false
   */
  readonly networkIsolation?: boolean;
  /**
   * Let callers in `vpc` ask the endpoint without leaving it: an interface endpoint for SageMaker's runtime whose policy allows this
   * endpoint only. A network has one of them with private names, so several endpoints share one of yours instead.
   *
   * @default false
   */
  readonly privateAccess?: boolean;
}

export function networkProblems(
  { vpc, vpcSubnets, securityGroups, networkIsolation, privateAccess }: NetworkOptions,
  secrets: boolean,
): Problem[] {
  return problemsOf([
    [
      !vpc && (vpcSubnets || securityGroups),
      'vpc',
      'subnets or security groups are given, and no network. Give vpc, too',
    ],
    [!vpc && privateAccess, 'privateAccess', 'there is no network that callers could be in. Give vpc, too'],
    [
      networkIsolation && vpc,
      'networkIsolation',
      'an isolated container reaches no network. Leave out vpc, or isolation',
    ],
    [
      networkIsolation && secrets,
      'secrets',
      'an isolated container cannot read secrets. Leave out the secrets, or isolation',
    ],
  ]);
}

/** Where a container's network interfaces lie. */
export interface ContainerNetwork {
  readonly subnets: string[];
  readonly securityGroupIds: string[];
}

/** The groups of the containers: none without a network. */
export function securityGroupsOf(scope: Construct, { vpc, securityGroups }: NetworkOptions): ec2.ISecurityGroup[] {
  if (!vpc) return [];
  if (securityGroups) return [...securityGroups];
  return [new ec2.SecurityGroup(scope, 'SecurityGroup', { vpc, description: 'Containers of a SageMaker endpoint' })];
}

export function containerNetwork(
  { vpc, vpcSubnets }: NetworkOptions,
  groups: readonly ec2.ISecurityGroup[],
): ContainerNetwork | null {
  if (!vpc) return null;
  return {
    subnets: vpc.selectSubnets(vpcSubnets).subnetIds,
    securityGroupIds: groups.map(({ securityGroupId }) => securityGroupId),
  };
}

/** An interface endpoint of SageMaker's runtime through which only `endpointArns` can be asked, by whom IAM lets. */
export function privateAccess(
  scope: Construct,
  { vpc, vpcSubnets }: NetworkOptions,
  endpointArns: readonly string[],
  actions: readonly string[],
): ec2.InterfaceVpcEndpoint {
  const access = new ec2.InterfaceVpcEndpoint(scope, 'PrivateAccess', {
    vpc: vpc!,
    service: ec2.InterfaceVpcEndpointAwsService.SAGEMAKER_RUNTIME,
    ...(vpcSubnets && { subnets: vpcSubnets }),
  });
  access.addToPolicy(
    new iam.PolicyStatement({
      principals: [new iam.AnyPrincipal()],
      actions: [...actions],
      resources: [...endpointArns],
    }),
  );
  return access;
}
