/** Reports, after the road: runs the Python that draws a view, and puts what it drew in its place. */

import { copyFileSync, cpSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { SlipwayError } from '../errors.js';
import { cacheDir, refuseUnwritable } from '../local/cache.js';
import { startChild } from '../local/child.js';
import type { PythonEnvironment } from '../local/python.js';

export interface DrawOptions {
  /** `optimizer` draws pages and events, `report` notebooks too. */
  readonly environment: PythonEnvironment;
  readonly signal: AbortSignal;
}

/** Keeps what Jupyter and matplotlib write beside their work out of the user's home. */
function homes(scratch: string): NodeJS.ProcessEnv {
  const names = ['IPYTHONDIR', 'JUPYTER_CONFIG_DIR', 'JUPYTER_DATA_DIR', 'JUPYTER_RUNTIME_DIR', 'TMPDIR'];
  const folders = names.map((name) => [name, join(scratch, name.toLowerCase())] as const);
  // Its list of fonts takes seconds to make, so it is kept.
  const kept = ['MPLCONFIGDIR', join(cacheDir(), 'matplotlib')] as const;
  for (const [, folder] of [...folders, kept]) mkdirSync(folder, { recursive: true });
  return Object.fromEntries([...folders, kept]);
}

function failure(said: string, code: number): SlipwayError {
  const [, missing] = /No module named '([^']+)'/.exec(said) ?? [];
  if (missing) {
    return new SlipwayError(
      `This needs the Python package '${missing}'. Install container/locks/report.txt into the Python that SLIPWAY_PYTHON names, or unset SLIPWAY_PYTHON.`,
    );
  }
  return new SlipwayError(said || `The view could not be drawn: Python ended with code ${code} and said nothing.`);
}

/**
 * Runs a module that draws, to its end.
 *
 * @param scratch - a folder that goes afterwards
 * @throws SlipwayError with its own words when it fails
 */
export async function runDrawing(args: readonly string[], scratch: string, options: DrawOptions): Promise<void> {
  const { environment, signal } = options;
  const child = startChild(environment.python, ['-m', ...args], { env: { ...environment.env, ...homes(scratch) } });
  const abort = () => void child.stop(3000).catch(() => undefined);
  signal.addEventListener('abort', abort, { once: true });
  child.process.stdout!.resume();
  const said: string[] = [];
  child.process.stderr!.setEncoding('utf8').on('data', (text: string) => said.push(text));
  const code = await child.ended.finally(() => signal.removeEventListener('abort', abort));
  signal.throwIfAborted();
  if (code !== 0) throw failure(said.join('').trim(), code);
}

const partOf = (out: string): string => join(dirname(out), `.${basename(out)}.${process.pid}.part`);

/** What takes the place of `out`: what was there stays until the new one is whole. */
function replace(out: string, put: (part: string) => void): void {
  const part = partOf(out);
  try {
    put(part);
    renameSync(part, out);
  } catch (error) {
    refuseUnwritable(out, error, 'Name another place.');
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

/** Puts a drawn folder in its place. What is there goes. */
export function placeFolder(drawn: string, out: string): void {
  replace(out, (part) => {
    cpSync(drawn, part, { recursive: true });
    rmSync(out, { recursive: true, force: true });
  });
}

/**
 * Puts a drawn file in its place.
 *
 * @throws SlipwayError where a folder stands there: nothing of the user's may go for a file whose name was meant otherwise
 */
export function placeFile(drawn: string, out: string, example = 'report.html'): void {
  refuseFolder(out, example);
  replace(out, (part) => copyFileSync(drawn, part));
}

/** Refuses a folder where a file is meant. */
export function refuseFolder(out: string, example: string): void {
  if (!statSync(out, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new SlipwayError(`'${out}' is a folder. Name a file, such as ${join(out, example)}.`);
}
