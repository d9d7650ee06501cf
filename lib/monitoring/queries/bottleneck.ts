/** Monitoring, the adapter for Prometheus of what verdicts look at: the server's own metrics, and dcgm-exporter's where it is read. */

import type { FigureId } from '../bottleneck-figures.js';
import type { BottleneckPlan } from '../bottleneck-plan.js';
import { duration, type Scope, selectorOf } from './prometheus.js';

/** Where the rules of `bottleneck-rules.ts` record a figure. */
export const figureRecord = (figure: FigureId): string => `slipway:bottleneck:${figure}`;

/** The job that dcgm-exporter is scraped under: were it the endpoint's own, the endpoint would count as up while it is down. */
export const acceleratorJob = (job: string): string => `${job}-dcgm`;

/** Bytes a second of PCI Express 3.0 with 16 lanes, one way: what the slowest accelerator in use has. Others are told late. */
const LINK_BYTES_PER_SECOND = 15.75e9;

/** What a query is made from: series of the endpoint, and figures that were recorded before. */
interface Sources {
  own(metric: string, where?: string): string;
  accelerator(metric: string): string;
  figure(id: FigureId): string;
  readonly windowSeconds: number;
  /** The same as PromQL writes it. */
  readonly window: string;
  readonly spare: string;
}

const stage = 'onnx_request_stage_duration_seconds';
const http = 'http_server_request_duration_seconds';
const around = 'stage=~"preprocess|postprocess"';
const ok = 'http_response_status_code="200"';

/** What a counter gains each second, over all replicas. */
const gained = ({ own, window }: Sources, metric: string, where?: string): string =>
  `sum(rate(${own(metric, where)}[${window}]))`;

const share = (from: Sources, where: string): string =>
  `${gained(from, `${stage}_sum`, where)} / ${gained(from, `${stage}_sum`)}`;

/** Over the window, over all replicas. */
const mean = ({ own, window }: Sources, metric: string): string => `sum(avg_over_time(${own(metric)}[${window}]))`;

/**
 * What a share of time is of: the time that readings cover, which is less than a second a second while the window is not full, and as much as
 * each replica was there.
 */
const replicaTime = ({ own, window }: Sources): string => `sum(rate(${own('onnx_uptime_seconds_total')}[${window}]))`;
const timesOf = ({ own, window }: Sources, many: string): string =>
  `sum(rate(${own('onnx_uptime_seconds_total')}[${window}]) * ${many})`;
const processorTime = (from: Sources): string =>
  timesOf(from, `last_over_time(${from.own('onnx_processors')}[${from.window}])`);
const workerTime = (from: Sources): string =>
  timesOf(from, `max without (model) (last_over_time(${from.own('onnx_workers')}[${from.window}]))`);

const cpu = (from: Sources): string => gained(from, 'process_cpu_seconds_total');

/** Not every system tells how long threads waited. */
const wanted = (from: Sources): string =>
  `(${cpu(from)} + (${gained(from, 'onnx_processor_wait_seconds_total')} or 0 * ${cpu(from)}))`;

const device = ({ accelerator, window }: Sources, metric: string): string =>
  `avg(avg_over_time(${accelerator(metric)}[${window}]))`;

/** Of the busiest accelerator. */
const most = ({ accelerator, window }: Sources, metric: string): string =>
  `max(avg_over_time(${accelerator(metric)}[${window}]))`;

/** Known once there were figures a whole `spare` ago. */
const peak = ({ figure, window, spare }: Sources, id: FigureId): string =>
  `max_over_time(${figure(id)}[${spare}]) and max_over_time(${figure(id)}[${window}] offset ${spare})`;

