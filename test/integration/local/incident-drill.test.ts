/**
 * The incident drill: an endpoint on this machine in ordinary traffic, then one trouble after the other. Each has to be told to whoever is
 * on call, with what to do, and nobody may be woken before. An hour of the rules is a minute here.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { local, Model, planEndpoint } from '../../../lib/index.js';
import { type LocalEndpoint, runLocally } from '../../../lib/local/endpoint.js';
import type { MonitoringPlan } from '../../../lib/monitoring/plan.js';
import { packageFile } from '../../../lib/package-root.js';
import { hasAlertmanager, type Routing, startAlertmanager } from './alertmanager.js';
import { rowsOf } from './samples.js';
import { example } from './slipway.js';

const { model, data } = example('digits');
const FASTER = 60;
/** Of windows and waits: a scrape or two may be late. */
const LEAST_SECONDS = 5;
const DRIFT_SECONDS = 20;
/** An hour, and the time of some readings. */
const QUIET_SECONDS = 65;

const folder = mkdtempSync(join(tmpdir(), 'slipway-drill-'));
const trouble = join(folder, 'trouble');
const hooks = join(folder, 'hooks.py');

const code = `
import time
from pathlib import Path

TROUBLE = Path(${JSON.stringify(trouble)})

def pre(request):
    trouble = TROUBLE.read_text()
    if trouble == "slow":
        time.sleep(1)
    if trouble == "errors":
        raise RuntimeError("the drill")
    return request.tensors()
`;

/** A machine where nothing can be installed goes without; CI does not. */
const skipped = !process.env.CI && !hasAlertmanager();

/** A plan whose objectives see an hour in a minute. */
function compressed(plan: MonitoringPlan): MonitoringPlan {
  const faster = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(faster);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [
        key,
        key.endsWith('Seconds') ? Math.max(LEAST_SECONDS, Math.ceil((each as number) / FASTER)) : faster(each),
      ]),
    );
  };
  const { objectives, alerts } = plan;
  return {
    ...plan,
    ...(faster({ objectives, alerts }) as Pick<MonitoringPlan, 'objectives' | 'alerts'>),
    scrapeSeconds: 1,
    drift: { ...plan.drift!, windowSeconds: DRIFT_SECONDS },
  };
}

/** The example of docs/monitoring.md, with times of the drill and receivers of this machine. */
function configuration(): string {
  const guide = readFileSync(packageFile('docs', 'monitoring.md'), 'utf8');
  const [, example] = /```yaml\n(# alertmanager\.yml\n[\s\S]*?)```/.exec(guide)!;
  return example!.replaceAll(/https:\/\/\S+/g, 'RECEIVER').replaceAll(/(group_wait|group_interval): \S+/g, '$1: 1s');
}

let routing: Routing;
let endpoint: LocalEndpoint;
let images: readonly number[][];
/** What was told before each trouble, to look at what is new. */
let seen = 0;

const fired = (): readonly string[] => [
  ...new Set(routing.told.filter(({ status }) => status === 'firing').map(({ labels }) => labels.alertname!)),
];
const since = () => routing.told.slice(seen).filter(({ status }) => status === 'firing');
const told = (): readonly string[] => [...new Set(since().map(({ labels }) => labels.alertname!))];

async function ask(rows: readonly number[][], change = (value: number): number => value): Promise<number> {
  const data = rows.flatMap((row) => row.map(change));
  const inputs = [{ name: 'image', datatype: 'FP32', shape: [rows.length, 1, 8, 8], data }];
  const answer = await fetch(endpoint.infer, { method: 'POST', body: JSON.stringify({ inputs }) });
  await answer.arrayBuffer();
  return answer.status;
}

/** Asks all the time, a few rows at once, until it is stopped. */
function traffic(callers: number, change?: (value: number) => number): () => Promise<void> {
  let on = true;
  const call = async (caller: number): Promise<void> => {
    for (let at = caller * 7; on; at += 5) {
      const first = at % (images.length - 5);
      await ask(images.slice(first, first + 5), change).catch(() => 0);
      await sleep(50);
    }
  };
  const calls = Array.from({ length: callers }, (_, caller) => call(caller));
  return async () => {
    on = false;
    await Promise.all(calls);
  };
}

/** Names of alerts that Prometheus has. */
async function standing(): Promise<readonly string[]> {
  const answer = await fetch(`${endpoint.prometheus}/api/v1/alerts`);
  const { data } = (await answer.json()) as {
    data: { alerts: { labels: { alertname: string }; state: string }[] };
  };
  return data.alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname);
}

