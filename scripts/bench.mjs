// Runs the benchmarks that are named, or all; results land in bench/results/.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runToEnd } from './process.mjs';
import { python, root } from './python.mjs';

const onPath = (name) => process.env.PATH.split(':').some((folder) => existsSync(join(folder, name)));

async function server(args) {
  if (!onPath('wrk')) {
    process.stderr.write('server: the load generator wrk is missing. Install it: apt-get install wrk\n');
    return 1;
  }
  const { python: command, env } = await python('bench');
  const out = join('bench', 'results', 'server.json');
  return runToEnd(command, [join('bench', 'server', 'run.py'), '--out', out, ...args], {
    cwd: root,
    env,
    stdio: ['ignore', 1, 2],
  });
}

const script = (...path) =>
  runToEnd(process.execPath, [join('bench', ...path)], { cwd: root, stdio: ['ignore', 1, 2] });
const node = (name) => () => script(name, 'run.mjs');

async function selection() {
  return (await script('selection', 'run.mjs')) || script('selection', 'plan.mjs');
}

const benches = {
  server,
  optimizer: node('optimizer'),
  start: node('start'),
  selection,
  aws: node('aws'),
  pulumi: node('pulumi'),
  page: node('page'),
  monitoring: node('monitoring'),
};

/** Runs benchmarks. Options after the names go to the benchmark. Resolves with the exit code. */
export async function bench(args) {
  const names = args.filter((argument) => !argument.startsWith('-'));
  const unknown = names.filter((name) => !(name in benches));
  if (unknown.length > 0) {
    process.stderr.write(`There is no benchmark ${unknown.join(', ')}. There: ${Object.keys(benches).join(', ')}\n`);
    return 2;
  }
  const options = args.filter((argument) => argument.startsWith('-'));
  let worst = 0;
  for (const name of names.length > 0 ? names : Object.keys(benches))
    worst = Math.max(worst, await benches[name](options));
  return worst;
}
