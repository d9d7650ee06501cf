/** Images of one test run: a store of their own, a base made by debootstrap, and containers that run without an engine. */

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { cacheDir, makeEntry } from '../../../lib/local/cache.js';
import { type Run, run } from '../local/slipway.js';

const exec = promisify(execFile);
const suite = 'bookworm';

/** Python as Debian has it; about a minute the first time, kept in the cache. */
async function baseArchive(): Promise<string> {
  const folder = await makeEntry(join(cacheDir(), 'image-base', `${suite}-${arch()}-1`), async (made) => {
    const root = join(made, 'root');
    const include = 'python3,python3-venv,python3-pip,ca-certificates';
    await exec('debootstrap', ['--variant=minbase', `--include=${include}`, suite, root], { maxBuffer: 2 ** 26 });
    for (const left of ['var/cache/apt/archives', 'var/lib/apt/lists']) rmSync(join(root, left), { recursive: true });
    await exec('tar', ['--numeric-owner', '-C', root, '-cf', join(made, 'base.tar'), '.']);
    rmSync(root, { recursive: true, force: true });
  });
  return join(folder, 'base.tar');
}

export interface Store {
  /** What commands need that are to use this store. */
  readonly env: NodeJS.ProcessEnv;
  readonly folder: string;
  /** Name of the base image. */
  readonly base: string;
  /** Runs buildah; its standard output. */
  buildah(...args: string[]): Promise<string>;
  remove(): Promise<void>;
}

/** A new store with the base image in it. */
export async function makeStore(): Promise<Store> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-images-'));
  const base = 'localhost/slipway-base:test';
  const archive = await baseArchive();
  const stores = ['overlay', 'vfs'].map((driver) => {
    const config = join(folder, `${driver}.conf`);
    const roots = ['graph', 'run'].map((name) => join(folder, driver, name));
    for (const root of roots) mkdirSync(root, { recursive: true });
    writeFileSync(config, `[storage]\ndriver = "${driver}"\ngraphroot = "${roots[0]}"\nrunroot = "${roots[1]}"\n`);
    const env = { CONTAINERS_STORAGE_CONF: config, BUILDAH_ISOLATION: 'chroot', STORAGE_DRIVER: driver };
    const buildah = async (...args: string[]) =>
      (await exec('buildah', args, { env: { ...process.env, ...env }, maxBuffer: 2 ** 28 })).stdout;
    return { env, buildah };
  });
  for (const { env, buildah } of stores) {
    try {
      const container = (await buildah('from', 'scratch')).trim();
      await buildah('add', '--quiet', container, archive, '/');
      await buildah('commit', '--quiet', '--rm', container, base);
      const remove = async () => {
        await buildah('rm', '--all');
        await buildah('rmi', '--all', '--force');
        rmSync(folder, { recursive: true, force: true });
      };
      return { env, folder, base, buildah, remove };
    } catch (error) {
      // Where this kernel or file system has no overlay, copies do.
      if (env === stores.at(-1)!.env) throw error;
    }
  }
  throw new Error('no store');
}

export interface Inspected {
  readonly labels: Readonly<Record<string, string>>;
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly ports: readonly string[];
  readonly manifestType: string;
}

/** What an image says of itself. */
export async function inspect({ buildah }: Store, tag: string): Promise<Inspected> {
  const image = JSON.parse(await buildah('inspect', '--type', 'image', tag));
  const { Labels, User, Entrypoint, Cmd, ExposedPorts } = image.Docker.config;
  return {
    labels: Labels,
    user: User,
    entrypoint: Entrypoint,
    command: Cmd,
    ports: Object.keys(ExposedPorts),
    manifestType: JSON.parse(image.Manifest).mediaType,
  };
}

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

export interface Container {
  readonly url: string;
  readonly run: Run;
  /** Waits until the server says that it is ready. */
  ready(): Promise<void>;
  /** Process ids of the image's own program, as this machine sees them. */
  inside(): number[];
  /** Sends SIGTERM to the image's own program alone, as a platform does: its exit status. Rejects after 10 s. */
  drain(): Promise<number>;
  stop(): Promise<void>;
}

/** Processes of an image that were started with this port; those around them do not have it. */
function processesWith(port: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`PORT=${port}`) &&
          readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('/opt/slipway/env/bin/python\0-m\0server')
        );
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Starts an image as a platform does: its entry point and command, a user, a port, variables; the network is this machine's. */
export async function start(
  store: Store,
  tag: string,
  { user, env = {} }: { readonly user: string; readonly env?: Readonly<Record<string, string>> },
): Promise<Container> {
  const { entrypoint, command } = await inspect(store, tag);
  const port = await freePort();
  const container = (await store.buildah('from', '--pull-never', tag)).trim();
  const variables = Object.entries({ PORT: String(port), ...env }).flatMap(([name, value]) => [
    '--env',
    `${name}=${value}`,
  ]);
  const args = [
    'run',
    '--isolation',
    'chroot',
    '--user',
    user,
    ...variables,
    container,
    '--',
    ...entrypoint,
    ...command,
  ];
  const running = run('buildah', args, store.env);
  return {
    url: `http://127.0.0.1:${port}`,
    run: running,
    async ready() {
      for (let tries = 0; tries < 600; tries++) {
        if (running.stdout().includes('"ready"')) return;
        if (running.process.exitCode !== null) throw new Error(`ended before it was ready:\n${running.stderr()}`);
        await sleep(100);
      }
      throw new Error(`not ready within a minute:\n${running.stderr()}`);
    },
    inside: () => processesWith(port),
    async drain() {
      const [server] = processesWith(port);
      if (server === undefined) throw new Error('no process of the server was found');
      process.kill(server, 'SIGTERM');
      const code = await Promise.race([running.ended, sleep(10_000)]);
      if (code === undefined) throw new Error(`still there after 10 s:\n${running.stderr()}`);
      await store.buildah('rm', container);
      return code;
    },
    async stop() {
      if (running.process.pid && running.process.exitCode === null) process.kill(-running.process.pid, 'SIGTERM');
      await running.ended;
      await store.buildah('rm', container);
    },
  };
}
