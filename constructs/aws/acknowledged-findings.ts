/** Findings of cdk-nag that hold and are meant: each with its reason, on the construct that has it. Nothing of cdk-nag is loaded. */

import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** A finding's id as cdk-nag prints it, and why it stays. */
export type Finding = readonly [id: string, reason: string];

/** Records findings on a construct, and so on everything below it. */
export function acknowledge(construct: IConstruct, findings: readonly Finding[]): void {
  Validations.of(construct).acknowledge(...findings.map(([id, reason]) => ({ id, reason })));
}

type Node = string | { Ref?: string; 'Fn::GetAtt'?: string[]; 'Fn::Join'?: [string, Node[]] };

const flat = (node: Node): string => {
  if (typeof node !== 'object') return String(node);
  if (node.Ref) return `<${node.Ref}>`;
  if (node['Fn::GetAtt']) return `<${node['Fn::GetAtt'].join('.')}>`;
  const [separator, parts] = node['Fn::Join'] ?? ['', []];
  return parts.map(flat).join(separator);
};

/** The id of the finding that a policy names a resource with a wildcard. */
export const wildcardResource = (scope: IConstruct, resource: string): string =>
  `AwsSolutions-IAM5[Resource::${flat(Stack.of(scope).resolve(resource) as Node)}]`;

/** The id of the finding that a policy names an action with a wildcard. */
export const wildcardAction = (action: string): string => `AwsSolutions-IAM5[Action::${action}]`;

/** A configuration without a key, whose machines encrypt their disks by themselves. */
export const localStorage: readonly Finding[] = [
  [
    'NIST.800.53.R5-SageMakerEndpointConfigurationKMSKeyConfigured',
    'The machine types have disks of their own, which the hardware encrypts and for which SageMaker refuses a key',
  ],
];

/** The actions that the CDK's grants of a key name with a wildcard. */
export const keyGrants: readonly Finding[] = ['kms:GenerateDataKey*', 'kms:ReEncrypt*'].map((action) => [
  wildcardAction(action),
  'The grant of the CDK for one key',
]);
