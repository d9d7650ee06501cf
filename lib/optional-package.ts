/** Packages that a user installs where they use what needs them. */

import { createRequire } from 'node:module';
import { join } from 'node:path';

/** A package from where the program is, or from beside this one; null where it is missing. */
export function optionalPackage(name: string): unknown {
  for (const from of [join(process.cwd(), 'index.js'), __filename]) {
    try {
      return createRequire(from)(name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  return null;
}
