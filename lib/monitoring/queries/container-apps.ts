/** Monitoring: what Azure publishes of a container app, in `data/metrics/container-apps.json`. */

import type { AzureFilter, AzureMetric, AzurePublished, AzureSum } from './azure.js';

/** By the minute, and without a gap: a minute without requests is 0. */
const requests = (status: string | null): AzureSum => ({
  kind: 'sum',
  metrics: [
    {
      of: 'app',
      name: 'Requests',
      aggregation: 'Total',
      ...(status !== null && { where: [{ label: 'statusCodeCategory', equals: status }] }),
    },
  ],
  unit: 'requests/min',
  times: 1 / 60,
});

const answered: AzureFilter = { label: 'statusCodeCategory', equals: '2xx' };

/** Replicas of every revision, 0 while there are none. */
export const replicas: AzureMetric = { of: 'app', name: 'Replicas', aggregation: 'Maximum' };

/** Restarts of each replica in the time that is looked at. */
export const restarts: AzureMetric = { of: 'app', name: 'RestartCount', aggregation: 'Total', by: ['podName'] };

/** Of each replica's accelerator, percent. */
export const accelerators: readonly AzureMetric[] = [
  { of: 'app', name: 'GpuUtilizationPercentage', aggregation: 'Average', by: ['podName'], part: 'busy' },
];

export const containerApps: AzurePublished = {
  requests: { all: requests(null), '4xx': requests('4xx'), '5xx': requests('5xx') },
  counts: true,
  refused: null,
  latencies: {},
  meanLatency: {
    kind: 'sum',
    metrics: [{ of: 'app', name: 'ResponseTime', aggregation: 'Average', where: [answered] }],
    unit: 'milliseconds',
    times: 1 / 1000,
  },
  instances: { kind: 'sum', metrics: [replicas], unit: 'replicas', times: 1 },
  cpu: () => ({
    kind: 'sum',
    metrics: [{ of: 'app', name: 'UsageNanoCores', aggregation: 'Average' }],
    unit: 'nanocores',
    times: 1e-9,
  }),
  memory: () => ({
    kind: 'sum',
    metrics: [{ of: 'app', name: 'WorkingSetBytes', aggregation: 'Average', by: ['podName'] }],
    unit: 'bytes',
    times: 1,
  }),
};
