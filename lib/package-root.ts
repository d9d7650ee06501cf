/** Where this package's files lie: `container/`, `data/` and the rest, from the sources as from `dist/`. */

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

function packageRoot(from: string): string {
  return existsSync(join(from, 'container', 'schema')) ? from : packageRoot(dirname(from));
}

/** Absolute path of a file of this package. */
export function packageFile(...parts: string[]): string {
  return join(packageRoot(__dirname), ...parts);
}
