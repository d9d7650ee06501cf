/** Reports in a real browser: the page of a real optimization and of every kind of report, TensorBoard, and the notebook. */

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReportFile } from '../../../lib/contract/report.js';
import { pythonEnvironment } from '../../../lib/local/python.js';
import { packageFile } from '../../../lib/package-root.js';
import { type Run, run, slipway } from '../local/slipway.js';
import { type Opened, openPage } from './browser.js';

const CHROMIUM = process.env.SLIPWAY_CHROMIUM ?? '/usr/bin/chromium';
const digits = packageFile('examples', 'models', 'digits');

/** Writes a folder of views for each kind of report that the Python tests know. */
const DRAW_CASES = `
import sys
from pathlib import Path
from optimizer.tests.reports import build, cases
from optimizer.views import write_views
for name, report in cases().items():
    folder = Path(sys.argv[1]) / name
    folder.mkdir()
    write_views(report, build(), folder)
`;
const cases = [
  ...['searched', 'no-candidates', 'no-samples', 'all-refused', 'all-failed', 'repaired', 'replayed'],
  ...['speed-not-judged', 'own-metric', 'many', 'odd-figures', 'hostile'],
];

const undo: (() => unknown)[] = [];
let folder: string;
let build: string;
let report: ReportFile;
let browser: Browser;

beforeAll(async () => {
  if (!existsSync(CHROMIUM)) {
    throw new Error(
      `There is no ${CHROMIUM}. Install it (Debian: apt-get install chromium) or name one with SLIPWAY_CHROMIUM`,
    );
  }
  execFileSync(process.execPath, [packageFile('scripts', 'build.mjs')], { stdio: 'inherit' });
  mkdirSync(packageFile('.test-results'), { recursive: true });
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'slipway-report-')));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));

  build = join(folder, 'digits');
  const optimized = slipway([
    ...['optimize', join(digits, 'digits.onnx'), '--data', join(digits, 'samples.npz')],
    ...['--labels', join(digits, 'labels.npy'), '--no-lock', '--out', build],
  ]);
  expect(await optimized.ended, optimized.stderr()).toBe(0);
  report = JSON.parse(readFileSync(join(build, 'report.json'), 'utf8')) as ReportFile;

  const { python, env } = await pythonEnvironment('dev');
  mkdirSync(join(folder, 'cases'));
  execFileSync(python, ['-c', DRAW_CASES, join(folder, 'cases')], { env, stdio: 'inherit' });

  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  browser = await chromium.launch({ executablePath: CHROMIUM, args: asRoot });
  undo.push(() => browser.close());
});

afterAll(async () => {
  for (const step of undo.reverse()) await step();
});

/** Ends with the suite, should its test not come to end it. */
function lasting(started: Run): Run {
  undo.push(() => started.process.kill('SIGTERM'));
  return started;
}

const open = (url: string, width = 1280, colorScheme: 'light' | 'dark' = 'light'): Promise<Opened> =>
  openPage(browser, url, { viewport: { width, height: 900 }, colorScheme });

const fileUrl = (path: string) => `file://${path}`;

/** For each chart, how many marks of it have a size; runs in the page. */
const MARKS = `Object.fromEntries([...document.querySelectorAll('figure[id^="chart-"]')].map((figure) => {
  const marks = figure.querySelectorAll('.bar, .dot, .cross line, .histogram rect, .curve-dot');
  const drawn = [...marks].filter((mark) => {
    const { width, height } = mark.getBoundingClientRect();
    return width > 0 && height > 0;
  });
  return [figure.id.slice('chart-'.length), drawn.length];
}))`;

/** Pairs of texts in one plot that lie upon each other, with the points' numbers upon points; runs in the page. */
const OVERLAPS = `[...document.querySelectorAll('svg.area')].flatMap((area) => {
  const texts = [...area.querySelectorAll('text.number, text.said')];
  const boxes = texts.map((text) => [text.textContent, text.getBoundingClientRect()]);
  const upon = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
  return boxes.flatMap(([name, box], index) =>
    boxes.slice(index + 1).filter(([, other]) => upon(box, other)).map(([other]) => name + ' on ' + other));
})`;

