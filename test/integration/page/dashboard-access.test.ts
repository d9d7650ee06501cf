/** The dashboard for everybody: by keyboard, by screen reader, on a narrow screen, without motion. */

import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPage, startBrowser } from './browser.js';
import { type WatchedDigits, watchDigits } from './watched-digits.js';

const patient = { timeout: 60_000, interval: 300 };
const undo: (() => unknown)[] = [];
let browser: Browser;
let digitsUp: WatchedDigits;

beforeAll(async () => {
  browser = await startBrowser();
  undo.push(() => browser.close());
  // So many that no alert comes up in the middle.
  digitsUp = await watchDigits(1_000_000);
  undo.push(() => digitsUp.stop());
  let on = true;
  const load = (async () => {
    while (on) {
      await digitsUp.send(1);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  undo.push(async () => {
    on = false;
    await load;
  });
});

afterAll(async () => {
  for (const step of undo.reverse()) await step();
});

const textOf = (page: Page, selector: string): Promise<string | null> => page.locator(selector).textContent();

/** Waits until every section has been told; opens what can be opened. */
async function whole(page: Page): Promise<void> {
  await expect
    .poll(() => page.locator('[data-panel]').evaluateAll((all) => all.map(({ dataset }) => dataset.state)), patient)
    .toEqual(digitsUp.plan.monitoring.dashboard.panels.map(() => 'ok'));
  await expect.poll(() => page.locator('#figures > li').count(), patient).toBe(4);
  await page.getByText('What is watched').click();
  for (const table of await page.getByText('As a table').all()) await table.click();
}

/** Of the element that has the focus: what it is called, and whether its focus is seen; runs in the page. */
const FOCUSED = `(() => {
  const element = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const name = element.getAttribute('aria-label')?.split(':')[0] ?? element.textContent.trim();
  return { name: element === document.body ? null : name, seen: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 };
})()`;

describe('by keyboard', () => {
  test('everything that can be used is reached in the order of the page, and its focus is seen', async () => {
    const { page } = await openPage(browser, digitsUp.dashboard);
    await expect.poll(() => page.locator('#figures > li').count(), patient).toBe(4);
    // A click would be where the keys go on from.
    await page.keyboard.press('Alt+p');
    const reached: string[] = [];
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press('Tab');
      const { name, seen } = await page.evaluate<{ name: string | null; seen: boolean }>(FOCUSED);
      if (name === null) break;
      expect(seen, name).toBe(true);
      reached.push(name);
    }
    const charts = digitsUp.plan.monitoring.dashboard.panels.flatMap(({ title, form }) =>
      form === 'stacked' ? ['Time', 'Share', title] : [title],
    );
    expect(reached).toEqual([
      ...['Use dark colours', digitsUp.endpoint, '5 min', '15 min', '1 h', '6 h', '24 h', 'Resume'],
      ...['What is watched', ...charts, ...Array(4).fill('As a table'), 'Copy'],
    ]);
    await page.context().close();
  });

  test('Alt and P pauses, says since when, and goes on', async () => {
    const { page, asked } = await openPage(browser, digitsUp.dashboard);
    await expect.poll(() => textOf(page, '[data-tile="throughput"] dd'), patient).toMatch(/\d/);
    await page.keyboard.press('Alt+p');
    expect(await textOf(page, '#paused')).toMatch(/^Paused at \d\d:\d\d:\d\d$/);
    expect(await page.getByRole('button', { name: 'Resume' }).getAttribute('aria-pressed')).toBe('true');
    await page.waitForTimeout(1500);
    const before = asked.length;
    await page.waitForTimeout(7000);
    expect(asked.length).toBe(before);
    await page.keyboard.press('Alt+p');
    await expect.poll(() => asked.length, patient).toBeGreaterThan(before);
    expect(await textOf(page, '#paused')).toBe('');
    await page.context().close();
  });

  test('a pause has read what is out of sight too, and reads nothing when it is scrolled to', async () => {
    const { page, asked } = await openPage(browser, digitsUp.dashboard, { viewport: { width: 1280, height: 700 } });
    await expect.poll(() => textOf(page, '[data-tile="throughput"] dd'), patient).toMatch(/\d/);
    await page.keyboard.press('Alt+p');
    await page.waitForTimeout(1500);
    const before = asked.length;
    await page.locator('#drift').scrollIntoViewIfNeeded();
    expect(await page.locator('#figures > li').count()).toBe(4);
    await page.waitForTimeout(1500);
    expect(asked.length).toBe(before);
    await page.context().close();
  });

  test('a chart is read point by point, and the point is told', async () => {
    const { page } = await openPage(browser, digitsUp.dashboard);
    await expect.poll(() => page.locator('[data-panel="latency"]').getAttribute('data-state'), patient).toBe('ok');
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.waitForTimeout(1500);
    const chart = page.locator('[data-panel="latency"]');
    await chart.getByRole('img').focus();
    const told = () => chart.getByRole('status').textContent();
    const clocks: string[] = [];
    for (const key of ['ArrowLeft', 'ArrowLeft', 'ArrowRight', 'Home', 'End']) {
      await page.keyboard.press(key);
      expect(await told(), key).toMatch(/^\d\d:\d\d:\d\d: p50 .+, p95 .+, p99 .+$/);
      clocks.push((await told())!.slice(0, 8));
    }
    const [last, before, again, first, end] = clocks;
    expect([again, end]).toEqual([last, last]);
    expect(before! < last!).toBe(true);
    expect(first! < before!).toBe(true);
    expect(await chart.locator('.legend').textContent()).toContain(last);
    await page.keyboard.press('Escape');
    expect(await told()).toBe('');
    await page.context().close();
  });
});

describe('by screen reader', () => {
  test.each([
    { width: 1280, colorScheme: 'light' },
    { width: 1280, colorScheme: 'dark' },
    { width: 360, colorScheme: 'light' },
    { width: 360, colorScheme: 'dark' },
  ] as const)('axe finds nothing at $width pixels, $colorScheme', async ({ width, colorScheme }) => {
    const { page, errors } = await openPage(browser, digitsUp.dashboard, {
      viewport: { width, height: 14_000 },
      colorScheme,
    });
    await whole(page);
    await page.evaluate(readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
    const found = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>('axe.run(document)');
    expect(found.violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 200))])).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    expect(errors).toEqual([]);
    await page.context().close();
  });

  test('landmarks and headings say where things are', async () => {
    const { page } = await openPage(browser, digitsUp.dashboard);
    await whole(page);
    expect(await page.getByRole('banner').count()).toBe(1);
    expect(await page.getByRole('main').count()).toBe(1);
    expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toEqual([
      ...['Now', 'What limits it', 'Alerts', 'Objectives', 'Charts'],
      ...['Drift from the samples', 'Model card', 'What was tried', 'Try it'],
    ]);
    for (const name of ['What limits it', 'Alerts', 'Objectives', 'Drift from the samples', 'Model card'])
      expect(await page.getByRole('region', { name, exact: true }).count(), name).toBe(1);
    await page.context().close();
  });

  test('every chart says its latest values and their range in words', async () => {
    const { page } = await openPage(browser, digitsUp.dashboard);
    await whole(page);
    for (const { id, title } of digitsUp.plan.monitoring.dashboard.panels) {
      const label = await page.locator(`[data-panel="${id}"]`).getByRole('img').getAttribute('aria-label');
      expect(label, id).toMatch(/^[^:]+: .+: .+ now, .+ to .+ over 5 min/);
      expect(label!.startsWith(`${title}: `)).toBe(true);
    }
    await page.context().close();
  });

  test('nothing is announced while nothing changes but numbers', async () => {
    const { page } = await openPage(browser, digitsUp.dashboard);
    await whole(page);
    // The verdict may still change while the first minute is not over.
    await expect.poll(() => page.locator('#bottleneck-now').getAttribute('data-verdict'), patient).not.toBe('');
    await page.waitForTimeout(6000);
    const announced = await page.evaluate<string[]>(`new Promise((resolve) => {
      const said = [];
      const observer = new MutationObserver((changes) => said.push(...changes.map(({ target }) => target.textContent)));
      for (const region of document.querySelectorAll('[aria-live], [role="status"]'))
        if (region.id !== 'bottleneck-now')
          observer.observe(region, { childList: true, characterData: true, subtree: true });
      setTimeout(() => resolve(said), 15000);
    })`);
    expect(announced).toEqual([]);
    await page.context().close();
  });
});

