/** What stands under every SageMaker endpoint: its name, the role of its containers, the key of what it stores. */

import { ArnFormat, Names, RemovalPolicy, Stack, Tags, Token } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import type { EndpointOptions } from './endpoint-options.js';
import { grantExecution, grantKey, newRole } from './execution-role.js';

export interface Foundation {
  readonly name: string;
  readonly role: iam.IRole;
  /** Null where nothing takes one. */
  readonly key: kms.IKey | null;
}

/**
 * @param inVpc - whether the containers have interfaces in a network of the user's
 * @param encrypts - whether disks or buckets take a key
 */
export function foundation(
  scope: Construct,
  { endpointName, role: given, encryptionKey, tags }: EndpointOptions,
  { inVpc, encrypts }: { readonly inVpc: boolean; readonly encrypts: boolean },
): Foundation {
  for (const [tag, value] of Object.entries(tags ?? {})) Tags.of(scope).add(tag, value);
  const name = endpointName ?? Names.uniqueResourceName(scope, { maxLength: 63, separator: '-' });
  const role = given ?? newRole(scope, name);
  grantExecution(scope, role, name, inVpc);
  const key = encrypts ? (encryptionKey ?? newKey(scope)) : null;
  if (key) grantKey(role, key);
  return { name, role, key };
}

function newKey(scope: Construct): kms.Key {
  return new kms.Key(scope, 'Key', {
    enableKeyRotation: true,
    description: `SageMaker endpoint ${scope.node.path}`,
    // It encrypts the disks of machines that end with the endpoint; what a bucket keeps goes after some days.
    removalPolicy: RemovalPolicy.DESTROY,
  });
}

/** ARN of a thing of SageMaker's by its name; names in ARNs are in lower case. */
export const sageMakerArn = (scope: Construct, resource: 'endpoint' | 'inference-component', name: string): string =>
  Stack.of(scope).formatArn({
    service: 'sagemaker',
    resource,
    resourceName: Token.isUnresolved(name) ? name : name.toLowerCase(),
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  });
