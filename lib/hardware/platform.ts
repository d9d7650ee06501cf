/** Step 2 of the road: a place an endpoint can run, and what it offers. */

import { type PlatformFacts, type PlatformId, platformFacts } from '../platforms.js';
import type { Rejection } from './candidate.js';
import type { Machine } from './machine.js';
import { modeFacts, type SageMakerMode } from './sagemaker.js';

/** A place, and the machines it offers, best first. */
export interface Platform {
  readonly id: PlatformId;
  /** Null on `local`. */
  readonly region: string | null;
  readonly machines: readonly Machine[];
  /** Machines of the platform that cannot be had in this region, or not at a known price. */
  readonly unavailable: readonly Rejection[];
  /**
   * Of those, the ones that only the price is missing of: taken where the user names them.
   *
   * @default - none
   */
  readonly unpriced?: readonly Machine[];
  /**
   * A kind of SageMaker endpoint that is no plain real-time one.
   *
   * @default - a plain one
   */
  readonly mode?: SageMakerMode | undefined;
}

/** What a platform can do, and where it stops. */
export const factsOf = ({ id, mode }: Platform): PlatformFacts => (mode ? modeFacts(mode) : platformFacts(id));
