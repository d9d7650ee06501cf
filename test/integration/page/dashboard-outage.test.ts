/** The dashboard when something is gone: it says what, and goes on by itself once it is back. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planServing } from '../../../lib/image/serving.js';
import { cacheDir } from '../../../lib/local/cache.js';
import { type DashboardOptions, type RunningDashboard, startDashboard } from '../../../lib/local/dashboard.js';
import { findPrometheus, type RunningPrometheus, startPrometheus } from '../../../lib/local/prometheus.js';
import { pythonEnvironment } from '../../../lib/local/python.js';
import { type RunningServer, startServer } from '../../../lib/local/server.js';
import { planMonitoring } from '../../../lib/monitoring/plan.js';
import { packageFile } from '../../../lib/package-root.js';
import { type Load, sampleOf, startLoad } from '../local/load.js';
import { openPage, startBrowser } from './browser.js';

const plan = planMonitoring({ model: 'digits', scrapeSeconds: 1, drift: false });
const patient = { timeout: 60_000, interval: 300 };
const undo: (() => unknown)[] = [];
let browser: Browser;
let folder: string;
let server: RunningServer;
let load: Load;
let prometheus: RunningPrometheus;
let dashboard: RunningDashboard;
let given: DashboardOptions;

const portOf = (url: string): number => Number(new URL(url).port);

async function serve(port: number): Promise<RunningServer> {
  const environment = await pythonEnvironment('optimizer');
  return startServer({ environment, serving: join(folder, 'serving.json'), host: '127.0.0.1', port });
}

async function watch(port?: number): Promise<RunningPrometheus> {
  const binaries = await findPrometheus(cacheDir());
  if ('missing' in binaries) throw new Error(binaries.missing);
  return startPrometheus({ binaries, dir: folder, plan, target: new URL(server.url).host, port });
}

beforeAll(async () => {
  browser = await startBrowser();
  undo.push(() => browser.close());
  folder = mkdtempSync(join(tmpdir(), 'slipway-outage-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const model = packageFile('examples', 'models', 'digits', 'digits.onnx');
  const serving = planServing({ name: 'digits', dims: {}, files: { model, canaries: null, report: null } });
  writeFileSync(join(folder, 'serving.json'), JSON.stringify(serving));
  server = await serve(0);
  undo.push(() => server.child.stop());
  prometheus = await watch();
  undo.push(() => prometheus.close());
  const sample = await sampleOf(server.url);
  load = startLoad(server.url, sample);
  undo.push(() => load.stop());
  given = { plan, prometheusUrl: prometheus.url, endpointUrl: server.url, report: null, sample };
  dashboard = await startDashboard(given);
  undo.push(() => dashboard.close());
});

afterAll(async () => {
  for (const step of undo.reverse()) await step();
});

const textOf = (page: Page, selector: string): Promise<string | null> => page.locator(selector).textContent();
const throughput = (page: Page) => textOf(page, '[data-tile="throughput"] dd');

test('without Prometheus no figure is shown as of now; once it is back they are', async () => {
  const { page } = await openPage(browser, dashboard.url);
  await expect.poll(() => throughput(page), patient).toMatch(/\d/);
  const port = portOf(prometheus.url);
  await prometheus.close();
  await expect
    .poll(() => textOf(page, '#trouble'), patient)
    .toBe('The figures below are not up to date: Prometheus does not answer. Trying again.');
  expect(await throughput(page)).toBe('–');
  expect(await textOf(page, '#bottleneck-now')).toBe('Not known');
  expect(await textOf(page, '#alert-state')).toBe('not known: Prometheus does not answer');
  expect(await textOf(page, '#budget-window')).toBe('Not up to date: Prometheus does not answer.');
  expect(await textOf(page, '#ready')).toBe('Ready');
  prometheus = await watch(port);
  await expect.poll(() => throughput(page), patient).toMatch(/\d/);
  await expect.poll(() => page.locator('#trouble').isHidden(), patient).toBe(true);
  await expect.poll(() => textOf(page, '#alert-state'), patient).toMatch(/^all quiet/);
  await page.context().close();
});

test('without the page’s own server the page says so; once it is back it goes on', async () => {
  const { page } = await openPage(browser, dashboard.url);
  await expect.poll(() => throughput(page), patient).toMatch(/\d/);
  const port = portOf(dashboard.url);
  await dashboard.close();
  await expect
    .poll(() => textOf(page, '#trouble'), patient)
    .toBe(
      'The figures below are not up to date: the page’s server does not answer, Slipway may have been stopped. Trying again.',
    );
  dashboard = await startDashboard({ ...given, port });
  await expect.poll(() => page.locator('#trouble').isHidden(), patient).toBe(true);
  await page.context().close();
});

test('without a report the model card is what the endpoint says of itself, and drift says what it lacks', async () => {
  const { page } = await openPage(browser, dashboard.url);
  await expect.poll(() => textOf(page, '#card'), patient).toContain('image FP32, any × 1 × 8 × 8');
  expect(await textOf(page, '#verdict')).toBe('Served as it is: no report of an optimization was given.');
  expect(await page.locator('#candidates').isHidden()).toBe(true);
  expect(await textOf(page, '#drift-note')).toBe('Drift is not watched: the description says so.');
  expect(await page.locator('#drift-state').isHidden()).toBe(true);
  await page.context().close();
});

test('without the endpoint the page says so; once it is back it goes on', async () => {
  const { page } = await openPage(browser, dashboard.url);
  await expect.poll(() => textOf(page, '#ready'), patient).toBe('Ready');
  const port = portOf(server.url);
  await load.stop();
  await server.child.stop();
  await expect.poll(() => textOf(page, '#ready'), patient).toBe('Not ready: it does not answer');
  await page.reload();
  await expect
    .poll(() => textOf(page, '#card-note'), patient)
    .toBe('As it was built: the endpoint does not answer now.');
  server = await serve(port);
  await expect.poll(() => textOf(page, '#ready'), patient).toBe('Ready');
  await page.context().close();
});
