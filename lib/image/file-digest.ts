/** Step 4 of the road: length and SHA-256 of files, read in pieces, since models are larger than memory. */

import { createHash } from 'node:crypto';
import { type BigIntStats, closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';

export interface FileDigest {
  readonly bytes: number;
  /** 64 hex digits. */
  readonly sha256: string;
}

/** What was read of a file, and as what the file system knew it then; a changed file has another stamp. */
const known = new Map<string, { readonly stamp: string; readonly digest: FileDigest }>();

/** Files that are quicker to read than to remember, bytes. */
const small = 2 ** 20;

const stampOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  [dev, ino, size, mtimeNs, ctimeNs].join(' ');

function readInto(hash: ReturnType<typeof createHash>, file: number): number {
  const window = Buffer.allocUnsafe(4 * 2 ** 20);
  let bytes = 0;
  for (let count = readSync(file, window); count > 0; count = readSync(file, window)) {
    hash.update(window.subarray(0, count));
    bytes += count;
  }
  return bytes;
}

/** SHA-256 of one file; a large one is read once as long as it does not change. */
export function fileDigest(path: string): FileDigest {
  const place = resolve(path);
  const file = openSync(place, 'r');
  try {
    const stamp = stampOf(fstatSync(file, { bigint: true }));
    const found = known.get(place);
    if (found?.stamp === stamp) return found.digest;
    const hash = createHash('sha256');
    const bytes = readInto(hash, file);
    const digest = { bytes, sha256: hash.digest('hex') };
    const after = stampOf(fstatSync(file, { bigint: true }));
    if (bytes > small && after === stamp) known.set(place, { stamp, digest });
    return digest;
  } finally {
    closeSync(file);
  }
}

/** SHA-256 of several files, one after the other. */
export function filesDigest(paths: readonly string[]): FileDigest {
  const hash = createHash('sha256');
  let bytes = 0;
  for (const path of paths) {
    const file = openSync(path, 'r');
    try {
      bytes += readInto(hash, file);
    } finally {
      closeSync(file);
    }
  }
  return { bytes, sha256: hash.digest('hex') };
}
