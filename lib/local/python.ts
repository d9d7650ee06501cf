/** The Python environment of the optimizer and the server: made on first use from a lock with hashes. */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { SlipwayError } from '../errors.js';
import { packageFile } from '../package-root.js';
import { cacheDir, makeEntry } from './cache.js';
import { startChild } from './child.js';

/** Which lock to install: `optimizer` holds `server`, `report` holds `optimizer`, `dev` holds `report`, `bench` and `torch` hold `dev`; `aws` and `checkov` are alone. */
export type PythonGroup = 'server' | 'optimizer' | 'report' | 'dev' | 'bench' | 'torch' | 'aws' | 'checkov';

/** A Python with everything of its group installed. */
export interface PythonEnvironment {
  readonly python: string;
  /** Changes when another interpreter or other packages would run. */
  readonly identity: string;
  /** What a process started with it needs: where Slipway's packages are, no bytecode beside them, no telemetry. */
  readonly env: NodeJS.ProcessEnv;
}

const candidates = ['python3', 'python3.12', 'python3.13', 'python3.11', 'python'];
const allowed = /^3\.(11|12|13)\./;

async function findPython(): Promise<{ readonly command: string; readonly version: string }> {
  const seen: string[] = [];
  for (const command of candidates) {
    const probe =
      "import platform, sys; print(platform.python_version(), platform.machine(), sys.executable, sep='\\n')";
    const result = await promisify(execFile)(command, ['-c', probe]).catch(() => undefined);
    if (!result) continue;
    const [version = '', machine = '', executable = command] = result.stdout.trim().split('\n');
    if (allowed.test(version)) return { command: executable, version: `${version}-${machine}` };
    seen.push(`${command} is ${version}`);
  }
  const found = seen.length > 0 ? ` Found: ${[...new Set(seen)].join(', ')}.` : ' Found none.';
  throw new SlipwayError(
    `Slipway needs Python 3.11, 3.12 or 3.13 on PATH.${found} Install one (Debian: apt install python3 python3-venv), or name one with SLIPWAY_PYTHON.`,
  );
}

function processEnvironment(): NodeJS.ProcessEnv {
  const { PYTHONHOME: _home, ...inherited } = process.env;
  return {
    ...inherited,
    PYTHONPATH: packageFile('container'),
    PYTHONPYCACHEPREFIX: join(cacheDir(), 'bytecode'),
    // Some set it everywhere; without compiled files every process would take seconds to start.
    PYTHONDONTWRITEBYTECODE: '',
    PYTHONNOUSERSITE: '1',
    PYTHONUNBUFFERED: '1',
    ORT_DISABLE_TELEMETRY: '1',
  };
}

const needed = ['numpy', 'onnx', 'onnxruntime', 'uvloop', 'httptools', 'orjson', 'prometheus_client', 'fastjsonschema'];

/** What a prepared Python has of what Slipway needs; refused when something is missing. */
async function identityOf(python: string, env: NodeJS.ProcessEnv): Promise<string> {
  const probe = `import sys\nfor name in ${JSON.stringify(needed)}:\n    print(name, getattr(__import__(name), '__version__', ''))\nprint(sys.version)`;
  try {
    return (await promisify(execFile)(python, ['-c', probe], { env })).stdout;
  } catch (error) {
    const said = String((error as { stderr?: string }).stderr || (error as Error).message).trim();
    throw new SlipwayError(
      `SLIPWAY_PYTHON is '${python}', which cannot run Slipway's packages (${said.split('\n').at(-1)}). It needs ${needed.join(', ')}; install container/locks/optimizer.txt there, or unset SLIPWAY_PYTHON.`,
    );
  }
}

/** What of pip's chatter is worth showing. */
function stepOf(line: string): string | undefined {
  const [, name] = /^Collecting (\S+)/.exec(line) ?? [];
  if (name) return `Fetching ${name}`;
  return line.startsWith('Installing') ? 'Installing the packages' : undefined;
}

async function run(
  command: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
  log: (line: string) => void,
) {
  signal?.throwIfAborted();
  const tail: string[] = [];
  const child = startChild(command, args, { env: { ...process.env, PIP_DISABLE_PIP_VERSION_CHECK: '1' } });
  const abort = () => void child.stop(2000).catch(() => undefined);
  signal?.addEventListener('abort', abort, { once: true });
  for (const stream of [child.process.stdout!, child.process.stderr!]) {
    createInterface({ input: stream }).on('line', (line) => {
      tail.push(line);
      const step = stepOf(line);
      if (step) log(step);
    });
  }
  const code = await child.ended.finally(() => signal?.removeEventListener('abort', abort));
  signal?.throwIfAborted();
  return { code, tail: tail.slice(-6).join('\n') };
}

/**
 * The environment of `group`, made when it is not there yet (about 20 s, 250 MB for `optimizer`).
 *
 * `SLIPWAY_PYTHON` names a Python to use as it is instead.
 *
 * @throws SlipwayError when no fitting Python is found or the packages cannot be installed
 */
export async function pythonEnvironment(
  group: PythonGroup,
  options: { readonly log?: (line: string) => void; readonly signal?: AbortSignal } = {},
): Promise<PythonEnvironment> {
  const env = processEnvironment();
  const own = process.env.SLIPWAY_PYTHON;
  if (own) return { python: own, identity: await identityOf(own, env), env };

  const log = options.log ?? (() => undefined);
  const lock = packageFile('container', 'locks', `${group}.txt`);
  const base = await findPython();
  const digest = createHash('sha256')
    .update(readFileSync(lock))
    .update(base.version)
    .update(base.command)
    .digest('hex');
  const folder = join(cacheDir(), 'python', `${group}-${digest.slice(0, 16)}`);
  const python = join(folder, 'bin', 'python');
  const identity = basename(folder);
  if (existsSync(join(folder, 'complete'))) return { python, identity, env };

  await makeEntry(folder, async (scratch) => {
    log(`Making a Python ${base.version.split('-')[0]} environment`);
    const made = await run(base.command, ['-m', 'venv', scratch], options.signal, log);
    if (made.code !== 0) {
      throw new SlipwayError(
        `${base.command} cannot make a virtual environment. On Debian and Ubuntu install python3-venv. It said:\n${made.tail}`,
      );
    }
    const pip = ['-m', 'pip', 'install', '--require-hashes', '--only-binary', ':all:', '--no-input', '-r', lock];
    const installed = await run(join(scratch, 'bin', 'python'), pip, options.signal, log);
    if (installed.code !== 0) {
      throw new SlipwayError(
        `The Python packages of Slipway's '${group}' lock cannot be installed. Check the connection to your package index, or name a prepared Python with SLIPWAY_PYTHON. pip said:\n${installed.tail}`,
      );
    }
    writeFileSync(join(scratch, 'complete'), '');
  });
  return { python, identity, env };
}
