/** The dashboard's sections in a real browser, each against what Prometheus' own API and the endpoint say at that moment. */

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReportFile } from '../../../lib/contract/report.js';
import { startDashboard } from '../../../lib/local/dashboard.js';
import { digits, shown } from '../../../lib/local/page/format.js';
import { lastOf } from '../../../lib/local/page/grid.js';
import type { PageLines, PageRound } from '../../../lib/local/page/shape.js';
import { verdicts } from '../../../lib/monitoring/bottleneck.js';
import { HIGH, openPage, startBrowser } from './browser.js';
import { type WatchedDigits, watchDigits } from './watched-digits.js';

const SCOPE = '{job="slipway-digits"}';
const patient = { timeout: 60_000, interval: 300 };
/** Until the rules of drift have compared: once a minute. */
const veryPatient = { timeout: 150_000, interval: 1000 };

const undo: (() => unknown)[] = [];
let browser: Browser;
let digitsUp: WatchedDigits;

beforeAll(async () => {
  browser = await startBrowser();
  undo.push(() => browser.close());
  digitsUp = await watchDigits();
  undo.push(() => digitsUp.stop());
});

afterAll(async () => {
  for (const step of undo.reverse()) await step();
});

/** The one value of a query. */
const valueNow = async (query: string, time?: number): Promise<number> =>
  Number((await digitsUp.ask(query, time))[0]?.value[1]);

const textOf = (page: Page, selector: string): Promise<string | null> => page.locator(selector).textContent();

/** The latest round that told this section. */
function roundsOf(page: Page, id: string): { latest(): PageRound | undefined } {
  let latest: PageRound | undefined;
  page.on('response', (response) => {
    if (!response.url().includes('/round.json')) return;
    response.json().then(
      (round: PageRound) => {
        if (id in round.outcomes) latest = round;
      },
      () => undefined,
    );
  });
  return { latest: () => latest };
}

describe('drift', () => {
  test('with few rows says how many it takes, and shows what the samples were like', async () => {
    await digitsUp.send(40);
    const { page, errors } = await openPage(browser, digitsUp.dashboard);
    expect(await textOf(page, '#drift-title')).toBe('Drift from the samples');
    await expect.poll(() => textOf(page, '#drift-state'), veryPatient).toBe('too few rows to tell');
    const figures = page.locator('#figures > li');
    expect(await figures.count()).toBe(4);
    for (const text of await figures.allTextContents()) expect(text).toMatch(/\d+ rows? of the 500 it takes/);
    expect(errors).toEqual([]);
    await page.context().close();
  });

  test('with one picture over and over is told, with the figures of the rules', async () => {
    await digitsUp.send(700);
    const { page, errors } = await openPage(browser, digitsUp.dashboard);
    await expect.poll(() => textOf(page, '#drift-state'), veryPatient).toBe('4 of 4 have parted');
    const figure = page.locator('[data-figure="output logits class"]');
    const measured = (name: string) =>
      valueNow(`slipway:drift:${name}{job="slipway-digits", side="output", statistic="class"}`);
    await expect
      .poll(async () => (await figure.locator('.distances').textContent()) ?? '', patient)
      .toBe(
        `PSI ${digits(await measured('psi'))}, drift above ${digits(await measured('limit'))}; JS ${digits(await measured('js'))}`,
      );
    const rows = Math.round(await measured('rows')).toLocaleString('en');
    expect(await figure.locator('.help').first().textContent()).toBe(`${rows} rows`);
    expect(await figure.getByRole('img').getAttribute('aria-label')).toMatch(
      /^Most apart: \d, 100 % of what came, [\d.]+ % of the samples$/,
    );

    await figure.getByText('As a table').click();
    const table = figure.getByRole('table', { name: 'Output logits: top class' });
    expect(await table.getByRole('rowheader').allTextContents()).toEqual([
      ...Array.from({ length: 10 }, (_, digit) => `${digit}`),
      'any other',
    ]);
    const reference = await digitsUp.ask(
      'onnx_reference_bin_ratio{job="slipway-digits", side="output", statistic="class", bin="3"}',
    );
    expect(await table.getByRole('row', { name: /^3 / }).getByRole('cell').last().textContent()).toBe(
      shown(Number(reference[0]!.value[1]), 'share'),
    );
    expect(errors).toEqual([]);
    await page.context().close();
  });

  test('of ranges says where each ends', async () => {
    const { page } = await openPage(browser, digitsUp.dashboard);
    const figure = page.locator('[data-figure="input image mean"]');
    await figure.getByText('As a table').click();
    const names = await figure.getByRole('rowheader').allTextContents();
    expect(names).toHaveLength(11);
    expect(names[0]).toMatch(/^up to 0\.\d+$/);
    expect(names[1]).toMatch(/^0\.\d+ to 0\.\d+$/);
    expect(names.slice(-2)).toEqual([expect.stringMatching(/^above 0\.\d+$/), 'no number']);
    await page.context().close();
  });

  test('brings alerts, which say since when and what to do', async () => {
    const { page } = await openPage(browser, digitsUp.dashboard);
    const told = async () => {
      const answer = await fetch(`${digitsUp.prometheus}/api/v1/alerts`);
      const { data } = (await answer.json()) as {
        data: { alerts: { state: string; activeAt: string; annotations: Record<string, string> }[] };
      };
      return data.alerts;
    };
    await expect.poll(async () => (await told()).length, veryPatient).toBe(4);
    const rows = page.locator('#alerts > li');
    await expect.poll(() => rows.count(), patient).toBe(4);
    expect(await textOf(page, '#alert-state')).toMatch(/^4 (pending|firing)$/);
    const texts = await rows.allTextContents();
    for (const { annotations, activeAt } of await told()) {
      const row = texts.find((text) => text.includes(annotations.summary!));
      const clock = new Date(activeAt).toLocaleTimeString('en-GB');
      expect(row).toContain(`since ${clock} (`);
      expect(texts.join()).toContain(`What to do: ${annotations.action}`);
    }
    await page.context().close();
  });
});

