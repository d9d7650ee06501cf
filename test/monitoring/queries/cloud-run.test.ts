import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { cloudRunQuery } from '../../../lib/monitoring/queries/cloud-run.js';
import { signals } from '../../../lib/monitoring/signals.js';
import { packageFile } from '../../../lib/package-root.js';
import { parse } from '../promql.js';

const scope = { service: 'digits', windowSeconds: 300, processors: 4 };
const queries = Object.entries(signals).flatMap(([id, { value }]) => {
  const query = cloudRunQuery(value, scope);
  return query === null ? [] : [[id, query] as const];
});

test('the signals that Cloud Run has data for', () => {
  expect(queries.map(([id]) => id).sort()).toMatchInlineSnapshot(`
    [
      "clientErrors",
      "cpuCores",
      "errorShare",
      "latencyP50",
      "latencyP95",
      "latencyP99",
      "memoryFill",
      "serverErrors",
      "throughput",
    ]
  `);
});

test.each(queries)('%s is PromQL over metrics that Cloud Run publishes', (_id, query) => {
  const { selectors } = parse(query);
  const metrics = JSON.parse(readFileSync(packageFile('data', 'metrics', 'cloud-run.json'), 'utf8')) as {
    name: string;
  }[];
  const known = metrics.map(({ name }) => `run_googleapis_com:${name.split('/').slice(1).join('_')}`);
  expect(selectors.length).toBeGreaterThan(0);
  for (const { name, matchers } of selectors) {
    expect(known).toContain(known.includes(name) ? name : name.replace(/_(bucket|sum|count)$/, ''));
    expect(matchers).toContainEqual({ label: 'service_name', operator: '=', literal: '"digits"' });
  }
});

test('a counter of errors reads as 0 where there was none', () => {
  expect(
    cloudRunQuery({ op: 'count', metric: 'onnx_requests_total', where: [{ label: 'code', startsWith: '5' }] }, scope),
  ).toBe(
    '(sum(increase(run_googleapis_com:request_count{monitored_resource="cloud_run_revision",service_name="digits",response_code_class="5xx"}[5m])) or 0 * sum(increase(run_googleapis_com:request_count{monitored_resource="cloud_run_revision",service_name="digits"}[5m])))',
  );
});

test('what Cloud Run does not publish is not made up', () => {
  expect(cloudRunQuery({ op: 'gauge', metric: 'onnx_queue_depth', combine: 'sum' }, scope)).toBeNull();
  expect(cloudRunQuery({ op: 'above', metric: 'http_server_request_duration_seconds', bound: 0.1 }, scope)).toBeNull();
  expect(
    cloudRunQuery({ op: 'count', metric: 'onnx_requests_total', where: [{ label: 'code', equals: '418' }] }, scope),
  ).toBeNull();
});
