/** For tests of pages: Debian's Chromium, and a page whose errors are kept. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { packageFile } from '../../../lib/package-root.js';

const CHROMIUM = process.env.SLIPWAY_CHROMIUM ?? '/usr/bin/chromium';

/** Builds what the page is made of, and starts the browser. */
export async function startBrowser(): Promise<Browser> {
  if (!existsSync(CHROMIUM)) {
    throw new Error(
      `There is no ${CHROMIUM}. Install it (Debian: apt-get install chromium) or name one with SLIPWAY_CHROMIUM`,
    );
  }
  execFileSync(process.execPath, [packageFile('scripts', 'build.mjs')], { stdio: 'inherit' });
  mkdirSync(packageFile('.test-results'), { recursive: true });
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: CHROMIUM, args: asRoot });
}

export interface Opened {
  readonly page: Page;
  /** Errors of the page and its console. */
  readonly errors: string[];
  /** URLs that it asked for. */
  readonly asked: string[];
}

/** So high that every section is in sight: what is out of sight is not read. */
export const HIGH = 12_000;

export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1280, height: HIGH }, ...options });
  const page = await context.newPage();
  const errors: string[] = [];
  const asked: string[] = [];
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(url);
  return { page, errors, asked };
}