/** Elements that reach out of the page and cannot be scrolled to; runs in the page. */
const OUTSIDE = `[...document.querySelectorAll('main *, header *')].filter((element) => {
  const { left, right, width } = element.getBoundingClientRect();
  const hidden = element.closest('.scroll, thead, title, details:not([open])');
  return width > 0 && !hidden && (left < -1 || right > innerWidth + 1);
}).map((element) => element.tagName + '.' + element.className + ': ' + element.textContent.slice(0, 40))`;

async function expectWhole({ page, errors, asked }: Opened, width: number): Promise<Record<string, number>> {
  expect(errors).toEqual([]);
  expect(asked).toHaveLength(1);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
  expect(await page.evaluate(OUTSIDE)).toEqual([]);
  expect(await page.evaluate(OVERLAPS)).toEqual([]);
  for (const summary of await page.locator('summary').all()) await summary.click();
  const marks = await page.evaluate<Record<string, number>>(MARKS);
  for (const [chart, count] of Object.entries(marks)) expect(count, chart).toBeGreaterThan(0);
  return marks;
}

const views = [
  [1280, 'light'],
  [1280, 'dark'],
  [360, 'light'],
  [360, 'dark'],
] as const;

describe('the page of a real optimization', () => {
  test.each(views)('shows the verdict and every plot at %i pixels, %s', async (width, scheme) => {
    const opened = await open(fileUrl(join(build, 'report.html')), width, scheme);
    const { page } = opened;
    expect(await page.locator('#verdict').textContent()).toBe(report.verdict);
    const marks = await expectWhole(opened, width);
    const measured = report.candidates.filter((candidate) => candidate.speedup !== null).length;
    const sized = report.candidates.filter((candidate) => candidate.bytes !== null).length;
    expect(marks).toMatchObject({ latency: measured + 1, size: sized + 1, convergence: report.convergence.length });
    expect(marks.sqnr).toBeGreaterThanOrEqual(measured);
    expect(marks.agreement).toBeGreaterThanOrEqual(measured);
    expect(Object.keys(marks).filter((name) => name.startsWith('weight-'))).toHaveLength(report.tensors.length);
    await page.screenshot({ path: packageFile('.test-results', `report-${width}-${scheme}.png`), fullPage: true });
    await page.context().close();
  });

  test('has a row for fp32 and for each candidate, with its figures and its reasons', async () => {
    const { page } = await open(fileUrl(join(build, 'report.html')));
    const rows = page.getByRole('table', { name: 'What was tried' }).getByRole('row');
    expect(await rows.count()).toBe(report.candidates.length + 2);
    expect(await rows.nth(1).textContent()).toContain('fp32reference1x');
    for (const [index, candidate] of report.candidates.entries()) {
      const text = await rows.nth(index + 2).textContent();
      expect(text).toContain(`${index + 1} ${candidate.name}`);
      expect(text).toContain(candidate.name === report.winner.name ? 'served' : candidate.status);
      for (const reason of candidate.reasons) expect(text).toContain(reason);
    }
    await page.context().close();
  });

  test('is read without a mouse: what is folded opens by keyboard', async () => {
    const { page } = await open(fileUrl(join(build, 'report.html')));
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.tagName')).toBe('SUMMARY');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.parentElement.open')).toBe(true);
    await page.context().close();
  });
});

describe('the page of every kind of report', () => {
  test('there is a page for each', () => {
    expect(readdirSync(join(folder, 'cases')).sort()).toEqual([...cases].sort());
  });

  test.each(cases)('%s is whole on a phone and on a screen', async (name) => {
    for (const [width, scheme] of [views[0], views[3]]) {
      const opened = await open(fileUrl(join(folder, 'cases', name, 'report.html')), width, scheme);
      await expectWhole(opened, width);
      await opened.page.context().close();
    }
  });

  test('names cannot become markup', async () => {
    const { page } = await open(fileUrl(join(folder, 'cases', 'hostile', 'report.html')));
    expect(await page.locator('#verdict').textContent()).toContain('<script>alert(1)</script>|`x` **b**');
    expect(await page.locator('script, b:not(.key b)').count()).toBe(0);
    await page.context().close();
  });
});

