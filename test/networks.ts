/** The networks of `test/networks`, each with a file of weights of the right length that takes no room on the disk. */

import { copyFileSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { allTensors } from '../lib/model/graph.js';
import { readGraph } from '../lib/model/read.js';

const folder = join(__dirname, 'networks');

/** Path of a network's graph, which lacks its weights. */
export const networkGraph = (name: string): string => join(folder, `${name}.onnx`);

export const networkNames = readdirSync(folder)
  .filter((file) => file.endsWith('.onnx'))
  .map((file) => file.replace(/\.onnx$/, ''));

/** Path of a whole network, in a folder of the running test's own. */
export function network(name: string): string {
  const own = mkdtempSync(join(tmpdir(), 'slipway-network-'));
  onTestFinished(() => rmSync(own, { recursive: true, force: true }));
  const path = join(own, `${name}.onnx`);
  copyFileSync(networkGraph(name), path);
  const ends = new Map<string, number>();
  for (const { external } of allTensors(readGraph(path))) {
    if (external === null) continue;
    const { location, offset, length } = external;
    ends.set(location, Math.max(ends.get(location) ?? 0, offset + length));
  }
  for (const [location, end] of ends) {
    writeFileSync(join(own, location), '');
    truncateSync(join(own, location), end);
  }
  return path;
}
