/** Monitoring: whether an objective can be kept at all by the machine that was chosen. */

import type { Problem } from '../errors.js';
import type { Candidate } from '../hardware/candidate.js';

/** A time with two digits. */
const ms = (value: number): string => `${Number(value.toPrecision(2))} ms`;

/**
 * An objective that the endpoint would miss from its first request on.
 *
 * @param p99Ms - what the monitoring promises; undefined where it promises no latency
 */
export function unreachableObjective(
  p99Ms: number | undefined,
  { machine, bandMs: [least], p99Ms: estimated }: Pick<Candidate, 'machine' | 'bandMs' | 'p99Ms'>,
): readonly Problem[] {
  if (p99Ms === undefined || p99Ms >= least) return [];
  return [
    {
      where: 'monitoring.slo.p99Ms',
      what: `${p99Ms} ms is below what half of the answers take on ${machine}, ${ms(least)} at best; the estimate of p99 is ${ms(estimated)}. Give more, or ask for a faster machine with objective: { p99Ms: ${p99Ms} }`,
    },
  ];
}

/** A note on an objective that the estimate does not meet, although it may be met. */
export function doubtfulObjective(
  p99Ms: number | undefined,
  { machine, p99Ms: estimated }: Pick<Candidate, 'machine' | 'p99Ms'>,
): readonly string[] {
  if (p99Ms === undefined || p99Ms >= estimated) return [];
  return [
    `latency: the objective of ${p99Ms} ms is below the estimate of ${ms(estimated)} on ${machine}, so that its alerts may never be quiet`,
  ];
}
