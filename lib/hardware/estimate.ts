/** Step 2 of the road: how long a run takes on a device, before anything is run. */

import type { Work } from '../model/work.js';
import type { Cpu, Gpu } from './catalogue.js';
import type { Precision, Provider } from './precision.js';

/** What executes the model. */
export type Device =
  /** One accelerator, or the given share of one (1, 1/2, 1/6, …). */
  | { readonly kind: 'gpu'; readonly gpu: Gpu; readonly share: number }
  /** Processors of a machine: vCPUs as the cloud counts them. */
  | { readonly kind: 'cpu'; readonly cpu: Cpu; readonly vcpus: number };

export interface Execution {
  readonly precision: Precision;
  readonly provider: Provider;
  /** Rows in one run. */
  readonly batch: number;
}

export interface Estimate {
  /** Median time of one run of the batch, milliseconds; no HTTP, queue or host transfer. */
  readonly latencyMs: number;
  /** Within which the time lies in 9 of 10 cases, milliseconds. */
  readonly bandMs: readonly [low: number, high: number];
  /** Rows a second, runs back to back. */
  readonly throughputPerSecond: number;
  /** Memory of the device that the run needs, GiB: weights, activations, context, workspace, arena. */
  readonly memoryGiB: number;
  /** What the largest share of the time goes to. */
  readonly boundBy: 'compute' | 'bandwidth' | 'launch';
  /** Where the constants come from: `measured`, `fitted`, `transferred from A10`, `default`, in words. */
  readonly provenance: string;
}

export type EstimateRun = (work: Work, device: Device, execution: Execution) => Estimate;
