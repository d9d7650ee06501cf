// Writes container/locks/*.txt again from container/pyproject.toml: universal (Python 3.11 to 3.13, every system), with hashes.
// Needs uv on PATH (pip install uv).
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runGuarded } from './process.mjs';
import { root } from './python.mjs';

const groups = {
  server: [],
  optimizer: ['optimizer'],
  dev: ['optimizer', 'dev'],
  bench: ['optimizer', 'dev', 'bench'],
};
const container = join(root, 'container');
const constraints = join(container, 'locks', '.constraints');

writeFileSync(constraints, '');
try {
  for (const [group, extras] of Object.entries(groups)) {
    const out = join('locks', `${group}.txt`);
    await runGuarded(
      'uv',
      [
        ...[
          'pip',
          'compile',
          '--quiet',
          'pyproject.toml',
          '--universal',
          '--python-version',
          '3.11',
          '--generate-hashes',
          '--upgrade',
        ],
        ...[
          '--no-header',
          '--no-annotate',
          '--no-emit-index-url',
          '--no-emit-find-links',
          '-c',
          constraints,
          '-o',
          out,
        ],
        ...extras.flatMap((extra) => ['--extra', extra]),
      ],
      { cwd: container },
    );
    const pins = readFileSync(join(container, out), 'utf8').match(/^[a-z0-9-]+==[^ ;\\]+/gim);
    writeFileSync(constraints, `${pins.join('\n')}\n`);
  }
} finally {
  rmSync(constraints, { force: true });
}
