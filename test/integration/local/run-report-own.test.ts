/** The report of a run by a Prometheus of somebody's own: another job's name, no rules of ours, a bare model. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planServing } from '../../../lib/image/serving.js';
import { cacheDir } from '../../../lib/local/cache.js';
import { startChild } from '../../../lib/local/child.js';
import { findPrometheus } from '../../../lib/local/prometheus.js';
import { pythonEnvironment } from '../../../lib/local/python.js';
import { type RunningServer, startServer } from '../../../lib/local/server.js';
import { sampleOf } from './load.js';
import { freePorts } from './ports.js';
import { example, slipway } from './slipway.js';

const undo: (() => unknown)[] = [];
let folder: string;
let server: RunningServer;
let prometheus: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-own-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const files = { model: example('digits').model, canaries: null, report: null };
  const serving = join(folder, 'serving.json');
  writeFileSync(serving, JSON.stringify(planServing({ name: 'digits', dims: {}, files })));
  const environment = await pythonEnvironment('optimizer');
  server = await startServer({ environment, serving, host: '127.0.0.1', port: 0 });
  undo.push(() => server.child.stop());

  const found = await findPrometheus(cacheDir());
  if ('missing' in found) throw new Error(found.missing);
  const [port] = await freePorts(1);
  const target = new URL(server.url).host;
  const config = join(folder, 'prometheus.yml');
  writeFileSync(
    config,
    `{global: {scrape_interval: 1s}, scrape_configs: [{job_name: models, static_configs: [{targets: ['${target}']}]}]}`,
  );
  const own = startChild(found.prometheus, [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  own.process.stdout?.resume();
  own.process.stderr?.resume();
  undo.push(() => own.stop());
  prometheus = `http://127.0.0.1:${port}`;
});

afterAll(async () => {
  for (const step of undo.reverse()) await step();
});

async function report(...args: string[]) {
  const started = slipway(['report', server.url, '--prometheus', prometheus, ...args]);
  return { code: await started.ended, out: started.stdout(), said: started.stderr() };
}

test('it tells what there is, and that drift is not watched', async () => {
  const body = JSON.stringify(await sampleOf(server.url));
  // A counter's readings have to begin before the requests do.
  await expect.poll(async () => (await report('--run')).code, { timeout: 60_000, interval: 1000 }).toBe(0);
  for (let request = 0; request < 40; request += 1) {
    const answer = await fetch(`${server.url}/v2/models/digits/infer`, { method: 'POST', body });
    expect(answer.status).toBe(200);
  }
  const figuresOf = async () => JSON.parse((await report('--json')).out).figures as { traffic: { requests: number } };
  await expect
    .poll(async () => Math.round((await figuresOf()).traffic.requests), { timeout: 60_000, interval: 1000 })
    .toBeGreaterThanOrEqual(40);
  const { out } = await report('--run');
  expect(out).toContain('Say what is promised with --p99-ms, and the report tells whether it is kept.');
  expect(out).toContain('  ✓ No request ended with a server error.');
  expect(out).toContain('  · Drift is not watched: the model has no reference, or it is switched off.');
  // What limits an endpoint, our rules say.
  expect(out).not.toContain('of the time it was');
});
