/** Step 2 of the road: a way to run the model that meets the objective, and why others do not. */

import type { PlatformId } from '../platforms.js';
import type { Precision, Provider } from './estimate/precision.js';

/** A machine, how many of it, and how the model runs there. JSON-serialisable. */
export interface Candidate {
  /** 1 is the best. */
  readonly rank: number;
  readonly platform: PlatformId;
  /** Null on `local`. */
  readonly region: string | null;
  /** The platform's own name of the machine type. */
  readonly machine: string;
  /** Key of `data/hardware/gpus.csv`; null without accelerator. */
  readonly accelerator: string | null;
  readonly acceleratorCount: number;
  readonly replicas: number;
  readonly precision: Precision;
  readonly provider: Provider;
  /** Requests in one run, most. */
  readonly batch: number;
  /** Of a request in the container at the asked rate, milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Within which the true p50 lies in 9 of 10 cases, milliseconds. */
  readonly bandMs: readonly [low: number, high: number];
  /** Requests a second that all replicas carry together, 15 % kept free. */
  readonly throughputPerSecond: number;
  /** Memory that one session needs and that it may use: the accelerator's, else the machine's. */
  readonly memoryGiB: number;
  readonly memoryAvailableGiB: number;
  /** All replicas for 730 hours; null on `local`. */
  readonly monthlyUsd: number | null;
  /** The same divided by the requests of that time at the asked rate. */
  readonly usdPerMillion: number | null;
  readonly priceDate: string | null;
  readonly scaleToZero: boolean;
  /** What to know before taking it: quota, what its figures rest on, runtime. */
  readonly notes: readonly string[];
}

/** A machine that does not come into question, with the first gate it failed and both numbers. */
export interface Rejection {
  readonly platform: PlatformId;
  /** Null on `local`. */
  readonly region: string | null;
  readonly machine: string;
  readonly reason: string;
}
