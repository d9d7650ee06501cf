/** Monitoring, the adapter for Azure Monitor over what it publishes of an endpoint: expressions in, metric queries out. Plain data. */

import type { Expression, Filter } from '../expression.js';
import { azureMl } from './azure-ml.js';
import { containerApps } from './container-apps.js';

export type AzurePlatform = 'azure-ml' | 'azure-container-apps';

/** What a metric is of. */
export type AzureResource = 'endpoint' | 'deployment' | 'app';

/** Namespaces of metrics in Azure Monitor: the types of the resources. */
export const azureNamespaces: Readonly<Record<AzureResource, string>> = {
  endpoint: 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints',
  deployment: 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments',
  app: 'Microsoft.App/containerApps',
};

/** Keeps series by the value of one dimension. */
export type AzureFilter = Filter | { readonly label: string; readonly isNot: string };

export interface AzureMetric {
  readonly of: AzureResource;
  readonly name: string;
  readonly aggregation: 'Average' | 'Total' | 'Maximum' | 'Minimum';
  readonly where?: readonly AzureFilter[];
  /** One series for each value of these dimensions. */
  readonly by?: readonly string[];
  /** What it is among the metrics of a sum, in words. */
  readonly part?: string;
}

/** What Azure counts in. Requests are counted by the minute. */
export type AzureUnit = 'requests/min' | 'milliseconds' | 'percent' | 'nanocores' | 'bytes' | 'replicas';

/** Metrics that add up to a value. */
export interface AzureSum {
  readonly kind: 'sum';
  readonly metrics: readonly AzureMetric[];
  readonly unit: AzureUnit;
  /** Of the expression's own unit in one of `unit`. */
  readonly times: number;
}

/** One number divided by another, which a panel can do and an alert on metrics cannot. */
export interface AzureRatio {
  readonly kind: 'ratio';
  readonly of: AzureSum;
  readonly to: AzureSum;
}

export type AzureValue = AzureSum | AzureRatio | { readonly kind: 'constant'; readonly value: number };

/** The machine of one instance. */
export interface AzureMachine {
  readonly processors: number;
  readonly memoryBytes: number;
}

/** What a platform publishes, by what it is good for; in base units, but for `times`. */
export interface AzurePublished {
  readonly requests: Readonly<Record<'all' | '4xx' | '5xx', AzureSum>>;
  /** Whether requests are counted; means over dimensions cannot be divided by one another. */
  readonly counts: boolean;
  /** Refused before the container; null where nothing tells. */
  readonly refused: AzureSum | null;
  /** Of the time of a request, by percentile. */
  readonly latencies: Readonly<Record<string, AzureSum>>;
  readonly meanLatency: AzureSum;
  /** Instances there are; null where zero of them are not told. */
  readonly instances: AzureSum | null;
  /** Of one instance, cores. */
  cpu(machine: AzureMachine): AzureSum;
  /** Of each instance, bytes. */
  memory(machine: AzureMachine): AzureSum;
}

export const azurePublished: Readonly<Record<AzurePlatform, AzurePublished>> = {
  'azure-ml': azureMl,
  'azure-container-apps': containerApps,
};

const classes: Readonly<Record<string, keyof AzurePublished['requests']>> = {
  '': 'all',
  'code=4': '4xx',
  'code=5': '5xx',
};

const classOf = (where: readonly Filter[] = []): keyof AzurePublished['requests'] | undefined =>
  classes[where.map((filter) => `${filter.label}=${'equals' in filter ? filter.equals : filter.startsWith}`).join()];

const duration = 'http_server_request_duration_seconds';

const inUnitsOf = (value: AzureSum, size: number): AzureSum => ({ ...value, times: value.times / size });

/**
 * Says an expression in metrics of an endpoint; null where Azure publishes nothing of the kind.
 *
 * Latency is the request's way through Azure's front end and the container. Percentiles and instances come one by one, never as their mean:
 * a `worstShare` is the share of each instance.
 */
export function azureValue(expression: Expression, platform: AzurePlatform, machine: AzureMachine): AzureValue | null {
  const published = azurePublished[platform];
  const requests = (where: readonly Filter[] | undefined): AzureSum | null => {
    const kind = classOf(where);
    return kind === undefined ? null : published.requests[kind];
  };
  switch (expression.op) {
    case 'rate':
      if (expression.metric === 'process_cpu_seconds_total') return published.cpu(machine);
      if (expression.metric === 'onnx_requests_rejected_total') return published.refused;
      return expression.metric === 'onnx_requests_total' ? requests(expression.where) : null;
    case 'count': {
      const counted = expression.metric === 'onnx_requests_total' && published.counts && requests(expression.where);
      return counted ? { ...counted, times: 1 } : null;
    }
    case 'quantile':
      return expression.metric === duration ? (published.latencies[expression.q] ?? null) : null;
    case 'mean':
      return expression.metric === duration ? published.meanLatency : null;
    case 'gauge':
      if (expression.metric === 'process_resident_memory_bytes') return published.memory(machine);
      if (expression.metric === 'onnx_processors') return { kind: 'constant', value: machine.processors };
      if (expression.metric === 'onnx_memory_limit_bytes') return { kind: 'constant', value: machine.memoryBytes };
      return null;
    case 'worstShare':
      return expression.metric === 'process_resident_memory_bytes'
        ? inUnitsOf(published.memory(machine), machine.memoryBytes)
        : null;
    case 'ratio': {
      const [of, to] = [azureValue(expression.of, platform, machine), azureValue(expression.to, platform, machine)];
      if (of?.kind !== 'sum') return null;
      if (to?.kind === 'constant') return inUnitsOf(of, to.value);
      return to?.kind === 'sum' && published.counts ? { kind: 'ratio', of, to } : null;
    }
    case 'reachable':
      return published.instances;
    default:
      return null;
  }
}