describe('slipway report', () => {
  /** A folder with an opener that notes what it was asked to open. */
  function opener(): { readonly path: string; readonly opened: () => string } {
    const path = mkdtempSync(join(folder, 'bin-'));
    const note = join(path, 'opened');
    writeFileSync(join(path, 'xdg-open'), `#!/bin/sh\nprintf '%s' "$1" > '${note}'\n`);
    chmodSync(join(path, 'xdg-open'), 0o755);
    return { path, opened: () => readFileSync(note, 'utf8') };
  }

  test('--open opens the folder’s page and prints where it is', async () => {
    const { path, opened } = opener();
    const shown = slipway(['report', build, '--open'], { PATH: `${path}${delimiter}${process.env.PATH}` });
    expect(await shown.ended, shown.stderr()).toBe(0);
    expect(shown.stdout()).toBe(`${join(build, 'report.html')}\n`);
    expect(opened()).toBe(join(build, 'report.html'));
  });

  test('--open without anything to open it with prints the page and says so', async () => {
    const shown = run(process.execPath, [packageFile('dist', 'bin', 'slipway.js'), 'report', build, '--open'], {
      PATH: mkdtempSync(join(folder, 'empty-')),
    });
    expect(await shown.ended).toBe(1);
    expect(shown.stdout()).toBe(`${join(build, 'report.html')}\n`);
    expect(shown.stderr()).toContain('No browser could be opened: there is no xdg-open here.');
  });

  test('of a running endpoint shows the same page', async () => {
    const server = lasting(slipway(['serve', build, '--port', '0', '--json']));
    const { endpoint } = await server.ready();
    const { path, opened } = opener();
    const cache = join(folder, 'cache');
    mkdirSync(cache);
    // The environments stay where they are, what is drawn does not go beside them.
    const { python } = await pythonEnvironment('report');
    const environment = {
      PATH: `${path}${delimiter}${process.env.PATH}`,
      SLIPWAY_CACHE: cache,
      SLIPWAY_PYTHON: python,
    };
    const shown = slipway(['report', endpoint, '--open'], environment);
    expect(await shown.ended, shown.stderr()).toBe(0);
    const drawn = shown.stdout().trim();
    expect(opened()).toBe(drawn);
    expect(drawn.startsWith(cache)).toBe(true);
    const view = await open(fileUrl(drawn), 360);
    expect(await view.page.locator('#verdict').textContent()).toBe(report.verdict);
    await expectWhole(view, 360);
    await view.page.context().close();

    const missing = await fetch(`${endpoint}/report`, { method: 'POST' });
    expect(missing.status).toBe(405);
    server.process.kill('SIGTERM');
    await server.ended;
    const gone = slipway(['report', endpoint]);
    expect(await gone.ended).toBe(1);
    expect(gone.stderr()).toContain(`'${endpoint}/report' cannot be reached: ECONNREFUSED. Is the endpoint running?`);
  });

  test('of an endpoint with a bare model says that there is none', async () => {
    const server = lasting(slipway(['serve', join(digits, 'digits.onnx'), '--port', '0', '--json']));
    const { endpoint } = await server.ready();
    const shown = slipway(['report', endpoint]);
    expect(await shown.ended).toBe(1);
    expect(shown.stderr()).toContain('answers with status 404: this model has no report');
    server.process.kill('SIGTERM');
    await server.ended;
  });

  test('--html writes one file, --markdown prints what lies in the folder', async () => {
    const file = join(folder, 'elsewhere.html');
    const html = slipway(['report', build, '--html', file]);
    expect(await html.ended, html.stderr()).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(readFileSync(join(build, 'report.html'), 'utf8'));
    const markdown = slipway(['report', build, '--markdown']);
    expect(await markdown.ended, markdown.stderr()).toBe(0);
    expect(markdown.stdout()).toBe(readFileSync(join(build, 'report.md'), 'utf8'));
    const nowhere = slipway(['report', build, '--html', join(folder, 'no', 'such', 'folder.html')]);
    expect(await nowhere.ended).toBe(1);
    expect(nowhere.stderr()).toContain('cannot be written: the folder that should hold it does not exist');
    const directory = slipway(['report', build, '--html', build]);
    expect(await directory.ended).toBe(1);
    expect(directory.stderr()).toContain('is a folder. Name a file');
    expect(existsSync(join(build, 'report.json'))).toBe(true);
  });
});

