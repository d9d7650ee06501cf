/** The real Pulumi engine on this machine: built from Go modules, a local backend, and clouds that are files. */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import typescript from 'typescript';
import { cacheDir, makeEntry } from '../../../lib/local/cache.js';
import { packageFile } from '../../../lib/package-root.js';

const exec = promisify(execFile);
const version = '3.250.0';
const engine = join(__dirname, 'engine');

/** The command line with the engine in it; about five minutes the first time, kept in the cache. */
async function pulumiBinary(): Promise<string> {
  const sums = createHash('sha256')
    .update(readFileSync(join(engine, 'go.sum')))
    .digest('hex')
    .slice(0, 16);
  const folder = await makeEntry(join(cacheDir(), 'pulumi', `${version}-${sums}`), async (made) => {
    const flags = `-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${version}`;
    const target = join(made, 'pulumi');
    const args = ['build', '-trimpath', '-ldflags', flags, '-o', target, 'github.com/pulumi/pulumi/pkg/v3/cmd/pulumi'];
    await exec('go', args, { cwd: engine, env: { ...process.env, GOFLAGS: '-buildvcs=false' }, maxBuffer: 2 ** 26 });
  });
  return join(folder, 'pulumi');
}

/** A call of the engine to a cloud. */
export interface Call {
  readonly package: string;
  readonly method: string;
  readonly type?: string;
  readonly name?: string;
  readonly id?: string;
  readonly preview?: boolean;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly changed?: readonly string[];
  readonly replaces?: readonly string[];
  readonly error?: string;
}

export interface Ran {
  readonly code: number;
  /** Both streams. */
  readonly said: string;
  /** What the clouds were asked. */
  readonly calls: readonly Call[];
}

/** What a cloud holds, by id. */
export type Cloud = Readonly<
  Record<string, { readonly type: string; readonly inputs: Readonly<Record<string, unknown>> }>
>;

export interface Project {
  /** Runs `pulumi` in the project's folder, on the stack `dev`. */
  pulumi(args: readonly string[], environment?: NodeJS.ProcessEnv): Promise<Ran>;
  /** What Ctrl-C does to the command that runs: once, it begins nothing more; twice, it ends. */
  interrupt(): void;
  /** Outputs of the stack, secrets shown. */
  outputs(): Promise<Readonly<Record<string, unknown>>>;
  cloud(name: string): Cloud;
  /** Changes what a cloud holds behind the engine's back. */
  drift(
    name: string,
    change: (cloud: Record<string, { inputs: Record<string, unknown>; outputs: Record<string, unknown> }>) => void,
  ): void;
  /** Puts into a cloud what another program made. */
  fill(name: string, cloud: Cloud): void;
  readonly folder: string;
  /** Executables that come first on PATH. */
  readonly bin: string;
  remove(): void;
}

/** What the engine finds on PATH: the hosts of Node programs and of dynamic resources, and the clouds. */
function writeShims(bin: string, clouds: readonly string[]): void {
  mkdirSync(bin);
  const shim = (name: string, script: string, ...args: readonly string[]) => {
    const path = join(bin, name);
    const command = [process.execPath, join(__dirname, 'shims', script), ...args].map((word) => `'${word}'`).join(' ');
    writeFileSync(path, `#!/bin/sh\nexec ${command} "$@"\n`);
    chmodSync(path, 0o755);
  };
  shim('pulumi-language-nodejs', 'language-host.cjs');
  shim('pulumi-resource-pulumi-nodejs', 'dynamic-host.cjs');
  for (const cloud of clouds) shim(`pulumi-resource-${cloud}`, 'cloud.cjs', cloud);
}

