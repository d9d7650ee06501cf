/** The report of an optimization, after the road: its views, drawn by container/optimizer/views. */

import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { SlipwayError } from '../errors.js';
import { cacheDir, makeEntry, refuseUnwritable, scratchFolder } from '../local/cache.js';
import { startChild } from '../local/child.js';
import type { PythonEnvironment } from '../local/python.js';
import type { ReportSource } from './source.js';

export type View = 'html' | 'markdown' | 'notebook' | 'tensorboard';

export interface DrawOptions {
  /** `optimizer` draws pages and events, `report` notebooks too. */
  readonly environment: PythonEnvironment;
  readonly signal: AbortSignal;
}

/** A folder in the cache for what is drawn of this report; holds its report.json. */
export async function cachedFolder(source: ReportSource): Promise<string> {
  const key = createHash('sha256').update(source.text).digest('hex').slice(0, 24);
  const folder = join(cacheDir(), 'reports', key);
  if (existsSync(join(folder, 'report.json'))) return folder;
  return makeEntry(folder, async (made) => writeFileSync(join(made, 'report.json'), source.text));
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

/** Puts a drawn file or folder in its place: what was there stays until the new one is whole. */
function place(view: View, drawn: string, out: string): void {
  const part = join(dirname(out), `.${basename(out)}.${process.pid}.part`);
  try {
    if (view === 'tensorboard') {
      cpSync(drawn, part, { recursive: true });
      rmSync(out, { recursive: true, force: true });
    } else {
      // Nothing of the user's may go for a file whose name was meant otherwise.
      if (statSync(out, { throwIfNoEntry: false })?.isDirectory()) {
        throw new SlipwayError(`'${out}' is a folder. Name a file, such as ${join(out, 'report.html')}.`);
      }
      copyFileSync(drawn, part);
    }
    renameSync(part, out);
  } catch (error) {
    refuseUnwritable(out, error, 'Name another place.');
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

/**
 * Draws one view.
 *
 * @param out - file, or for 'tensorboard' the folder of its runs; replaced when it is there
 * @throws SlipwayError when it cannot be drawn or written, with the reason
 */
export async function drawView(view: View, source: ReportSource, out: string, options: DrawOptions): Promise<void> {
  const { environment, signal } = options;
  signal.throwIfAborted();
  const folder = source.folder ?? (await cachedFolder(source));
  const scratch = scratchFolder();
  try {
    // A notebook runs where report.json lies, under the name it is read by.
    const report = join(scratch, 'report.json');
    writeFileSync(report, source.text);
    const drawn = join(scratch, 'drawn');
    const build = source.build ? ['--build', source.build] : [];
    const child = startChild(
      environment.python,
      ['-m', 'optimizer.views', view, '--report', report, ...build, '--beside', folder, '--out', drawn],
      { env: { ...environment.env, ...homes(scratch) } },
    );
    const abort = () => void child.stop(3000).catch(() => undefined);
    signal.addEventListener('abort', abort, { once: true });
    child.process.stdout!.resume();
    const said: string[] = [];
    child.process.stderr!.setEncoding('utf8').on('data', (text: string) => said.push(text));
    const code = await child.ended.finally(() => signal.removeEventListener('abort', abort));
    signal.throwIfAborted();
    if (code !== 0) throw failure(said.join('').trim(), code);
    place(view, drawn, resolve(out));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
