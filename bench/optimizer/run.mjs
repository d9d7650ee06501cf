// Optimizes the three example models as `slipway optimize` does and tabulates what the reports say.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { python, root } from '../../scripts/python.mjs';
import { writeResult } from '../result.mjs';

await python('optimizer');

function optimize(name) {
  const folder = join(root, 'examples', 'models', name);
  const out = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
  try {
    const args = [`${name}.onnx`, '--data', 'samples.npz', '--labels', 'labels.npy', '--out', out, '--json'];
    const started = performance.now();
    const run = spawnSync(process.execPath, [join(root, 'dist', 'bin', 'slipway.js'), 'optimize', ...args], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (run.status !== 0) throw new Error(`slipway optimize ${name} ended with ${run.status}`);
    return { name, seconds: (performance.now() - started) / 1000, report: JSON.parse(run.stdout) };
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

const share = (value) => (value == null ? '–' : `${(100 * value).toFixed(1)} %`);

const rows = ['digits', 'digits-encoder', 'breast-cancer'].map(optimize).map(({ name, seconds, report }) => ({
  model: name,
  verdict: report.verdict,
  precision: report.winner.precision,
  recipe: report.winner.name,
  speedup: report.winner.speedup,
  agreement: report.winner.agreement,
  accuracy: report.winner.accuracy,
  accuracyFp32: report.reference.accuracy,
  bytes: report.winner.bytes,
  bytesFp32: report.reference.bytes,
  seconds,
  host: report.host,
}));

writeResult('optimizer', {
  title: 'Optimizer on the example models',
  command: 'npm run bench optimizer',
  note: 'Speed is fp32 latency divided by the winner’s, paired, batch 1, one thread; accuracy on samples that were not calibrated with.',
  rows,
  columns: ['model', 'winner', 'speed', 'agreement', 'accuracy (fp32)', 'size (fp32)', 'seconds'],
  cells: (row) => [
    row.model,
    row.recipe,
    `${row.speedup?.toFixed(2)}x`,
    share(row.agreement),
    `${share(row.accuracy)} (${share(row.accuracyFp32)})`,
    `${Math.round(row.bytes / 1000)} KB (${Math.round(row.bytesFp32 / 1000)} KB)`,
    row.seconds.toFixed(1),
  ],
});
