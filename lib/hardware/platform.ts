/** Step 2 of the road: a place an endpoint can run, and what it offers. */

import type { PlatformId } from '../platforms.js';
import type { Rejection } from './candidate.js';
import type { Machine } from './machine.js';

/** A place, and the machines it offers, best first. */
export interface Platform {
  readonly id: PlatformId;
  /** Null on `local`. */
  readonly region: string | null;
  readonly machines: readonly Machine[];
  /** Machines of the platform that cannot be had in this region, or not at a known price. */
  readonly unavailable: readonly Rejection[];
}
