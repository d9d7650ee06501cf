/** For the tests of the verdicts: what a server exports over time, made up from how it fares, in promtool's notation. */

/** How a replica fares. Seconds are seconds in each second; the defaults are those of a healthy one. */
export interface Fare {
  readonly requests: number;
  readonly queue: number;
  readonly preprocess: number;
  readonly infer: number;
  readonly postprocess: number;
  /** Seconds of requests outside of the stages. */
  readonly outside: number;
  readonly cpu: number;
  /** Seconds that threads wait for a processor; null where the system does not tell. */
  readonly cpuWait: number | null;
  readonly loop: number;
  readonly loopWait: number | null;
  readonly run: number;
  readonly runs: number;
  readonly rows: number;
  /** Runs that were cut short by another shape. */
  readonly cut: number;
  readonly batchLimit: number;
  /** Null where it is not known. */
  readonly batchGain: number | null;
  readonly depth: number;
  readonly inFlight: number;
  readonly workers: number;
  readonly processors: number;
  /** Share of the limit. */
  readonly memory: number;
  readonly ready: 0 | 1;
  /** Of an accelerator, beside the server. */
  readonly gpu?: {
    readonly sm?: number;
    readonly engine: number;
    readonly dram: number;
    readonly tensor: number;
    readonly received: number;
    readonly sent: number;
    /** Share that is used. */
    readonly memory: number;
  };
}

export const healthy: Fare = {
  requests: 100,
  queue: 0.05,
  preprocess: 0.1,
  infer: 1,
  postprocess: 0.05,
  outside: 0.1,
  cpu: 1.2,
  cpuWait: 0.05,
  loop: 0.2,
  loopWait: 0.02,
  run: 1,
  runs: 80,
  rows: 100,
  cut: 0,
  batchLimit: 16,
  batchGain: 0.95,
  depth: 0,
  inFlight: 1,
  workers: 4,
  processors: 4,
  memory: 0.5,
  ready: 1,
};

/** A time with one way to fare. */
export interface Phase {
  readonly minutes: number;
  readonly fare: Partial<Fare>;
}

/** A counter that rises by so much a second in each phase, and a gauge that has a value in each. One sample a minute. */
function samples(phases: readonly { readonly minutes: number; readonly value: number }[], grows: boolean): string {
  let total = 0;
  const parts = phases.map(({ minutes, value }, index) => {
    if (!grows) return `${value}x${minutes - 1}`;
    const step = value * 60;
    const start = index === 0 ? 0 : total + step;
    total = start + step * (minutes - 1);
    return `${start}+${step}x${minutes - 1}`;
  });
  return parts.join(' ');
}

const MEMORY = 1000;

/** Series of one replica from its start, minute 0. */
export function series(phases: readonly Phase[], instance = 'a:8080', model = 'fraud'): Record<string, string> {
  const own = `job="slipway-${model}", instance="${instance}"`;
  const of = `${own}, model="${model}"`;
  const fares = phases.map(({ minutes, fare }) => ({ minutes, fare: { ...healthy, ...fare } }));
  const found: Record<string, string> = {};
  const add = (name: string, read: (fare: Fare) => number | null | undefined, grows: boolean): void => {
    const values = fares.map(({ minutes, fare }) => ({ minutes, value: read(fare) }));
    if (values.some(({ value }) => value === null || value === undefined)) return;
    found[name] = samples(values as { minutes: number; value: number }[], grows);
  };
  const counter = (name: string, read: (fare: Fare) => number | null | undefined): void => add(name, read, true);
  const gauge = (name: string, read: (fare: Fare) => number | null | undefined): void => add(name, read, false);
  const http = `{${own}, http_request_method="POST", http_route="infer", http_response_status_code="200"}`;
  counter(`onnx_requests_total{${of}, code="200"}`, ({ requests }) => requests);
  for (const stage of ['queue', 'preprocess', 'infer', 'postprocess'] as const) {
    counter(`onnx_request_stage_duration_seconds_sum{${of}, stage="${stage}"}`, (fare) => fare[stage]);
    counter(`onnx_request_stage_duration_seconds_count{${of}, stage="${stage}"}`, ({ requests }) => requests);
  }
  counter(
    `http_server_request_duration_seconds_sum${http}`,
    ({ queue, preprocess, infer, postprocess, outside }) => queue + preprocess + infer + postprocess + outside,
  );
  counter(`http_server_request_duration_seconds_count${http}`, ({ requests }) => requests);
  counter(`process_cpu_seconds_total{${own}}`, ({ cpu }) => cpu);
  counter(`onnx_processor_wait_seconds_total{${own}}`, ({ cpuWait }) => cpuWait);
  counter(`onnx_event_loop_seconds_total{${own}, state="running"}`, ({ loop }) => loop);
  counter(`onnx_event_loop_seconds_total{${own}, state="waiting"}`, ({ loopWait }) => loopWait);
  counter(`onnx_run_seconds_total{${of}}`, ({ run }) => run);
  counter(`onnx_batch_size_count{${of}}`, ({ runs }) => runs);
  counter(`onnx_batch_size_sum{${of}}`, ({ rows }) => rows);
  counter(`onnx_uptime_seconds_total{${own}}`, () => 1);
  counter(`onnx_batches_cut_total{${of}}`, ({ cut }) => cut);
  gauge(`onnx_batch_size_limit{${of}}`, ({ batchLimit }) => batchLimit);
  gauge(`onnx_batch_gain_ratio{${of}}`, ({ batchGain }) => batchGain);
  gauge(`onnx_queue_depth{${of}}`, ({ depth }) => depth);
  gauge(`onnx_requests_in_flight{${of}}`, ({ inFlight }) => inFlight);
  gauge(`onnx_workers{${of}}`, ({ workers }) => workers);
  gauge(`onnx_processors{${own}}`, ({ processors }) => processors);
  gauge(`process_resident_memory_bytes{${own}}`, ({ memory }) => memory * MEMORY);
  gauge(`onnx_memory_limit_bytes{${own}}`, () => MEMORY);
  gauge(`onnx_model_ready{${of}}`, ({ ready }) => ready);
  // promtool's clock starts at 0, and so does the server.
  gauge(`process_start_time_seconds{${own}}`, () => 0);
  const device = `job="slipway-${model}-dcgm", instance="${instance}", gpu="0"`;
  gauge(`DCGM_FI_PROF_SM_ACTIVE{${device}}`, ({ gpu }) => gpu?.sm);
  gauge(`DCGM_FI_PROF_GR_ENGINE_ACTIVE{${device}}`, ({ gpu }) => gpu?.engine);
  gauge(`DCGM_FI_PROF_DRAM_ACTIVE{${device}}`, ({ gpu }) => gpu?.dram);
  gauge(`DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{${device}}`, ({ gpu }) => gpu?.tensor);
  gauge(`DCGM_FI_PROF_PCIE_RX_BYTES{${device}}`, ({ gpu }) => gpu?.received);
  gauge(`DCGM_FI_PROF_PCIE_TX_BYTES{${device}}`, ({ gpu }) => gpu?.sent);
  gauge(`DCGM_FI_DEV_FB_USED{${device}}`, ({ gpu }) => gpu && gpu.memory * MEMORY);
  gauge(`DCGM_FI_DEV_FB_FREE{${device}}`, ({ gpu }) => gpu && (1 - gpu.memory) * MEMORY);
  return found;
}
