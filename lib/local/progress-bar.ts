/** A line that shows how far a step has come. */

import type { Progress } from './optimizer.js';

const places = 24;

/** `████████░░░░░░░░  33 %  what is being done` */
export function bar({ done, total, step }: Progress): string {
  const share = Math.min(1, done / Math.max(1, total));
  const filled = Math.round(places * share);
  return `${'█'.repeat(filled)}${'░'.repeat(places - filled)} ${Math.round(100 * share)} %`
    .padEnd(places + 7)
    .concat(step);
}