describe('what limits the endpoint', () => {
  test('is the strongest verdict of the rules, in its own words', async () => {
    await digitsUp.send(200);
    const { page } = await openPage(browser, digitsUp.dashboard);
    const now = async () => (await digitsUp.ask(`endpoint:bottleneck:strongest${SCOPE}`))[0]?.metric.verdict;
    await expect
      .poll(async () => (await page.locator('#bottleneck-now').getAttribute('data-verdict')) === (await now()), patient)
      .toBe(true);
    const id = await page.locator('#bottleneck-now').getAttribute('data-verdict');
    const verdict = verdicts.find((each) => each.id === id)!;
    expect(await textOf(page, '#bottleneck-now')).toBe(verdict.title);
    expect(await textOf(page, '#bottleneck-meaning')).toBe(verdict.meaning);
    expect(await textOf(page, '#bottleneck-action')).toBe(verdict.action);
    expect(await textOf(page, '#bottleneck-since')).toMatch(/^(since \d\d:\d\d:\d\d|for the last 5 min at least)$/);
    expect(await page.locator('#bottleneck-figures li').count()).toBe(verdict.when.length);
    expect(await textOf(page, '#bottleneck-range')).toContain(verdict.title);
    await page.context().close();
  });
});

describe('budgets', () => {
  test.each(['availability', 'latency'] as const)('%s is what the rules have recorded', async (id) => {
    const { page } = await openPage(browser, digitsUp.dashboard);
    const row = page.locator(`[data-objective="${id}"]`);
    const recorded = () => valueNow(`slipway:${id}:budget_left_30d${SCOPE}`);
    const burning = () => valueNow(`slipway:${id}:bad_share_5m${SCOPE}`);
    // Only what comes between two readings is counted.
    await expect
      .poll(async () => {
        await digitsUp.send(5);
        return Number.isFinite(await recorded()) && Number.isFinite(await burning());
      }, veryPatient)
      .toBe(true);
    await expect
      .poll(async () => (await row.locator('b').textContent()) === shown(await recorded(), 'share'), patient)
      .toBe(true);
    expect(await row.getByRole('meter').getAttribute('aria-label')).toMatch(/^Error budget left: 99/);
    await expect
      .poll(async () => {
        const rate = digits((await burning()) / (id === 'availability' ? 0.001 : 0.01));
        return (await row.locator('.help').textContent())?.includes(`Burns at ${rate}x over 5 min`);
      }, patient)
      .toBe(true);
    await page.context().close();
  });
});

