/** Running locally: a real Prometheus beside the endpoint. Found on PATH or fetched from Debian's archive; nothing is installed. */

import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SlipwayError } from '../errors.js';
import type { MonitoringPlan } from '../monitoring/plan.js';
import { prometheusConfig, prometheusRules } from '../monitoring/prometheus-rules.js';
import { type Child, startChild } from './child.js';

export interface PrometheusBinaries {
  /** Absolute paths. */
  readonly prometheus: string;
  readonly promtool: string | undefined;
}

/** In words: why there is no Prometheus and what to install. */
export interface PrometheusMissing {
  readonly missing: string;
}

const STALE_SCRATCH_MS = 3_600_000;
const APT_OPTIONS = [
  '-q',
  '-o',
  'Acquire::Retries=1',
  '-o',
  'Acquire::http::Timeout=20',
  '-o',
  'APT::Sandbox::User=root',
];

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

async function onPath(name: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter).filter((part) => part.startsWith('/'))) {
    if (await isExecutable(join(folder, name))) return join(folder, name);
  }
  return undefined;
}

/** Runs a command to its end. An interruption ends it and throws the signal's reason. */
async function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; signal?: AbortSignal | undefined } = {},
): Promise<{ ok: boolean; output: string }> {
  options.signal?.throwIfAborted();
  const child = startChild(command, args, {
    env: { ...process.env, LC_ALL: 'C' },
    ...(options.cwd ? { cwd: options.cwd } : {}),
  });
  const chunks: Buffer[] = [];
  child.process.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.process.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk));
  const interrupt = (): void => void child.stop(2000).catch(() => undefined);
  options.signal?.addEventListener('abort', interrupt, { once: true });
  try {
    const code = await child.ended.catch((error: NodeJS.ErrnoException) => {
      chunks.push(Buffer.from(error.message));
      return 127;
    });
    options.signal?.throwIfAborted();
    return { ok: code === 0, output: Buffer.concat(chunks).toString() };
  } finally {
    options.signal?.removeEventListener('abort', interrupt);
  }
}

async function works(prometheus: string, signal?: AbortSignal): Promise<boolean> {
  return (await run(prometheus, ['--version'], { signal })).ok;
}

/** The newest of `<cache>/prometheus/<version>/`. */
async function inCache(home: string): Promise<PrometheusBinaries | undefined> {
  const entries = await readdir(home).catch(() => [] as string[]);
  const versions = entries
    .filter((name) => !name.startsWith('.'))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  for (const version of versions) {
    const [prometheus, promtool] = [join(home, version, 'prometheus'), join(home, version, 'promtool')];
    if (await isExecutable(prometheus)) {
      return { prometheus, promtool: (await isExecutable(promtool)) ? promtool : undefined };
    }
  }
  return undefined;
}

