import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Comparison } from '../../../lib/monitoring/alerts.js';
import { planMonitoring } from '../../../lib/monitoring/plan.js';
import {
  kustoText,
  trafficAlert,
  trafficErrorShare,
  trafficIdle,
  trafficLatency,
} from '../../../lib/monitoring/queries/traffic-log.js';
import { kustoFaults, kustoStrings } from '../kusto.js';

const of = { workspace: 'shop', endpoint: 'digits-1a2b3c4d' };
const { alerts } = planMonitoring({ model: 'digits', slo: { p99Ms: 100 } });
const burns = alerts.filter(({ name }) => name.includes('Burn'));
const alert = (name: string) => trafficAlert(alerts.find((each) => each.name === name)!.when, of);

/** What Grafana puts into a query before it is sent. */
const filled = (query: string): string =>
  query.replace('$__timeFilter(TimeGenerated)', 'TimeGenerated > ago(1h)').replace('$__interval', '1m');

test('both windows of an objective are in one query, with the least number of bad requests', () => {
  expect(alert('AvailabilityBurn1h')).toBe(
    `AmlOnlineEndpointTrafficLog
| where AzureMLWorkspaceName =~ "shop" and EndpointName =~ "digits-1a2b3c4d"
| summarize
    bad_1h = countif((toint(ResponseCode) >= 500 or coalesce(toint(ModelStatusCode), 0) >= 500) and ingestion_time() > ago(1h)),
    all_1h = countif(ingestion_time() > ago(1h)),
    bad_5m = countif((toint(ResponseCode) >= 500 or coalesce(toint(ModelStatusCode), 0) >= 500) and ingestion_time() > ago(5m)),
    all_5m = countif(ingestion_time() > ago(5m))
| where bad_1h > 0.0144 * all_1h and bad_5m > 0.0144 * all_5m and bad_1h >= 5`,
  );
});

test('latency counts successful answers alone, in milliseconds', () => {
  const query = alert('LatencyBurn6h')!;
  expect(query).toContain(
    'bad_6h = countif((toint(ResponseCode) between (200 .. 299) and TotalDurationMs > 100) and ingestion_time() > ago(6h))',
  );
  expect(query).toContain(
    'all_6h = countif((toint(ResponseCode) between (200 .. 299)) and ingestion_time() > ago(6h))',
  );
});

describe('every query', () => {
  const queries: [string, string][] = [
    ...burns.map(({ name, when }): [string, string] => [name, trafficAlert(when, of)!]),
    ['idle', trafficIdle(7, of)],
    ['share of errors', filled(trafficErrorShare(of))],
    ['latency', filled(trafficLatency(of))],
  ];

  test.each(queries)('%s is Kusto over columns that the log has', (_name, query) => {
    expect(kustoFaults(query)).toEqual([]);
    expect(kustoStrings(query)).toEqual(['shop', 'digits-1a2b3c4d']);
  });

  test('of an alert is allowed in alerts: no functions that are not, and only literals in ago', () => {
    expect(queries).toHaveLength(11);
    for (const [, query] of queries) {
      expect(query).not.toMatch(/bag_unpack|pivot|narrow|AggregatedValue|\bunion\b|\btake\b/);
      for (const [, span] of query.matchAll(/ago\(([^)]*)\)/g)) expect(span).toMatch(/^\d+[dhm]$/);
    }
  });
});

test('what the log does not tell is not made up', () => {
  const one = (value: Comparison['value']): Comparison => ({
    value,
    unit: 'share',
    windowSeconds: 60,
    is: '>',
    than: 1,
  });
  expect(trafficAlert([one({ op: 'gauge', combine: 'sum', metric: 'onnx_queue_depth' })], of)).toBeNull();
  expect(trafficAlert([one({ op: 'count', metric: 'onnx_requests_rejected_total' })], of)).toBeNull();
  expect(
    trafficAlert([one({ op: 'count', metric: 'onnx_requests_total', where: [{ label: 'code', equals: '418' }] })], of),
  ).toBeNull();
  expect(alert('QueueSaturated')).toBeNull();
});

test('names are read as they are, whatever is in them', () => {
  const text = fc.string({ unit: 'binary', maxLength: 20 });
  fc.assert(
    fc.property(fc.oneof(text, fc.constantFrom('"', '\\', '\n', '\u2028', "'{}$__interval")), (name) => {
      const query = trafficIdle(1, { workspace: name, endpoint: 'e' });
      expect(kustoFaults(query)).toEqual([]);
      expect(kustoStrings(query)).toEqual([name, 'e']);
    }),
  );
  expect(kustoText('\ud800')).toBe('"\ufffd"');
});
