/** A SageMaker model: an image with its settings, and where the model's files come from if they are not in it. */

import { Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sagemaker from 'aws-cdk-lib/aws-sagemaker';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { loadSeconds } from '../../lib/model/profile.js';
import type { EndpointPlan } from '../../lib/plan.js';
import { acknowledge, wildcardResource } from './acknowledged-findings.js';
import type { ContainerImage } from './container-image.js';
import { afterPolicies } from './execution-role.js';
import type { ContainerNetwork } from './network.js';

export interface ContainerModelProps {
  readonly plan: EndpointPlan;
  readonly image: ContainerImage;
  readonly role: iam.IRole;
  readonly environment?: Readonly<Record<string, string>> | undefined;
  readonly secrets?: Readonly<Record<string, secretsmanager.ISecret>> | undefined;
  readonly network?: ContainerNetwork | null | undefined;
  readonly networkIsolation?: boolean | undefined;
}

export interface ContainerModel {
  readonly model: sagemaker.CfnModel;
  readonly imageUri: string;
}

/** Where the optimized model's folder lies, when it is not in the image. */
function modelData(scope: Construct, { source }: EndpointPlan, role: iam.IRole) {
  const { uri } = source;
  if (!uri?.startsWith('s3://')) return {};
  const [bucket = '', ...path] = uri.slice('s3://'.length).replace(/\/+$/, '').split('/');
  const prefix = path.join('/');
  const arn = (resource: string) => Stack.of(scope).formatArn({ service: 's3', region: '', account: '', resource });
  const objects = arn(`${bucket}/${prefix}/*`);
  role.addToPrincipalPolicy(
    new iam.PolicyStatement({ sid: 'ModelFiles', actions: ['s3:GetObject'], resources: [objects] }),
  );
  role.addToPrincipalPolicy(
    new iam.PolicyStatement({
      sid: 'ModelFolder',
      actions: ['s3:ListBucket'],
      resources: [arn(bucket)],
      conditions: { StringLike: { 's3:prefix': [`${prefix}/*`] } },
    }),
  );
  acknowledge(role, [[wildcardResource(scope, objects), "The model's own folder"]]);
  return {
    modelDataSource: {
      s3DataSource: { s3Uri: `s3://${bucket}/${prefix}/`, s3DataType: 'S3Prefix', compressionType: 'None' },
    },
  };
}

function settings({ environment, secrets = {} }: ContainerModelProps, scope: Construct): Record<string, string> {
  const named = Object.entries(secrets);
  if (named.length === 0) return { ...environment };
  const arns = Object.fromEntries(named.map(([name, { secretArn }]) => [name, secretArn]));
  return { ...environment, SLIPWAY_SECRETS: Stack.of(scope).toJsonString(arns) };
}

/** Makes a model of a plan, and lets its role read what it needs. */
export function containerModel(scope: Construct, props: ContainerModelProps): ContainerModel {
  const { plan, image, role, secrets = {}, network, networkIsolation } = props;
  const { imageUri } = image.bind(scope, plan, role);
  for (const secret of Object.values(secrets)) secret.grantRead(role);
  const model = new sagemaker.CfnModel(scope, 'Model', {
    executionRoleArn: role.roleArn,
    primaryContainer: { image: imageUri, environment: settings(props, scope), ...modelData(scope, plan, role) },
    ...(networkIsolation && { enableNetworkIsolation: true }),
    ...(network && { vpcConfig: network }),
  });
  afterPolicies(model, role);
  return { model, imageUri };
}

const hour = 3600;

/** How long SageMaker waits for a container to answer /ping and for a model to come from S3, seconds, at most an hour each. */
export function startTimes(plan: EndpointPlan): {
  containerStartupHealthCheckTimeoutInSeconds: number;
  modelDataDownloadTimeoutInSeconds?: number;
} {
  const more = loadSeconds(plan.profile);
  return {
    containerStartupHealthCheckTimeoutInSeconds: Math.min(hour, 600 + more),
    ...(plan.source.uri !== undefined && { modelDataDownloadTimeoutInSeconds: Math.min(hour, 600 + more) }),
  };
}
