/** The report of an optimization, after the road: its views, drawn by container/optimizer/views. */

import { createHash } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { cacheDir, makeEntry, scratchFolder } from '../local/cache.js';
import { type DrawOptions, placeFile, placeFolder, runDrawing } from './python-view.js';
import type { ReportSource } from './source.js';

export type View = 'html' | 'markdown' | 'notebook' | 'tensorboard';

/** A folder in the cache for what is drawn of this report; holds its report.json. */
export async function cachedFolder(source: ReportSource): Promise<string> {
  const key = createHash('sha256').update(source.text).digest('hex').slice(0, 24);
  const folder = join(cacheDir(), 'reports', key);
  if (existsSync(join(folder, 'report.json'))) return folder;
  return makeEntry(folder, async (made) => writeFileSync(join(made, 'report.json'), source.text));
}

/**
 * Draws one view.
 *
 * @param out - file, or for 'tensorboard' the folder of its runs; replaced when it is there
 * @throws SlipwayError when it cannot be drawn or written, with the reason
 */
export async function drawView(view: View, source: ReportSource, out: string, options: DrawOptions): Promise<void> {
  options.signal.throwIfAborted();
  const folder = source.folder ?? (await cachedFolder(source));
  const scratch = scratchFolder();
  try {
    // A notebook runs where report.json lies, under the name it is read by.
    const report = join(scratch, 'report.json');
    writeFileSync(report, source.text);
    const drawn = join(scratch, 'drawn');
    const build = source.build ? ['--build', source.build] : [];
    const files = ['--report', report, ...build, '--beside', folder, '--out', drawn];
    await runDrawing(['optimizer.views', view, ...files], scratch, options);
    const put = view === 'tensorboard' ? placeFolder : placeFile;
    put(drawn, resolve(out));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
