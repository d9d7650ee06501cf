/** SageMaker Model Monitor: a job that compares captured requests with a baseline, by the clock, and a role that can do just that. */

import { ArnFormat, CfnOutput, Stack, Token } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import * as sagemaker from 'aws-cdk-lib/aws-sagemaker';
import { Construct } from 'constructs';
import { type Check, type Problem, problemsOf } from '../../lib/errors.js';
import { hasLocalStorage } from '../../lib/hardware/sagemaker.js';
import type { DataCaptureOptions } from './data-capture.js';
import { analyzer, analyzerAccounts, type MonitorImage, monitorImage, monitorRole } from './drift-monitor-job.js';
import { afterPolicies } from './execution-role.js';

/**
 * What is compared, and when. Model Monitor reads CSV and flat JSON: where bodies are other than `text/csv`, a script has to make columns
 * of them.
 */
export interface DriftMonitorOptions {
  /** The folder of a bucket where a baseline job has left `statistics.json` and `constraints.json`. */
  readonly baseline: { readonly bucket: s3.IBucket; readonly prefix: string };
  /**
   * A Python script with `preprocess_handler(inference_record)`, which makes a flat record of a request and its answer.
   *
   * @default - none: bodies are CSV
   */
  readonly preprocessor?: { readonly bucket: s3.IBucket; readonly key: string };
  /**
   * Hours between two comparisons, whole, 1 to 24, counted from midnight, UTC.
   *
   * @default 24
   */
  readonly everyHours?: number;
  /**
   * Machine of the job, x86_64. It runs for some minutes each time, an hour at most, which costs.
   *
   * @default 'ml.m5.xlarge'
   */
  readonly instanceType?: string;
  /**
   * Image of the job.
   *
   * @default - Model Monitor's own, in the account that AWS keeps it in for the region
   */
  readonly image?: MonitorImage;
}

/** What watches an endpoint's requests. */
export interface DriftMonitor {
  readonly definition: sagemaker.CfnDataQualityJobDefinition;
  /** Its name is the endpoint's. */
  readonly schedule: sagemaker.CfnMonitoringSchedule;
  /** Buckets and keys of other accounts have to let it in. */
  readonly role: iam.Role;
  /** `s3://…` of the folder that reports are written to. */
  readonly reportsUrl: string;
}

const folder = (path: string): boolean => Token.isUnresolved(path) || !/^\/|\/$/.test(path);

/**
 * What is wrong with a monitor as it is asked for.
 *
 * @param models - how many the endpoint has, with a shadow
 */
export function driftMonitorProblems(
  scope: Construct,
  { monitor, capture = ['input'] }: DataCaptureOptions = {},
  models = 1,
): Problem[] {
  if (!monitor) return [];
  const { region } = Stack.of(scope);
  const { baseline, preprocessor, everyHours: hours, instanceType: type, image } = monitor;
  const checks: readonly Check[] = [
    [
      !capture.includes('input'),
      'dataCapture.capture',
      "the monitor compares requests, and none would be kept. Give 'input', too, or leave out the monitor",
    ],
    [
      models > 1,
      'dataCapture.monitor',
      `Model Monitor takes endpoints with one model, and this one has ${models}. Leave out the monitor, or variants and shadow`,
    ],
    [
      !folder(baseline.prefix),
      'dataCapture.monitor.baseline.prefix',
      `'${baseline.prefix}' is given; allowed: the folder's path without '/' at its ends, '' for the bucket itself`,
    ],
    [
      preprocessor && (preprocessor.key === '' || !folder(preprocessor.key)),
      'dataCapture.monitor.preprocessor.key',
      `'${preprocessor?.key}' is given; allowed: the script's path in the bucket, without '/' at its ends`,
    ],
    [
      hours !== undefined && !Token.isUnresolved(hours) && !(Number.isInteger(hours) && hours >= 1 && hours <= 24),
      'dataCapture.monitor.everyHours',
      `${hours} is given; allowed: a whole number from 1 to 24`,
    ],
    [
      Token.isUnresolved(hours),
      'dataCapture.monitor.everyHours',
      'is known only at deployment, but the timetable is written at synthesis. Give a plain value',
    ],
    [
      type !== undefined && !Token.isUnresolved(type) && !/^ml\.[a-z0-9-]+\.[a-z0-9]+$/.test(type),
      'dataCapture.monitor.instanceType',
      `'${type}' is given; allowed: a machine type of SageMaker's, as 'ml.m5.xlarge'`,
    ],
    [
      !image && !Token.isUnresolved(region) && !analyzerAccounts().has(region),
      'dataCapture.monitor.image',
      `it is not known where AWS keeps Model Monitor's image for ${region}. Give image: the repository ${analyzer} of AWS's account there, or leave out the monitor`,
    ],
  ];
  return problemsOf(checks);
}

