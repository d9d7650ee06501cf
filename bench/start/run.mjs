// Times `npm run up` as a user meets it: a fresh clone with an empty cache, then a second start of the same.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '../../scripts/python.mjs';
import { writeResult } from '../result.mjs';

const folder = mkdtempSync(join(tmpdir(), 'slipway-start-'));
const clone = join(folder, 'slipway');

/** Seconds until the endpoint says that it is ready; it is stopped then. */
async function secondsToReady() {
  const started = performance.now();
  const up = spawn('npm', ['run', 'up', '--', '--json', '--port', '0'], {
    cwd: clone,
    env: { ...process.env, SLIPWAY_CACHE: join(folder, 'cache') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => up.once('exit', resolve));
  try {
    for await (const line of createInterface({ input: up.stdout })) {
      if (line.startsWith('{')) return (performance.now() - started) / 1000;
    }
    throw new Error('npm run up ended before it was ready');
  } finally {
    up.kill('SIGTERM');
    await ended;
  }
}

try {
  const cloned = spawnSync('git', ['clone', '--quiet', root, clone], { stdio: 'inherit' });
  if (cloned.status !== 0) throw new Error('the clone failed');
  const rows = [
    { start: 'first, fresh clone, empty cache', seconds: await secondsToReady(), goal: 360 },
    { start: 'second', seconds: await secondsToReady(), goal: 10 },
  ];
  writeResult('start', {
    title: 'Start of npm run up',
    command: 'npm run bench start',
    note: 'Whole process, until the endpoint is ready. The first includes all downloads, so it depends on the network; npm’s own cache is the user’s.',
    rows,
    columns: ['start', 'seconds', 'goal'],
    cells: (row) => [row.start, row.seconds.toFixed(1), `≤ ${row.goal} s`],
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
