/** Step 4 of the road: the user's code around the model: one Python file, or a folder with hooks.py and what it needs. */

import { lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SlipwayError } from '../errors.js';
import { readable } from '../model/regular-file.js';

/** A file of the hooks, and its place beside serving.json, with slashes. */
export interface HookFile {
  readonly place: string;
  readonly file: string;
}

const entry = 'hooks.py';

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** The path as it is, when it names a Python file or a folder that has hooks.py. Throws `SlipwayError`. */
export function readableHooks(path: string): string {
  if (isFolder(path)) {
    readable(join(path, entry));
    return path;
  }
  if (!path.endsWith('.py')) {
    throw new SlipwayError(`'${path}' has no hooks. Give a Python file, or a folder with ${entry} in it.`);
  }
  return readable(path);
}

/** The file with `pre` and `post`, beside serving.json. */
export const hookEntry = (path: string): string => (isFolder(path) ? `hooks/${entry}` : entry);

/** Everything of the hooks, sorted by place; of a folder all regular files but hidden ones and what Python compiled. */
export function hookFiles(path: string): HookFile[] {
  if (!isFolder(path)) return [{ place: entry, file: path }];
  return within(path, 'hooks').sort((one, other) => (one.place < other.place ? -1 : 1));
}

function within(folder: string, place: string): HookFile[] {
  return readdirSync(folder)
    .filter((name) => !name.startsWith('.') && name !== '__pycache__')
    .flatMap((name) => {
      const file = join(folder, name);
      const facts = lstatSync(file);
      if (facts.isDirectory()) return within(file, `${place}/${name}`);
      return facts.isFile() ? [{ place: `${place}/${name}`, file }] : [];
    });
}
