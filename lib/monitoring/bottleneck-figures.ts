/** Monitoring, what verdicts look at. What each is made from, a query adapter says: `queries/bottleneck.ts` for Prometheus. */

import type { Unit } from './signals.js';

/** What conditions look at; a query adapter says each. All are of the last window, and over all replicas unless said otherwise. */
export const figures = {
  requests: { title: 'requests answered', unit: 'requests/s' },
  in_flight: { title: 'requests waiting or running', unit: 'requests' },
  waiting: { title: 'requests that wait', unit: 'requests' },
  queue_share: { title: 'share of the time spent waiting', unit: 'share' },
  queue_seconds: { title: 'mean wait', unit: 'seconds' },
  around_share: { title: 'share of the time before and after the run', unit: 'share' },
  around_work: { title: 'requests before and after the run, of a replica', unit: 'requests' },
  infer_share: { title: 'share of the time in runs', unit: 'share' },
  outside_share: { title: 'share of the time outside of the server', unit: 'share' },
  outside_seconds: { title: 'mean time outside of the server', unit: 'seconds' },
  /** Work that runs, or could run if there were a processor: more than 1 where threads wait for one. */
  cpu: { title: 'processors wanted', unit: 'share' },
  cpu_used: { title: 'processors used', unit: 'share' },
  cores: { title: 'processors wanted by a replica', unit: 'cores' },
  cores_used: { title: 'processors used by a replica', unit: 'cores' },
  /** Of the work that could run, how much waits for a processor. */
  taken: { title: 'share of the work that has no processor', unit: 'share' },
  /** Running or waiting for a processor. */
  loop_wanted: { title: 'the thread that reads and writes', unit: 'share' },
  /** Of the time in which it has a processor. */
  loop: { title: 'the same while it has a processor', unit: 'share' },
  /** The larger of `cpu` and `loop_wanted`. */
  pressed: { title: 'processors, or a processor for the thread that reads and writes, wanted', unit: 'share' },
  busy: { title: 'workers busy', unit: 'share' },
  batch_fill: { title: 'batch fill', unit: 'share' },
  /** Left requests waiting because the next one's inputs had another shape. */
  cut_share: { title: 'batches cut short by another shape', unit: 'share' },
  batch_gain: { title: 'time per row if batches double', unit: 'ratio' },
  memory: { title: 'memory', unit: 'share' },
  cold_share: { title: 'time that new replicas were not ready', unit: 'share' },
  cpu_peak: { title: 'most processors wanted', unit: 'share' },
  sm: { title: 'accelerator’s processors', unit: 'share' },
  gpu: { title: 'accelerator', unit: 'share' },
  gpu_bandwidth: { title: 'accelerator’s memory traffic', unit: 'share' },
  gpu_tensor: { title: 'accelerator’s matrix units', unit: 'share' },
  gpu_link: { title: 'link to the accelerator', unit: 'share' },
  gpu_memory: { title: 'accelerator’s memory', unit: 'share' },
  gpu_peak: { title: 'most of the accelerator', unit: 'share' },
} as const satisfies Record<string, { readonly title: string; readonly unit: Unit }>;

export type FigureId = keyof typeof figures;