/** The timetable as Model Monitor takes it, which is not all that cron can say. */
function timetable(everyHours: number): string {
  if (everyHours === 1) return 'cron(0 * ? * * *)';
  return everyHours === 24 ? 'cron(0 0 ? * * *)' : `cron(0 0/${everyHours} ? * * *)`;
}

/** Where captured requests lie, and whose they are. */
export interface Captured {
  readonly bucket: s3.IBucket;
  readonly prefix: string;
  readonly key: kms.IKey;
  readonly endpoint: sagemaker.CfnEndpoint;
  readonly endpointName: string;
}

/** Makes the job, its timetable and its role. */
export function driftMonitor(parent: Construct, options: DriftMonitorOptions, captured: Captured): DriftMonitor {
  const { baseline, preprocessor, everyHours = 24, instanceType = 'ml.m5.xlarge' } = options;
  const { bucket, prefix, key, endpoint, endpointName } = captured;
  const scope = new Construct(parent, 'DriftMonitor');
  const below = (name: string): string => (baseline.prefix ? `${baseline.prefix}/${name}` : name);
  const [statistics, constraints] = [below('statistics.json'), below('constraints.json')];
  const reports = prefix ? `${prefix}-monitor` : 'monitor';
  const reportsUrl = bucket.s3UrlForObject(reports);
  const role = monitorRole(scope, {
    ...{ endpointName, key },
    reads: {
      Captured: { bucket, names: [prefix ? `${prefix}/*` : '*'] },
      Baseline: { bucket: baseline.bucket, names: [statistics, constraints] },
      ...(preprocessor && { Preprocessor: { bucket: preprocessor.bucket, names: [preprocessor.key] } }),
    },
    writes: { bucket, names: [`${reports}/*`] },
  });
  const imageUri = monitorImage(scope, options.image, role);
  const definition = new sagemaker.CfnDataQualityJobDefinition(scope, 'Definition', {
    roleArn: role.roleArn,
    dataQualityAppSpecification: {
      imageUri,
      environment: { publish_cloudwatch_metrics: 'Enabled' },
      ...(preprocessor && { recordPreprocessorSourceUri: preprocessor.bucket.s3UrlForObject(preprocessor.key) }),
    },
    dataQualityBaselineConfig: {
      statisticsResource: { s3Uri: baseline.bucket.s3UrlForObject(statistics) },
      constraintsResource: { s3Uri: baseline.bucket.s3UrlForObject(constraints) },
    },
    dataQualityJobInput: {
      endpointInput: { endpointName: endpoint.attrEndpointName, localPath: '/opt/ml/processing/input/endpoint' },
    },
    dataQualityJobOutputConfig: {
      kmsKeyId: key.keyArn,
      monitoringOutputs: [
        { s3Output: { s3Uri: reportsUrl, localPath: '/opt/ml/processing/output', s3UploadMode: 'EndOfJob' } },
      ],
    },
    jobResources: {
      clusterConfig: {
        instanceCount: 1,
        instanceType,
        volumeSizeInGb: 30,
        ...(!hasLocalStorage(instanceType) && { volumeKmsKeyId: key.keyArn }),
      },
    },
    // Requests are read by code that reaches nothing: SageMaker brings the files and fetches the results.
    // One machine has nobody to talk to, but rules of organizations ask for the encryption all the same.
    networkConfig: { enableNetworkIsolation: true, enableInterContainerTrafficEncryption: true },
    // As long as the shortest time between two jobs.
    stoppingCondition: { maxRuntimeInSeconds: 3600 },
  });
  afterPolicies(definition, role);
  const schedule = new sagemaker.CfnMonitoringSchedule(scope, 'Schedule', {
    monitoringScheduleName: endpointName,
    monitoringScheduleConfig: {
      monitoringType: 'DataQuality',
      // Every change makes another definition, so its name is CloudFormation's, and the ARN the only attribute that tells it.
      monitoringJobDefinitionName: Stack.of(scope).splitArn(
        definition.attrJobDefinitionArn,
        ArnFormat.SLASH_RESOURCE_NAME,
      ).resourceName!,
      scheduleConfig: { scheduleExpression: timetable(everyHours) },
    },
  });
  new CfnOutput(parent, 'DriftReports', { value: reportsUrl, description: 'Where reports on drift are written' });
  return { definition, schedule, role, reportsUrl };
}
