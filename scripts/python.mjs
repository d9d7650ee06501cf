// The Python environments of tests, lint and benchmarks, made as the library makes its own.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Command and environment of a group of locks. */
export async function python(group) {
  const { pythonEnvironment } = createRequire(import.meta.url)(join(root, 'dist', 'lib', 'local', 'python.js'));
  return pythonEnvironment(group, { log: (step) => process.stderr.write(`  ${step}\n`) });
}
