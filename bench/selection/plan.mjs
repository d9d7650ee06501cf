// Times `slipway plan` as a whole process: a 436 MB encoder over all platforms. The weights are a file of the right length without content.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from '../../scripts/build.mjs';
import { root } from '../../scripts/python.mjs';
import { median } from '../median.mjs';
import { writeResult } from '../result.mjs';

await build();
const { built } = await import('./works.mjs');
const { allTensors } = built('model', 'graph.js');
const { readGraph } = built('model', 'read.js');

const rounds = 9;
const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-'));

/** The network with its weights, none of which take room on the disk. */
function network(name) {
  const path = join(folder, `${name}.onnx`);
  copyFileSync(join(root, 'test', 'networks', `${name}.onnx`), path);
  const ends = new Map();
  for (const { external } of allTensors(readGraph(path))) {
    if (external)
      ends.set(external.location, Math.max(ends.get(external.location) ?? 0, external.offset + external.length));
  }
  for (const [location, end] of ends) {
    writeFileSync(join(folder, location), '');
    truncateSync(join(folder, location), end);
  }
  return { path, bytes: [...ends.values()].reduce((sum, end) => sum + end, 0) };
}

function timed(args) {
  const peak = join(folder, 'peak');
  const started = performance.now();
  const run = spawnSync(
    process.execPath,
    [
      '--require',
      join(root, 'bench', 'selection', 'peak-memory.cjs'),
      join(root, 'dist', 'bin', 'slipway.js'),
      ...args,
    ],
    { env: { ...process.env, PEAK_MEMORY_FILE: peak }, encoding: 'utf8', maxBuffer: 2 ** 26 },
  );
  const seconds = (performance.now() - started) / 1000;
  if (run.status !== 0) throw new Error(`slipway ${args.join(' ')} ended with ${run.status}: ${run.stderr}`);
  return {
    seconds,
    megabytes: Number(readFileSync(peak, 'utf8')) / 1024,
    candidates: JSON.parse(run.stdout).candidates.length,
  };
}

function row(name, dims) {
  const { path, bytes } = network(name);
  const args = ['plan', path, ...dims.flatMap((dim) => ['--dim', dim]), '--payload', 'binary', '--rps', '50', '--json'];
  timed(args);
  const runs = Array.from({ length: rounds }, () => timed(args));
  const of = (key) => runs.map((run) => run[key]);
  return {
    network: name,
    megabytesOfWeights: bytes / 1e6,
    candidates: runs[0].candidates,
    seconds: median(of('seconds')),
    slowest: Math.max(...of('seconds')),
    peakMegabytes: median(of('megabytes')),
  };
}

try {
  const rows = [row('bert-base', ['sequence=128']), row('llama-1b', ['sequence=1', 'past=512'])];
  writeResult('plan', {
    title: 'slipway plan as a whole process',
    command: 'npm run bench selection',
    note: `Over all platforms, ${rounds} runs after one that does not count. Goal for an encoder of 400 MB: 1.5 s, 300 MB.`,
    rows,
    columns: ['network', 'weights', 'candidates', 'seconds, median', 'slowest', 'peak memory'],
    cells: (each) => [
      each.network,
      `${Math.round(each.megabytesOfWeights)} MB`,
      each.candidates,
      each.seconds.toFixed(2),
      each.slowest.toFixed(2),
      `${Math.round(each.peakMegabytes)} MB`,
    ],
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
