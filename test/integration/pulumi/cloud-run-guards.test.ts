/** Budget and timetable of an endpoint on Cloud Run, and one that is there already, with the real engine. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changes, makeProject, type Project } from './engine.js';

const theirs = {
  'projects/shop/locations/europe-west4/services/fraud': {
    type: 'gcp:cloudrunv2/service:Service',
    inputs: { name: 'fraud', location: 'europe-west4', project: 'shop' },
    outputs: { name: 'fraud', location: 'europe-west4', project: 'shop', uri: 'https://fraud-1.a.run.app' },
  },
};

let project: Project;
beforeAll(async () => {
  project = await makeProject('cloud-run-guards', ['gcp']);
  project.fill('gcp', theirs);
});
afterAll(() => project?.remove());

const up = (environment = {}) => project.pulumi(['up', '--yes', '--skip-preview'], environment);

const held = (end: string) =>
  Object.entries(project.cloud('gcp')).filter(([id, { type }]) => type.endsWith(end) && !(id in theirs));
const bounds = () => held('/service:Service')[0]![1].inputs.scaling;

describe.sequential('an endpoint with a budget and a timetable', () => {
  test('is made in one update', async () => {
    const { code, said } = await up();
    expect(code, said).toBe(0);
    expect((await project.outputs()).theirs).toBe('https://fraud-1.a.run.app');
    expect(held(':Budget').map(([, { inputs }]) => inputs.allUpdatesRule)).toEqual([
      { monitoringNotificationChannels: [expect.stringMatching(/^projects\/shop\/notificationChannels\//)] },
    ]);
    expect(held(':Job')).toHaveLength(2);
    expect(bounds()).toEqual({ minInstanceCount: 1, maxInstanceCount: 4 });
  });

  test('keeps the bounds that a job wrote', async () => {
    const [, job] = held(':Job').find(([, { inputs }]) => inputs.schedule === '30 7 * * 1,5')!;
    const { body, uri } = job.inputs.httpTarget as { body: string; uri: string };
    const [id] = /projects\/.*\/services\/[^?]+/.exec(uri)!;
    project.drift('gcp', (cloud) => {
      for (const side of ['inputs', 'outputs'] as const) {
        Object.assign(cloud[id]![side], JSON.parse(Buffer.from(body, 'base64').toString()));
      }
    });
    expect(bounds()).toEqual({ minInstanceCount: 3, maxInstanceCount: 8 });
    const refreshed = await project.pulumi(['refresh', '--yes', '--skip-preview']);
    expect(refreshed.code, refreshed.said).toBe(0);
    const ran = await up();
    expect(ran.code, ran.said).toBe(0);
    expect(changes(ran)).toEqual([]);
    expect(bounds()).toEqual({ minInstanceCount: 3, maxInstanceCount: 8 });
  });

  test('takes other bounds over with the next time of the timetable', async () => {
    const ran = await up({ MOST: '6' });
    expect(ran.code, ran.said).toBe(0);
    expect(changes(ran)).toEqual(['update Job']);
    expect(bounds()).toEqual({ minInstanceCount: 3, maxInstanceCount: 8 });
    const evening = held(':Job').find(([, { inputs }]) => inputs.schedule === '0 19 * * *')!;
    const { body } = evening[1].inputs.httpTarget as { body: string };
    expect(JSON.parse(Buffer.from(body, 'base64').toString())).toEqual({
      scaling: { minInstanceCount: 1, maxInstanceCount: 6 },
    });
  });

  test('is destroyed, and what another program made stays', async () => {
    const ran = await project.pulumi(['destroy', '--yes', '--skip-preview']);
    expect(ran.code, ran.said).toBe(0);
    expect(Object.keys(project.cloud('gcp'))).toEqual(Object.keys(theirs));
  });
});
