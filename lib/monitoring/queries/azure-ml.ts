/** Monitoring: what Azure publishes of a managed online endpoint and its deployments, in `data/metrics/azure-ml.json`. */

import type { AzureMetric, AzurePublished, AzureSum } from './azure.js';

/** A mean by the minute: Azure has no other aggregation of it, so that it stays apart by deployment and status. */
const requests = (more: Pick<AzureMetric, 'where' | 'by' | 'part'>): AzureMetric => ({
  of: 'endpoint',
  name: 'RequestsPerMinute',
  aggregation: 'Average',
  ...more,
});

const perMinute = (...metrics: AzureMetric[]): AzureSum => ({
  kind: 'sum',
  metrics,
  unit: 'requests/min',
  times: 1 / 60,
});

const latency = (name: string): AzureSum => ({
  kind: 'sum',
  metrics: [{ of: 'endpoint', name, aggregation: 'Average', by: ['deployment'] }],
  unit: 'milliseconds',
  times: 1 / 1000,
});

const utilization = (name: string, times: number, by: readonly string[]): AzureSum => ({
  kind: 'sum',
  metrics: [{ of: 'deployment', name, aggregation: 'Average', ...(by.length > 0 && { by }) }],
  unit: 'percent',
  times: times / 100,
});

/**
 * Azure answers 424 for whatever the container answers other than 200, and keeps the container's own status as `modelStatusCode`: an error
 * of the model is no 5xx of the endpoint.
 */
export const azureMl: AzurePublished = {
  requests: {
    all: perMinute(requests({ by: ['deployment', 'statusCode'] })),
    '4xx': perMinute(
      requests({
        where: [
          { label: 'statusCodeClass', equals: '4xx' },
          { label: 'statusCode', isNot: '424' },
        ],
        by: ['deployment'],
        part: 'by Azure',
      }),
      requests({ where: [{ label: 'modelStatusCode', startsWith: '4' }], by: ['deployment'], part: 'by the model' }),
    ),
    '5xx': perMinute(
      requests({ where: [{ label: 'statusCodeClass', equals: '5xx' }], by: ['deployment'], part: 'by Azure' }),
      requests({ where: [{ label: 'modelStatusCode', startsWith: '5' }], by: ['deployment'], part: 'by the model' }),
    ),
  },
  counts: false,
  refused: perMinute(requests({ where: [{ label: 'statusCode', equals: '429' }], by: ['deployment'] })),
  latencies: {
    0.5: latency('RequestLatency_P50'),
    0.9: latency('RequestLatency_P90'),
    0.95: latency('RequestLatency_P95'),
    0.99: latency('RequestLatency_P99'),
  },
  meanLatency: latency('RequestLatency'),
  instances: null,
  cpu: ({ processors }) => utilization('CpuUtilizationPercentage', processors, []),
  memory: ({ memoryBytes }) => utilization('CpuMemoryUtilizationPercentage', memoryBytes, ['instanceId']),
};

/** Instances of a deployment. */
export const capacity: AzureMetric = { of: 'deployment', name: 'DeploymentCapacity', aggregation: 'Maximum' };

/** Connections to the endpoint; one carries requests after one another. */
export const connections: AzureMetric = { of: 'endpoint', name: 'ConnectionsActive', aggregation: 'Average' };

/** Of the accelerators of each instance, percent. */
export const accelerators: readonly AzureMetric[] = [
  { name: 'GpuUtilizationPercentage', part: 'busy' },
  { name: 'GpuMemoryUtilizationPercentage', part: 'memory' },
].map((metric) => ({ of: 'deployment', aggregation: 'Average', by: ['instanceId'], ...metric }));
