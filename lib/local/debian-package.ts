/** Running locally: programs of Debian's packages, unpacked into a folder of ours. No root, nothing is installed. */

import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SlipwayError } from '../errors.js';
import { startChild } from './child.js';

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

/** A package, and where its programs are wanted. */
export interface DebianPackage {
  readonly name: string;
  /** Of those in `/usr/bin`, the one that has to run here. */
  readonly program: string;
  /** A folder with one folder for each version; made when it does not exist. */
  readonly home: string;
  /** Hears what is being fetched. */
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
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

/** Whether a program runs on this machine. */
export const runs = async (program: string, signal?: AbortSignal): Promise<boolean> =>
  (await run(program, ['--version'], { signal })).ok;

/** Whether a file is there and may be run. */
export async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

/** Folders of unpacked versions, the newest first. */
export async function unpackedVersions(home: string): Promise<readonly string[]> {
  const entries = await readdir(home).catch(() => [] as string[]);
  return entries
    .filter((name) => !name.startsWith('.'))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => join(home, name));
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

/** What a program said last. */
export const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.trim() ?? '';

/**
 * Downloads Debian's package into `scratch` and returns the file's name. The system's package lists are tried first;
 * where they are absent or old, lists of our own are fetched, which needs no root.
 */
async function download({ name, log, signal }: DebianPackage, scratch: string): Promise<string> {
  const fetch = (options: readonly string[]): Promise<{ ok: boolean; output: string }> =>
    run('apt-get', [...APT_OPTIONS, ...options, 'download', name], { cwd: scratch, signal });
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
  const file = (await readdir(scratch)).find((entry) => entry.startsWith(`${name}_`) && entry.endsWith('.deb'));
  if (!answer.ok || !file) throw new SlipwayError(`apt-get says: ${lastLine(answer.output)}`);
  return file;
}

/**
 * Downloads a package and unpacks its programs into `<home>/<version>/`.
 *
 * @throws SlipwayError with what apt-get or dpkg said; the signal's reason when interrupted
 */
export async function unpackDebianPackage(wanted: DebianPackage): Promise<void> {
  const { home, program, signal } = wanted;
  await mkdir(home, { recursive: true });
  await removeStaleScratch(home);
  const scratch = await mkdtemp(join(home, '.scratch-'));
  try {
    const file = await download(wanted, scratch);
    const unpacked = await run('dpkg', ['-x', file, 'root'], { cwd: scratch, signal });
    if (!unpacked.ok) throw new SlipwayError(`dpkg says: ${lastLine(unpacked.output)}`);
    const folder = join(scratch, 'root', 'usr', 'bin');
    if (!(await runs(join(folder, program), signal))) throw new SlipwayError(`${program} of ${file} does not run here`);
    const version = decodeURIComponent(file.split('_')[1] ?? file);
    await rename(folder, join(home, version)).catch((error: NodeJS.ErrnoException) => {
      // Another process was quicker; its entry is as good.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
