/** Monitoring, over which time it is found what limits an endpoint. */

import { type Problem, problemsOf } from '../errors.js';

/** Over which time verdicts are found. */
export interface BottleneckPlan {
  readonly windowSeconds: number;
  /** How long a machine has to be too large before that is said. */
  readonly spareSeconds: number;
}

export interface AskedBottleneck {
  /**
   * Over which verdicts look back, whole seconds, from four readings of the metrics to 3600. A spike that is much shorter is no verdict.
   *
   * @default - 20 readings, 60 seconds at least
   */
  readonly windowSeconds?: number | undefined;
  /**
   * How long a machine has to be too large before that is said, whole seconds, from the window to 7 days.
   *
   * @default 21600
   */
  readonly spareSeconds?: number | undefined;
}

const MOST_WINDOW_SECONDS = 3600;
const MOST_SPARE_SECONDS = 7 * 86_400;

export function planBottleneck(asked: AskedBottleneck | undefined, scrapeSeconds: number): BottleneckPlan {
  return {
    windowSeconds: asked?.windowSeconds ?? Math.max(60, 20 * scrapeSeconds),
    spareSeconds: asked?.spareSeconds ?? 6 * 3600,
  };
}

/** Everything that is wrong with it; empty when verdicts can be found so. */
export function bottleneckProblems(asked: AskedBottleneck | undefined, scrapeSeconds: number): readonly Problem[] {
  const { windowSeconds, spareSeconds } = planBottleneck(asked, scrapeSeconds);
  const least = 4 * scrapeSeconds;
  return problemsOf([
    [
      !(Number.isInteger(windowSeconds) && windowSeconds >= least && windowSeconds <= MOST_WINDOW_SECONDS),
      'monitoring.bottleneck.windowSeconds',
      `${windowSeconds} is not a whole number from ${least}, four readings of the metrics, to ${MOST_WINDOW_SECONDS}`,
    ],
    [
      !(Number.isInteger(spareSeconds) && spareSeconds >= windowSeconds && spareSeconds <= MOST_SPARE_SECONDS),
      'monitoring.bottleneck.spareSeconds',
      `${spareSeconds} is not a whole number from ${windowSeconds}, the window, to ${MOST_SPARE_SECONDS}`,
    ],
  ]);
}
