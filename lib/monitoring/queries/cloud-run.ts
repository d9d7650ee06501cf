/** Monitoring, the adapter for Cloud Monitoring over what Cloud Run publishes of a service: expressions in, PromQL out. */

import type { Expression, Filter } from '../expression.js';
import type { Idle } from './idle.js';
import { duration, quote } from './prometheus.js';

/** Of `data/metrics/cloud-run.json`, as Cloud Monitoring names them in PromQL. */
const name = (metric: string): string => `run_googleapis_com:${metric.replaceAll('/', '_')}`;

const classes: Readonly<Record<string, string | null>> = { '': null, 'code=4': '4xx', 'code=5': '5xx' };

const filterKey = (where: readonly Filter[] = []): string =>
  where.map((filter) => `${filter.label}=${'equals' in filter ? filter.equals : filter.startsWith}`).join(',');

const latency = 'http_server_request_duration_seconds';

export interface CloudRunScope {
  readonly service: string;
  readonly windowSeconds: number;
  /** Of one instance. */
  readonly processors: number;
}

/** Milliseconds in, seconds out. */
const seconds = (query: string): string => `${query} / 1000`;

/**
 * Says an expression in PromQL over the metrics of one service; null where Cloud Run publishes nothing of the kind.
 *
 * Latency is the request's way through Google's front end and the container. Processors in use are those of the mean instance, a `worstShare` is the
 * 99th percentile of them.
 */
export function cloudRunQuery(expression: Expression, scope: CloudRunScope): string | null {
  const series = (metric: string, extra = ''): string =>
    `${name(metric)}{monitored_resource="cloud_run_revision",service_name=${quote(scope.service)}${extra}}`;
  const over = `[${duration(scope.windowSeconds)}]`;
  const requests = (how: 'rate' | 'increase', where: readonly Filter[] | undefined): string | null => {
    const kind = classes[filterKey(where)];
    if (kind === undefined) return null;
    const all = `sum(${how}(${series('request_count')}${over}))`;
    if (kind === null) return all;
    // Without a single error there is no series of errors: that is none, not unknown.
    return `(sum(${how}(${series('request_count', `,response_code_class=${quote(kind)}`)}${over})) or 0 * ${all})`;
  };
  const bucketed = (q: number, metric: string): string =>
    `histogram_quantile(${q}, sum by (le) (rate(${series(`${metric}_bucket`)}${over})))`;
  const mean = (metric: string): string =>
    `sum(rate(${series(`${metric}_sum`)}${over})) / sum(rate(${series(`${metric}_count`)}${over}))`;

  switch (expression.op) {
    case 'rate':
      if (expression.metric === 'process_cpu_seconds_total') {
        return `${mean('container/cpu/utilizations')} * ${scope.processors}`;
      }
      return expression.metric === 'onnx_requests_total' && !expression.by ? requests('rate', expression.where) : null;
    case 'count':
      return expression.metric === 'onnx_requests_total' && !expression.by
        ? requests('increase', expression.where)
        : null;
    case 'quantile':
      return expression.metric === latency ? seconds(bucketed(expression.q, 'request_latencies')) : null;
    case 'mean':
      return expression.metric === latency ? seconds(`(${mean('request_latencies')})`) : null;
    case 'observed':
      return expression.metric === latency ? `sum(increase(${series('request_latencies_count')}${over}))` : null;
    case 'worstShare':
      return expression.metric === 'process_resident_memory_bytes'
        ? bucketed(0.99, 'container/memory/utilizations')
        : null;
    case 'ratio': {
      const [of, to] = [cloudRunQuery(expression.of, scope), cloudRunQuery(expression.to, scope)];
      return of === null || to === null ? null : `${of} / ${to}`;
    }
    default:
      return null;
  }
}

/** Instances, by whether they work. */
export const instancesQuery = ({ service }: Pick<CloudRunScope, 'service'>): string =>
  `sum by (state) (${name('container/instance_count')}{monitored_resource="cloud_run_revision",service_name=${quote(service)}})`;

/** Instances of every kind and requests of every kind, to find out whether anybody asks. */
export const cloudRunIdle = ({ service }: Pick<CloudRunScope, 'service'>): Idle => ({
  machines: `sum(${instancesQuery({ service })})`,
  requests: `${name('request_count')}{monitored_resource="cloud_run_revision",service_name=${quote(service)}}`,
});
