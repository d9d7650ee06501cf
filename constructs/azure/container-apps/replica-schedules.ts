/** The timetable of a container app: rules that hold more replicas between one time and the next, which is all that its rules can say. */

import type { Problem } from '../../../lib/errors.js';
import type { ScalingSpec } from '../../../lib/spec.js';
import { daysOf, type ScalingSchedule, scheduleProblems, timeOf, weekdays } from '../../pulumi/schedules.js';

const day = 24 * 60;
const week = 7 * day;

/** A part of the week, minutes from Monday 00:00; `until` may lie in the next week. */
interface Span {
  readonly from: number;
  readonly until: number;
  readonly min: number;
}

/** What a timetable asks for. */
export interface HeldReplicas {
  /** At any time. */
  readonly least: number;
  /** Custom scaling rules, of KEDA's kind `cron`. */
  readonly rules: readonly ReturnType<typeof ruleOf>[];
}

/** Replicas at any time, least. */
export const usualReplicas = ({ min, toZero }: ScalingSpec = {}): number => (toZero ? 0 : (min ?? 1));

const zoneOf = ({ timeZone = 'UTC' }: ScalingSchedule): string => timeZone;

/** Times of the week at which the number changes; none where it is the same all week. */
function changesOf(schedules: readonly ScalingSchedule[], usual: number): Omit<Span, 'until'>[] {
  const times = schedules
    .flatMap((schedule) => {
      const { hour, minute } = timeOf(schedule);
      const min = schedule.min ?? usual;
      return daysOf(schedule).map((name) => ({ from: weekdays.indexOf(name) * day + hour * 60 + minute, min }));
    })
    .sort((one, other) => one.from - other.from);
  return times.filter(({ min }, index) => min !== times.at(index - 1)!.min);
}

/** Days of the week as cron counts them, from Sunday. */
function cronOf(times: readonly number[]): string {
  const days = [...new Set(times.map((time) => (Math.floor(time / day) + 1) % 7))].sort();
  const [hour, minute] = [Math.floor((times[0]! % day) / 60), times[0]! % 60];
  return `${minute} ${hour} * * ${days.length === 7 ? '*' : days.join(',')}`;
}

function ruleOf(spans: readonly Span[], timezone: string, index: number) {
  return {
    name: `schedule-${index + 1}`,
    custom: {
      type: 'cron',
      metadata: {
        timezone,
        start: cronOf(spans.map(({ from }) => from)),
        end: cronOf(spans.map(({ until }) => until)),
        desiredReplicas: String(spans[0]!.min),
      },
    },
  };
}

/**
 * The rules of a valid timetable.
 *
 * A rule counts from a start to the next end, so that ends that follow no start would hold replicas where none are meant: each start has
 * its own end.
 */
export function heldReplicas(schedules: readonly ScalingSchedule[], scaling: ScalingSpec | undefined): HeldReplicas {
  const usual = usualReplicas(scaling);
  const changes = changesOf(schedules, usual);
  if (changes.length === 0) return { least: Math.max(usual, schedules[0]?.min ?? usual), rules: [] };
  const spans = changes
    .map((change, index) => ({ ...change, until: changes[index + 1]?.from ?? changes[0]!.from + week }))
    .filter(({ min }) => min > usual);
  const kindOf = ({ from, until, min }: Span) => [from % day, until - from, min].join();
  const kinds = [...new Set(spans.map(kindOf))];
  return {
    least: usual,
    rules: kinds.map((kind, index) =>
      ruleOf(
        spans.filter((span) => kindOf(span) === kind),
        zoneOf(schedules[0]!),
        index,
      ),
    ),
  };
}

/** What is wrong with the timetable of a container app. */
export function timetableProblems(
  schedules: readonly ScalingSchedule[],
  scaling: ScalingSpec | undefined,
): readonly Problem[] {
  const usual = usualReplicas(scaling);
  const zones = [...new Set(schedules.map(zoneOf))];
  const taken = new Map<string, number>();
  const own = schedules.flatMap((schedule, index): Problem[] => {
    const { at, min, max } = schedule;
    const where = `schedules[${index}]`;
    const twice = daysOf(schedule).filter((name) => taken.has(`${name} ${at}`));
    for (const name of daysOf(schedule)) taken.set(`${name} ${at}`, index);
    return [
      ...(max === undefined
        ? []
        : [{ where: `${where}.max`, what: 'Container Apps cannot change the most replicas at a time. Leave it out' }]),
      ...(min !== undefined && min >= 1 && min < usual
        ? [
            {
              where: `${where}.min`,
              what: `${min} is below the ${usual} that are always there; a timetable of Container Apps can only raise. Give the least that ever counts as scaling.min, or scaling.toZero`,
            },
          ]
        : []),
      ...(min !== undefined && scaling?.max !== undefined && min > scaling.max
        ? [{ where: `${where}.min`, what: `${min} is above scaling.max, ${scaling.max}. Raise that, or give less` }]
        : []),
      ...(twice.length > 0 ? [{ where, what: `there is another time at ${at} on ${twice.join(', ')}` }] : []),
    ];
  });
  return [
    ...scheduleProblems(schedules, scaling?.toZero ? 0 : 1),
    ...own,
    ...(zones.length > 1
      ? [
          {
            where: 'schedules',
            what: `${zones.join(' and ')} are given; which time comes next depends on the zone. Give all times the same timeZone`,
          },
        ]
      : []),
  ];
}
