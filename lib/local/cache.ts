/** Where Slipway keeps what is dear to make: Python environments, optimized models, Prometheus. */

import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { SlipwayError } from '../errors.js';

/** `$SLIPWAY_CACHE`, else `$XDG_CACHE_HOME/slipway`, else `~/.cache/slipway`. */
export function cacheDir(environment: NodeJS.ProcessEnv = process.env): string {
  return (
    environment.SLIPWAY_CACHE ||
    join(environment.XDG_CACHE_HOME || join(environment.HOME || homedir(), '.cache'), 'slipway')
  );
}

const causes: Readonly<Record<string, string>> = {
  EACCES: 'there is no permission to write there',
  EPERM: 'there is no permission to write there',
  EROFS: 'that file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'a file grew over the limit on file sizes',
  ENOTDIR: 'a file stands where a folder is needed',
  EEXIST: 'a file stands where a folder is needed',
  ENOENT: 'the folder that should hold it does not exist',
};

/** Turns a failed write into a sentence; anything else is thrown on as it is. */
export function refuseUnwritable(path: string, error: unknown, remedy: string): never {
  const cause = causes[(error as NodeJS.ErrnoException)?.code ?? ''];
  if (!cause) throw error;
  throw new SlipwayError(`'${path}' cannot be written: ${cause}. ${remedy}`);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Removes folders of processes that were killed; `prefix` and the process number begin their names. */
function removeLeftovers(parent: string, prefix: string): void {
  for (const name of readdirSync(parent).filter((entry) => entry.startsWith(prefix))) {
    const pid = /^(\d+)-/.exec(name.slice(prefix.length))?.[1];
    if (pid && !isRunning(Number(pid))) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

const moveCache = 'Free it, or set SLIPWAY_CACHE to a folder that can be written.';

/**
 * Makes a folder of the cache whole or not at all: `make` fills a folder beside it, which takes its place when done.
 *
 * Two makers at once do no harm: the first to finish wins. What a killed one left is removed by the next.
 *
 * @returns the folder's path
 */
export async function makeEntry(path: string, make: (folder: string) => Promise<void>): Promise<string> {
  let folder: string | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true });
    const prefix = `.${basename(path)}-`;
    removeLeftovers(dirname(path), prefix);
    folder = mkdtempSync(join(dirname(path), `${prefix}${process.pid}-`));
    await make(folder);
    try {
      renameSync(folder, path);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    }
    return path;
  } catch (error) {
    return refuseUnwritable(path, error, moveCache);
  } finally {
    if (folder) rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * A new empty folder for work in progress, in the cache: whoever makes it removes it, and what a killed one left goes with the
 * next.
 */
export function scratchFolder(): string {
  const parent = join(cacheDir(), 'scratch');
  try {
    mkdirSync(parent, { recursive: true });
    removeLeftovers(parent, '');
    return mkdtempSync(join(parent, `${process.pid}-`));
  } catch (error) {
    return refuseUnwritable(parent, error, moveCache);
  }
}
