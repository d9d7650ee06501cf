/** Step 4 of the road: a context on disk as one file, for builders that are elsewhere. */

import { existsSync, renameSync, rmSync } from 'node:fs';
import { create } from 'tar';
import type { ImageContext } from './context.js';

/**
 * Packs a context into `FOLDER.tar.gz`, unless it is there: the same context gives the same bytes, whoever packs it and when.
 *
 * @param folder - where the context lies
 * @returns path of the archive
 */
export function archiveOnce({ files }: ImageContext, folder: string): string {
  const file = `${folder}.tar.gz`;
  if (existsSync(file)) return file;
  const scratch = `${file}.${process.pid}`;
  try {
    const paths = files.map(({ path }) => path);
    create({ file: scratch, cwd: folder, gzip: true, portable: true, mtime: new Date(0), sync: true }, paths);
    renameSync(scratch, file);
  } finally {
    rmSync(scratch, { force: true });
  }
  return file;
}
