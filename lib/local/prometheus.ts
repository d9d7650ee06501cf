/** Running locally: a real Prometheus beside the endpoint. Found on PATH or fetched from Debian's archive; nothing is installed. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SlipwayError } from '../errors.js';
import type { MonitoringPlan } from '../monitoring/plan.js';
import { prometheusConfig, prometheusRules } from '../monitoring/prometheus-rules.js';
import { type Child, startChild } from './child.js';
import { isExecutable, lastLine, runs, unpackDebianPackage, unpackedVersions } from './debian-package.js';

export interface PrometheusBinaries {
  /** Absolute paths. */
  readonly prometheus: string;
  readonly promtool: string | undefined;
}

/** In words: why there is no Prometheus and what to install. */
export interface PrometheusMissing {
  readonly missing: string;
}

async function onPath(name: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter).filter((part) => part.startsWith('/'))) {
    if (await isExecutable(join(folder, name))) return join(folder, name);
  }
  return undefined;
}

/** The newest of `<cache>/prometheus/<version>/`. */
async function inCache(home: string): Promise<PrometheusBinaries | undefined> {
  for (const folder of await unpackedVersions(home)) {
    const [prometheus, promtool] = [join(folder, 'prometheus'), join(folder, 'promtool')];
    if (await isExecutable(prometheus)) {
      return { prometheus, promtool: (await isExecutable(promtool)) ? promtool : undefined };
    }
  }
  return undefined;
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
  if (installed && (await runs(installed, signal)))
    return { prometheus: installed, promtool: await onPath('promtool') };
  const home = join(cacheDir, 'prometheus');
  const cached = await inCache(home);
  if (cached && (await runs(cached.prometheus, signal))) return cached;
  if (!((await onPath('apt-get')) && (await onPath('dpkg')))) {
    return { missing: `Prometheus is not on PATH, and this is no Debian system to fetch it for. ${INSTALL}` };
  }
  try {
    log('Fetching Prometheus from Debian, 19 MB, once');
    await unpackDebianPackage({ name: 'prometheus', program: 'prometheus', home, log, signal });
    return (await inCache(home)) ?? { missing: `Debian's package holds no prometheus. ${INSTALL}` };
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
  /**
   * Addresses of Alertmanagers, `http://host:port`.
   *
   * @default - nobody is told of alerts
   */
  readonly alertmanagers?: readonly string[] | undefined;
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
      prometheusConfig(options.plan, {
        ...{ target: options.target, rulesFile: 'rules.yml', alertmanagers: options.alertmanagers },
      }),
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
