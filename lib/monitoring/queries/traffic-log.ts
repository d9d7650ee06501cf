/** Monitoring, the adapter for the log of requests of a managed online endpoint: comparisons in, Kusto queries out. */

import type { Comparison } from '../alerts.js';
import type { Expression, Filter } from '../expression.js';
import { duration } from './prometheus.js';

/** Category of the diagnostic setting and table of the workspace, in `data/metrics/azure-ml-traffic-log.json`. */
export const trafficLog = 'AmlOnlineEndpointTrafficLog';

/** Names that rows of the log carry. */
export interface LoggedEndpoint {
  /** Of the workspace of Azure Machine Learning. */
  readonly workspace: string;
  readonly endpoint: string;
}

/** A string of the Kusto language. JSON's escapes are all among its own; half a surrogate pair is no text. */
export const kustoText = (text: string): string =>
  JSON.stringify(text.replace(/\p{Surrogate}/gu, '\ufffd')).replace(/[\u0085\u2028\u2029]/g, (one) => {
    return `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });

/** Azure answers 424 where the container answers other than 200, and logs the container's own status beside it. */
const serverError = 'toint(ResponseCode) >= 500 or coalesce(toint(ModelStatusCode), 0) >= 500';
const answered = 'toint(ResponseCode) between (200 .. 299)';

const filterKey = (where: readonly Filter[] = []): string =>
  where.map((filter) => `${filter.label}=${'equals' in filter ? filter.equals : filter.startsWith}`).join();

const requestConditions: Readonly<Record<string, string>> = { '': 'true', 'code=5': serverError };

const isDuration = ({ metric }: { readonly metric: string }): boolean =>
  metric === 'http_server_request_duration_seconds';

/** Which rows an expression counts; null where the log does not tell. */
function condition(expression: Expression): string | null {
  switch (expression.op) {
    case 'count':
      return expression.metric === 'onnx_requests_total'
        ? (requestConditions[filterKey(expression.where)] ?? null)
        : null;
    case 'observed':
      return isDuration(expression) ? answered : null;
    case 'above':
      return isDuration(expression)
        ? `${answered} and TotalDurationMs > ${Number((1000 * expression.bound).toPrecision(12))}`
        : null;
    default:
      return null;
  }
}

const rowsOf = ({ workspace, endpoint }: LoggedEndpoint): string =>
  `${trafficLog}\n| where AzureMLWorkspaceName =~ ${kustoText(workspace)} and EndpointName =~ ${kustoText(endpoint)}`;

/** Rows arrive minutes late: a window is of what has arrived in it, or its last minutes would be empty each time. */
const counting = (rows: string, windowSeconds: number): string =>
  `countif(${rows === 'true' ? '' : `(${rows}) and `}ingestion_time() > ago(${duration(windowSeconds)}))`;

/**
 * A query with one row when all comparisons hold, and none otherwise; null where the log does not tell.
 *
 * Shares are compared as products, so that no requests are no error.
 */
export function trafficAlert(when: readonly Comparison[], of: LoggedEndpoint): string | null {
  const columns = new Map<string, string>();
  const column = (name: string, expression: Expression, windowSeconds: number): string | null => {
    const rows = condition(expression);
    if (rows === null) return null;
    const full = `${name}_${duration(windowSeconds)}`;
    columns.set(full, counting(rows, windowSeconds));
    return full;
  };
  const holds = when.map(({ value, windowSeconds, is, than }) => {
    if (value.op !== 'ratio') {
      const counted = column('bad', value, windowSeconds);
      return counted && `${counted} ${is} ${than}`;
    }
    const [bad, all] = [column('bad', value.of, windowSeconds), column('all', value.to, windowSeconds)];
    return bad && all && `${bad} ${is} ${than} * ${all}`;
  });
  if (holds.includes(null)) return null;
  const counts = [...columns].map(([name, count]) => `    ${name} = ${count}`).join(',\n');
  return `${rowsOf(of)}\n| summarize\n${counts}\n| where ${holds.join(' and ')}`;
}

/** A query with one row when nobody has asked for so many hours. */
export const trafficIdle = (hours: number, of: LoggedEndpoint): string =>
  `${rowsOf(of)}\n| summarize asked = ${counting('true', hours * 3600)}\n| where asked == 0`;

const overTime = (of: LoggedEndpoint, where: string, summary: string): string =>
  [
    rowsOf(of),
    `| where $__timeFilter(TimeGenerated)${where}`,
    `| summarize ${summary} by bin(TimeGenerated, $__interval)`,
    '| order by TimeGenerated asc',
  ].join('\n');

/** For a panel: the share of server errors, 0 to 1. `$__` is Grafana's. */
export const trafficErrorShare = (of: LoggedEndpoint): string =>
  overTime(of, '', `errors = 1.0 * countif(${serverError}) / count()`);

/** For a panel: percentiles of the time of answers over all deployments, milliseconds. */
export const trafficLatency = (of: LoggedEndpoint): string =>
  overTime(
    of,
    ` and ${answered}`,
    [50, 95, 99].map((percent) => `p${percent} = percentile(TotalDurationMs, ${percent})`).join(', '),
  );
