/** Step 2 of the road: what a run is estimated on, and how it is executed there. */

import type { Cpu, Gpu } from '../catalogue/catalogue.js';
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
