/** What decides the bytes of an optimized model, as one key: the same key means nothing has to be made again. */

import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileDigest } from '../image/file-digest.js';
import { hookFiles } from '../image/hook-files.js';
import { packageFile } from '../package-root.js';
import type { EndpointPlan } from '../plan.js';

/** Sources that decide what the optimizer writes, tests left out. */
function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== 'tests' && entry.name !== '__pycache__') yield* sources(path);
    else if (/\.(py|json)$/.test(entry.name)) yield path;
  }
}

/**
 * Model, external data, samples, labels, the user's own files, recipe, tools and processor: 32 hex digits.
 *
 * @param tools - identity of the Python environment
 */
export function optimizationKey(plan: EndpointPlan, tools: string): string {
  const hash = createHash('sha256');
  const addFile = (file: string) => hash.update(fileDigest(file).sha256);
  const { path, calibration, labels } = plan.source;
  addFile(path);
  for (const { location } of plan.profile.externalData) addFile(join(dirname(path), location));
  const { metric, hooks, requirements } = plan.files;
  const own = hooks === null ? [] : hookFiles(hooks).map(({ file }) => file);
  for (const file of [calibration, labels, metric, requirements, ...own]) {
    if (file) addFile(file);
    else hash.update('none\0');
  }
  hash.update(JSON.stringify(plan.recipe)).update(JSON.stringify(plan.serving));
  hash.update(JSON.stringify(plan.hardware.chosen));
  hash.update(tools);
  for (const part of ['optimizer', 'watch', 'schema']) {
    for (const file of sources(packageFile('container', part))) addFile(file);
  }
  return hash.digest('hex').slice(0, 32);
}
