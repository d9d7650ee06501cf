/** Data capture: a share of requests and answers in the workspace's storage, and Azure's own monitor of their drift. */

import { Schedule, type ScheduleArgs } from '@pulumi/azure-native/machinelearningservices/schedule.js';
import * as pulumi from '@pulumi/pulumi';
import { type Problem, problemsOf } from '../../../lib/errors.js';

/** What of requests and answers is kept. */
export interface DataCaptureArgs {
  /**
   * Share of the requests, percent, above 0, at most 100.
   *
   * @default 100
   */
  readonly percent?: number;
  /** @default ['input', 'output'] */
  readonly capture?: readonly ('input' | 'output')[];
  /**
   * Headers that are kept with the requests, by name.
   *
   * @default - none
   */
  readonly headers?: readonly string[];
  /**
   * A job of Azure's that compares what was captured with a table of yours, once a day. It runs on a Spark cluster, which costs.
   *
   * @default - none: the server's own counters tell drift, where something reads them
   */
  readonly monitor?: DriftMonitorArgs;
}

/** What is compared, and when. */
export interface DriftMonitorArgs {
  /** The table that production is compared with, `azureml:NAME:VERSION` or a full resource id of an MLTable. */
  readonly reference: pulumi.Input<string>;
  /** Component of the workspace that makes a table of captured bodies: full resource id, or `azureml:NAME:VERSION`. */
  readonly preprocessingComponentId: pulumi.Input<string>;
  /** @default 'classification' */
  readonly task?: 'classification' | 'regression';
  /**
   * Jensen–Shannon distance from which a column has drifted, above 0, below 1. Below 0.1 chance alone reaches it with 500 rows.
   *
   * @default 0.1
   */
  readonly threshold?: number;
  /**
   * Time of day, UTC, 24 hours.
   *
   * @default '03:00'
   */
  readonly at?: string;
}

const usual = { percent: 100, capture: ['input', 'output'], threshold: 0.1, at: '03:00' } as const;

/** By what Azure calls what is captured; other names would be for code that writes for itself. */
const collections = { input: 'request', output: 'response' } as const;

/** What is wrong with a capture as it is asked for. */
export function dataCaptureProblems(args: DataCaptureArgs | undefined): Problem[] {
  if (!args) return [];
  const { percent = usual.percent, capture = usual.capture, monitor } = args;
  const { threshold = usual.threshold, at = usual.at } = monitor ?? {};
  return problemsOf([
    [!(percent > 0 && percent <= 100), 'dataCapture.percent', `${percent} is given; allowed: above 0, at most 100`],
    [capture.length === 0, 'dataCapture.capture', "nothing would be kept. Give 'input', 'output' or both"],
    [
      !(threshold > 0 && threshold < 1),
      'dataCapture.monitor.threshold',
      `${threshold} is given; a distance lies between 0 and 1`,
    ],
    [
      !/^([01]\d|2[0-3]):[0-5]\d$/.test(at),
      'dataCapture.monitor.at',
      `'${at}' is given; allowed: a time of day from 00:00 to 23:59, as '03:00'`,
    ],
  ]);
}

/** A deployment's data collector. */
export function collector({ percent = usual.percent, capture = usual.capture, headers = [] }: DataCaptureArgs) {
  const settings = { dataCollectionMode: 'Enabled', samplingRate: percent / 100 };
  return {
    collections: Object.fromEntries([...capture].sort().map((side) => [collections[side], settings])),
    rollingRate: 'Hour',
    ...(headers.length > 0 && { requestLogging: { captureHeaders: [...headers] } }),
  };
}

/** What is watched. */
export interface MonitoredDeployment {
  readonly resourceGroupName: pulumi.Input<string>;
  readonly workspaceName: pulumi.Input<string>;
  readonly endpointName: pulumi.Output<string>;
  readonly deploymentName: pulumi.Output<string>;
  /** Who are told of drift. */
  readonly emails: readonly string[];
}

/** Makes the monitor of a deployment's drift; null where none is asked for. */
export function driftMonitor(
  name: string,
  { capture = usual.capture, monitor }: DataCaptureArgs,
  watched: MonitoredDeployment,
  transform: ((args: ScheduleArgs) => ScheduleArgs) | undefined,
  options: pulumi.CustomResourceOptions,
): Schedule | null {
  if (!monitor) return null;
  const { resourceGroupName, workspaceName, endpointName, deploymentName, emails } = watched;
  const { threshold = usual.threshold, at = usual.at, task = 'classification' } = monitor;
  const [hours, minutes] = at.split(':').map(Number);
  const distance = { metric: 'JensenShannonDistance', threshold: { value: threshold } };
  const compared = (side: keyof typeof collections, dataContext: string) => ({
    metricThresholds: [
      { dataType: 'Numerical' as const, ...distance },
      { dataType: 'Categorical' as const, ...distance },
    ],
    notificationTypes: ['AmlNotification'],
    productionData: {
      inputDataType: 'Rolling' as const,
      jobInputType: 'uri_folder',
      uri: pulumi.interpolate`azureml://datastores/workspaceblobstore/paths/modelDataCollector/${endpointName}/${deploymentName}/${collections[side]}/`,
      dataContext,
      preprocessingComponentId: monitor.preprocessingComponentId,
      windowSize: 'P1D',
      windowOffset: 'P0D',
    },
    referenceData: {
      inputDataType: 'Fixed' as const,
      jobInputType: 'mltable',
      uri: monitor.reference,
      dataContext,
    },
  });
  const signals = {
    ...(capture.includes('input') && {
      inputs: { signalType: 'DataDrift' as const, ...compared('input', 'model_inputs') },
    }),
    ...(capture.includes('output') && {
      predictions: { signalType: 'PredictionDrift' as const, ...compared('output', 'model_outputs') },
    }),
  };
  const args: ScheduleArgs = {
    ...{ resourceGroupName, workspaceName },
    name: pulumi.interpolate`${endpointName}-drift`,
    properties: {
      description: pulumi.interpolate`Drift of what the endpoint ${endpointName} is asked and answers`,
      isEnabled: true,
      trigger: {
        triggerType: 'Recurrence',
        ...{ frequency: 'Day', interval: 1, timeZone: 'UTC' },
        schedule: { hours: [hours!], minutes: [minutes!] },
      },
      action: {
        actionType: 'CreateMonitor',
        monitorDefinition: {
          computeConfiguration: {
            computeType: 'ServerlessSpark',
            instanceType: 'standard_e4s_v3',
            runtimeVersion: '3.4',
            computeIdentity: { computeIdentityType: 'AmlToken' },
          },
          monitoringTarget: {
            taskType: task === 'classification' ? 'Classification' : 'Regression',
            deploymentId: pulumi.interpolate`azureml:${endpointName}:${deploymentName}`,
          },
          signals,
          ...(emails.length > 0 && {
            alertNotificationSettings: { emailNotificationSettings: { emails: [...emails] } },
          }),
        },
      },
    },
  };
  return new Schedule(name, transform?.(args) ?? args, options);
}
