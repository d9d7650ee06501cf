// Writes container/locks/*.txt again from container/pyproject.toml: universal (Python 3.11 to 3.13, every system), with hashes.
// Needs uv on PATH (pip install uv). `npm run lock -- GROUP…` writes only some.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runGuarded } from './process.mjs';
import { root } from './python.mjs';

/** Of each lock: its extras in pyproject.toml, or the file of what it holds, and the lock whose versions it keeps. */
const groups = {
  server: { extras: ['cpu'] },
  'server-cuda12': { extras: ['cuda12'], within: 'server' },
  'server-cuda13': { extras: ['cuda13'], within: 'server' },
  optimizer: { extras: ['cpu', 'optimizer'], within: 'server' },
  report: { extras: ['cpu', 'optimizer', 'report'], within: 'optimizer' },
  dev: { extras: ['cpu', 'optimizer', 'report', 'dev'], within: 'report' },
  bench: { extras: ['cpu', 'optimizer', 'report', 'dev', 'bench'], within: 'dev' },
  aws: { source: '../test/integration/aws/aws.in' },
  checkov: { source: '../test/integration/aws/checkov.in' },
  torch: { extras: ['cpu', 'optimizer', 'report', 'dev', 'torch'], within: 'dev' },
};
const container = join(root, 'container');
const lockOf = (group) => join('locks', `${group}.txt`);

/** Versions that a lock gives to every Python; ONNX Runtime is each variant's own. */
function pinsOf(group) {
  const pins = readFileSync(join(container, lockOf(group)), 'utf8').match(/^[a-z0-9._-]+==[^ ;\\]+/gim);
  const name = (pin) => pin.split('==')[0];
  return pins.filter(
    (pin) => name(pin) !== 'onnxruntime' && pins.filter((other) => name(other) === name(pin)).length === 1,
  );
}

const asked = process.argv.slice(2);
const constraints = join(container, 'locks', '.constraints');
try {
  for (const [group, { source = 'pyproject.toml', extras = [], within }] of Object.entries(groups)) {
    if (asked.length > 0 && !asked.includes(group)) continue;
    writeFileSync(constraints, within ? pinsOf(within).join('\n') : '');
    await runGuarded(
      'uv',
      [
        ...['pip', 'compile', '--quiet', source, '--universal', '--python-version', '3.11', '--upgrade'],
        ...['--generate-hashes', '--no-header', '--no-annotate', '--no-emit-index-url', '--no-emit-find-links'],
        ...['-c', constraints, '-o', lockOf(group)],
        ...extras.flatMap((extra) => ['--extra', extra]),
      ],
      { cwd: container },
    );
  }
} finally {
  rmSync(constraints, { force: true });
}
