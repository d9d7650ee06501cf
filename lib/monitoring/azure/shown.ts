/** Monitoring, what a dashboard of Azure Monitor shows: an endpoint with its deployments, or a container app. */

import type { Drawn, Target } from '../grafana-panels.js';
import type { AzureMachine, AzureMetric, AzurePlatform, AzureRatio, AzureSum } from '../queries/azure.js';
import type { LoggedEndpoint } from '../queries/traffic-log.js';
import { compute, metricTarget, type Watched } from './grafana.js';

/** What instances are: a deployment of an endpoint, or the app itself. */
export interface AzureInstances {
  readonly name: string;
  /** Full resource id. */
  readonly id: string;
  readonly machine: AzureMachine;
  readonly accelerated: boolean;
  /** Of one instance; null where no price is known. */
  readonly usdPerHour: number | null;
}

/** What a dashboard shows. */
export interface AzureShown {
  readonly platform: AzurePlatform;
  /** Full resource id of the endpoint or the app. */
  readonly id: string;
  readonly location: string;
  /** The deployments, at least one; of a container app the app alone. */
  readonly instances: readonly AzureInstances[];
  /** Where the log of requests goes; null where there is none. */
  readonly log: (LoggedEndpoint & { readonly workspaceId: string }) | null;
  /** What is not watched, in words. */
  readonly notes: readonly string[];
}

/** Queries of a metric: of the endpoint one, of deployments one each. */
export function targetsOf(metric: AzureMetric, { id, location, instances }: AzureShown, title: string): Target[] {
  const watched: readonly (Watched & { readonly title: string })[] =
    metric.of === 'deployment'
      ? instances.map((each) => ({
          id: each.id,
          location,
          title: instances.length > 1 ? `${title} ${each.name}` : title,
        }))
      : [{ id, location, title }];
  return watched.map((each) => metricTarget(metric, each, each.title));
}

export const sumTargets = (
  { value, title }: { readonly value: AzureSum; readonly title: string },
  shown: AzureShown,
): Target[] => value.metrics.flatMap((metric) => targetsOf(metric, shown, title));

/** One number divided by another, by the browser. */
export const shareOf = ({ of, to }: AzureRatio, shown: AzureShown, title: string, help: string): Drawn => ({
  ...{ title, help, unit: 'percentunit' },
  targets: [...sumTargets({ title: 'part', value: of }, shown), ...sumTargets({ title: 'all', value: to }, shown)],
  transformations: [compute.join, compute.binary('part', '/', 'all', title)],
});
