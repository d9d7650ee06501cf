/** Monitoring, the emitter for Google's Cloud Monitoring over a Vertex AI endpoint: objectives, alert policies and a dashboard, as data. */

import { bottleneckText, bottleneckTitle } from './bottleneck-platforms.js';
import { type Chart, type CloudMonitoring, cloudMonitoring, dashboardJson, queryAlert } from './cloud-monitoring.js';
import type { MonitoringPlan } from './plan.js';
import {
  acceleratorMemoryQuery,
  activeQuery,
  costQuery,
  dutyQuery,
  replicasQuery,
  vertexQuery,
} from './queries/vertex.js';

/** What is deployed in an endpoint. */
export interface WatchedDeployment {
  /** Of the deployed model. */
  readonly id: string;
  /** Memory of one replica. */
  readonly memoryBytes: number;
  /** Key of `data/hardware/gpus.csv`; null without. */
  readonly accelerator: string | null;
  /** What an hour of one replica costs; null where no price is known. */
  readonly usdPerHour: number | null;
}

/** An endpoint that is watched. */
export interface WatchedEndpoint {
  /** Last part of its name. */
  readonly id: string;
  /** Reached through a private network. */
  readonly isPrivate: boolean;
  readonly deployments: readonly WatchedDeployment[];
}

/** How much memory a replica has; null where replicas differ, since no metric says whose it is. */
function memoryOf({ deployments }: WatchedEndpoint): number | null {
  const sizes = new Set(deployments.map(({ memoryBytes }) => memoryBytes));
  return sizes.size === 1 ? [...sizes][0]! : null;
}

/** Objectives, their alerts and that on memory for an endpoint. */
export function vertexMonitoring(plan: MonitoringPlan, watched: WatchedEndpoint): CloudMonitoring {
  const { id, isPrivate } = watched;
  const filter = (metric: string, more = ''): string =>
    `metric.type="aiplatform.googleapis.com/prediction/online/${isPrivate ? 'private/' : ''}${metric}" AND resource.type="aiplatform.googleapis.com/Endpoint" AND resource.label."endpoint_id"=${JSON.stringify(id)}${more}`;
  const monitoring = cloudMonitoring(plan, {
    platform: 'Vertex AI',
    requests: filter('response_count'),
    errors: filter('response_count', ' AND metric.label."response_code"="5xx"'),
    latencies: filter('prediction_latencies', isPrivate ? '' : ' AND metric.label."latency_type"="total"'),
  });
  const memoryBytes = memoryOf(watched);
  const memory = plan.alerts.flatMap((alert) =>
    alert.name === 'MemoryPressure'
      ? (queryAlert(alert, (value, windowSeconds) =>
          vertexQuery(value, { endpoint: id, isPrivate, windowSeconds, memoryBytes }),
        ) ?? [])
      : [],
  );
  return {
    ...monitoring,
    alerts: [...monitoring.alerts, ...memory],
    notes: [
      ...monitoring.notes,
      ...(memory.length > 0 ? [] : ['no alert MemoryPressure: the deployments have machines of different sizes']),
      'no figures of the queue and of batches: Vertex AI reads no metrics of the server',
      'figures of replicas come six minutes late',
    ],
  };
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: Cloud Monitoring fills it in.
const byDeployment = '${metric.labels.deployed_model_id}';

/** Accelerators that NVIDIA's own figures are not published of. */
const unmeasured: ReadonlySet<string> = new Set(['t4']);

function acceleratorCharts({ id, deployments }: WatchedEndpoint): Chart[] {
  const accelerators = deployments.flatMap(({ accelerator }) => accelerator ?? []);
  if (accelerators.length === 0) return [];
  const endpoint = { endpoint: id };
  const active = accelerators.some((each) => !unmeasured.has(each));
  return [
    {
      title: 'Accelerators',
      unit: '%',
      lines: [
        { query: `${dutyQuery(endpoint)} * 100`, legend: `at work ${byDeployment}` },
        ...(active ? [{ query: `${activeQuery(endpoint)} * 100`, legend: `processors at work ${byDeployment}` }] : []),
      ],
    },
    {
      title: 'Accelerator memory',
      unit: 'bytes',
      lines: [{ query: acceleratorMemoryQuery(endpoint), legend: byDeployment }],
    },
  ];
}

/** What the replicas cost, where every price is known; of each deployment where prices differ. */
function costChart({ id, deployments }: WatchedEndpoint): Chart[] {
  const prices = new Set(deployments.map(({ usdPerHour }) => usdPerHour));
  if (prices.has(null)) return [];
  const lines =
    prices.size === 1
      ? [{ query: costQuery({ endpoint: id }, deployments[0]!.usdPerHour!), legend: 'replicas' }]
      : deployments.map((each) => ({
          query: costQuery({ endpoint: id }, each.usdPerHour!, each.id),
          legend: `deployed model ${each.id}`,
        }));
  return [{ title: 'Cost', unit: 'USD an hour', lines }];
}

/** The dashboard's JSON, canonical: the same plan gives the same text. */
export function vertexDashboard(plan: MonitoringPlan, watched: WatchedEndpoint): string {
  const { id, isPrivate } = watched;
  const scope = { endpoint: id, isPrivate, windowSeconds: 300, memoryBytes: memoryOf(watched) };
  const further: readonly Chart[] = [
    {
      title: 'Replicas',
      unit: 'replicas',
      lines: [
        { query: replicasQuery(scope), legend: `running ${byDeployment}` },
        { query: replicasQuery(scope, 'target_replicas'), legend: `wanted ${byDeployment}` },
      ],
    },
    ...acceleratorCharts(watched),
    ...costChart(watched),
  ];
  const accelerated = watched.deployments.some(({ accelerator }) => accelerator !== null);
  const words = { title: bottleneckTitle, content: bottleneckText('gcp-vertex', accelerated) };
  return dashboardJson(plan, (value) => vertexQuery(value, scope), further, words);
}
