/** Monitoring, step 3: what there is to know about an endpoint. One row is one signal; panels, tiles and alerts name them. */

import type { Expression, Filter } from './expression.js';

/** Units are base units; whoever shows a value picks the multiple (ms, MB). */
export type Unit =
  | 'requests/s'
  | 'requests'
  | 'seconds'
  | 'bytes'
  | 'cores'
  | 'rows'
  | 'share'
  | 'ratio'
  | 'decibels'
  | 'flag';

export interface Signal {
  readonly title: string;
  readonly unit: Unit;
  readonly value: Expression;
}

const serverError: Filter = { label: 'code', startsWith: '5' };
const clientError: Filter = { label: 'code', startsWith: '4' };
const answered: Filter = { label: 'http_response_status_code', startsWith: '2' };

const requests = { metric: 'onnx_requests_total' } as const;
const duration = { metric: 'http_server_request_duration_seconds', where: [answered] } as const;

const latency = (q: number): Signal => ({
  title: `p${q * 100}`,
  unit: 'seconds',
  value: { op: 'quantile', q, ...duration },
});

const last = (metric: string, combine: 'sum' | 'max' | 'min'): Expression => ({ op: 'gauge', combine, metric });

/** Latencies count successful answers only: a refusal is quick, and would flatter them. */
export const signals = {
  throughput: { title: 'answered', unit: 'requests/s', value: { op: 'rate', ...requests } },
  latencyP50: latency(0.5),
  latencyP95: latency(0.95),
  latencyP99: latency(0.99),
  errorShare: {
    title: 'server errors',
    unit: 'share',
    value: { op: 'ratio', of: { op: 'rate', ...requests, where: [serverError] }, to: { op: 'rate', ...requests } },
  },
  serverErrors: {
    title: 'server errors (5xx)',
    unit: 'requests/s',
    value: { op: 'rate', ...requests, where: [serverError] },
  },
  clientErrors: {
    title: 'client errors (4xx)',
    unit: 'requests/s',
    value: { op: 'rate', ...requests, where: [clientError] },
  },
  rejections: {
    title: 'rejected',
    unit: 'requests/s',
    value: { op: 'rate', metric: 'onnx_requests_rejected_total', by: ['reason'] },
  },
  queueDepth: { title: 'waiting', unit: 'requests', value: last('onnx_queue_depth', 'sum') },
  inFlight: { title: 'waiting or running', unit: 'requests', value: last('onnx_requests_in_flight', 'sum') },
  queueLimit: { title: 'limit', unit: 'requests', value: last('onnx_queue_limit', 'sum') },
  queueFill: {
    title: 'queue fill',
    unit: 'share',
    value: { op: 'worstShare', metric: 'onnx_requests_in_flight', limit: 'onnx_queue_limit' },
  },
  batchMean: { title: 'mean batch', unit: 'rows', value: { op: 'mean', metric: 'onnx_batch_size' } },
  batchLimit: { title: 'limit', unit: 'rows', value: last('onnx_batch_size_limit', 'max') },
  stages: {
    title: 'stage',
    unit: 'seconds',
    value: { op: 'mean', metric: 'onnx_request_stage_duration_seconds', by: ['stage'] },
  },
  cpuCores: { title: 'used', unit: 'cores', value: { op: 'rate', metric: 'process_cpu_seconds_total' } },
  cpuLimit: { title: 'available', unit: 'cores', value: last('onnx_processors', 'sum') },
  cpuShare: {
    title: 'CPU',
    unit: 'share',
    value: {
      op: 'ratio',
      of: { op: 'rate', metric: 'process_cpu_seconds_total' },
      to: last('onnx_processors', 'sum'),
    },
  },
  memory: { title: 'resident', unit: 'bytes', value: last('process_resident_memory_bytes', 'sum') },
  memoryLimit: { title: 'limit', unit: 'bytes', value: last('onnx_memory_limit_bytes', 'sum') },
  memoryFill: {
    title: 'memory fill',
    unit: 'share',
    value: { op: 'worstShare', metric: 'process_resident_memory_bytes', limit: 'onnx_memory_limit_bytes' },
  },
  workers: { title: 'runs at a time', unit: 'requests', value: last('onnx_workers', 'sum') },
  modelInfo: {
    title: 'model',
    unit: 'flag',
    value: {
      op: 'gauge',
      combine: 'max',
      metric: 'onnx_model_info',
      by: ['model', 'version', 'precision', 'recipe', 'sha256'],
    },
  },
  speedup: { title: 'speed-up over fp32', unit: 'ratio', value: last('onnx_model_speedup_ratio', 'min') },
  agreement: { title: 'agreement with fp32', unit: 'share', value: last('onnx_model_agreement_ratio', 'min') },
  canarySqnr: { title: 'canary signal to noise', unit: 'decibels', value: last('onnx_canary_sqnr_decibels', 'min') },
  saturation: {
    title: '8-bit sums against exact ones',
    unit: 'decibels',
    value: last('onnx_saturation_sqnr_decibels', 'min'),
  },
  ready: { title: 'ready', unit: 'flag', value: last('onnx_model_ready', 'max') },
  predictionDrift: {
    title: 'predictions',
    unit: 'ratio',
    value: { op: 'drift', side: 'output', by: ['tensor'] },
  },
  inputDrift: { title: 'inputs', unit: 'ratio', value: { op: 'drift', side: 'input', by: ['tensor'] } },
  reachable: { title: 'reachable', unit: 'flag', value: { op: 'reachable' } },
} as const satisfies Record<string, Signal>;

export type SignalId = keyof typeof signals;

/** What the objectives count, over a window. */
export const counted = {
  requests: { op: 'count', ...requests },
  serverErrors: { op: 'count', ...requests, where: [serverError] },
  answers: { op: 'observed', ...duration },
  slowAnswers: (bound: number): Expression => ({ op: 'above', bound, ...duration }),
} as const;
