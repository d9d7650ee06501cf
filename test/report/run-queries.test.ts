/** What Prometheus is asked for the report of a run. */

import { describe, expect, test } from 'vitest';
import { latencyBound, pieceSeconds, runQueries } from '../../lib/report/run-queries.js';
import { faults } from '../monitoring/promql.js';

const hour = { scope: { job: 'slipway-digits' }, seconds: 3600, scrapeSeconds: 15 };
const promised = { availability: 0.999, p99Ms: 50 };
const queries = runQueries(hour, promised);
/** What our rules record, and Prometheus itself. */
const recorded = new Set(['endpoint:bottleneck:strongest', 'ALERTS']);

describe('queries of a run', () => {
  test('use only metrics and labels that the server exports or the rules record', () => {
    for (const [name, { query }] of Object.entries(queries)) expect(faults(query, recorded), name).toEqual([]);
  });

  test('are all of the endpoint', () => {
    for (const { query } of Object.values(queries)) {
      const selectors = [...query.matchAll(/[a-z_:A-Z]+\{[^}]*\}/g)].map(([selector]) => selector);
      expect(selectors.length).toBeGreaterThan(0);
      for (const selector of selectors) expect(selector).toContain('job="slipway-digits"');
    }
  });

  test('look over the whole time, or along it', () => {
    expect(queries.wholeP99).toEqual({
      query:
        'histogram_quantile(0.99, sum by (le) (rate(http_server_request_duration_seconds_bucket{job="slipway-digits", http_response_status_code=~"2.*"}[1h])))',
      stepSeconds: null,
      afterSeconds: 0,
    });
    expect(queries.throughput).toEqual({
      query: 'sum(rate(onnx_requests_total{job="slipway-digits"}[1m]))',
      stepSeconds: 20,
      afterSeconds: 0,
    });
    expect(queries.bins).toEqual({
      query:
        'sum by (reference, side, tensor, statistic, bin) (increase(onnx_observed_bin_total{job="slipway-digits"}[75s]))',
      stepSeconds: 75,
      afterSeconds: 75,
    });
  });

  test.each([
    [60, 1, 10, 4],
    [600, 1, 10, 13],
    [86_400, 15, 960, 1800],
    [86_400 * 30, 60, 28_800, 54_000],
  ])('of %i s, read every %i s, have windows of readings enough', (seconds, scrapeSeconds, window, piece) => {
    const time = { ...hour, seconds, scrapeSeconds };
    const { throughput } = runQueries(time, promised);
    const [, digits, unit] = /\[(\d+)([smhd])\]/.exec(throughput!.query)!;
    const wide = Number(digits) * { s: 1, m: 60, h: 3600, d: 86_400 }[unit as 's']!;
    expect([wide, pieceSeconds(time)]).toEqual([window, piece]);
    expect(wide).toBeGreaterThanOrEqual(4 * scrapeSeconds);
    expect(seconds / throughput!.stepSeconds!).toBeLessThanOrEqual(180);
  });

  test('count slow answers above the bound of the histogram, where something is promised', () => {
    expect(queries.wholeSlow!.query).toContain('le=~"0\\\\.05"');
    expect(latencyBound(promised)).toBe(50);
    expect(latencyBound({ ...promised, p99Ms: 30 })).toBe(50);
    expect(latencyBound({ ...promised, p99Ms: null })).toBeNull();
    expect(runQueries(hour, { ...promised, p99Ms: null })).not.toHaveProperty('wholeSlow');
  });
});
