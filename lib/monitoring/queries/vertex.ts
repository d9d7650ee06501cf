/** Monitoring, the adapter for Cloud Monitoring over what Vertex AI publishes of an endpoint: expressions in, PromQL out. */

import type { Expression, Filter } from '../expression.js';
import type { Idle } from './idle.js';
import { duration, quote } from './prometheus.js';

/** Of `data/metrics/vertex.json`, as Cloud Monitoring names them in PromQL. */
const name = (metric: string): string => `aiplatform_googleapis_com:prediction_online_${metric.replaceAll('/', '_')}`;

const classes: Readonly<Record<string, string | null>> = { '': null, 'code=4': '4xx', 'code=5': '5xx' };

const filterKey = (where: readonly Filter[] = []): string =>
  where.map((filter) => `${filter.label}=${'equals' in filter ? filter.equals : filter.startsWith}`).join(',');

const latency = 'http_server_request_duration_seconds';

/** Figures of replicas come six minutes late, so that a shorter look back would see none. */
const lateSeconds = 600;

export interface VertexScope {
  /** Last part of the endpoint's name. */
  readonly endpoint: string;
  /** Reached through a private network, which other metrics count. */
  readonly isPrivate: boolean;
  readonly windowSeconds: number;
  /** Of one replica; null where replicas differ. */
  readonly memoryBytes: number | null;
}

type Place = Pick<VertexScope, 'endpoint'>;

/** A series of an endpoint. */
const series = ({ endpoint }: Place, metric: string, extra = ''): string =>
  `${name(metric)}{monitored_resource="aiplatform.googleapis.com/Endpoint",endpoint_id=${quote(endpoint)}${extra}}`;

/** A gauge of each replica, over so long that it has a figure. */
const lately = (place: Place, metric: string, extra = ''): string =>
  `avg_over_time(${series(place, metric, extra)}[${duration(lateSeconds)}])`;

/**
 * Says an expression in PromQL over the metrics of one endpoint; null where Vertex AI publishes nothing of the kind.
 *
 * Latency is the request's way through Google's front end and the container. A `worstShare` is that of the worst replica.
 */
export function vertexQuery(expression: Expression, scope: VertexScope): string | null {
  const prefix = scope.isPrivate ? 'private/' : '';
  const over = `[${duration(scope.windowSeconds)}]`;
  // Endpoints in private networks have one latency, others three kinds of it.
  const whole = scope.isPrivate ? '' : ',latency_type="total"';
  const latencies = (part: 'bucket' | 'sum' | 'count'): string =>
    series(scope, `${prefix}prediction_latencies_${part}`, whole);
  const requests = (how: 'rate' | 'increase', where: readonly Filter[] | undefined): string | null => {
    const kind = classes[filterKey(where)];
    if (kind === undefined) return null;
    const counted = `${prefix}response_count`;
    const all = `sum(${how}(${series(scope, counted)}${over}))`;
    if (kind === null) return all;
    // Without a single error there is no series of errors: that is none, not unknown.
    return `(sum(${how}(${series(scope, counted, `,response_code=${quote(kind)}`)}${over})) or 0 * ${all})`;
  };

  switch (expression.op) {
    case 'rate':
      // 100 % is one busy core.
      if (expression.metric === 'process_cpu_seconds_total') return `sum(${lately(scope, 'cpu/utilization')})`;
      return expression.metric === 'onnx_requests_total' && !expression.by ? requests('rate', expression.where) : null;
    case 'count':
      return expression.metric === 'onnx_requests_total' && !expression.by
        ? requests('increase', expression.where)
        : null;
    case 'quantile':
      return expression.metric === latency
        ? `histogram_quantile(${expression.q}, sum by (le) (rate(${latencies('bucket')}${over}))) / 1000`
        : null;
    case 'mean':
      return expression.metric === latency
        ? `(sum(rate(${latencies('sum')}${over})) / sum(rate(${latencies('count')}${over}))) / 1000`
        : null;
    case 'observed':
      return expression.metric === latency ? `sum(increase(${latencies('count')}${over}))` : null;
    case 'gauge':
      return expression.metric === 'process_resident_memory_bytes' && !expression.by
        ? `${expression.combine}(${lately(scope, 'memory/bytes_used')})`
        : null;
    case 'worstShare':
      return expression.metric === 'process_resident_memory_bytes' && scope.memoryBytes !== null
        ? `max(${lately(scope, 'memory/bytes_used')}) / ${scope.memoryBytes}`
        : null;
    case 'ratio': {
      const [of, to] = [vertexQuery(expression.of, scope), vertexQuery(expression.to, scope)];
      return of === null || to === null ? null : `${of} / ${to}`;
    }
    default:
      return null;
  }
}

/** Replicas of every deployed model: those that run, or those that scaling wants. */
export const replicasQuery = (place: Place, metric: 'replicas' | 'target_replicas' = 'replicas'): string =>
  `sum by (deployed_model_id) (${lately(place, metric)})`;

/** What replicas cost, USD an hour: all of them, or those of one deployed model. */
export function costQuery(place: Place, usdPerHour: number, deployedModel?: string): string {
  const which = deployedModel === undefined ? '' : `,deployed_model_id=${quote(deployedModel)}`;
  return `sum(${lately(place, 'replicas', which)}) * ${usdPerHour}`;
}

/** Share of the time in which accelerators work, 0 to 1, by deployed model. */
export const dutyQuery = (place: Place): string =>
  `avg by (deployed_model_id) (${lately(place, 'accelerator/duty_cycle')})`;

/** Memory in use on the accelerators of the fullest replica, bytes, by deployed model. */
export const acceleratorMemoryQuery = (place: Place): string =>
  `max by (deployed_model_id) (${lately(place, 'accelerator/memory/bytes_used')})`;

/** Share of an accelerator's processors at work, 0 to 1, by deployed model; NVIDIA's own figure, which T4 and older do not have. */
export const activeQuery = ({ endpoint }: Place): string =>
  `avg by (deployed_model_id) (vertex_dcgm_fi_prof_sm_active{endpoint_id=${quote(endpoint)}})`;

/** Replicas and requests of every kind, to find out whether anybody asks. */
export const vertexIdle = ({ endpoint, isPrivate }: Pick<VertexScope, 'endpoint' | 'isPrivate'>): Idle => ({
  machines: `sum(${lately({ endpoint }, 'replicas')})`,
  requests: series({ endpoint }, `${isPrivate ? 'private/' : ''}response_count`),
});
