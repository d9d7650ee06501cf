import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Expression } from '../../../lib/monitoring/expression.js';
import { planMonitoring } from '../../../lib/monitoring/plan.js';
import { driftRecord, duration, prometheusScope, promql, quote } from '../../../lib/monitoring/queries/prometheus.js';
import { signals } from '../../../lib/monitoring/signals.js';
import { faults, parse } from '../promql.js';

const scope = { job: 'j' };
const say = (value: Expression, windowSeconds = 300): string => promql(value, { scope, windowSeconds });

describe('expressions in PromQL', () => {
  const cases: readonly (readonly [Expression, string])[] = [
    [signals.throughput.value, 'sum(rate(onnx_requests_total{job="j"}[5m]))'],
    [
      signals.serverErrors.value,
      '(sum(rate(onnx_requests_total{job="j", code=~"5.*"}[5m])) or 0 * sum(rate(onnx_requests_total{job="j"}[5m])))',
    ],
    [
      signals.latencyP99.value,
      'histogram_quantile(0.99, sum by (le) (rate(http_server_request_duration_seconds_bucket{job="j", http_response_status_code=~"2.*"}[5m])))',
    ],
    [signals.rejections.value, 'sum by (reason) (rate(onnx_requests_rejected_total{job="j"}[5m]))'],
    [
      signals.batchMean.value,
      'sum(rate(onnx_batch_size_sum{job="j"}[5m])) / sum(rate(onnx_batch_size_count{job="j"}[5m]))',
    ],
    [signals.queueFill.value, 'max(onnx_requests_in_flight{job="j"} / onnx_queue_limit{job="j"})'],
    [
      signals.inputDrift.value,
      'max by (tensor) (slipway:drift:psi{job="j", side="input"} / slipway:drift:limit{job="j", side="input"})',
    ],
    [signals.reachable.value, '(max(up{job="j"}) or vector(0))'],
    [
      { op: 'above', metric: 'onnx_batch_size', bound: 8 },
      '(sum(increase(onnx_batch_size_count{job="j"}[5m])) - sum(increase(onnx_batch_size_bucket{job="j", le=~"8|8\\\\.0"}[5m])))',
    ],
    [
      {
        op: 'ratio',
        of: signals.cpuCores.value,
        to: { op: 'ratio', of: signals.queueDepth.value, to: signals.workers.value },
      },
      'sum(rate(process_cpu_seconds_total{job="j"}[5m])) / (sum(onnx_queue_depth{job="j"}) / sum(onnx_workers{job="j"}))',
    ],
    [
      { op: 'gauge', combine: 'max', metric: 'onnx_model_ready', where: [{ label: 'model', equals: 'a"b' }] },
      'max(onnx_model_ready{job="j", model="a\\"b"})',
    ],
  ];

  test.each(cases)('%j', (value, query) => {
    expect(say(value)).toBe(query);
  });

  test('every signal can be answered by what the server exports, drift by what its rules record', () => {
    const recorded = new Set([driftRecord('psi'), driftRecord('limit')]);
    for (const [id, { value }] of Object.entries(signals)) expect(faults(say(value), recorded), id).toEqual([]);
  });

  test.each([
    [2, '2s'],
    [60, '1m'],
    [90, '90s'],
    [7200, '2h'],
    [259_200, '3d'],
  ])('%d seconds is written %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});

describe('label values', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({
      unit: fc.constantFrom('"', '\\', '{', '}', '\n', '\r', '\0', '`', "'", ',', '=', '~', 'é', '🙂', 'a', ' '),
    }),
  );

  test('come back from a query as they went in, whatever is in them', () => {
    fc.assert(
      fc.property(hostile, (value) => {
        const query = promql(signals.latencyP99.value, { scope: { job: value }, windowSeconds: 60 });
        const { selectors } = parse(query);
        expect(selectors).toHaveLength(1);
        const [matcher] = selectors[0]!.matchers;
        expect(matcher).toMatchObject({ label: 'job', operator: '=' });
        expect(unquoted(matcher!.literal)).toBe(value);
      }),
      { numRuns: 500 },
    );
  });

  test('match as text where a prefix is asked for', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), (prefix) => {
        const filter = { label: 'code', startsWith: prefix };
        const query = say({ op: 'rate', metric: 'onnx_requests_total', where: [filter], by: ['code'] });
        const [selector] = parse(query).selectors;
        const pattern = new RegExp(`^(?:${unquoted(selector!.matchers[1]!.literal)})$`, 's');
        expect(pattern.test(`${prefix}rest`)).toBe(true);
        expect(pattern.test(`x${prefix}`)).toBe(prefix === '' || /^x+$/.test(prefix));
      }),
    );
  });

  test('half a surrogate pair, which is no text, becomes the sign for that', () => {
    expect(quote('a\ud800b')).toBe('"a\ufffdb"');
    expect(prometheusScope(planMonitoring({ model: 'a\ud800' }))).toEqual({ job: 'slipway-a\ufffd' });
  });
});

/** Go's rules for the escapes of a double-quoted string, as far as they may occur. */
function unquoted(literal: string): string {
  expect(literal).toMatch(/^"(?:[^"\\\n]|\\[abfnrtv\\"]|\\u[0-9a-f]{4})*"$/);
  const named: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', '\\': '\\', '"': '"' };
  return literal
    .slice(1, -1)
    .replace(/\\(?:u([0-9a-f]{4})|(.))/g, (_, hex: string | undefined, name: string) =>
      hex === undefined ? named[name]! : String.fromCharCode(Number.parseInt(hex, 16)),
    );
}
