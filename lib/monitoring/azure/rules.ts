/** Monitoring, what an alert of Azure Monitor is made of: conditions on metrics or a query on a log, with the times that Azure allows. */

import type { Severity } from '../burn-rate.js';
import type { AzureMachine, AzureMetric, AzurePlatform } from '../queries/azure.js';
import type { LoggedEndpoint } from '../queries/traffic-log.js';

export interface AzureCondition {
  readonly metric: AzureMetric;
  readonly is: 'GreaterThan' | 'GreaterThanOrEqual' | 'LessThan' | 'LessThanOrEqual' | 'Equals';
  /** In what Azure counts in. */
  readonly than: number;
}

interface AzureRule {
  /** Unique in a plan; letters and digits. */
  readonly name: string;
  /** 0 critical, 2 warning. */
  readonly severity: 0 | 2;
  readonly description: string;
  /** ISO 8601, as all times here. */
  readonly windowSize: string;
  readonly evaluationFrequency: string;
}

/** All conditions have to hold, over the same window; they are of one resource, each deployment with a rule of its own. */
export interface AzureMetricRule extends AzureRule {
  readonly kind: 'metric';
  readonly all: readonly AzureCondition[];
}

/** Fires when the query has a row. */
export interface AzureLogRule extends AzureRule {
  readonly kind: 'log';
  readonly query: string;
  /** How far back the query may look. */
  readonly queryTimeRange: string;
}

export interface AzureMonitoring {
  readonly rules: readonly (AzureMetricRule | AzureLogRule)[];
  /** What could not be watched, in words. */
  readonly notes: readonly string[];
}

/** What is watched. */
export interface AzureWatched {
  readonly platform: AzurePlatform;
  /** Where the log of requests goes to a Log Analytics workspace, the names in it; else null. Container apps have no such log. */
  readonly log: LoggedEndpoint | null;
  readonly machine: AzureMachine;
  /** Requests a second that may come, most. */
  readonly mostPerSecond: number;
  /** Whether there may be no instance at all. */
  readonly toZero: boolean;
  /** Tell when nobody has asked for so long; 0 for never. */
  readonly idleHours: number;
  /** What the instances cost in 730 hours, USD; null where no price is known. */
  readonly monthlyUsd: number | null;
}

export const azureSeverity = (severity: Severity): 0 | 2 => (severity === 'page' ? 0 : 2);

/** The windows that alerts on metrics have. */
const windows = [
  [60, 'PT1M'],
  [300, 'PT5M'],
  [900, 'PT15M'],
  [1800, 'PT30M'],
  [3600, 'PT1H'],
  [21_600, 'PT6H'],
  [43_200, 'PT12H'],
  [86_400, 'P1D'],
] as const;

/** The shortest window of at least so many seconds. */
export const azureWindow = (seconds: number): string =>
  (windows.find(([size]) => size >= seconds) ?? windows.at(-1)!)[1];
