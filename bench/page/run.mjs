// What the local page costs with a day of readings: how soon it paints, and how much of a processor it takes. A real endpoint, Prometheus and Chromium.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { build } from '../../scripts/build.mjs';
import { root } from '../../scripts/python.mjs';
import { median } from '../median.mjs';
import { writeResult } from '../result.mjs';
import { fillDay } from './history.mjs';

await build();

const require = createRequire(import.meta.url);
const dist = (...path) => require(join(root, 'dist', 'lib', ...path));
const { local, Model, planEndpoint, runLocally } = dist('index.js');
const { cacheDir } = dist('local', 'cache.js');
const { startDashboard } = dist('local', 'dashboard.js');
const { findPrometheus } = dist('local', 'prometheus.js');
const { prometheusConfig, prometheusRules } = dist('monitoring', 'prometheus-rules.js');

const CHROMIUM = process.env.SLIPWAY_CHROMIUM ?? '/usr/bin/chromium';
const LOADS = 9;
const WATCHED_SECONDS = 60;
/** Of the sparsest chart, least; it has 289 when each reading is there. */
const DAY_POINTS = 280;
/** Of the made-up day; as many as 20 a second, on average. */
const REQUESTS_A_DAY = 20 * 86_400;
/** Before the reading that the day is made from. */
const FIRST_REQUESTS = 600;

const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-page-'));
const undo = [() => rmSync(folder, { recursive: true, force: true })];

const model = (name) => join(root, 'examples', 'models', 'digits', name);
const plan = planEndpoint(
  {
    model: Model.fromOnnx(model('digits.onnx'), { calibration: model('samples.npz'), labels: model('labels.npy') }),
    monitoring: { slo: { p99Ms: 50 } },
  },
  local(),
);

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A Prometheus with a day of readings, that goes on reading. */
async function prometheusWithDay(endpoint) {
  const { prometheus, promtool, missing } = await findPrometheus(cacheDir());
  if (missing) throw new Error(missing);
  const data = join(folder, 'data');
  mkdirSync(data);
  const target = new URL(endpoint).host;
  const metrics = await (await fetch(`${endpoint}/metrics`)).text();
  const samples = fillDay({
    ...{ promtool, folder: data, metrics },
    job: `slipway-${plan.name}`,
    instance: target,
    end: Math.floor(Date.now() / 1000),
    everySeconds: plan.monitoring.scrapeSeconds,
    times: REQUESTS_A_DAY / FIRST_REQUESTS,
  });
  writeFileSync(join(folder, 'rules.yml'), prometheusRules(plan.monitoring));
  writeFileSync(join(folder, 'prometheus.yml'), prometheusConfig(plan.monitoring, { target, rulesFile: 'rules.yml' }));
  const port = await freePort();
  const child = spawn(
    prometheus,
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${data}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--storage.tsdb.retention.time=3d',
      '--log.level=warn',
    ],
    { stdio: ['ignore', 'ignore', 2], env: { ...process.env, GOMAXPROCS: '1' } },
  );
  const ended = new Promise((resolve) => child.once('exit', resolve));
  undo.push(async () => {
    child.kill();
    await ended;
  });
  const url = `http://127.0.0.1:${port}`;
  while (!(await fetch(`${url}/-/ready`).catch(() => undefined))?.ok) {
    if (child.exitCode !== null) throw new Error('Prometheus has ended');
    await sleep(100);
  }
  return { url, samples };
}

const ms = (value) => `${Math.round(value)} ms`;
const percent = (share) => `${(100 * share).toFixed(2)} %`;

/** From the address to the first paint, and to the first figures. */
async function loads(browser, url) {
  const found = [];
  for (let i = 0; i < LOADS + 1; i += 1) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    const page = await context.newPage();
    await page.goto(url);
    await page.waitForFunction(() =>
      /\d/.test(document.querySelector('[data-tile="throughput"] dd')?.textContent ?? ''),
    );
    found.push(
      await page.evaluate(`({
        painted: performance.getEntriesByName('first-contentful-paint')[0].startTime,
        figures: performance.now(),
      })`),
    );
    await context.close();
  }
  return found.slice(1);
}

/** Processor seconds of the browser's processes so far, by kind. */
async function spent(session) {
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const sum = (some) => some.reduce((total, { cpuTime }) => total + cpuTime, 0);
  return { renderer: sum(processInfo.filter(({ type }) => type === 'renderer')), all: sum(processInfo) };
}

