/** The account that an endpoint runs as on Google Cloud, and what it may read. */

import { SecretIamMember } from '@pulumi/gcp/secretmanager/secretIamMember.js';
import { Account } from '@pulumi/gcp/serviceaccount/account.js';
import { BucketIAMMember } from '@pulumi/gcp/storage/bucketIAMMember.js';
import * as pulumi from '@pulumi/pulumi';
import { type Problem, problemsOf } from '../../lib/errors.js';
import type { EndpointPlan } from '../../lib/plan.js';
import { variableName } from '../../lib/spec-problems.js';
import { idOf } from './service.js';

/** A secret of Secret Manager. */
export interface SecretReference {
  /** Its id, or its full name. */
  readonly secret: pulumi.Input<string>;
  /** @default 'latest' */
  readonly version?: pulumi.Input<string>;
}

/** Full name of a version of a secret, `projects/PROJECT/secrets/NAME/versions/VERSION`. */
export const secretVersion = (
  { secret, version = 'latest' }: SecretReference,
  project: pulumi.Input<string>,
): pulumi.Output<string> =>
  pulumi
    .all([secret, version, project])
    .apply(([name, which, own]) =>
      name.includes('/') ? `${name}/versions/${which}` : `projects/${own}/secrets/${name}/versions/${which}`,
    );

/** What is wrong with the secrets of an endpoint. */
export const secretProblems = (
  secrets: Readonly<Record<string, SecretReference>>,
  environment: Readonly<Record<string, string>>,
): Problem[] =>
  Object.keys(secrets).flatMap((name) =>
    problemsOf([
      [
        !variableName.test(name),
        'secrets',
        `'${name}' cannot be the name of a variable; allowed: letters, digits and '_'`,
      ],
      [name in environment, `secrets.${name}`, 'there is an environment variable of this name, too'],
    ]),
  );

/** Whom an endpoint runs as. */
export interface Identity {
  readonly email: pulumi.Output<string>;
  /** Full name, `projects/PROJECT/serviceAccounts/E-MAIL`. */
  readonly name: pulumi.Output<string>;
  /** Null where one was given. */
  readonly account: Account | null;
  /** What has to be there before an instance starts. */
  readonly granted: readonly pulumi.Resource[];
}

export interface IdentityOptions {
  readonly parent: pulumi.Resource;
  readonly project: pulumi.Input<string> | undefined;
  /** E-mail of an account that is there already. */
  readonly given: pulumi.Input<string> | undefined;
  /** By the name of their variable. */
  readonly secrets: Readonly<Record<string, SecretReference>>;
}

/** Accounts have 6 to 30 characters and are one for each stack. */
export const accountIdOf = (name: string): string => {
  const id = idOf(`${name}-${pulumi.getStack()}`, 30);
  return id.length < 6 ? `${id}-model` : id;
};

/** The bucket's part and the folder of a model that stays in Cloud Storage. */
export function modelFolder({ source }: EndpointPlan): { readonly bucket: string; readonly folder: string } | null {
  if (!source.uri?.startsWith('gs://')) return null;
  const [bucket = '', ...path] = source.uri.slice('gs://'.length).replace(/\/+$/, '').split('/');
  return { bucket, folder: path.join('/') };
}

/**
 * An account without any role, or the given one, that may read the secrets and the models' buckets and nothing else.
 *
 * @param plans - of every deployment, the first one's account gives the name
 */
export function identity(
  name: string,
  [plan, ...further]: readonly [EndpointPlan, ...EndpointPlan[]],
  { parent, project, given, secrets }: IdentityOptions,
): Identity {
  const inside = { parent };
  const place = project === undefined ? {} : { project };
  const account =
    given === undefined
      ? new Account(name, { accountId: accountIdOf(name), displayName: `Endpoint ${plan.name}`, ...place }, inside)
      : null;
  const email = account ? account.email : pulumi.output(given!);
  const member = pulumi.interpolate`serviceAccount:${email}`;
  const buckets = [...new Set([plan, ...further].flatMap((each) => modelFolder(each)?.bucket ?? []))];
  return {
    email,
    name: account ? account.name : pulumi.interpolate`projects/-/serviceAccounts/${email}`,
    account,
    granted: [
      ...Object.entries(secrets).map(
        ([variable, { secret }]) =>
          new SecretIamMember(
            `${name}-${variable.toLowerCase()}`,
            { secretId: secret, role: 'roles/secretmanager.secretAccessor', member, ...place },
            inside,
          ),
      ),
      ...buckets.map(
        (bucket, index) =>
          new BucketIAMMember(
            index === 0 ? `${name}-model` : `${name}-model-${index + 1}`,
            { bucket, role: 'roles/storage.objectViewer', member },
            inside,
          ),
      ),
    ],
  };
}
