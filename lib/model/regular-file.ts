/** Step 1 of the road: opens the files that users name, and says in a sentence why one cannot be opened. */

import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { SlipwayError } from '../errors.js';

/** A regular file, open for reading. */
export interface OpenFile {
  readonly descriptor: number;
  /** Bytes. */
  readonly size: number;
}

/**
 * Calls `use` with the open file and closes it.
 *
 * Throws `SlipwayError` when the path names no regular file or the system refuses to read it.
 */
export function withFile<T>(path: string, use: (file: OpenFile) => T): T {
  try {
    const found = statSync(path);
    if (found.isDirectory()) throw new SlipwayError(`'${path}' ${codes.EISDIR}.`);
    // Reading a pipe or a device could wait forever.
    if (!found.isFile()) throw new SlipwayError(`'${path}' is no regular file. Give a file.`);
    const descriptor = openSync(path, 'r');
    try {
      return use({ descriptor, size: fstatSync(descriptor).size });
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Fills the buffer from that byte of the file on; returns how many bytes there were. */
export function readAt({ descriptor }: OpenFile, buffer: Buffer, from: number): number {
  let count = 0;
  while (count < buffer.length) {
    const got = readSync(descriptor, buffer, count, buffer.length - count, from + count);
    if (got === 0) break;
    count += got;
  }
  return count;
}

/** The same path, when it names a regular file that may be read. Throws `SlipwayError` as `withFile` does. */
export const readable = (path: string): string => withFile(path, () => path);

/** The whole text of a file, UTF-8. Throws `SlipwayError` as `withFile` does. */
export function readText(path: string): string {
  return withFile(path, (file) => {
    const buffer = Buffer.alloc(file.size);
    return buffer.toString('utf8', 0, readAt(file, buffer, 0));
  });
}

/** What the system's error codes mean for someone who gave a path. */
const codes: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist. Check the path',
  ENOTDIR: 'does not exist: part of its path is a file, not a folder. Check the path',
  EACCES: "may not be read by this user. Change its permissions ('chmod a+r'), or run as a user who may",
  EPERM: "may not be read by this user. Change its permissions ('chmod a+r'), or run as a user who may",
  EISDIR: 'is a folder. Give the file inside it',
  ELOOP: 'is a symbolic link that leads in a circle. Give the file itself',
  ENAMETOOLONG: 'is longer than a path may be. Check the path',
};

function unreadable(path: string, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === '' || !(code in codes || code === 'ERR_INVALID_ARG_VALUE' || 'syscall' in (error as Error)))
    return error;
  return new SlipwayError(`'${path}' ${codes[code] ?? `cannot be read (${code}). Check the path and the disk`}.`);
}