/** A program of `programs/`, or else of `examples/`, beside which a user has Slipway and the example models. */
function writeProgram(program: string, path: string): void {
  const own = join(__dirname, 'programs', `${program}.cjs`);
  if (existsSync(own)) {
    cpSync(own, path);
    return;
  }
  const source = readFileSync(packageFile('examples', `${program}.ts`), 'utf8');
  const compilerOptions = { module: typescript.ModuleKind.CommonJS, target: typescript.ScriptTarget.ES2023 };
  mkdirSync(join(dirname(path), 'node_modules'), { recursive: true });
  writeFileSync(path, typescript.transpileModule(source, { compilerOptions }).outputText);
  for (const [link, target] of [
    [join('node_modules', 'slipway'), packageFile()],
    ['examples', packageFile('examples')],
  ] as const) {
    symlinkSync(target, join(dirname(path), link));
  }
}

/**
 * A project of its own with a program.
 *
 * @param program - in `programs/`, `cloud-run`, or in `examples/`, `gcp/index`
 * @param clouds - packages that the program uses
 */
export async function makeProject(program: string, clouds: readonly string[]): Promise<Project> {
  const binary = await pulumiBinary();
  const folder = mkdtempSync(join(tmpdir(), 'slipway-pulumi-'));
  const [bin, work, state, home, recorded] = ['bin', 'work', 'state', 'home', 'clouds'].map((name) =>
    join(folder, name),
  );
  writeShims(bin!, clouds);
  for (const each of [work!, state!, home!, recorded!]) mkdirSync(each);
  const main = `${basename(program)}.cjs`;
  writeFileSync(join(work!, 'Pulumi.yaml'), `name: shop\nruntime: nodejs\nmain: ${main}\n`);
  writeProgram(program, join(work!, main));
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: `${bin}:${process.env.PATH}`,
    PULUMI_HOME: home,
    PULUMI_BACKEND_URL: `file://${state}`,
    PULUMI_CONFIG_PASSPHRASE: 'test',
    PULUMI_SKIP_UPDATE_CHECK: '1',
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
    CLOUD_DIR: recorded,
    SLIPWAY_ROOT: packageFile(),
    NODE_PATH: packageFile('node_modules'),
    NO_COLOR: '1',
  };
  const log = join(recorded!, 'calls.jsonl');
  let interrupt: () => unknown = () => {};
  const project: Project = {
    interrupt: () => void interrupt(),
    folder: work!,
    bin: bin!,
    async pulumi(args, more = {}) {
      rmSync(log, { force: true });
      const options = { cwd: work!, env: { ...environment, ...more }, maxBuffer: 2 ** 26 };
      const running = exec(binary, [...args, '--non-interactive'], options);
      interrupt = () => running.child.kill('SIGINT');
      const ran = await running.then(
        ({ stdout, stderr }) => ({ code: 0, said: stdout + stderr }),
        (error: { code: number; stdout: string; stderr: string }) => ({
          code: error.code,
          said: `${error.stdout}${error.stderr}`,
        }),
      );
      const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n').filter(Boolean) : [];
      return { ...ran, calls: lines.map((line) => JSON.parse(line) as Call) };
    },
    async outputs() {
      const { stdout } = await exec(binary, ['stack', 'output', '--json', '--show-secrets'], {
        cwd: work!,
        env: environment,
      });
      return JSON.parse(stdout);
    },
    cloud: (name) => {
      const path = join(recorded!, `${name}.json`);
      return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
    },
    drift(name, change) {
      const path = join(recorded!, `${name}.json`);
      const held = JSON.parse(readFileSync(path, 'utf8'));
      change(held);
      writeFileSync(path, JSON.stringify(held));
    },
    fill: (name, cloud) => writeFileSync(join(recorded!, `${name}.json`), JSON.stringify(cloud)),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
  const made = await project.pulumi(['stack', 'init', 'dev']);
  if (made.code !== 0) throw new Error(made.said);
  return project;
}

/** Contexts of images that a program has laid out. */
export const contextsIn = ({ folder }: Project, model: string): string[] => {
  const path = join(folder, '.slipway', model);
  return existsSync(path) ? readdirSync(path) : [];
};

/** What changed the clouds: creates, updates, deletes; previews are none. */
export const changes = ({ calls }: Ran): string[] =>
  calls
    .filter(({ method, preview }) => ['create', 'update', 'delete'].includes(method) && !preview)
    .map(({ method, type }) => `${method} ${type!.split(':').at(-1)}`);
