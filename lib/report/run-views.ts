/** The report of a run: its views, drawn by container/run_report from what Prometheus answers. */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { SlipwayError } from '../errors.js';
import { cacheDir, refuseUnwritable, scratchFolder } from '../local/cache.js';
import { type DrawOptions, placeFile, placeFolder, refuseFolder, runDrawing } from './python-view.js';
import type { RunRequest } from './run-source.js';

/** Views that are one text. */
export type RunText = 'text' | 'json' | 'markdown';

/** Draws one view into a scratch folder, and hands over what was drawn. */
async function drawn<T>(
  view: RunText | 'html' | 'notebook' | 'tensorboard',
  request: RunRequest,
  options: DrawOptions & { readonly name?: string },
  take: (path: string) => T,
): Promise<T> {
  options.signal.throwIfAborted();
  const scratch = scratchFolder();
  try {
    const file = join(scratch, 'request.json');
    writeFileSync(file, JSON.stringify(request));
    const out = join(scratch, 'drawn');
    const name = options.name === undefined ? [] : ['--name', options.name];
    await runDrawing(['run_report', view, '--request', file, '--out', out, ...name], scratch, options);
    return take(out);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** What Prometheus saw, as words for the terminal, JSON or Markdown. */
export const runText = (view: RunText, request: RunRequest, options: DrawOptions): Promise<string> =>
  drawn(view, request, options, (path) => readFileSync(path, 'utf8'));

/**
 * Where a notebook is to be written, and the data it reads.
 *
 * @param out - a file that ends with .ipynb
 * @throws SlipwayError when it cannot be written there; before anything is read
 */
export function notebookPlace(out: string): { readonly notebook: string; readonly data: string } {
  const notebook = resolve(out);
  if (!notebook.endsWith('.ipynb')) {
    throw new SlipwayError(`'${out}' does not end with .ipynb, as the name of a notebook does. Name it ${out}.ipynb.`);
  }
  refuseFolder(notebook, 'run.ipynb');
  refuseReadOnly(dirname(notebook), notebook);
  return { notebook, data: join(dirname(notebook), `${basename(notebook, '.ipynb')}.run.json`) };
}

/** Root may write to a folder whatever its permissions say, but not to every file system: so it is tried. */
function refuseReadOnly(folder: string, out: string): void {
  try {
    rmdirSync(mkdtempSync(join(folder, '.slipway-')));
  } catch (error) {
    refuseUnwritable(out, error, 'Name another place.');
  }
}

/** Writes a notebook that was executed, and beside it what it reads. */
export async function writeRunNotebook(request: RunRequest, out: string, options: DrawOptions): Promise<string> {
  const { notebook, data } = notebookPlace(out);
  const name = basename(notebook, '.ipynb');
  await drawn('notebook', request, { ...options, name }, (folder) => {
    placeFile(join(folder, basename(data)), data, 'run.json');
    placeFile(join(folder, basename(notebook)), notebook, 'run.ipynb');
  });
  return notebook;
}

/**
 * Refuses a folder for event files that cannot be written or made; before anything is read, and without making it.
 *
 * @throws SlipwayError with the reason
 */
export function refuseEventFolder(out: string): void {
  const folder = resolve(out);
  let there = folder;
  while (!existsSync(there)) there = dirname(there);
  if (statSync(there).isFile()) {
    throw new SlipwayError(
      `'${folder}' cannot be written: '${there}' is a file. Name a folder for TensorBoard's files.`,
    );
  }
  refuseReadOnly(there, folder);
}

/** Refuses a place for a page that cannot be written; before anything is read. */
export function refusePagePlace(out: string): void {
  refuseFolder(resolve(out), 'run.html');
  refuseReadOnly(dirname(resolve(out)), resolve(out));
}

/** Writes the page, one file. */
export const writeRunPage = (request: RunRequest, out: string, options: DrawOptions): Promise<void> =>
  drawn('html', request, options, (path) => placeFile(path, resolve(out), 'run.html'));

/** A folder in the cache for the page of this run. */
export function cachedRunFolder(request: RunRequest): string {
  const folder = join(cacheDir(), 'reports', `run-${nameOf(request)}`);
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    refuseUnwritable(folder, error, 'Free it, or set SLIPWAY_CACHE to a folder that can be written.');
  }
  return folder;
}

/** Model and end, such as `digits-20260504T123000`. */
function nameOf({ model, end }: RunRequest): string {
  const stamp = new Date(end * 1000).toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
  return `${model.replaceAll(/[^A-Za-z0-9._-]/g, '_').replace(/^\.+/, '_')}-${stamp}`;
}

/** Writes event files into a folder of their own below `out`, which other runs may share; gives its path. */
export async function writeRunEvents(request: RunRequest, out: string, options: DrawOptions): Promise<string> {
  refuseEventFolder(out);
  const folder = join(resolve(out), nameOf(request));
  await drawn('tensorboard', request, options, (made) => {
    try {
      mkdirSync(resolve(out), { recursive: true });
    } catch (error) {
      refuseUnwritable(out, error, 'Name another place.');
    }
    placeFolder(made, folder);
  });
  return folder;
}
