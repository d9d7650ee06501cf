/** Starts the real command line and sees what it leaves behind. */

import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cacheDir } from '../../../lib/local/cache.js';
import { packageFile } from '../../../lib/package-root.js';

export const command = packageFile('dist', 'bin', 'slipway.js');

/** Paths of an example model and its data. */
export const example = (name: string) => ({
  model: packageFile('examples', 'models', name, `${name}.onnx`),
  data: packageFile('examples', 'models', name, 'samples.npz'),
  labels: packageFile('examples', 'models', name, 'labels.npy'),
});

/** A cache without models; what is dear to make and the same everywhere is shared with the user's own. */
export function cacheWithoutModels(): string {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-cache-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const kind of ['python', 'prometheus', 'bytecode']) {
    mkdirSync(join(cacheDir(), kind), { recursive: true });
    symlinkSync(join(cacheDir(), kind), join(folder, kind));
  }
  return folder;
}

export interface Ready {
  readonly endpoint: string;
  readonly infer: string;
  readonly dashboard: string | null;
  readonly prometheus: string | null;
  readonly model: string;
  readonly precision: string;
  readonly speedup: number | null;
  readonly agreement: number | null;
  readonly bytes: number;
  readonly sample: { readonly inputs: readonly { readonly name: string; readonly data: readonly unknown[] }[] };
}

export interface Run {
  readonly process: ChildProcess;
  /** Exit code, or 128 and the signal's number. */
  readonly ended: Promise<number>;
  stdout(): string;
  stderr(): string;
  /** Waits until standard error holds `text`; throws when the process ends before it. */
  saw(text: string): Promise<void>;
  /** The line of JSON; throws with standard error when the process ends before it. */
  ready(): Promise<Ready>;
  /** Command lines of processes that this run started and that are still there. */
  left(): string[];
  /** The same after they had some seconds to go. */
  leftAfterAll(): Promise<string[]>;
}

const signals: Readonly<Record<string, number>> = { SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/** Processes that carry a mark in their environment. */
function marked(mark: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark)) return [];
        return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`];
      } catch {
        return [];
      }
    });
}

/** Runs a command with a mark in its environment that all it starts inherit. */
export function run(
  file: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  cwd = packageFile(),
): Run {
  const mark = `SLIPWAY_TEST_RUN=${randomUUID()}`;
  const child = spawn(file, args, {
    cwd,
    env: { ...process.env, ...environment, SLIPWAY_TEST_RUN: mark.split('=')[1] },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  let done = false;
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      done = true;
      resolve(code ?? 128 + (signals[signal ?? ''] ?? 0));
    });
  });
  const until = async (condition: () => boolean) => {
    while (!condition() && !done) await sleep(20);
  };
  const line = () => stdout.split('\n').find((text) => text.startsWith('{'));
  return {
    process: child,
    ended,
    stdout: () => stdout,
    stderr: () => stderr,
    async saw(text) {
      await until(() => stderr.includes(text));
      if (!stderr.includes(text)) throw new Error(`ended before it said '${text}':\n${stderr}`);
    },
    async ready() {
      await until(() => line() !== undefined);
      const text = line();
      if (text === undefined) throw new Error(`ended before it was ready:\n${stderr}`);
      return JSON.parse(text) as Ready;
    },
    left: () => marked(mark),
    async leftAfterAll() {
      for (let tries = 0; tries < 100 && marked(mark).length > 0; tries++) await sleep(100);
      return marked(mark);
    },
  };
}

/** `slipway …` */
export const slipway = (args: readonly string[], environment: NodeJS.ProcessEnv = {}): Run =>
  run(process.execPath, [command, ...args], environment);

export interface Answer {
  readonly outputs: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly datatype: string;
    readonly data: readonly unknown[];
  }[];
}

/** Posts a request in the Open Inference Protocol's JSON. */
export async function infer(url: string, body: unknown): Promise<{ readonly status: number; readonly answer: Answer }> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  return { status: response.status, answer: (await response.json()) as Answer };
}

/** The answer of Prometheus' HTTP API to an instant query. */
export interface Instant {
  readonly data: {
    readonly result: readonly { readonly metric: Record<string, string>; readonly value: readonly [number, string] }[];
  };
}
