/** Step 4 of the road: a file's length and SHA-256, read in pieces, since models are larger than memory. */

import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

/** SHA-256 in 64 hex digits. */
export function fileDigest(path: string): { readonly bytes: number; readonly sha256: string } {
  const hash = createHash('sha256');
  const window = Buffer.allocUnsafe(4 * 2 ** 20);
  const file = openSync(path, 'r');
  try {
    let bytes = 0;
    for (let count = readSync(file, window); count > 0; count = readSync(file, window)) {
      hash.update(window.subarray(0, count));
      bytes += count;
    }
    return { bytes, sha256: hash.digest('hex') };
  } finally {
    closeSync(file);
  }
}
