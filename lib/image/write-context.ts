/** Step 4 of the road: a context as files in a folder, for a builder. */

import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { SlipwayError } from '../errors.js';
import { refuseUnwritable } from '../local/cache.js';
import type { ImageContext } from './context.js';
import { fileDigest } from './file-digest.js';

/** Builders take permissions and times over into layers: both are the same on every machine. */
const fileMode = 0o644;
const folderMode = 0o755;
const fileTime = 0;

function foldersOf(folder: string, file: string): string[] {
  const inside = relative(folder, dirname(file));
  const parts = inside === '' ? [] : inside.split(sep);
  return parts.map((_, index) => join(folder, ...parts.slice(0, index + 1)));
}

/**
 * Writes a context into `folder`, which is made when it is missing and has to be empty. When it throws, nothing of it is left.
 *
 * @throws SlipwayError when the folder holds something, cannot be written, or a file changed since the context was made
 */
export function writeContext(context: ImageContext, folder: string): void {
  const existed = existsSync(folder);
  try {
    if (existed && readdirSync(folder).length > 0) {
      throw new SlipwayError(`'${folder}' is not empty. Name a new folder for the build context, or empty this one.`);
    }
  } catch (error) {
    refuseUnwritable(folder, error, 'Name another folder.');
  }
  try {
    mkdirSync(folder, { recursive: true });
    const folders = new Set<string>();
    for (const { path, source, sha256 } of context.files) {
      const file = join(folder, ...path.split('/'));
      mkdirSync(dirname(file), { recursive: true });
      for (const parent of foldersOf(folder, file)) folders.add(parent);
      if ('text' in source) writeFileSync(file, source.text);
      else {
        copyFileSync(source.file, file, constants.COPYFILE_FICLONE);
        // Of a large file that has not changed since it was read the digest is known.
        if (fileDigest(source.file).sha256 !== sha256)
          throw new SlipwayError(
            `'${source.file}' changed while the build context was laid out. Run the command again.`,
          );
      }
      chmodSync(file, fileMode);
      utimesSync(file, fileTime, fileTime);
    }
    for (const parent of [...folders].sort().reverse()) {
      chmodSync(parent, folderMode);
      utimesSync(parent, fileTime, fileTime);
    }
  } catch (error) {
    if (existed) for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true });
    else if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
    refuseUnwritable(folder, error, 'Free it, or name another folder.');
  }
}

/** Writes a context into a folder that is named after it, unless it is there: whole or not at all, whatever ends the program. */
export function writeContextOnce(context: ImageContext, folder: string): void {
  if (existsSync(folder)) return;
  const scratch = `${folder}.${process.pid}`;
  try {
    writeContext(context, scratch);
    renameSync(scratch, folder);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