describe('stages', () => {
  test('are those of the server’s histogram, as times and as shares', async () => {
    const { page } = await openPage(browser, digitsUp.dashboard);
    const rounds = roundsOf(page, 'panel:stages');
    for (let i = 0; i < 100; i += 1) {
      await digitsUp.send(10);
      await page.waitForTimeout(150);
    }
    await expect.poll(() => textOf(page, '[data-panel="stages"] .legend'), patient).toMatch(/queue \d.*infer \d/);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.waitForTimeout(1500);
    const { grid, outcomes } = rounds.latest()!;
    const { lines } = (outcomes['panel:stages'] as { readonly ok: PageLines }).ok;
    expect(lines.map(({ title }) => title)).toEqual(['queue', 'preprocess', 'infer', 'postprocess']);

    // A point that no reading is missing from any more.
    const place = lines[0]!.values.length - 6;
    const time = grid.start + place * grid.step;
    for (const { title, values } of lines) {
      const part = (suffix: string): string =>
        `sum(rate(onnx_request_stage_duration_seconds_${suffix}{job="slipway-digits", stage="${title}"}[10s]))`;
      expect(values[place], title).toBeCloseTo(await valueNow(`${part('sum')} / ${part('count')}`, time), 8);
    }

    const panel = page.locator('[data-panel="stages"]');
    const latest = lines.map(({ values }) => lastOf(values));
    const times = lines.map(({ title }, i) => `${title} ${shown(latest[i], 'seconds')}`);
    expect(await panel.locator('.legend li').allTextContents()).toEqual(times);
    await panel.getByRole('button', { name: 'Share' }).click();
    const sum = latest.reduce<number>((total, value) => total + (value ?? 0), 0);
    const shares = lines.map(({ title }, i) => `${title} ${shown((latest[i] ?? 0) / sum, 'share')}`);
    expect(await panel.locator('.legend li').allTextContents()).toEqual(shares);
    expect(await panel.getByRole('img').getAttribute('aria-label')).toMatch(
      /^Where the time goes: queue: [\d.]+ % now, [\d.]+ % to [\d.]+ % over 5 min; preprocess: .*Arrow keys/,
    );
    await page.context().close();
  });
});

describe('the model card', () => {
  test('is the endpoint’s own report', async () => {
    const report = (await (await fetch(`${digitsUp.endpoint}/report`)).json()) as ReportFile;
    const { page } = await openPage(browser, digitsUp.dashboard);
    await expect.poll(() => textOf(page, '#card'), patient).toContain(report.winner.sha256);
    const facts = Object.fromEntries(
      await page
        .locator('#card dl > div')
        .evaluateAll((found) => found.map((each) => [...each.children].map(({ textContent }) => textContent))),
    ) as Record<string, string>;
    const { winner, canaries, host, session, reference } = report;
    expect(facts.Form).toBe(`${winner.name} ${winner.precision}`);
    expect(facts.Inputs).toBe('image float32, batch × 1 × 8 × 8');
    expect(facts.Outputs).toBe('logits float32, batch × 10');
    expect(facts['Speed-up']).toContain(`${digits(winner.speedup!)}x over fp32`);
    expect(facts.Agreement).toBe(`${shown(winner.agreement, 'share')} with fp32`);
    expect(facts.Accuracy).toBe(`${shown(winner.accuracy, 'share')} fp32 has ${shown(reference.accuracy, 'share')}`);
    const canary = await valueNow(`onnx_canary_sqnr_decibels${SCOPE}`);
    expect(facts.Canaries).toBe(
      `${canaries.count} known answers replayed at start, ${shown(canary, 'decibels')}; at least ${shown(canaries.minSqnrDb, 'decibels')}`,
    );
    expect(facts.Provider).toContain(session.provider);
    expect(facts['Optimized on']).toContain(host.cpu);
    expect(await textOf(page, '#verdict')).toBe(report.verdict);
    await page.context().close();
  });
});