const WAIT = { timeout: 90_000, interval: 250 };

/** Makes trouble until all of it was told, then waits until that is over. */
async function incident(what: string, callers: number, names: readonly string[], change?: (value: number) => number) {
  seen = routing.told.length;
  writeFileSync(trouble, what);
  const stop = traffic(callers, change);
  try {
    await expect.poll(told, WAIT).toEqual(expect.arrayContaining([...names]));
  } finally {
    writeFileSync(trouble, '');
    await stop();
  }
  const [first] = since().filter(({ labels }) => labels.alertname === names[0]);
  const calm = traffic(1);
  try {
    const left = async () => (await standing()).filter((name) => names.includes(name));
    await expect.poll(left, WAIT).toEqual([]);
  } finally {
    await calm();
  }
  return first!;
}

beforeAll(async () => {
  if (skipped) return;
  writeFileSync(trouble, '');
  writeFileSync(hooks, code);
  images = await rowsOf(data, 'image');
  routing = await startAlertmanager(folder, configuration());
  const planned = planEndpoint(
    {
      model: Model.fromOnnx(model, { calibration: data }),
      serving: { hooks, maxQueue: 16 },
      monitoring: { slo: { p99Ms: 500 }, drift: { minCount: 300 } },
    },
    local(),
  );
  const plan = { ...planned, monitoring: compressed(planned.monitoring) };
  endpoint = await runLocally(plan, { port: 0, alertmanagers: [routing.url] });
});

afterAll(async () => {
  await endpoint?.stop();
  await routing?.close();
  rmSync(folder, { recursive: true, force: true });
});

test.skipIf(skipped)('the example of the guide is a configuration, and routes by severity', () => {
  const config = '--config.file=alertmanager.yml';
  expect(routing.amtool('check-config', 'alertmanager.yml')).toMatchObject({ ok: true });
  for (const [severity, receiver] of [
    ['page', 'on-call'],
    ['ticket', 'tickets'],
  ]) {
    const { output } = routing.amtool('config', 'routes', 'test', config, `severity=${severity}`);
    expect(output.split('\n')[0]).toBe(receiver);
  }
});

describe.skipIf(skipped).sequential('the incident drill', () => {
  test('wakes nobody while all is well', async () => {
    const stop = traffic(1);
    await sleep(QUIET_SECONDS * 1000);
    await stop();
    expect(await standing()).toEqual([]);
    expect(routing.told).toEqual([]);
  });

  test('inputs that changed are a ticket, and wake nobody', async () => {
    const { receiver, labels } = await incident('', 2, ['InputDrift'], (value) => 1 - value);
    expect(receiver).toBe('tickets');
    expect(labels.severity).toBe('ticket');
    expect(since().filter(({ labels: { severity } }) => severity === 'page')).toEqual([]);
  });

  test('a model that became slow wakes whoever is on call, and tells where to look', async () => {
    const { receiver, labels, annotations } = await incident('slow', 3, ['LatencyBurn1h']);
    expect(receiver).toBe('on-call');
    expect(labels).toMatchObject({ model: 'digits', severity: 'page' });
    expect(annotations.action).toContain('Look at the stages on the dashboard');
    expect(told()).not.toContain('AvailabilityBurn1h');
  });

  test('errors of the model do, and not as slowness', async () => {
    const { receiver, annotations } = await incident('errors', 3, ['AvailabilityBurn1h']);
    expect(receiver).toBe('on-call');
    expect(annotations.summary).toContain('ended in a server error');
    expect(told()).not.toContain('LatencyBurn1h');
  });

  test('more requests than it can answer do, as a full queue', async () => {
    const { receiver, annotations } = await incident('slow', 60, ['QueueSaturated', 'AvailabilityBurn1h']);
    expect(receiver).toBe('on-call');
    expect(annotations.action).toContain('Add replicas or processors');
  });

  test('no rule failed in all that time', async () => {
    const answer = await fetch(`${endpoint.prometheus}/api/v1/rules`);
    const { data } = (await answer.json()) as {
      data: { groups: { rules: { name: string; health: string; lastError?: string }[] }[] };
    };
    const rules = data.groups.flatMap((group) => group.rules);
    expect(rules.length).toBeGreaterThan(90);
    expect(
      rules.filter(({ health }) => health === 'err').map(({ name, lastError }) => `${name}: ${lastError}`),
    ).toEqual([]);
  });

  test('nothing else was told in all that time', () => {
    const expected = /^(Latency|Availability)Burn|^QueueSaturated$|Drift$/;
    expect(fired().filter((name) => !expected.test(name))).toEqual([]);
  });
});
