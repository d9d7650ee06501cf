/** Timetables as KEDA reads them: at every minute of a week the rules hold what the timetable says. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { heldReplicas } from '../../../constructs/azure/container-apps/replica-schedules.js';
import { type ScalingSchedule, weekdays } from '../../../constructs/pulumi/schedules.js';

const day = 24 * 60;
const week = 7 * day;

/** Minutes of a week, from Monday, at which a cron text fires. */
function firesAt(text: string): number[] {
  const [minute, hour, , , days] = text.split(' ') as [string, string, string, string, string];
  const numbers = days === '*' ? [0, 1, 2, 3, 4, 5, 6] : days.split(',').map(Number);
  return numbers.map((each) => ((each + 6) % 7) * day + Number(hour) * 60 + Number(minute));
}

/** Minutes from `now` to the next one. */
const next = (times: readonly number[], now: number): number =>
  Math.min(...times.map((time) => ((time - now - 1 + 2 * week) % week) + 1));

/** KEDA's cron scaler: it holds while the next end comes before the next start, and refuses a start that is an end. */
function held({ custom: { metadata } }: ReturnType<typeof heldReplicas>['rules'][number], now: number): number {
  expect(metadata.start).not.toBe(metadata.end);
  const [toStart, toEnd] = [next(firesAt(metadata.start), now), next(firesAt(metadata.end), now)];
  return toEnd < toStart ? Number(metadata.desiredReplicas) : 0;
}

/** What the timetable says: the last time before, in this week or the one before. */
function said(schedules: readonly ScalingSchedule[], usual: number, now: number): number {
  const times = schedules.flatMap(({ at, days = weekdays, min = usual }) => {
    const [hour, minute] = at.split(':').map(Number) as [number, number];
    return days.map((name) => ({ at: weekdays.indexOf(name) * day + hour * 60 + minute, min }));
  });
  const since = ({ at }: { at: number }) => (now - at + week) % week;
  return times.sort((one, other) => since(one) - since(other))[0]!.min;
}

const schedule = (usual: number) =>
  fc.record({
    at: fc.tuple(fc.nat({ max: 23 }), fc.constantFrom(0, 15, 30, 59)).map(([hour, minute]) => {
      return `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
    }),
    days: fc.uniqueArray(fc.constantFrom(...weekdays), { minLength: 1 }),
    min: fc.integer({ min: usual, max: 4 }),
  });

/** No two entries at one time. */
const timetable = (usual: number) =>
  fc.uniqueArray(schedule(usual), { minLength: 1, maxLength: 5, selector: ({ at }) => at });

test.each([0, 1] as const)('from %i upwards', (usual) => {
  fc.assert(
    fc.property(timetable(usual), (schedules) => {
      const { least, rules } = heldReplicas(schedules, { toZero: usual === 0 });
      for (let now = 7; now < week; now += 30) {
        const most = Math.max(least, ...rules.map((rule) => held(rule, now)));
        expect(most, `minute ${now} of ${JSON.stringify(schedules)}`).toBe(
          Math.max(usual, said(schedules, usual, now)),
        );
      }
    }),
    { numRuns: 60 },
  );
});

test('without a timetable nothing is held', () => {
  expect(heldReplicas([], { min: 2 })).toEqual({ least: 2, rules: [] });
});
