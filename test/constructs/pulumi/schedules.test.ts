import { expect, test } from 'vitest';
import { daysOf, scheduleProblems, timeOf, weekdays } from '../../../constructs/pulumi/schedules.js';

test('a timetable that every scheduler understands has no problem', () => {
  const schedule = { at: '07:30', days: ['Monday', 'Friday'], timeZone: 'Europe/Amsterdam', min: 2, max: 4 } as const;
  expect(scheduleProblems([schedule], 1)).toEqual([]);
  expect(timeOf(schedule)).toEqual({ hour: 7, minute: 30 });
  expect(daysOf(schedule)).toEqual(['Monday', 'Friday']);
  expect(daysOf({ at: '07:30' })).toEqual(weekdays);
});

test('everything wrong is told at once, with its place', () => {
  const problems = scheduleProblems(
    [
      { at: '24:00', days: ['Someday' as 'Monday'], timeZone: 'Mars/Olympus', min: 0 },
      { at: '08:00' },
      { at: '09:00', min: 3, max: 2 },
    ],
    1,
  );
  expect(problems.map(({ where }) => where)).toEqual([
    'schedules[0].at',
    'schedules[0].days',
    'schedules[0].timeZone',
    'schedules[0]',
    'schedules[1]',
    'schedules[2]',
  ]);
  expect(problems.map(({ what }) => what)).toEqual(
    expect.arrayContaining([
      "'24:00' is given; allowed: a time of day from 00:00 to 23:59, as '07:00'",
      '0 is given; allowed: a whole number from 1',
      'it changes nothing. Give min, max or both',
      'min 3 is above max 2',
    ]),
  );
});
