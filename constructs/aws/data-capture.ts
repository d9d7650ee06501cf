/** Data capture: a share of requests and answers, written to a bucket as they pass. */

import { Token } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sagemaker from 'aws-cdk-lib/aws-sagemaker';
import type { Construct } from 'constructs';
import { type Problem, problemsOf } from '../../lib/errors.js';
import type { DriftMonitorOptions } from './drift-monitor.js';
import { grantWrite, lockedBucket } from './locked-bucket.js';

/** What of requests and answers is kept. */
export interface DataCaptureOptions {
  /**
   * Share of the requests, percent, whole, 1 to 100.
   *
   * @default 100
   */
  readonly percent?: number;
  /** @default ['input', 'output'] */
  readonly capture?: readonly ('input' | 'output')[];
  /**
   * A bucket of yours.
   *
   * @default - a new one: encrypted, versioned, closed to the public, its objects removed after `days`; it stays when the stack goes
   */
  readonly bucket?: s3.IBucket;
  /**
   * Path of the folder in the bucket.
   *
   * @default 'capture'
   */
  readonly prefix?: string;
  /**
   * Days that objects of a new bucket stay, whole, from 1.
   *
   * @default 30
   */
  readonly days?: number;
  /**
   * Have SageMaker Model Monitor compare what was captured with a baseline of yours. AWS has closed Model Monitor to new customers.
   *
   * @default - none: the server's own counters tell drift, where something reads them
   */
  readonly monitor?: DriftMonitorOptions;
}

export function dataCaptureProblems(options: DataCaptureOptions | undefined): Problem[] {
  if (!options) return [];
  const { percent, capture, bucket, days, prefix = '' } = options;
  const whole = (value: number | undefined, most: number): boolean =>
    value === undefined || Token.isUnresolved(value) || (Number.isInteger(value) && value >= 1 && value <= most);
  return problemsOf([
    [!whole(percent, 100), 'dataCapture.percent', `${percent} is given; allowed: a whole number from 1 to 100`],
    [!whole(days, 36_500), 'dataCapture.days', `${days} is given; allowed: a whole number from 1`],
    [capture?.length === 0, 'dataCapture.capture', "nothing would be kept. Give 'input', 'output' or both"],
    [
      !Token.isUnresolved(prefix) && /^\/|\/$/.test(prefix),
      'dataCapture.prefix',
      `'${prefix}' is given; allowed: the folder's path without '/' at its ends`,
    ],
    [bucket && days !== undefined, 'dataCapture.days', 'the bucket is yours, and so are its rules. Leave out days'],
  ]);
}

export interface Capture {
  readonly bucket: s3.IBucket;
  readonly prefix: string;
  readonly config: sagemaker.CfnEndpointConfig.DataCaptureConfigProperty;
}

/** The configuration, and the rights of the role that writes. */
export function dataCapture(scope: Construct, options: DataCaptureOptions, role: iam.IRole, key: kms.IKey): Capture {
  const { percent = 100, capture = ['input', 'output'], prefix = 'capture', days = 30 } = options;
  const bucket = options.bucket ?? lockedBucket(scope, 'Captured', key, days);
  grantWrite(scope, role, bucket, prefix);
  return {
    bucket,
    prefix,
    config: {
      enableCapture: true,
      initialSamplingPercentage: percent,
      destinationS3Uri: bucket.s3UrlForObject(prefix),
      kmsKeyId: key.keyArn,
      captureOptions: [...capture].sort().map((mode) => ({ captureMode: mode === 'input' ? 'Input' : 'Output' })),
      // Anything else is kept as base64.
      captureContentTypeHeader: { jsonContentTypes: ['application/json'], csvContentTypes: ['text/csv'] },
    },
  };
}
