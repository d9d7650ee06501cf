import { describe, expect, test } from 'vitest';
import {
  ContainerImage,
  ModelEndpoint,
  type ModelEndpointArgs,
  type ScalingSchedule,
} from '../../../constructs/gcp/index.js';
import { cronOf } from '../../../constructs/gcp/schedules.js';
import { digits, madeBy, ofType } from '../pulumi/program.js';

const args = {
  model: digits,
  location: 'europe-west4',
  image: ContainerImage.fromReference('europe-west4-docker.pkg.dev/shop/images/digits:1'),
};
const made = (more: Partial<ModelEndpointArgs>) => madeBy(() => new ModelEndpoint('digits', { ...args, ...more }));

const workdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday'] as const;
const timetable: readonly ScalingSchedule[] = [
  { at: '07:30', days: workdays, timeZone: 'Europe/Amsterdam', min: 3, max: 8 },
  { at: '19:00', min: 1 },
];

describe('a time of the timetable', () => {
  test.each<[ScalingSchedule, string]>([
    [timetable[0]!, '30 7 * * 1,2,3,4,5'],
    [timetable[1]!, '0 19 * * *'],
    [{ at: '00:05', days: ['Sunday', 'Saturday', 'Sunday'], min: 1 }, '5 0 * * 0,6'],
  ])('%o is %s', (schedule, cron) => {
    expect(cronOf(schedule)).toBe(cron);
  });
});

describe('a timetable', () => {
  test('is jobs that write both bounds of the service', async () => {
    const resources = await made({ scaling: { min: 1, max: 4 }, schedules: timetable });
    const jobs = ofType(resources, ':Job').map(({ inputs }) => inputs);
    expect(jobs.map(({ httpTarget: { body, ...target }, ...job }) => ({ ...job, target, body }))).toEqual(
      [
        { schedule: '30 7 * * 1,2,3,4,5', timeZone: 'Europe/Amsterdam' },
        { schedule: '0 19 * * *', timeZone: 'UTC' },
      ].map((when) => ({
        ...when,
        region: 'europe-west4',
        description: 'Bounds of the endpoint digits',
        attemptDeadline: '180s',
        retryConfig: { retryCount: 3 },
        target: {
          httpMethod: 'PATCH',
          uri: 'https://run.googleapis.com/v2/projects/shop/locations/europe-west4/services/digits-1234567?updateMask=scaling.minInstanceCount,scaling.maxInstanceCount',
          headers: { 'Content-Type': 'application/json' },
          oauthToken: { serviceAccountEmail: 'sched-digits-dev@shop.iam.gserviceaccount.com' },
        },
        body: expect.any(String),
      })),
    );
    expect(jobs.map(({ httpTarget }) => JSON.parse(Buffer.from(httpTarget.body, 'base64').toString()))).toEqual([
      { scaling: { minInstanceCount: 3, maxInstanceCount: 8 } },
      { scaling: { minInstanceCount: 1, maxInstanceCount: 4 } },
    ]);
    expect(ofType(resources, ':Service')[0]!.inputs.scaling).toEqual({ minInstanceCount: 1, maxInstanceCount: 4 });
  });

  test('is written by an account that may do nothing else', async () => {
    const resources = await made({ schedules: timetable });
    const member = 'serviceAccount:sched-digits-dev@shop.iam.gserviceaccount.com';
    expect(ofType(resources, ':IAMCustomRole')[0]!.inputs).toEqual({
      roleId: 'slipway_digits_dev',
      title: 'Bounds of the endpoint digits',
      permissions: ['run.services.get', 'run.services.update'],
    });
    expect(ofType(resources, ':ServiceIamMember').map(({ inputs }) => inputs)).toEqual([
      { name: 'digits-1234567', location: 'europe-west4', role: 'projects/shop/roles/slipway_digits_dev', member },
    ]);
    expect(ofType(resources, ':IAMMember').map(({ inputs }) => inputs)).toEqual([
      {
        serviceAccountId: 'projects/shop/serviceAccounts/digits-dev@shop.iam.gserviceaccount.com',
        role: 'roles/iam.serviceAccountUser',
        member,
      },
    ]);
  });

  test('acts as a given account, wherever that is', async () => {
    const resources = await made({ schedules: timetable, serviceAccount: 'mine@other.iam.gserviceaccount.com' });
    expect(ofType(resources, ':IAMMember')[0]!.inputs.serviceAccountId).toBe(
      'projects/-/serviceAccounts/mine@other.iam.gserviceaccount.com',
    );
  });

  test('is none unless asked', async () => {
    const resources = await made({});
    expect(ofType(resources, ':Job')).toEqual([]);
    expect(ofType(resources, ':IAMCustomRole')).toEqual([]);
  });

  test.each<[string, Partial<ModelEndpointArgs>, RegExp]>([
    ['a time that is none', { schedules: [{ at: '25:00', min: 1 }] }, /schedules\[0\]\.at: '25:00' is given/],
    ['no instance where it may not stop', { schedules: [{ at: '19:00', min: 0 }] }, /allowed: a whole number from 1/],
    [
      'at most none',
      { scaling: { toZero: true }, schedules: [{ at: '19:00', max: 0 }] },
      /schedules\[0\]\.max: 0 is given; a service has at least 1 instance when it is asked/,
    ],
  ])('%s is refused in the preview', (_what, more, message) => {
    expect(() => new ModelEndpoint('digits', { ...args, ...more })).toThrow(message);
  });

  test('no instance at night where the endpoint may stop', async () => {
    const resources = await made({ scaling: { toZero: true }, schedules: [{ at: '19:00', min: 0 }] });
    const { body } = ofType(resources, ':Job')[0]!.inputs.httpTarget;
    expect(JSON.parse(Buffer.from(body, 'base64').toString())).toMatchObject({ scaling: { minInstanceCount: 0 } });
  });
});
