/** Step 2 of the road: how many requests one machine of a plan takes at the same time. */

import type { HardwareFacts } from './choice.js';

/** Requests that a machine works on at once. */
export const atOnce = ({ workers, candidate }: Pick<HardwareFacts, 'workers' | 'candidate'>): number =>
  Math.max(workers ?? 1, candidate.batch, 1);

/** Requests that a machine is given at once: what it works on, and as many that wait. */
export const withWaiting = (hardware: Pick<HardwareFacts, 'workers' | 'candidate'>): number => 2 * atOnce(hardware);
