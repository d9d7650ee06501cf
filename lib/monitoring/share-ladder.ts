/** Monitoring: a share of bad requests, told by thresholds on counts alone, for backends that cannot divide one metric by another. */

import { MIN_BAD_REQUESTS } from './burn-rate.js';

/** Fires with so many bad requests among more than `above` and at most `upTo` of them. No two rungs fire at once. */
export interface Rung {
  /** Bad requests in the window, least. */
  readonly bad: number;
  /** Requests in the window. */
  readonly above: number;
  /** Null on the last rung. */
  readonly upTo: number | null;
}

/** From rung to rung. A share up to so many times the one asked for may be missed, a larger one never is. */
export const RUNG_FACTOR = 5;

/**
 * Rungs that together tell whether the share of bad requests is above `badShare`.
 *
 * A rung that fires proves the share. A share above `RUNG_FACTOR` times `badShare`, with `MIN_BAD_REQUESTS` bad requests at least, makes one
 * fire.
 *
 * @param badShare - above 0 and below 1
 * @param mostRequests - that may come in the window; with more than these the last rung proves less
 */
export function shareLadder(badShare: number, mostRequests: number): readonly Rung[] {
  const rungs: Rung[] = [];
  for (let bad = MIN_BAD_REQUESTS; ; bad *= RUNG_FACTOR) {
    const above = rungs.at(-1)?.upTo ?? 0;
    const upTo = Math.floor(bad / badShare);
    if (upTo >= mostRequests) return [...rungs, { bad, above, upTo: null }];
    rungs.push({ bad, above, upTo });
  }
}
