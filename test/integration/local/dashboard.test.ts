/** The page in a real browser, drawn from a real Prometheus that scrapes a real endpoint under a real load. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { planServing } from '../../../lib/image/serving.js';
import { cacheDir } from '../../../lib/local/cache.js';
import { type RunningDashboard, startDashboard } from '../../../lib/local/dashboard.js';
import type { PageRound } from '../../../lib/local/page/shape.js';
import { findPrometheus, type RunningPrometheus, startPrometheus } from '../../../lib/local/prometheus.js';
import { pythonEnvironment } from '../../../lib/local/python.js';
import { type RunningServer, startServer } from '../../../lib/local/server.js';
import { type MonitoringPlan, planMonitoring } from '../../../lib/monitoring/plan.js';
import { packageFile } from '../../../lib/package-root.js';
import { type Load, type Sample, sampleOf, startLoad } from './load.js';
import { report } from './watched-report.js';

const CHROMIUM = process.env.SLIPWAY_CHROMIUM ?? '/usr/bin/chromium';
const plan = planMonitoring({ model: 'digits', slo: { p99Ms: 50 }, scrapeSeconds: 1 });
/** The same, but an alert need not hold for minutes before it fires. */
const hasty: MonitoringPlan = { ...plan, alerts: plan.alerts.map((alert) => ({ ...alert, forSeconds: 5 })) };
const panels = plan.dashboard.panels.map(({ id }) => id);

const undo: (() => unknown)[] = [];
let folder: string;
let server: RunningServer;
let prometheus: RunningPrometheus;
let dashboard: RunningDashboard;
let browser: Browser;
let sample: Sample;