describe('on a screen of 360 pixels', () => {
  test('nothing reaches out, with everything opened and told', async () => {
    const { page } = await openPage(browser, digitsUp.dashboard, { viewport: { width: 360, height: 14_000 } });
    await whole(page);
    const outside = await page.evaluate<string[]>(`[...document.querySelectorAll('body *')].filter((element) => {
      const { left, right, width } = element.getBoundingClientRect();
      return width > 0 && !element.closest('.unseen, thead, title, .u-over, .strip') && (left < -1 || right > innerWidth + 1);
    }).map((element) => element.outerHTML.slice(0, 120))`);
    expect(outside).toEqual([]);
    await page.locator('body').screenshot({ path: '.test-results/dashboard-360-opened.png' });
    await page.context().close();
  });
});

describe('for those who do not want motion', () => {
  test('nothing moves by itself', async () => {
    const { page } = await openPage(browser, digitsUp.dashboard, { reducedMotion: 'reduce' });
    await whole(page);
    expect(await page.evaluate('document.getAnimations().length')).toBe(0);
    const moving = await page.evaluate<string[]>(`[...document.querySelectorAll('*')].filter((element) => {
      const { transitionDuration, animationName } = getComputedStyle(element);
      return parseFloat(transitionDuration) > 0 || animationName !== 'none';
    }).map(({ outerHTML }) => outerHTML.slice(0, 80))`);
    expect(moving).toEqual([]);
    await page.context().close();
  });
});
