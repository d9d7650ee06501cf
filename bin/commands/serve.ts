/** `slipway serve`: the server alone, on an optimized folder or a bare model. */

import { copyFileSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import type { ServingFile } from '../../lib/contract/serving.js';
import { contractText, readContract } from '../../lib/contract/validate.js';
import { ProblemsError, SlipwayError } from '../../lib/errors.js';
import { hookEntry, hookFiles, readableHooks } from '../../lib/image/hook-files.js';
import { hookSeconds, planServing } from '../../lib/image/serving.js';
import { scratchFolder } from '../../lib/local/cache.js';
import { withHookPackages } from '../../lib/local/hook-packages.js';
import { pythonEnvironment } from '../../lib/local/python.js';
import { startServer } from '../../lib/local/server.js';
import { endpointName } from '../../lib/model/model.js';
import { readModel, servingProblems } from '../../lib/model/read.js';
import { readable } from '../../lib/model/regular-file.js';
import { aborted, interruptible, print, say } from '../terminal.js';
import { port } from './model-options.js';

interface ServeOptions {
  readonly port: number;
  readonly host: string;
  readonly hooks?: string;
  readonly requirements?: string;
  readonly json?: boolean;
}

const examples = `
Examples:
  $ slipway serve build/                     # a folder made by slipway optimize
  $ slipway serve fraud.onnx --port 9000     # a bare model, in fp32 as it is
  $ slipway serve build/ --hooks hooks.py    # with your own code around the model
  $ curl -s http://127.0.0.1:8080/v2`;

/** The same files from another folder. */
function fromFolder(folder: string, { model, ...rest }: ServingFile): ServingFile {
  const at = <Path extends string | null>(file: Path) => (file === null ? file : resolve(folder, file)) as Path;
  const { file, canaries, report, reference } = model;
  return {
    ...rest,
    model: { ...model, file: at(file), canaries: at(canaries), report: at(report), reference: at(reference) },
  };
}

/** Path of serving.json: the folder's own, or one made in `scratch` for a bare model or for other hooks. */
function servingFile(path: string, hooks: string | undefined, scratch: string): string {
  if (!existsSync(path))
    throw new SlipwayError(`'${path}' does not exist. Give a model or a folder that slipway optimize made.`);
  if (statSync(path).isDirectory()) {
    const file = join(path, 'serving.json');
    if (existsSync(file)) return hooks === undefined ? file : withHooks(file, hooks, scratch);
    throw new SlipwayError(
      `'${path}' has no serving.json. Make the folder with: slipway optimize MODEL --data samples.npz --out ${path}`,
    );
  }
  const problems = servingProblems(readModel(path));
  if (problems.length > 0) throw new ProblemsError(`'${basename(path)}' cannot be served`, problems);
  const file = join(scratch, 'serving.json');
  const files = { model: resolve(path), canaries: null, report: null };
  const serving = hooks === undefined ? undefined : { hooks: copiedHooks(hooks, scratch) };
  writeFileSync(file, contractText(planServing({ name: endpointName({ path }), serving, dims: {}, files })));
  return file;
}

function copiedHooks(hooks: string, scratch: string): string {
  for (const { place, file } of hookFiles(readableHooks(hooks))) {
    mkdirSync(dirname(join(scratch, place)), { recursive: true });
    copyFileSync(file, join(scratch, place));
  }
  return hooks;
}

function withHooks(file: string, hooks: string, scratch: string): string {
  const given = fromFolder(dirname(resolve(file)), readContract('serving', file));
  copiedHooks(hooks, scratch);
  const changed = join(scratch, 'serving.json');
  const seconds = given.hooks?.seconds ?? hookSeconds;
  writeFileSync(changed, contractText({ ...given, hooks: { file: hookEntry(hooks), seconds } }));
  return changed;
}

async function serve(path: string, options: ServeOptions): Promise<void> {
  process.exitCode = await interruptible(async (signal) => {
    const scratch = scratchFolder();
    try {
      const serving = servingFile(path, options.hooks, scratch);
      const requirements = options.requirements === undefined ? null : readable(options.requirements);
      const python = await pythonEnvironment('optimizer', { log: say, signal });
      const environment = await withHookPackages(python, requirements, { log: say, signal });
      const { host, port } = options;
      const server = await startServer({ environment, serving, host, port, onLog: say, signal });
      say(`Serving ${path} on ${server.url}`);
      if (options.json) print(JSON.stringify({ endpoint: server.url }));
      const code = await Promise.race([server.child.ended, aborted(signal)]);
      if (code === undefined) await server.child.stop();
      return code ?? 0;
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });
}

export function serveCommand(): Command {
  return new Command('serve')
    .description('serve an optimized folder, or a bare model in fp32 as it is')
    .argument('<path>', 'a folder made by slipway optimize, or an .onnx file')
    .option('--port <port>', 'port, 0 for any free one', port, 8080)
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--hooks <path>', 'Python file with pre or post, or a folder with hooks.py and what it needs')
    .option('--requirements <file>', 'requirements.txt of packages that the hooks import')
    .option('--json', 'print one line of JSON on standard output once the endpoint is ready')
    .addHelpText('after', examples)
    .action(serve);
}
