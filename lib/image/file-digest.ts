/** Step 4 of the road: length and SHA-256 of files, read in pieces, since models are larger than memory. */

import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

/** SHA-256 in 64 hex digits, of the files one after the other. */
export function fileDigest(...paths: readonly string[]): { readonly bytes: number; readonly sha256: string } {
  const hash = createHash('sha256');
  const window = Buffer.allocUnsafe(4 * 2 ** 20);
  let bytes = 0;
  for (const path of paths) {
    const file = openSync(path, 'r');
    try {
      for (let count = readSync(file, window); count > 0; count = readSync(file, window)) {
        hash.update(window.subarray(0, count));
        bytes += count;
      }
    } finally {
      closeSync(file);
    }
  }
  return { bytes, sha256: hash.digest('hex') };
}