/** What a page costs for a minute, as shares of a processor. */
async function watch({ url, height, range, points = 1, hidden = false }) {
  // A browser of its own, so that its one renderer is this page's.
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: process.getuid() === 0 ? ['--no-sandbox'] : [],
  });
  try {
    const context = await browser.newContext({ viewport: { width: 1280, height } });
    const page = await context.newPage();
    let rounds = 0;
    page.on('request', (request) => {
      rounds += request.url().includes('/round.json') ? 1 : 0;
    });
    await page.goto(url);
    const started = performance.now();
    await page.getByRole('button', { name: range, exact: true }).click();
    const drawn = (least) =>
      [...document.querySelectorAll('[data-panel]')]
        .filter((each) => each.getBoundingClientRect().top < window.innerHeight)
        .every((each) => each.dataset.state === 'ok' && Number(each.dataset.points) >= least);
    await page.waitForFunction(drawn, points, { timeout: 120_000 });
    const drawnMs = performance.now() - started;
    if (hidden) {
      await page.evaluate(`Object.defineProperty(document, 'hidden', { value: true });
        document.dispatchEvent(new Event('visibilitychange'))`);
    }
    await sleep(3000);
    const [session, whole] = [await context.newCDPSession(page), await browser.newBrowserCDPSession()];
    await session.send('Performance.enable');
    const tasks = async () =>
      (await session.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration').value;
    const [tasksBefore, before, since] = [await tasks(), await spent(whole), performance.now()];
    rounds = 0;
    await sleep(WATCHED_SECONDS * 1000);
    const seconds = (performance.now() - since) / 1000;
    const [tasksAfter, after] = [await tasks(), await spent(whole)];
    return {
      rounds,
      drawnMs,
      tasks: (tasksAfter - tasksBefore) / seconds,
      renderer: (after.renderer - before.renderer) / seconds,
      browser: (after.all - before.all) / seconds,
    };
  } finally {
    await browser.close();
  }
}

try {
  const running = await runLocally(plan, { port: 0, monitoring: false });
  undo.push(() => running.stop());
  const body = JSON.stringify(running.sample.body);
  const call = async () => (await fetch(running.infer, { method: 'POST', body })).arrayBuffer();
  for (let i = 0; i < FIRST_REQUESTS; i += 1) await call();
  process.stderr.write('Making a day of readings …\n');
  const { url: prometheusUrl, samples } = await prometheusWithDay(running.endpoint);
  process.stderr.write(`${samples} samples\n`);
  const caller = setInterval(() => void call().catch(() => undefined), 50);
  undo.push(() => clearInterval(caller));
  const dashboard = await startDashboard({
    ...{ plan: plan.monitoring, prometheusUrl, endpointUrl: running.endpoint },
    ...{ report: running.report, sample: running.sample.body },
  });
  undo.push(() => dashboard.close());
  // Until the rules have recorded, and Prometheus has settled.
  await sleep(70_000);

  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: process.getuid() === 0 ? ['--no-sandbox'] : [],
  });
  const loaded = await loads(browser, dashboard.url);
  await browser.close();
  const { url } = dashboard;
  const [top, whole] = [900, 4600];
  const cases = [
    ['the last 5 minutes, a window of 1280 x 900', { url, height: top, range: '5 min' }],
    ['the last 5 minutes, everything in sight', { url, height: whole, range: '5 min' }],
    ['24 hours, everything in sight', { url, height: whole, range: '24 h', points: DAY_POINTS }],
    ['the same, the tab hidden', { url, height: whole, range: '24 h', points: DAY_POINTS, hidden: true }],
  ];
  const costs = [];
  for (const [what, options] of cases) costs.push({ what, ...(await watch(options)) });
  const times = [
    ['First paint', ms(median(loaded.map(({ painted }) => painted))), '< 1 s'],
    ['First figures', ms(median(loaded.map(({ figures }) => figures))), ''],
    ['From a press on "24 h" to all charts drawn', ms(costs[2].drawnMs), ''],
  ];
  const rows = [
    ...times.map(([what, found, goal]) => ({ what, found, goal, tasks: '', browser: '', rounds: '' })),
    ...costs.map(({ what, tasks, renderer, browser, rounds }) => ({
      what: `Processor, ${what}`,
      found: percent(renderer),
      goal: '< 5 %',
      tasks: percent(tasks),
      browser: percent(browser),
      rounds,
    })),
  ];
  const head = `The page of the digits example in a real Chromium without a display, which paints by software, over a real Prometheus with 24 hours of readings, one each ${plan.monitoring.scrapeSeconds} s, ${samples.toLocaleString('en')} samples; 20 requests a second meanwhile.`;
  const how = `First paint is the browser's own first contentful paint, medians of ${LOADS} loads. Processor: what the page's renderer process used of one processor in ${WATCHED_SECONDS} s; beside it what its tasks took by the clock (\`TaskDuration\`), what all processes of the browser used, and how often the page asked.`;
  writeResult('page', {
    title: 'What the local page costs',
    command: 'npm run bench page',
    note: `${head} ${how}`,
    rows,
    columns: ['what', 'found', 'goal', 'tasks of the page', 'whole browser', 'rounds'],
    cells: ({ what, found, goal, tasks, browser, rounds }) => [what, found, goal, tasks, browser, `${rounds}`],
  });
} finally {
  for (const step of undo.reverse()) await step();
}