/** What a killed process left behind. */
async function removeStaleScratch(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    const path = join(home, name);
    const info = await stat(path).catch(() => undefined);
    if (name.startsWith('.scratch-') && info && Date.now() - info.mtimeMs > STALE_SCRATCH_MS) {
      await rm(path, { recursive: true, force: true });
    }
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.trim() ?? '';

/**
 * Downloads Debian's package into `scratch` and returns the file's name. The system's package lists are tried first;
 * where they are absent or old, lists of our own are fetched, which needs no root.
 */
async function download(scratch: string, log: (line: string) => void, signal?: AbortSignal): Promise<string> {
  const fetch = (options: readonly string[]): Promise<{ ok: boolean; output: string }> =>
    run('apt-get', [...APT_OPTIONS, ...options, 'download', 'prometheus'], { cwd: scratch, signal });
  let answer = await fetch([]);
  if (!answer.ok) {
    log('Fetching the list of Debian packages');
    const [lists, cache] = [join(scratch, 'lists'), join(scratch, 'apt-cache')];
    await mkdir(join(lists, 'partial'), { recursive: true });
    await mkdir(join(cache, 'archives', 'partial'), { recursive: true });
    const own = ['-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${cache}`];
    await run('apt-get', [...APT_OPTIONS, ...own, 'update'], { signal });
    answer = await fetch(own);
  }
  const file = (await readdir(scratch)).find((name) => name.startsWith('prometheus_') && name.endsWith('.deb'));
  if (!answer.ok || !file) throw new SlipwayError(`apt-get says: ${lastLine(answer.output)}`);
  return file;
}

async function unpack(home: string, log: (line: string) => void, signal?: AbortSignal): Promise<PrometheusBinaries> {
  await mkdir(home, { recursive: true });
  await removeStaleScratch(home);
  const scratch = await mkdtemp(join(home, '.scratch-'));
  try {
    log('Fetching Prometheus from Debian, 19 MB, once');
    const file = await download(scratch, log, signal);
    const unpacked = await run('dpkg', ['-x', file, 'root'], { cwd: scratch, signal });
    if (!unpacked.ok) throw new SlipwayError(`dpkg says: ${lastLine(unpacked.output)}`);
    const folder = join(scratch, 'root', 'usr', 'bin');
    if (!(await works(join(folder, 'prometheus'), signal)))
      throw new SlipwayError(`the binary in ${file} does not run here`);
    const version = decodeURIComponent(file.split('_')[1] ?? file);
    await rename(folder, join(home, version)).catch((error: NodeJS.ErrnoException) => {
      // Another process was quicker; its entry is as good.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  const found = await inCache(home);
  if (!found) throw new SlipwayError('the package holds no prometheus');
  return found;
}

const INSTALL =
  'Install it (Debian, Ubuntu: apt-get install prometheus; macOS: brew install prometheus) or put the prometheus binary on PATH. The endpoint runs without it; only charts and alerts are missing';

/**
 * Finds Prometheus: on PATH, else in `<cacheDir>/prometheus/<version>/`, else Debian's package unpacked there. No root, no service.
 *
 * @param cacheDir - Slipway's cache; made when it does not exist
 * @param log - hears what is being fetched
 * @param signal - interrupts; then the signal's reason is thrown, and nothing half-made stays
 * @returns the binaries, or in words what is missing and what to install
 */
export async function findPrometheus(
  cacheDir: string,
  log: (line: string) => void = () => undefined,
  signal?: AbortSignal,
): Promise<PrometheusBinaries | PrometheusMissing> {
  const installed = await onPath('prometheus');
  if (installed && (await works(installed, signal)))
    return { prometheus: installed, promtool: await onPath('promtool') };
  const home = join(cacheDir, 'prometheus');
  const cached = await inCache(home);
  if (cached && (await works(cached.prometheus, signal))) return cached;
  if (!((await onPath('apt-get')) && (await onPath('dpkg')))) {
    return { missing: `Prometheus is not on PATH, and this is no Debian system to fetch it for. ${INSTALL}` };
  }
  try {
    return await unpack(home, log, signal);
  } catch (error) {
    signal?.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    return { missing: `Prometheus is not on PATH and could not be fetched from Debian (${reason}). ${INSTALL}` };
  }
}

export interface PrometheusOptions {
  readonly binaries: PrometheusBinaries;
  /** An existing folder; Prometheus keeps its data in a new one inside it, removed by `close`. */
  readonly dir: string;
  readonly plan: MonitoringPlan;
  /** Where the endpoint's `/metrics` is, `host:port`. */
  readonly target: string;
  /** @default - a free one */
  readonly port?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RunningPrometheus {
  /** Such as `http://127.0.0.1:41234`, without a slash at the end. */
  readonly url: string;
  readonly child: Child;
  /** Stops it and removes its data. */
  close(): Promise<void>;
}

const PORT_TRIES = 5;
const READY_SECONDS = 60;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}

/** True once the process answers that was started with this folder: on a clash someone else's Prometheus could. */
async function answers(url: string, data: string): Promise<boolean> {
  try {
    const ready = await fetch(`${url}/-/ready`, { signal: AbortSignal.timeout(2000) });
    if (!ready.ok) return false;
    const flags = await fetch(`${url}/api/v1/status/flags`, { signal: AbortSignal.timeout(2000) });
    const body = (await flags.json()) as { data?: Record<string, string> };
    return body.data?.['storage.tsdb.path'] === data;
  } catch {
    return false;
  }
}

async function startOn(
  port: number,
  home: string,
  options: PrometheusOptions,
): Promise<RunningPrometheus | { failed: string }> {
  const data = join(home, 'data');
  const child = startChild(
    options.binaries.prometheus,
    [
      `--config.file=${join(home, 'prometheus.yml')}`,
      `--storage.tsdb.path=${data}`,
      '--storage.tsdb.retention.time=3d',
      '--storage.tsdb.retention.size=512MB',
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    // It shares the machine with the model; one processor is plenty for one target.
    { env: { ...process.env, GOMAXPROCS: '1' }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  child.process.stderr?.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-4000);
  });
  let over = false;
  const ended = child.ended.then(
    () => undefined,
    (error: Error) => {
      log += error.message;
    },
  );
  void ended.then(() => {
    over = true;
  });
  const url = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + READY_SECONDS * 1000;
  while (!over && performance.now() < deadline && !options.signal?.aborted) {
    if (await answers(url, data)) {
      const close = async (): Promise<void> => {
        await child.stop();
        await rm(home, { recursive: true, force: true });
      };
      return { url, child, close };
    }
    await Promise.race([sleep(100), ended]);
  }
  await child.stop().catch(() => undefined);
  return { failed: over ? log : `not ready after ${READY_SECONDS} s` };
}

/**
 * Starts Prometheus on 127.0.0.1 and waits until it is ready. It reads one endpoint and evaluates the plan's rules.
 *
 * @throws SlipwayError when it does not become ready, with the end of its log; the signal's reason when interrupted
 */
export async function startPrometheus(options: PrometheusOptions): Promise<RunningPrometheus> {
  options.signal?.throwIfAborted();
  const home = await mkdtemp(join(options.dir, 'prometheus-'));
  try {
    await writeFile(join(home, 'rules.yml'), prometheusRules(options.plan));
    // Relative to the configuration: a path is a pattern there, and a folder's name may hold its signs.
    await writeFile(
      join(home, 'prometheus.yml'),
      prometheusConfig(options.plan, { target: options.target, rulesFile: 'rules.yml' }),
    );
    for (let tries = options.port === undefined ? PORT_TRIES : 1; ; tries -= 1) {
      const started = await startOn(options.port ?? (await freePort()), home, options);
      if ('url' in started) return started;
      options.signal?.throwIfAborted();
      const clash = started.failed.includes('address already in use');
      if (clash && options.port !== undefined) {
        throw new SlipwayError(
          `Port ${options.port} is in use. Choose another for Prometheus, or leave the choice to Slipway`,
        );
      }
      if (!clash || tries === 1) throw new SlipwayError(`Prometheus did not start: ${lastLine(started.failed)}`);
    }
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }
}
