// The optimizer beside its peers and an exhaustive sweep: `npm run bench:optimizer -- [--models a,b] [--threads 1,2] [--quick] [--no-peers]`.
// Makes what run.py needs: the recipes that Slipway plans for this machine, and the peers' environments. Results: bench/results/optimizer.*
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { runToEnd } from '../../scripts/process.mjs';
import { python, root } from '../../scripts/python.mjs';
import { setUp } from '../../scripts/setup.mjs';

const here = join(root, 'bench', 'optimizer');
const cache = join(homedir(), '.cache', 'slipway');
const environments = join(cache, 'bench-peers');

/** Makes a peer's environment once. Where that fails a file beside it says so, and the bench goes on without the peer. */
async function peer(name, command) {
  const folder = join(environments, name);
  const failed = join(environments, `${name}.failed`);
  rmSync(failed, { force: true });
  if (existsSync(folder)) return;
  mkdirSync(environments, { recursive: true });
  const fresh = `${folder}.new`;
  rmSync(fresh, { recursive: true, force: true });
  const pip = ['-m', 'pip', '--disable-pip-version-check', '--quiet', 'install', '-r', join(here, `${name}.txt`)];
  process.stderr.write(`Installing ${name} for comparison\n`);
  const made = (await runToEnd(command, ['-m', 'venv', fresh])) || (await runToEnd(join(fresh, 'bin', 'python'), pip));
  if (made === 0) return renameSync(fresh, folder);
  rmSync(fresh, { recursive: true, force: true });
  writeFileSync(failed, `bench/optimizer/${name}.txt could not be installed`);
}

const args = process.argv.slice(2);
await setUp();
const { writeRecipes } = await import('./recipes.mjs');
const { python: command, env } = await python('optimizer');
const recipes = join(cache, 'bench-recipes');
await writeRecipes(recipes, 'local');
const peers = args.includes('--no-peers') ? [] : ['olive', 'optimum'];
for (const name of peers) await peer(name, command);
const given = peers.length > 0 ? ['--peers', environments] : [];
const options = args.filter((argument) => argument !== '--no-peers');
process.exitCode = await runToEnd(command, [join(here, 'run.py'), '--recipes', recipes, ...given, ...options], {
  cwd: root,
  env,
  stdio: ['ignore', 1, 2],
});
