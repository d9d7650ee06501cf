// Compiles the library, the command line and the dashboard page into dist/. Does nothing when dist/ is current.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runGuarded } from './process.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const stamp = join(dist, '.sources');
const page = join('lib', 'local', 'page');
const policies = join('constructs', 'policy', 'pack');

function* files(folder) {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else yield path;
  }
}

/** A digest of everything that decides what dist/ holds. */
function sourcesDigest() {
  const digest = createHash('sha256');
  const sources = ['bin', 'lib', 'constructs'].flatMap((folder) => [...files(folder)]);
  for (const path of [...sources, 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'].sort()) {
    digest
      .update(path)
      .update('\0')
      .update(readFileSync(join(root, path)))
      .update('\0');
  }
  return digest.digest('hex');
}

/** Brings dist/ up to date. */
export async function build() {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  // npm asks for a build after every install; one without the compiler has a dist/ already, or wants none.
  if (process.env.npm_lifecycle_event === 'prepare' && !existsSync(tsc)) return;
  const digest = sourcesDigest();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  process.stderr.write('Building Slipway …\n');
  rmSync(dist, { recursive: true, force: true });
  await runGuarded(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root });
  await runGuarded(process.execPath, [tsc, '-p', join(page, 'tsconfig.json')], { cwd: root });
  for (const path of files(page)) {
    if (/\.(html|css|svg)$/.test(path)) cpSync(join(root, path), join(dist, path));
  }
  cpSync(join(root, policies, 'PulumiPolicy.yaml'), join(dist, policies, 'PulumiPolicy.yaml'));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  // Pulumi takes the version of a policy pack from beside it.
  const pack = { name: 'slipway-policies', version, private: true, main: 'index.js' };
  writeFileSync(join(dist, policies, 'package.json'), `${JSON.stringify(pack)}\n`);
  writeFileSync(stamp, digest);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
