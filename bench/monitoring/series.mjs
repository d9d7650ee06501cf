// What ten endpoints with accelerators export over time, made up: every series has its rate, or its value.

const buckets = {
  stage: [
    1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  ],
  request: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  batch: [1, 2, 4, 8, 16, 32, 64, 128, 256],
};
const drift = [
  { side: 'output', tensor: 'scores', statistic: 'class', bins: 10 },
  { side: 'output', tensor: 'scores', statistic: 'confidence', bins: 11 },
  { side: 'input', tensor: 'image', statistic: 'mean', bins: 11 },
  { side: 'input', tensor: 'image', statistic: 'deviation', bins: 11 },
];
const requestsPerSecond = 100;

/** Half of the observations are in the second half of the buckets. */
const histogram = (name, labels, bounds, mean) => [
  ...[...bounds, '+Inf'].map((le, index) => ({
    name: `${name}_bucket`,
    labels: { ...labels, le },
    rate: (requestsPerSecond * (index + 1)) / (bounds.length + 1),
  })),
  { name: `${name}_sum`, labels, rate: requestsPerSecond * mean },
  { name: `${name}_count`, labels, rate: requestsPerSecond },
];

/** Of one endpoint, as it is scraped; `history` says for how many seconds rules look back on it, where that is long. */
export function serverSeries(model) {
  const of = { model };
  const month = 30 * 86_400;
  const http = (code) => ({
    ...{ http_request_method: 'POST', http_route: 'infer', url_scheme: 'http', http_response_status_code: code },
  });
  const counter = (name, labels, rate, history) => ({ name, labels, rate, history });
  const gauge = (name, labels, value) => ({ name, labels, value });
  return [
    counter('onnx_requests_total', { ...of, code: '200' }, requestsPerSecond, month),
    counter('onnx_requests_total', { ...of, code: '400' }, 0.1, month),
    counter('onnx_requests_total', { ...of, code: '503' }, 0.01, month),
    ...['queue_full', 'timeout', 'too_large', 'shutdown'].map((reason) =>
      counter('onnx_requests_rejected_total', { ...of, reason }, 0.01),
    ),
    ...['200', '400', '503'].flatMap((code) =>
      histogram('http_server_request_duration_seconds', http(code), buckets.request, 0.02).map((each) => ({
        ...each,
        ...((each.name.endsWith('_count') || each.labels.le === 0.05) && { history: month }),
      })),
    ),
    ...['queue', 'preprocess', 'infer', 'postprocess'].flatMap((stage) =>
      histogram('onnx_request_stage_duration_seconds', { ...of, stage }, buckets.stage, 0.005),
    ),
    ...histogram('onnx_batch_size', of, buckets.batch, 2),
    ...drift.flatMap(({ bins, ...figure }) =>
      Array.from({ length: bins }, (_, bin) => {
        const labels = { ...of, reference: '1f', ...figure, bin };
        return [
          counter('onnx_observed_bin_total', labels, requestsPerSecond / bins, 86_400),
          gauge('onnx_reference_bin_ratio', { ...labels, upper: bin }, 1 / bins),
        ];
      }).flat(),
    ),
    gauge('onnx_reference_samples', { ...of, reference: '1f' }, 1000),
    counter('process_cpu_seconds_total', {}, 1.2),
    counter('onnx_processor_wait_seconds_total', {}, 0.1),
    counter('onnx_event_loop_seconds_total', { state: 'running' }, 0.2),
    counter('onnx_event_loop_seconds_total', { state: 'waiting' }, 0.02),
    counter('onnx_run_seconds_total', of, 1),
    counter('onnx_uptime_seconds_total', {}, 1),
    counter('onnx_batches_cut_total', of, 0.1),
    gauge('onnx_batch_size_limit', of, 16),
    gauge('onnx_batch_gain_ratio', of, 0.95),
    gauge('onnx_queue_depth', of, 0.5),
    gauge('onnx_queue_limit', of, 256),
    gauge('onnx_requests_in_flight', of, 2),
    gauge('onnx_workers', of, 4),
    gauge('onnx_processors', {}, 4),
    gauge('onnx_model_ready', of, 1),
    gauge('onnx_memory_limit_bytes', {}, 2 ** 34),
    gauge('process_resident_memory_bytes', {}, 2 ** 32),
    gauge('process_start_time_seconds', {}, 1),
  ];
}

/** Of the accelerator beside it. */
export const acceleratorSeries = () =>
  Object.entries({
    ...{ DCGM_FI_PROF_SM_ACTIVE: 0.5, DCGM_FI_PROF_GR_ENGINE_ACTIVE: 0.6, DCGM_FI_PROF_DRAM_ACTIVE: 0.3 },
    ...{ DCGM_FI_PROF_PIPE_TENSOR_ACTIVE: 0.4, DCGM_FI_PROF_PCIE_RX_BYTES: 1e9, DCGM_FI_PROF_PCIE_TX_BYTES: 1e8 },
    ...{ DCGM_FI_DEV_FB_USED: 8000, DCGM_FI_DEV_FB_FREE: 16_000 },
  }).map(([name, value]) => ({ name, labels: { gpu: 0 }, value }));

/** As rules have recorded it, where they look back on it; `every` so many seconds. */
export const recordedSeries = () => [
  ...['cpu', 'gpu'].map((figure) => ({
    ...{ name: `slipway:bottleneck:${figure}`, labels: {}, value: 0.4, every: 25, history: 7 * 3600 },
  })),
  ...['availability', 'latency'].flatMap((objective) =>
    Object.entries({ bad: 2, total: 24_000 }).map(([what, value]) => ({
      ...{ name: `slipway:${objective}:${what}_4m`, labels: {}, value, every: 240, history: 30 * 86_400 },
    })),
  ),
];

/** Its name with its labels, as Prometheus writes them. */
export function written({ name, labels }, more = {}) {
  const pairs = Object.entries({ ...more, ...labels }).map(([label, value]) => `${label}="${value}"`);
  return pairs.length > 0 ? `${name}{${pairs.join(',')}}` : name;
}

/** At a time, seconds since the epoch; counters begin at `origin`. */
export const valueAt = ({ rate, value }, at, origin) => (rate === undefined ? value : rate * (at - origin));