describe('cost', () => {
  test('is none here', async () => {
    const { page } = await openPage(browser, digitsUp.dashboard);
    await expect.poll(() => textOf(page, '[data-tile="cost"]'), patient).toBe('Costnoneon this machine');
    await page.context().close();
  });

  test('where there is a price, is told by the hour and by the request', async () => {
    const { plan, prometheus, endpoint, sample } = digitsUp;
    const priced = await startDashboard({
      ...{ plan: plan.monitoring, prometheusUrl: prometheus, endpointUrl: endpoint, report: null, sample },
      usdPerHour: 0.53,
    });
    const load = digitsUp.send(1500);
    const { page } = await openPage(browser, priced.url);
    const rounds = roundsOf(page, 'tiles');
    await expect
      .poll(() => textOf(page, '[data-tile="cost"]'), patient)
      .toMatch(/^Cost\$0\.53 an hour\$[\d.]+ a million requests$/);
    await expect.poll(() => rounds.latest() !== undefined, patient).toBe(true);
    const { values, cost } = (
      rounds.latest()!.outcomes.tiles as {
        ok: { values: Record<string, number>; cost: { usdPerHour: number; usdPerMillion: number } };
      }
    ).ok;
    expect(cost.usdPerMillion / ((0.53 * 1e6) / (values.throughput! * 3600))).toBeCloseTo(1, 1);
    await load;
    await page.context().close();
    await priced.close();
  });
});

describe('what is read', () => {
  test('is one round for what is in sight, and what comes into sight follows', async () => {
    const { page, asked } = await openPage(browser, digitsUp.dashboard, { viewport: { width: 1280, height: 700 } });
    const sections = () =>
      asked.filter((url) => url.includes('/round.json')).map((url) => new URL(url).searchParams.get('of')!.split(','));
    await expect.poll(() => sections().length, patient).toBeGreaterThan(0);
    expect(sections()[0]).toEqual(expect.arrayContaining(['ready', 'tiles', 'verdict', 'alerts', 'model']));
    expect(sections()[0]).not.toContain('drift');
    await page.locator('#drift').scrollIntoViewIfNeeded();
    await expect.poll(() => sections().flat().includes('drift'), patient).toBe(true);
    await page.context().close();
  });

  test('over a day has about 300 points, and is not read again before there is a new one', async () => {
    const { page, asked } = await openPage(browser, digitsUp.dashboard);
    const rounds = roundsOf(page, 'panel:latency');
    await expect.poll(() => textOf(page, '[data-tile="throughput"] dd'), patient).toMatch(/\d/);
    await page.getByRole('button', { name: '24 h', exact: true }).click();
    await expect.poll(() => rounds.latest()?.grid.step, patient).toBe(300);
    const { grid } = rounds.latest()!;
    expect([grid.end - grid.start, grid.step]).toEqual([86_400, 300]);
    const before = asked.length;
    await expect.poll(() => asked.length, { timeout: 60_000, interval: 500 }).toBeGreaterThan(before);
    const last = new URL(asked.at(-1)!).searchParams.get('of')!;
    const pointsSince = Math.floor(Date.now() / 300_000) * 300 > grid.end;
    expect(last.includes('panel:')).toBe(pointsSince);
    await page.context().close();
  });

  test('is nothing while the tab is hidden', async () => {
    const { page, asked } = await openPage(browser, digitsUp.dashboard, { viewport: { width: 1280, height: HIGH } });
    await expect.poll(() => textOf(page, '[data-tile="throughput"] dd'), patient).toMatch(/\d/);
    const hide = (hidden: boolean): Promise<void> =>
      page.evaluate(
        `Object.defineProperty(document, 'hidden', { configurable: true, value: ${hidden} });
        document.dispatchEvent(new Event('visibilitychange'));`,
      );
    await hide(true);
    await page.waitForTimeout(1000);
    const before = asked.length;
    await page.waitForTimeout(7000);
    expect(asked.length).toBe(before);
    await hide(false);
    await expect.poll(() => asked.length, patient).toBeGreaterThan(before);
    await page.context().close();
  });
});
