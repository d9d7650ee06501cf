/** Monitoring, alerts that only Azure has: refused requests, restarts, what stands in for objectives where their log is missing, and nobody asking. */

import type { MonitoringPlan } from '../plan.js';
import { azurePublished } from '../queries/azure.js';
import { replicas, restarts } from '../queries/container-apps.js';
import { trafficIdle } from '../queries/traffic-log.js';
import {
  type AzureCondition,
  type AzureLogRule,
  type AzureMetricRule,
  type AzureMonitoring,
  type AzureWatched,
  azureWindow,
} from './rules.js';

const rule = (
  name: string,
  severity: 0 | 2,
  description: string,
  windowSize: string,
  ...all: AzureCondition[]
): AzureMetricRule => ({
  kind: 'metric',
  ...{ name, severity, description, windowSize, all },
  evaluationFrequency: windowSize === 'PT5M' ? 'PT1M' : 'PT5M',
});

/** What answers within, milliseconds; null where nothing is promised. */
function boundMs({ objectives }: MonitoringPlan): number | null {
  const bad = objectives.find(({ id }) => id === 'latency')?.bad;
  return bad?.op === 'above' ? Number((1000 * bad.bound).toPrecision(12)) : null;
}

function managedRules(plan: MonitoringPlan, { log }: AzureWatched): AzureMetricRule[] {
  const { requests, refused, latencies } = azurePublished['azure-ml'];
  const bound = boundMs(plan);
  const always = rule(
    'RequestsRefused',
    0,
    'Azure refuses more than one request a minute with 429. More requests come at once than the instances may work on. Add instances, or raise what one may work on if its processors are idle.',
    'PT5M',
    { metric: refused!.metrics[0]!, is: 'GreaterThan', than: 1 },
  );
  if (log) return [always];
  return [
    always,
    ...requests['5xx'].metrics.map((metric) =>
      rule(
        `ServerErrors${metric.part === 'by Azure' ? 'ByAzure' : 'ByTheModel'}`,
        0,
        `More than one request a minute ended in a server error, answered ${metric.part}, on the mean of 15 minutes. It stands in for the objective, which needs the log of requests. Look at the errors on the dashboard, and read the log of the server.`,
        'PT15M',
        { metric, is: 'GreaterThan', than: 1 },
      ),
    ),
    ...(bound === null
      ? []
      : [
          rule(
            'LatencyP99',
            0,
            `The 99th percentile of a deployment, a mean of those of each minute, was above ${bound} ms for 15 minutes. It stands in for the objective, which needs the log of requests. Add instances, or take a faster machine.`,
            'PT15M',
            { metric: latencies[0.99]!.metrics[0]!, is: 'GreaterThan', than: bound },
          ),
        ]),
  ];
}

function appRules(plan: MonitoringPlan): AzureMetricRule[] {
  const { meanLatency } = azurePublished['azure-container-apps'];
  const bound = boundMs(plan);
  return [
    rule(
      'ReplicaRestarts',
      2,
      'A replica was started again at least twice in 15 minutes. Requests in it were lost. Read the end of its log: out of memory and failing probes are the usual causes.',
      'PT15M',
      { metric: restarts, is: 'GreaterThanOrEqual', than: 2 },
    ),
    ...(bound === null
      ? []
      : [
          rule(
            'LatencyMean',
            0,
            `The mean answer took longer than the ${bound} ms within which 99 % of answers are promised, for 15 minutes. Azure publishes no percentile. Add replicas, or take a faster machine.`,
            'PT15M',
            { metric: meanLatency.metrics[0]!, is: 'GreaterThan', than: bound },
          ),
        ]),
  ];
}

/** Alerts that the plan does not have. */
export const platformRules = (plan: MonitoringPlan, watched: AzureWatched): AzureMetricRule[] =>
  watched.platform === 'azure-ml' ? managedRules(plan, watched) : appRules(plan);

const usd = (amount: number): string => `$${amount.toFixed(2)}`;

/** The windows, hours, that an alert on metrics can look back. */
const idleWindows = [1, 6, 12, 24];

/** Tells when instances run and nobody asks, where they do not stop by themselves: a rule, or a note where none can. */
export function idleRule({ platform, log, toZero, idleHours, monthlyUsd }: AzureWatched): AzureMonitoring {
  if (idleHours === 0 || toZero) return { rules: [], notes: [] };
  const cost =
    monthlyUsd === null ? '' : ` The instances cost ${usd(monthlyUsd / 730)} an hour, ${usd(monthlyUsd)} in 730 hours.`;
  const common = { name: 'Idle', severity: 2, evaluationFrequency: 'PT1H' } as const;
  if (platform === 'azure-container-apps') {
    const hours = idleWindows.find((window) => window >= idleHours)!;
    const rule: AzureMetricRule = {
      ...{ kind: 'metric', ...common, windowSize: azureWindow(hours * 3600) },
      description: `Nobody has asked the endpoint for ${hours} h, while replicas ran.${cost} Remove it, or let it scale to zero.`,
      all: [
        { metric: { ...replicas, aggregation: 'Minimum' }, is: 'GreaterThanOrEqual', than: 1 },
        { metric: azurePublished[platform].requests.all.metrics[0]!, is: 'LessThan', than: 1 },
      ],
    };
    const note = `the alert Idle looks back ${hours} h, the next window above ${idleHours} h that Azure has`;
    return { rules: [rule], notes: hours === idleHours ? [] : [note] };
  }
  if (!log) return { rules: [], notes: ['no alert Idle: it needs the log of requests in a Log Analytics workspace'] };
  const rule: AzureLogRule = {
    ...{ kind: 'log', ...common, windowSize: 'P1D', queryTimeRange: 'P2D' },
    description: `Nobody has asked the endpoint for ${idleHours} h, or since it is there.${cost} Remove it.`,
    query: trafficIdle(idleHours, log),
  };
  return { rules: [rule], notes: [] };
}
