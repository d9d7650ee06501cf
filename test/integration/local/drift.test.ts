/** Drift for real: the digits are optimized, served and scraped; callers send what the samples are like, and then something else. */

import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { local, Model, planEndpoint } from '../../../lib/index.js';
import { cacheDir } from '../../../lib/local/cache.js';
import { type LocalEndpoint, runLocally } from '../../../lib/local/endpoint.js';
import { findPrometheus } from '../../../lib/local/prometheus.js';
import { rowsOf } from './samples.js';
import { example, type Instant, infer } from './slipway.js';

const { model, data } = example('digits');
const WINDOW_SECONDS = 15;
/** Images in one request, and pauses between two: more at a time are not all counted. */
const AT_A_TIME = 20;
const PAUSE_MS = 20;

let endpoint: LocalEndpoint;
let images: readonly number[][];

beforeAll(async () => {
  const spec = { model: Model.fromOnnx(model, { calibration: data }), monitoring: { drift: { minCount: 300 } } };
  const planned = planEndpoint(spec, local());
  const { monitoring } = planned;
  const drift = { ...monitoring.drift!, windowSeconds: WINDOW_SECONDS };
  const plan = { ...planned, monitoring: { ...monitoring, scrapeSeconds: 1, drift } };
  endpoint = await runLocally(plan, { port: 0 });
  images = await rowsOf(data, 'image');
});

afterAll(() => endpoint?.stop());

async function send(change: (value: number) => number): Promise<void> {
  for (let first = 0; first < images.length; first += AT_A_TIME) {
    const rows = images.slice(first, first + AT_A_TIME);
    const body = {
      inputs: [
        {
          name: 'image',
          datatype: 'FP32',
          shape: [rows.length, 1, 8, 8],
          data: rows.flatMap((row) => row.map(change)),
        },
      ],
    };
    expect((await infer(endpoint.infer, body)).status).toBe(200);
    await sleep(PAUSE_MS);
  }
}

const metrics = async (): Promise<string> => (await fetch(`${endpoint.endpoint}/metrics`)).text();

/** Values of a recorded figure, by side, tensor and statistic. */
async function recorded(query: string): Promise<Readonly<Record<string, number>>> {
  const answer = await fetch(`${endpoint.prometheus}/api/v1/query?query=${encodeURIComponent(query)}`);
  const { data } = (await answer.json()) as Instant;
  return Object.fromEntries(
    data.result.map(({ metric, value }) => [`${metric.side} ${metric.tensor} ${metric.statistic}`, Number(value[1])]),
  );
}

/** Names of the alerts that fire. */
async function alerts(): Promise<readonly string[]> {
  const answer = await fetch(`${endpoint.prometheus}/api/v1/alerts`);
  const { data } = (await answer.json()) as {
    data: { alerts: { labels: { alertname: string }; state: string }[] };
  };
  return [
    ...new Set(data.alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname)),
  ].sort();
}

const watched = ['input image deviation', 'input image mean', 'output logits class', 'output logits confidence'];
const SOON = { timeout: 90_000, interval: 500 };

describe('digits that are watched', () => {
  test('have a reference of as many samples as judged, and every bin at 0', async () => {
    const { drift } = endpoint.report;
    expect(drift).toMatchObject({ samples: 407, reason: null, notes: [] });
    const text = await metrics();
    const counts = text.split('\n').filter((line) => line.startsWith('onnx_observed_bin_total{'));
    expect(counts).toHaveLength(3 * 11 + 11);
    expect(counts.every((line) => line.endsWith(' 0'))).toBe(true);
    expect(text).toMatch(/^onnx_reference_samples\{.*\} 407$/m);
  });

  test('have metrics that promtool has nothing against', async () => {
    const found = await findPrometheus(cacheDir());
    if ('missing' in found || !found.promtool) throw new Error('There is no promtool. Install Prometheus');
    expect(execFileSync(found.promtool, ['check', 'metrics'], { input: await metrics(), encoding: 'utf8' })).toBe('');
  });

  test('are like their samples while callers send such digits', async () => {
    // Rows that came before the first reading are no gain.
    await expect.poll(() => recorded('onnx_observed_bin_total'), SOON).not.toEqual({});
    await send((value) => value);
    for (const figure of ['class', 'confidence', 'mean', 'deviation']) {
      const of = new RegExp(`^onnx_observed_bin_total\\{.*statistic="${figure}".*\\} (\\d+)$`, 'gm');
      const counts = [...(await metrics()).matchAll(of)].map(([, count]) => Number(count));
      expect(
        counts.reduce((sum, count) => sum + count, 0),
        figure,
      ).toBe(images.length);
    }
    await expect
      .poll(() => recorded('slipway:drift:rows >= 500'), SOON)
      .toSatisfy((rows: object) => Object.keys(rows).length === watched.length);
    const [psi, limit] = [await recorded('slipway:drift:psi'), await recorded('slipway:drift:limit')];
    expect(Object.keys(psi).sort()).toEqual(watched);
    for (const figure of watched) {
      expect(psi[figure], figure).toBeLessThan(0.1);
      expect(limit[figure], figure).toBeGreaterThanOrEqual(0.2);
    }
    expect(await alerts()).toEqual([]);
  });

  test('have parted from them once callers send negatives, and somebody is told', async () => {
    let sending = true;
    const sent = (async () => {
      while (sending) await send((value) => 1 - value);
    })();
    try {
      await expect.poll(alerts, SOON).toEqual(['InputDrift', 'PredictionDrift']);
      await expect
        .poll(() => recorded('slipway:drift:psi{side="input"} > 2'), SOON)
        .toSatisfy((psi: object) => 'input image mean' in psi);
      const far = await recorded('slipway:drift:ks > 0.5');
      expect(Object.keys(far)).toContain('input image mean');
    } finally {
      sending = false;
      await sent;
    }
  });

  test('are like them again when callers are', async () => {
    let sending = true;
    const sent = (async () => {
      while (sending) await send((value) => value);
    })();
    try {
      await expect.poll(alerts, SOON).toEqual([]);
    } finally {
      sending = false;
      await sent;
    }
  });
});
