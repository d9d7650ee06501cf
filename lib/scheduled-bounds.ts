/** Bounds of an endpoint that change at set times. */

import type { Problem } from './errors.js';

export interface ScheduledBounds {
  /** Machines from then on, least; whole, at least 1, from 0 where the endpoint scales to zero. */
  readonly min?: number;
  /** Machines from then on, most. */
  readonly max?: number;
}

/**
 * What is wrong with a timetable; `schedules[0]` and so on.
 *
 * @param least - 0 where the endpoint scales to zero, else 1
 */
export function boundsProblems(schedules: readonly ScheduledBounds[], least: 0 | 1): Problem[] {
  return schedules.flatMap(({ min, max }, index): Problem[] => {
    const where = `schedules[${index}]`;
    if (min === undefined && max === undefined) {
      return [{ where, what: 'it changes nothing. Give min, max or both' }];
    }
    const low = [min, max].filter((value) => value !== undefined && !(Number.isInteger(value) && value >= least));
    return [
      ...low.map((value) => ({ where, what: `${value} is given; allowed: a whole number from ${least}` })),
      ...(min !== undefined && max !== undefined && min > max
        ? [{ where, what: `min ${min} is above max ${max}` }]
        : []),
    ];
  });
}
