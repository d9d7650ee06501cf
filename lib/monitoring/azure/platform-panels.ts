/** Monitoring, panels that only Azure has: from the log of requests, instances with their cost, accelerators, and what is not published at all. */

import type { Drawn } from '../grafana-panels.js';
import { type AzureMetric, type AzurePlatform, type AzureRatio, azurePublished } from '../queries/azure.js';
import * as managed from '../queries/azure-ml.js';
import * as apps from '../queries/container-apps.js';
import { trafficErrorShare, trafficLatency } from '../queries/traffic-log.js';
import { compute, logTarget, metricTarget } from './grafana.js';
import { type AzureInstances, type AzureShown, shareOf, targetsOf } from './shown.js';

/** From the log of requests: what metrics cannot say over all deployments. */
export function loggedPanels({ log }: AzureShown): Drawn[] {
  if (!log) return [];
  return [
    {
      title: 'Share of server errors',
      help: 'Of all requests in the log, with those that the model answered with an error. Rows arrive some minutes late.',
      unit: 'percentunit',
      targets: [logTarget(trafficErrorShare(log), log.workspaceId)],
    },
    {
      title: 'Latency of all deployments',
      help: 'Of successful answers in the log, from first byte in to last byte out. Rows arrive some minutes late.',
      unit: 'ms',
      targets: [logTarget(trafficLatency(log), log.workspaceId)],
    },
  ];
}

export function platformPanels(shown: AzureShown): Drawn[] {
  const { platform, instances } = shown;
  const isManaged = platform === 'azure-ml';
  const draw: Draw = (title, help, unit, metrics, name) => ({
    ...{ title, help, unit },
    targets: metrics.flatMap((metric) => targetsOf(metric, shown, name)),
  });
  const { accelerators } = isManaged ? managed : apps;
  const accelerated = instances.some((each) => each.accelerated);
  return [
    ...(isManaged ? managedPanels(draw) : appPanels(shown, draw)),
    ...(accelerated ? [{ ...draw('Accelerators', acceleratorHelp, 'percent', accelerators, 'GPU'), most: 100 }] : []),
    draw('Instances', 'That there are.', 'none', [instancesOf(platform)], 'instances'),
    ...instances.flatMap((each) => costOf(each, shown)),
  ];
}

const acceleratorHelp = 'Share of the time with work on them, and of their memory where Azure tells.';

type Draw = (title: string, help: string, unit: string, metrics: readonly AzureMetric[], name: string) => Drawn;

const managedPanels = (draw: Draw): Drawn[] => [
  draw(
    'Connections',
    'Open to the endpoint; one carries requests after one another.',
    'none',
    [managed.connections],
    'open',
  ),
];

function appPanels(shown: AzureShown, draw: Draw): Drawn[] {
  const { requests, meanLatency } = azurePublished['azure-container-apps'];
  const share: AzureRatio = { kind: 'ratio', of: requests['5xx'], to: requests.all };
  return [
    shareOf(share, shown, 'Share of server errors', 'Of all requests of each minute.'),
    draw('Mean latency', 'Of successful answers. Azure publishes no percentile.', 'ms', meanLatency.metrics, 'mean'),
    draw('Restarts', 'Of replicas, in a minute.', 'none', [apps.restarts], 'restarts'),
  ];
}

const instancesOf = (platform: AzurePlatform): AzureMetric =>
  platform === 'azure-ml' ? managed.capacity : { ...apps.replicas, by: ['revisionName'] };

/** No cloud publishes what an endpoint costs just now: the price is a constant of the plan. */
function costOf(each: AzureInstances, shown: AzureShown): Drawn[] {
  if (each.usdPerHour === null) return [];
  return [
    {
      title: shown.instances.length > 1 ? `Cost of ${each.name}` : 'Cost',
      help: 'US dollars an hour: instances times the list price when the endpoint was planned.',
      unit: 'currencyUSD',
      targets: [metricTarget(instancesOf(shown.platform), { id: each.id, location: shown.location }, 'instances')],
      transformations: [
        compute.join,
        compute.over('sum', 'instances'),
        compute.binary('instances', '*', String(each.usdPerHour), 'an hour'),
      ],
    },
  ];
}

/** What nobody can draw, in words. */
export const absent: Readonly<Record<AzurePlatform, readonly string[]>> = {
  'azure-ml': [
    'queue, batch sizes, stages and drift: Azure reads no `/metrics` of the container',
    'percentiles over all deployments without the log of requests: those in Latency are of each deployment, a mean of each minute’s',
    'the share of errors without the log of requests: requests by the minute are means, which do not add up',
  ],
  'azure-container-apps': [
    'percentiles of the latency: Azure publishes the mean',
    'memory of the accelerator, queue, batch sizes, stages and drift: Azure reads no `/metrics` of the container',
  ],
};
