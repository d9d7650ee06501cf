/** A timetable of an endpoint's bounds, by days of the week and time of day: what every scheduler of Azure and Google can say. */

import type { Problem } from '../../lib/errors.js';
import { boundsProblems, type ScheduledBounds } from '../../lib/scheduled-bounds.js';

export const weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const;

export type Weekday = (typeof weekdays)[number];

/** A time at which the bounds change; they stay so until the next time of the timetable. */
export interface ScalingSchedule extends ScheduledBounds {
  /** Time of day, 24 hours: `'07:00'`. */
  readonly at: string;
  /** @default - every day */
  readonly days?: readonly Weekday[];
  /**
   * Name of the IANA database, `Europe/Amsterdam`.
   *
   * @default 'UTC'
   */
  readonly timeZone?: string;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** What is wrong with a timetable. */
export function scheduleProblems(schedules: readonly ScalingSchedule[], least: 0 | 1): Problem[] {
  const times = schedules.flatMap(({ at, days = [], timeZone = 'UTC' }, index): Problem[] => {
    const where = `schedules[${index}]`;
    const unknown = days.filter((day) => !weekdays.includes(day));
    return [
      ...(/^([01]\d|2[0-3]):[0-5]\d$/.test(at)
        ? []
        : [{ where: `${where}.at`, what: `'${at}' is given; allowed: a time of day from 00:00 to 23:59, as '07:00'` }]),
      ...unknown.map((day) => ({
        where: `${where}.days`,
        what: `'${day}' is given; allowed: ${weekdays.join(', ')}`,
      })),
      ...(isTimeZone(timeZone)
        ? []
        : [
            { where: `${where}.timeZone`, what: `'${timeZone}' is no time zone; give a name such as Europe/Amsterdam` },
          ]),
    ];
  });
  return [...times, ...boundsProblems(schedules, least)];
}

/** Hour and minute of a schedule whose time is valid. */
export function timeOf({ at }: ScalingSchedule): { readonly hour: number; readonly minute: number } {
  const [hour, minute] = at.split(':').map(Number);
  return { hour: hour!, minute: minute! };
}

/** Days of a schedule, all of them where none is given. */
export const daysOf = ({ days = weekdays }: ScalingSchedule): readonly Weekday[] => days;
