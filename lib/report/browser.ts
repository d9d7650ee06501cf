/** The report of an optimization, after the road: opens a page in the user's browser. */

import { spawn } from 'node:child_process';
import { SlipwayError } from '../errors.js';

const openers: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
};

/** An opener that has not failed by then is taken to have done its work; some stay until the browser is closed. */
const PATIENCE_MS = 1500;

/**
 * Opens a file or a URL with what the desktop has for it. The browser outlives Slipway.
 *
 * @throws SlipwayError when there is nothing to open it with
 */
export async function openInBrowser(place: string): Promise<void> {
  const [command, ...args] = openers[process.platform] ?? ['xdg-open'];
  const child = spawn(command, [...args, place], { stdio: 'ignore', detached: true });
  const trouble = await new Promise<string | undefined>((resolve) => {
    const timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
    const settle = (text: string | undefined) => {
      clearTimeout(timer);
      resolve(text);
    };
    child.once('error', (error: NodeJS.ErrnoException) =>
      settle(error.code === 'ENOENT' ? `there is no ${command} here` : error.message),
    );
    child.once('exit', (code) => settle(code === 0 ? undefined : `${command} ended with code ${code}`));
  });
  child.unref();
  if (trouble) throw new SlipwayError(`No browser could be opened: ${trouble}. Open it yourself: ${place}`);
}
