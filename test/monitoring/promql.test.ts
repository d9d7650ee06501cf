import { expect, test } from 'vitest';
import { faults, parse } from './promql.js';

/** What the walk over every query relies on: it does find what is wrong. */
test.each([
  ['sum(rate(onnx_made_up_total[5m]))', 'onnx_made_up_total is in no catalogue'],
  ['sum(rate(onnx_requests_total{status="200"}[5m]))', 'onnx_requests_total has no status'],
  ['sum by (route) (rate(onnx_requests_total[5m]))', 'nothing here has route'],
  ['sum(onnx_requests_total)', 'onnx_requests_total is a counter, read as it is'],
  ['sum(rate(onnx_queue_depth[5m]))', 'onnx_queue_depth is a gauge, read as a counter'],
  ['sum(rate(onnx_batch_size[5m]))', 'onnx_batch_size is in no catalogue'],
  ['sum(rate(onnx_batch_size_sum{le="1"}[5m]))', 'onnx_batch_size_sum has no le'],
  ['sum(rate(onnx_batch_size_bucket{le="3"}[5m]))', 'onnx_batch_size never has le="3"'],
  [
    'sum(rate(onnx_requests_rejected_total{reason="mood"}[5m]))',
    'onnx_requests_rejected_total never has reason="mood"',
  ],
  ['slipway:other{job="j"} > 1', 'slipway:other is in no catalogue'],
])('%s is at fault', (query, fault) => {
  expect(faults(query, new Set(['slipway:recorded']))).toContain(fault);
});

test('what is right has no fault', () => {
  expect(faults('slipway:recorded{job="j"} > 1 and max(up) == 0', new Set(['slipway:recorded']))).toEqual([]);
});

test('what is no PromQL is refused', () => {
  expect(() => parse('sum(rate(up[5m])')).toThrow(SyntaxError);
});
