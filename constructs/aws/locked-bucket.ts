/** Buckets for what requests and answers leave behind: encrypted, versioned, closed to the public and to plain HTTP, emptied in time. */

import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { acknowledge, type Finding, wildcardAction, wildcardResource } from './acknowledged-findings.js';

/** A bucket whose objects go after `days`; itself it stays when the stack goes. */
export function lockedBucket(scope: Construct, id: string, key: kms.IKey, days: number): s3.Bucket {
  const bucket = new s3.Bucket(scope, id, {
    encryption: s3.BucketEncryption.KMS,
    encryptionKey: key,
    bucketKeyEnabled: true,
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    versioned: true,
    removalPolicy: RemovalPolicy.RETAIN,
    lifecycleRules: [
      {
        expiration: Duration.days(days),
        noncurrentVersionExpiration: Duration.days(1),
        abortIncompleteMultipartUploadAfter: Duration.days(1),
      },
    ],
  });
  acknowledge(bucket, [
    ['AwsSolutions-S1', 'Requests and answers are not logged a second time; CloudTrail data events tell who read them'],
    ['NIST.800.53.R5-S3BucketLoggingEnabled', 'As AwsSolutions-S1'],
    ['NIST.800.53.R5-S3BucketReplicationEnabled', 'Copies of requests that go after some days are no archive'],
  ]);
  return bucket;
}

const prefixed = (prefix: string): string => (prefix ? `${prefix}/*` : '*');

const grants: readonly Finding[] = ['s3:Abort*', 's3:GetObject*', 's3:GetBucket*', 's3:List*', 's3:DeleteObject*'].map(
  (action) => [wildcardAction(action), "The CDK's grant on one bucket"],
);

/** Lets a role write below a prefix, and no more. */
export function grantWrite(scope: Construct, role: iam.IRole, bucket: s3.IBucket, prefix: string): void {
  bucket.grantPut(role, prefixed(prefix));
  acknowledge(role, [
    ...grants,
    [wildcardResource(scope, bucket.arnForObjects(prefixed(prefix))), 'Objects get their names when they are written'],
  ]);
}

/** Lets a role read below a prefix, and no more. */
export function grantRead(scope: Construct, role: iam.IRole, bucket: s3.IBucket, prefix: string): void {
  bucket.grantRead(role, prefixed(prefix));
  acknowledge(role, [
    ...grants,
    [wildcardResource(scope, bucket.arnForObjects(prefixed(prefix))), 'Requests get their names when they are put'],
  ]);
}
