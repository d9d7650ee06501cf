// Makes a fresh clone able to run: packages, build. Needs nothing but Node, and is quick when nothing is to do.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runGuarded } from './process.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const least = [20, 19];

function refuseOldNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > least[0] || (major === least[0] && minor >= least[1])) return;
  process.stderr.write(`Slipway needs Node ${least.join('.')} or newer; this is ${process.versions.node}.\n`);
  process.exit(1);
}

/** npm leaves a copy of the lock in node_modules once an install is complete; packages of other systems are not in it. */
function packagesAreCurrent() {
  const copy = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(copy)) return false;
  const installed = JSON.parse(readFileSync(copy, 'utf8')).packages;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, entry]) => path === '' || entry.optional || entry.devOptional || installed[path]?.version === entry.version,
  );
}

/** Packages installed and dist/ built. */
export async function setUp() {
  refuseOldNode();
  if (!packagesAreCurrent()) {
    process.stderr.write('Installing Slipway’s packages …\n');
    await runGuarded('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root });
  }
  const { build } = await import('./build.mjs');
  await build();
}