/** In the order in which they have to be recorded. */
const figureQueries: Readonly<Record<FigureId, (from: Sources) => string>> = {
  requests: (from) => gained(from, 'onnx_requests_total'),
  in_flight: (from) => mean(from, 'onnx_requests_in_flight'),
  waiting: (from) => mean(from, 'onnx_queue_depth'),
  // Stages are told once a request is answered; where none is any more, those that wait are counted.
  queue_share: (from) =>
    `(${share(from, 'stage="queue"')}) >= 0 or ${mean(from, 'onnx_queue_depth')} / ${mean(from, 'onnx_requests_in_flight')}`,
  queue_seconds: (from) =>
    `${gained(from, `${stage}_sum`, 'stage="queue"')} / ${gained(from, `${stage}_count`, 'stage="queue"')}`,
  around_share: (from) => share(from, around),
  // Seconds spent there in each second are requests that are there, on average.
  around_work: (from) => `${gained(from, `${stage}_sum`, around)} / ${replicaTime(from)}`,
  infer_share: (from) => share(from, 'stage="infer"'),
  outside_share: (from) => `1 - ${gained(from, `${stage}_sum`)} / ${gained(from, `${http}_sum`, ok)}`,
  outside_seconds: (from) =>
    `(${gained(from, `${http}_sum`, ok)} - ${gained(from, `${stage}_sum`)}) / ${gained(from, `${http}_count`, ok)}`,
  cpu: (from) => `${wanted(from)} / ${processorTime(from)}`,
  cpu_used: (from) => `${cpu(from)} / ${processorTime(from)}`,
  cores: (from) => `${wanted(from)} / ${replicaTime(from)}`,
  cores_used: (from) => `${cpu(from)} / ${replicaTime(from)}`,
  taken: ({ figure }) => `1 - ${figure('cpu_used')} / ${figure('cpu')}`,
  loop_wanted: (from) => `${gained(from, 'onnx_event_loop_seconds_total')} / ${replicaTime(from)}`,
  loop: (from) =>
    `${gained(from, 'onnx_event_loop_seconds_total', 'state="running"')} / (${replicaTime(from)} - (${gained(from, 'onnx_event_loop_seconds_total', 'state="waiting"')} or 0 * ${replicaTime(from)}))`,
  pressed: ({ figure }) => `${figure('cpu')} > ${figure('loop_wanted')} or ${figure('loop_wanted')}`,
  busy: (from) => `${gained(from, 'onnx_run_seconds_total')} / ${workerTime(from)}`,
  batch_fill: (from) =>
    `${gained(from, 'onnx_batch_size_sum')} / ${gained(from, 'onnx_batch_size_count')} / max(${from.own('onnx_batch_size_limit')})`,
  cut_share: (from) => `${gained(from, 'onnx_batches_cut_total')} / ${gained(from, 'onnx_batch_size_count')}`,
  batch_gain: ({ own }) => `max(${own('onnx_batch_gain_ratio')})`,
  memory: ({ own, window }) =>
    `max(avg_over_time(${own('process_resident_memory_bytes')}[${window}]) / ${own('onnx_memory_limit_bytes')})`,
  cold_share: ({ own, window, windowSeconds }) =>
    `avg(max without (model) (1 - avg_over_time(${own('onnx_model_ready')}[${window}])) * (time() - ${own('process_start_time_seconds')} < bool ${windowSeconds}))`,
  sm: (from) => device(from, 'DCGM_FI_PROF_SM_ACTIVE'),
  // dcgm-exporter leaves the exact figure out unless it is told otherwise.
  gpu: (from) => `${device(from, 'DCGM_FI_PROF_SM_ACTIVE')} or ${device(from, 'DCGM_FI_PROF_GR_ENGINE_ACTIVE')}`,
  gpu_bandwidth: (from) => device(from, 'DCGM_FI_PROF_DRAM_ACTIVE'),
  gpu_tensor: (from) => device(from, 'DCGM_FI_PROF_PIPE_TENSOR_ACTIVE'),
  gpu_link: (from) => {
    const [received, sent] = [most(from, 'DCGM_FI_PROF_PCIE_RX_BYTES'), most(from, 'DCGM_FI_PROF_PCIE_TX_BYTES')];
    return `(${received} > ${sent} or ${sent}) / ${LINK_BYTES_PER_SECOND}`;
  },
  gpu_memory: ({ accelerator }) =>
    `max(${accelerator('DCGM_FI_DEV_FB_USED')} / (${accelerator('DCGM_FI_DEV_FB_USED')} + ${accelerator('DCGM_FI_DEV_FB_FREE')}))`,
  cpu_peak: (from) => peak(from, 'cpu'),
  gpu_peak: (from) => peak(from, 'gpu'),
};

/** Each figure in PromQL, in the order in which they have to be recorded: some read others. */
export function figuresIn(
  { windowSeconds, spareSeconds }: BottleneckPlan,
  scope: Scope & { readonly job: string },
): readonly (readonly [id: FigureId, query: string])[] {
  const selector = selectorOf(scope);
  const ofAccelerator = selectorOf({ ...scope, job: acceleratorJob(scope.job) });
  const sources: Sources = {
    own: (metric, where) => `${metric}{${[selector, ...(where ? [where] : [])].join(', ')}}`,
    accelerator: (metric) => `${metric}{${ofAccelerator}}`,
    figure: (id) => `${figureRecord(id)}{${selector}}`,
    windowSeconds,
    window: duration(windowSeconds),
    spare: duration(spareSeconds),
  };
  return (Object.keys(figureQueries) as FigureId[]).map((id) => [id, figureQueries[id](sources)]);
}