describe('slipway report --notebook', () => {
  test('writes an executed notebook beside the report, and leaves nothing else', async () => {
    const before = readdirSync(build).sort();
    const made = slipway(['report', build, '--notebook'], { HOME: mkdtempSync(join(folder, 'home-')), ...cacheHere() });
    expect(await made.ended, made.stderr()).toBe(0);
    expect(made.stdout()).toBe(`${join(build, 'report.ipynb')}\n`);
    expect(readdirSync(build).sort()).toEqual([...before, 'report.ipynb'].sort());
    const home = readdirSync(folder).find((name) => name.startsWith('home-'))!;
    expect(readdirSync(join(folder, home))).toEqual([]);
    expect(await made.leftAfterAll()).toEqual([]);

    const { cells } = JSON.parse(readFileSync(join(build, 'report.ipynb'), 'utf8')) as {
      cells: { cell_type: string; execution_count: number; outputs: { output_type: string; data?: object }[] }[];
    };
    const code = cells.filter((cell) => cell.cell_type === 'code');
    expect(code.map((cell) => cell.execution_count)).toEqual(code.map((_, index) => index + 1));
    for (const cell of code) {
      expect(cell.outputs.length).toBeGreaterThan(0);
      for (const output of cell.outputs) expect(output.output_type).not.toBe('error');
    }
    const shown = code.flatMap((cell) => cell.outputs.flatMap((output) => Object.keys(output.data ?? {})));
    expect(shown.filter((kind) => kind === 'image/png').length).toBeGreaterThanOrEqual(5);
    expect(shown.filter((kind) => kind === 'text/html').length).toBeGreaterThanOrEqual(3);
  });
});

/** The cache as it is, wherever HOME points. */
const cacheHere = () => ({ SLIPWAY_CACHE: process.env.SLIPWAY_CACHE ?? join(process.env.HOME!, '.cache', 'slipway') });

describe('slipway report --tensorboard', () => {
  test('shows our runs in the dashboards of scalars and of hyperparameters, until Ctrl-C', async () => {
    const board = lasting(slipway(['report', build, '--tensorboard', '--port', '0']));
    await board.saw('Ctrl-C stops it.');
    const url = board.stdout().trim();
    expect(url).toMatch(/^http:\/\/(127\.0\.0\.1|localhost):\d+\/$/);

    const patient = { timeout: 60_000 };
    const { page } = await open(`${url}#scalars`, 1600);
    for (const tag of ['accuracy/value', 'calibration/range_width']) {
      await page.getByText(`tag: ${tag}`).first().waitFor(patient);
    }
    await page.getByText(`candidates/${report.winner.name}`).first().waitFor(patient);
    await page.goto(`${url}#hparams`);
    await page.reload();
    for (const { name } of report.candidates) await page.getByText(`candidates/${name}`).first().waitFor(patient);
    for (const name of ['calibration', 'reduceRange', 'accuracy/value', 'cost/bytes']) {
      await page.getByText(name, { exact: true }).first().waitFor(patient);
    }
    await page.screenshot({ path: packageFile('.test-results', 'report-tensorboard-hparams.png') });
    await page.context().close();

    const tags = (await (await fetch(`${url}data/plugin/scalars/tags`)).json()) as Record<string, object>;
    const names = [...report.candidates.map(({ name }) => `candidates/${name}`), 'candidates/fp32', 'summary'];
    expect(Object.keys(tags).filter((name) => name !== '.')).toEqual(expect.arrayContaining(names));
    expect(Object.keys(tags[`candidates/${report.winner.name}`]!)).toEqual(
      expect.arrayContaining(['latency/speedup', 'likeness/sqnr_db', 'accuracy/value']),
    );
    const graphs = (await (await fetch(`${url}data/plugin/graphs/info`)).json()) as Record<string, object>;
    expect(Object.keys(graphs).sort()).toEqual(['models/fp32', 'models/served']);

    board.process.kill('SIGINT');
    expect(await board.ended).toBe(130);
    expect(await board.leftAfterAll()).toEqual([]);
  });

  test('a taken port is said', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const board = slipway(['report', build, '--tensorboard', '--port', String(port)]);
    expect(await board.ended).toBe(1);
    expect(board.stderr()).toContain(`Port ${port} is in use. Choose another with --port, or --port 0`);
    taken.close();
  });

  test('interrupted while it starts, it leaves nothing', async () => {
    const board = slipway(['report', build, '--tensorboard', '--port', '0']);
    await board.saw('Starting TensorBoard');
    await sleep(300);
    board.process.kill('SIGTERM');
    expect(await board.ended).toBe(143);
    expect(await board.leftAfterAll()).toEqual([]);
  });
});
