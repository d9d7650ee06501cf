/** What every SageMaker endpoint can be given, whichever way it is served. */

import { Stack, Token } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { latePlaces } from '../../lib/description.js';
import type { Problem } from '../../lib/errors.js';
import type { EndpointSpec } from '../../lib/spec.js';
import { variableName } from '../../lib/spec-problems.js';
import type { ContainerImage } from './container-image.js';

/** Options of all SageMaker endpoints: the description that every platform has, and what is this cloud's own. */
export interface EndpointOptions extends EndpointSpec {
  /**
   * Name of the endpoint: letters, digits and hyphens, 1 to 63. Another name is another endpoint.
   *
   * @default - made of the stack's and the construct's names
   */
  readonly endpointName?: string;
  /** @default ContainerImage.fromPlan() */
  readonly image?: ContainerImage;
  /**
   * The role that the container runs with. It has to trust `sagemaker.amazonaws.com`; what the endpoint needs is added to it, unless it
   * is one that takes no policies.
   *
   * @default - a role of least privilege
   */
  readonly role?: iam.IRole;
  /**
   * Key of the machines' disks and of what is written to buckets. Machine types with local storage take none for their disks, which are
   * encrypted by themselves.
   *
   * @default - a key with yearly rotation, where there is something to encrypt
   */
  readonly encryptionKey?: kms.IKey;
  /**
   * Secrets for hooks, by the name of the environment variable that the server reads them into when it starts. The template and the
   * container's settings have their ARNs, not their values.
   *
   * @default - none
   */
  readonly secrets?: Readonly<Record<string, secretsmanager.ISecret>>;
  /**
   * Topics that are told when an alarm goes off and when it ends.
   *
   * @default - none
   */
  readonly notify?: readonly sns.ITopic[];
  /**
   * A dashboard of yours that gets the widgets; `false` for none.
   *
   * @default - a new one
   */
  readonly dashboard?: cloudwatch.Dashboard | false;
}

const namePattern = /^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$/;

/** Why this is no name for SageMaker, or nothing. A token is one when it is known. */
export function nameProblems(where: string, name: string | undefined): Problem[] {
  if (name === undefined || Token.isUnresolved(name) || namePattern.test(name)) return [];
  return [
    { where, what: `'${name}' is no name for SageMaker. Give 1 to 63 letters, digits and hyphens, none at an end` },
  ];
}

const service = 'sagemaker.amazonaws.com';

/** A role of the same app says whom it trusts; one that is only referred to does not. */
function roleProblems(scope: Construct, role: iam.IRole | undefined): Problem[] {
  if (!(role instanceof iam.Role) || !role.assumeRolePolicy) return [];
  const trusted = JSON.stringify(Stack.of(scope).resolve(role.assumeRolePolicy.toJSON()));
  if (trusted.includes(service)) return [];
  return [{ where: 'role', what: `${role.node.path} does not trust ${service}. Add it to its trust policy` }];
}

/** Names that the server does not take from outside. */
const reserved = /^(PATH|PYTHONPATH|LD_LIBRARY_PATH|LD_PRELOAD|SLIPWAY_.*)$/;

function variableProblems({ environment = {}, secrets = {} }: EndpointOptions): Problem[] {
  const names = Object.keys(secrets);
  return [
    ...names
      .filter((name) => !variableName.test(name) || reserved.test(name))
      .map((name) => ({
        where: `secrets.${name}`,
        what: `'${name}' cannot be a variable of the container. Give letters, digits and '_', not beginning with SLIPWAY_`,
      })),
    ...names
      .filter((name) => name in environment)
      .map((name) => ({
        where: `secrets.${name}`,
        what: 'there is an environment variable of this name, too. Leave one of them out',
      })),
  ];
}

/** Every number and text of the description that is known only when it is deployed; the plan is made before. */
function tokenProblems(options: EndpointOptions): Problem[] {
  const groups = ['model', 'objective', 'hardware', 'measurements', 'optimization', 'scaling', 'serving', 'monitoring'];
  return latePlaces(options, groups, Token.isUnresolved).map((where) => ({
    where,
    what: 'is known only at deployment, but the machine is chosen at synthesis. Give a plain value',
  }));
}

/** What is wrong with the options of all endpoints. */
export const optionProblems = (scope: Construct, options: EndpointOptions): Problem[] => [
  ...tokenProblems(options),
  ...nameProblems('endpointName', options.endpointName),
  ...roleProblems(scope, options.role),
  ...variableProblems(options),
];
