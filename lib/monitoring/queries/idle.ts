/** Monitoring, PromQL for what costs money although nobody asks: it has a value when machines ran all the time and no request came. */

import { duration } from './prometheus.js';

const stepSeconds = 300;

/** Samples come late and some are lost, so that not every look at the machines has to find one. */
const found = 0.95;

/** What to look at. */
export interface Idle {
  /** PromQL for how many machines run, without labels. */
  readonly machines: string;
  /** A counter of requests with its labels, without a range. */
  readonly requests: string;
}

/**
 * @param hours - whole, from 1; an endpoint that has not run for so long has no value
 */
export function idleQuery({ machines, requests }: Idle, hours: number): string {
  const over = duration(hours * 3600);
  const looks = Math.floor(((hours * 3600) / stepSeconds) * found);
  const ran = `sum_over_time((${machines} > bool 0)[${over}:${duration(stepSeconds)}]) >= ${looks}`;
  return `${ran} unless sum(increase(${requests}[${over}])) > 0`;
}