beforeAll(async () => {
  if (!existsSync(CHROMIUM)) {
    throw new Error(
      `There is no ${CHROMIUM}. Install it (Debian: apt-get install chromium) or name one with SLIPWAY_CHROMIUM`,
    );
  }
  execFileSync(process.execPath, [packageFile('scripts', 'build.mjs')], { stdio: 'inherit' });
  mkdirSync(packageFile('.test-results'), { recursive: true });
  folder = mkdtempSync(join(tmpdir(), 'slipway-page-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));

  const serving = planServing({
    name: 'digits',
    dims: {},
    files: { model: packageFile('examples', 'models', 'digits', 'digits.onnx'), canaries: null, report: null },
  });
  writeFileSync(join(folder, 'serving.json'), JSON.stringify(serving));
  const environment = await pythonEnvironment('optimizer');
  server = await startServer({ environment, serving: join(folder, 'serving.json'), host: '127.0.0.1', port: 0 });
  undo.push(() => server.child.stop());
  sample = await sampleOf(server.url);

  const binaries = await findPrometheus(cacheDir());
  if ('missing' in binaries) throw new Error(binaries.missing);
  prometheus = await startPrometheus({ binaries, dir: folder, plan: hasty, target: new URL(server.url).host });
  undo.push(() => prometheus.close());
  dashboard = await startDashboard({ plan, prometheusUrl: prometheus.url, endpointUrl: server.url, report, sample });
  undo.push(() => dashboard.close());

  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  browser = await chromium.launch({ executablePath: CHROMIUM, args: asRoot });
  undo.push(() => browser.close());
});

afterAll(async () => {
  for (const step of undo.reverse()) await step();
});

interface Opened {
  readonly page: Page;
  /** Errors of the page and its console. */
  readonly errors: string[];
}

async function open(url: string, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(url);
  return { page, errors };
}

const states = (page: Page): Promise<string[]> =>
  page
    .locator('[data-panel]')
    .evaluateAll((found) => found.map((panel) => `${panel.dataset.panel} ${panel.dataset.state}`));

const leastPoints = (page: Page): Promise<number> =>
  page.locator('[data-panel]').evaluateAll((found) => Math.min(...found.map((panel) => Number(panel.dataset.points))));

/** So high that every section is in sight: what is out of sight is not read. */
const HIGH = 12_000;

/** How many colours are in each chart; runs in the page. An empty chart has a handful, of its marks. */
const COLOURS_DRAWN = `[...document.querySelectorAll('[data-panel] canvas')].map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
})`;

const patient = { timeout: 60_000, interval: 500 };

describe('before the first request', () => {
  test('the page says that it waits, and shows what there is already', async () => {
    const { page, errors } = await open(dashboard.url, { viewport: { width: 1280, height: HIGH } });
    // A rate takes two readings, a level one.
    const expected = ['memory ok', 'throughput ok', 'latency waiting', 'stages waiting'];
    await expect.poll(() => states(page), patient).toEqual(expect.arrayContaining(expected));
    const words = await page.locator('[data-panel="latency"] .empty').textContent();
    expect(words).toBe('Waiting for the first requests');
    expect(await page.locator('[data-objective="availability"]').textContent()).toContain('no requests yet');
    expect(errors).toEqual([]);
    await page.context().close();
  });
});

describe('under load', () => {
  let load: Load;

  beforeAll(() => {
    load = startLoad(server.url, sample);
  });

  afterAll(() => load.stop());

  test.each([
    { width: 1280, colorScheme: 'light' },
    { width: 1280, colorScheme: 'dark' },
    { width: 390, colorScheme: 'light' },
    { width: 390, colorScheme: 'dark' },
  ] as const)('every chart has values at $width pixels, $colorScheme', async ({ width, colorScheme }) => {
    const { page, errors } = await open(dashboard.url, { viewport: { width, height: HIGH }, colorScheme });
    await expect.poll(() => states(page), patient).toEqual(panels.map((id) => `${id} ok`));
    await expect.poll(() => leastPoints(page), patient).toBeGreaterThan(10);

    const colours = await page.evaluate<number[]>(COLOURS_DRAWN);
    expect(colours).toHaveLength(panels.length);
    for (const count of colours) expect(count).toBeGreaterThan(10);

    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    expect(await page.evaluate('document.documentElement.dataset.theme')).toBe(colorScheme);
    await page.locator('body').screenshot({
      path: packageFile('.test-results', `dashboard-${width}-${colorScheme}.png`),
    });
    expect(errors).toEqual([]);
    await page.context().close();
  });

  test('the throughput shown is that of the load', async () => {
    const { page } = await open(dashboard.url);
    const [before, since] = [load.sent(), performance.now()];
    await sleep(12_000);
    const rate = ((load.sent() - before) * 1000) / (performance.now() - since);
    const shown = await page.locator('[data-tile="throughput"] dd').textContent();
    expect(shown).toMatch(/^[\d.]+ req\/s$/);
    expect(Number.parseFloat(shown!) / rate).toBeGreaterThan(0.75);
    expect(Number.parseFloat(shown!) / rate).toBeLessThan(1.25);
    await page.context().close();
  });

  test('the model’s verdict, readiness and candidates stand there as text, with the reasons', async () => {
    const { page } = await open(dashboard.url, { viewport: { width: 390, height: 900 } });
    await expect.poll(() => page.getByRole('banner').getByRole('status').textContent(), patient).toBe('Ready');
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('digits');
    expect(await page.locator('#verdict').textContent()).toBe(report.verdict);
    const rows = page.getByRole('table', { name: 'What was tried' }).getByRole('row');
    expect(await rows.count()).toBe(5);
    expect(await rows.nth(1).textContent()).toContain('fp32reference412 µs1x');
    expect(await rows.nth(2).textContent()).toContain('int8-static-percentileserved142 µs2.9x99.6 %98.9 %96 KB');
    expect(await rows.nth(3).textContent()).toContain('agreement 97.1 % is below 99 %; accuracy falls by 2.1 %');
    expect(await rows.nth(4).textContent()).toContain('int8-<b>dynamic</b>failed');
    await page.context().close();
  });

  test('the command works when pasted', async () => {
    const { page } = await open(dashboard.url);
    const text = () => page.locator('#command').textContent();
    await expect.poll(text, patient).toMatch(/^curl /);
    const answer = JSON.parse(execFileSync('sh', ['-c', (await text())!], { encoding: 'utf8' })) as {
      outputs: { data: number[] }[];
    };
    expect(answer.outputs[0]!.data.length).toBeGreaterThan(0);
    await page.context().close();
  });

  test('the error budgets, how fast they burn, and the alerts are read', async () => {
    const { page } = await open(dashboard.url);
    await expect.poll(() => page.locator('[data-objective="availability"] b').textContent(), patient).toBe('100 %');
    const burn = await page.locator('[data-objective="latency"] .help').textContent();
    expect(burn).toMatch(
      /^Burns at [\d.]+x over 5 min, [\d.]+x over 1 h\. 1x uses it up in 30 days; an alert comes at 14\.4x\.$/,
    );
    expect(await page.locator('#budget-window').textContent()).toMatch(/^Counted over the \d+ (s|min) that there are/);
    // Those of the plan, and two that tell drift.
    const watched = plan.alerts.length + 2;
    await expect
      .poll(() => page.locator('#alert-state').textContent(), patient)
      .toBe(`all quiet, none of ${watched} firing`);
    await page.getByText('What is watched').click();
    const names = await page.locator('#alert-names li').allTextContents();
    expect(names).toHaveLength(watched);
    expect(names).toContain('EndpointDown The endpoint does not answer');
    expect(names).toContain('InputDrift Inputs have parted from the samples');
    await page.context().close();
  });

  test('a range can be chosen by keyboard, and a pause keeps the page still', async () => {
    const { page } = await open(dashboard.url);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    const ranges = page.getByRole('group', { name: 'How far back the charts look' });
    await ranges.getByRole('button', { name: '1 h', exact: true }).focus();
    await page.keyboard.press('Enter');
    expect(await ranges.getByRole('button', { pressed: true }).allTextContents()).toEqual(['1 h']);
    await expect.poll(() => asked.some((url) => new URL(url).searchParams.get('range') === '2'), patient).toBe(true);
    await page.getByRole('button', { name: '5 min', exact: true }).click();
    await page.getByRole('button', { name: 'Pause' }).click();
    await sleep(1000);
    const before = asked.length;
    await sleep(7000);
    expect(asked.length).toBe(before);
    await page.getByRole('button', { name: 'Resume' }).click();
    await expect.poll(() => asked.length, patient).toBeGreaterThan(before);
    await page.context().close();
  });

  test('the chosen colours stay after a reload', async () => {
    const { page } = await open(dashboard.url, { colorScheme: 'light' });
    const theme = () => page.evaluate('document.documentElement.dataset.theme');
    await page.getByRole('button', { name: 'Use dark colours' }).click();
    expect(await theme()).toBe('dark');
    await page.reload();
    await expect.poll(theme, patient).toBe('dark');
    await page.context().close();
  });
});

describe('without Prometheus', () => {
  const missing = 'Prometheus is not on PATH. Install it.';

  test('the page says what to install and shows the rest', async () => {
    const alone = await startDashboard({
      plan,
      prometheusUrl: null,
      prometheusMissing: missing,
      endpointUrl: server.url,
      report,
      sample,
    });
    const { page, errors } = await open(alone.url, { viewport: { width: 390, height: 900 } });
    await expect.poll(() => page.locator('#missing').textContent(), patient).toBe(missing);
    await expect.poll(() => page.locator('#ready').textContent(), patient).toBe('Ready');
    expect(await page.locator('[data-panel]').count()).toBe(0);
    expect(await page.getByRole('table').getByRole('row').count()).toBe(5);
    expect(errors).toEqual([]);
    expect((await fetch(`${alone.url}/round.json?of=ready,model`)).status).toBe(200);
    expect((await fetch(`${alone.url}/round.json?of=ready,tiles`)).status).toBe(400);
    await page.context().close();
    await alone.close();
  });

  test('that ended meanwhile, the page says so where the figures stand', async () => {
    const orphan = await startDashboard({
      plan,
      prometheusUrl: 'http://127.0.0.1:9',
      endpointUrl: server.url,
      report: null,
      sample,
    });
    const { page } = await open(orphan.url, { viewport: { width: 1280, height: HIGH } });
    await expect
      .poll(() => page.locator('#trouble').textContent(), patient)
      .toBe('The figures below are not up to date: Prometheus does not answer. Trying again.');
    expect(await page.locator('[data-panel="cpu"] .empty').textContent()).toBe(
      'Cannot be read: Prometheus does not answer',
    );
    await page.context().close();
    await orphan.close();
  });
});

/** What `fetch` does not allow: any path, as it is, and any host name. */
function raw(
  path: string,
  options: { readonly method?: string; readonly host?: string } = {},
): Promise<{ status: number; body: string }> {
  const { hostname, port, host } = new URL(dashboard.url);
  return new Promise((resolve, reject) => {
    const asked = httpRequest(
      { hostname, port, path, method: options.method ?? 'GET', headers: { Host: options.host ?? host } },
      (answer) => {
        let body = '';
        answer.on('data', (chunk: Buffer) => {
          body += chunk.toString();
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
      },
    );
    asked.once('error', reject).end();
  });
}

describe('the page’s server', () => {
  test('answers rounds of the sections that there are, over the ranges that there are', async () => {
    const good = await raw('/round.json?range=4&of=ready,tiles,panel:latency');
    expect(good.status).toBe(200);
    const { grid, outcomes } = JSON.parse(good.body) as PageRound;
    expect(grid.end - grid.start).toBe(86_400);
    expect(Object.keys(outcomes)).toEqual(['ready', 'tiles', 'panel:latency']);
    for (const query of ['range=5&of=ready', 'range=-1&of=ready', 'range=x&of=ready', 'of=ready,secrets', 'of=', '']) {
      expect((await raw(`/round.json?${query}`)).status, query).toBe(400);
    }
  });

  test('passes no query on', async () => {
    const paths = ['/api/v1/query?query=up', '/api/v1/status/config', '/metrics', '/report.json', '//evil/round.json'];
    for (const path of paths) expect((await raw(path)).status, path).toBe(404);
  });

  test('gives out no file but the page’s', async () => {
    for (const path of ['/../dashboard.js', '/%2e%2e/dashboard.js', '/package.json', '/shape.d.ts', '/tsconfig.json']) {
      expect((await raw(path)).status, path).toBe(404);
    }
  });

  test('answers GET only', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      expect((await raw('/round.json?of=ready', { method })).status, method).toBe(405);
    }
  });

  test('answers to its own name only, so that no web page can reach it by a name of its own', async () => {
    const { port } = new URL(dashboard.url);
    expect((await raw('/plan.json', { host: `localhost:${port}` })).status).toBe(200);
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1']) {
      expect((await raw('/plan.json', { host })).status, host).toBe(403);
    }
  });

  test('lets no other page read or frame it, and loads nothing from elsewhere', async () => {
    const { headers } = await fetch(dashboard.url);
    expect(headers.get('access-control-allow-origin')).toBe(null);
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self';.*frame-ancestors 'none'$/,
    );
  });

  test('says which port is in use', async () => {
    const port = Number(new URL(dashboard.url).port);
    const again = startDashboard({ plan, prometheusUrl: null, endpointUrl: server.url, report: null, sample, port });
    await expect(again).rejects.toThrow(`Port ${port} is in use. Choose another for the dashboard`);
  });
});

describe('when the endpoint ends', () => {
  test('the page says that it is not ready, and the alert that it is down comes up in plain words', async () => {
    const { page } = await open(dashboard.url);
    await expect.poll(() => page.locator('#ready').textContent(), patient).toBe('Ready');
    await server.child.stop();
    await expect.poll(() => page.locator('#ready').textContent(), patient).toBe('Not ready: it does not answer');
    await expect
      .poll(() => page.locator('[data-alert="EndpointDown"]').textContent(), patient)
      .toMatch(
        /^Firing: digits: The endpoint does not answersince \d\d:\d\d:\d\d \(\d+ (s|min)\), wakes someone.*What to do: See whether the process runs/,
      );
    expect(await page.locator('#alert-state').textContent()).toBe('1 firing');
    await page.screenshot({ path: packageFile('.test-results', 'dashboard-alert.png'), fullPage: true });
    await page.context().close();
  });
});
