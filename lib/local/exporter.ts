/** Runs container/exporter in the user's own Python, where torch is installed. */

import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { SlipwayError } from '../errors.js';
import { packageFile } from '../package-root.js';
import { cacheDir, scratchFolder } from './cache.js';
import { startChild } from './child.js';
import type { Progress } from './optimizer.js';

/** What `container/exporter` says of what it made. */
export interface ExportSummary {
  readonly schemaVersion: 1;
  /** Path of the ONNX file. */
  readonly model: string;
  /** Path of the file of its weights, where they are apart (1.8 GB or more in all). */
  readonly weights: string | null;
  readonly bytes: number;
  readonly exporter: 'dynamo' | 'torchscript';
  readonly opset: number;
  readonly irVersion: number;
  readonly inputs: readonly ExportedTensor[];
  readonly outputs: readonly ExportedTensor[];
  /** Against torch, at these sizes of the batch and of labelled axes. */
  readonly parity: {
    readonly batches: readonly number[];
    readonly sizes: readonly Readonly<Record<string, number>>[];
    readonly maxAbsError: number;
    readonly tolerance: { readonly relative: number; readonly ofLargest: number };
  };
  readonly prune: {
    readonly share: number;
    readonly finetuned: boolean;
    readonly layers: readonly { readonly name: string; readonly before: number; readonly after: number }[];
    readonly whole: readonly LeftAlone[];
  } | null;
  readonly sparsify: {
    readonly share: number;
    readonly pattern: 'unstructured' | '2:4';
    readonly finetuned: boolean;
    /** Share of zeros in the masked layers of the exported model. */
    readonly zeros: number;
    readonly layers: readonly string[];
    readonly dense: readonly LeftAlone[];
  } | null;
  /** The changed model beside the one it was made from, in ONNX Runtime on this machine, batch 1, one thread. */
  readonly comparison: {
    readonly before: ExportedSize;
    readonly after: ExportedSize;
    readonly speedup: number;
    /** 95 %. */
    readonly speedupInterval: readonly [number, number];
    readonly samples: number;
    readonly agreement: number | null;
    readonly sqnrDb: number;
  } | null;
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
}

export interface ExportedTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly (number | string | null)[];
}

export interface LeftAlone {
  readonly name: string;
  readonly why: string;
}

export interface ExportedSize {
  readonly parameters: number;
  /** Multiply-accumulates of one sample. */
  readonly macs: number;
  readonly bytes: number;
  readonly gzipBytes: number;
  readonly latencyMs: { readonly p50: number; readonly p95: number };
}

/** A Python that can run the exporter's own files; whether it has torch is the exporter's to say. */
export interface UsersPython {
  readonly python: string;
  readonly env: NodeJS.ProcessEnv;
}

const oldest = [3, 11] as const;

/**
 * The Python that the user trains with: the one named, else `SLIPWAY_PYTHON`, else `python3` on PATH.
 *
 * @throws SlipwayError when it is not there, is no Python or is too old
 */
export async function usersPython(named?: string): Promise<UsersPython> {
  const own = process.env.SLIPWAY_PYTHON;
  const python = named ?? (own || 'python3');
  const from = named !== undefined ? '--python' : own ? 'SLIPWAY_PYTHON' : 'PATH';
  const said = await promisify(execFile)(python, ['-c', 'import sys; print(*sys.version_info[:2])']).catch(
    (error: unknown) => error as Error & { code?: string; stderr?: string },
  );
  const advice = 'Name the Python you train with: --python PATH or SLIPWAY_PYTHON.';
  if (said instanceof Error) {
    const why = said.code === 'ENOENT' ? 'is not there' : `does not run (${said.message.trim().split('\n').at(-1)})`;
    throw new SlipwayError(`Python '${python}' (from ${from}) ${why}. ${advice}`);
  }
  const [major = 0, minor = 0] = said.stdout.trim().split(' ').map(Number);
  if (major !== oldest[0] || minor < oldest[1]) {
    const version = Number.isInteger(major) && Number.isInteger(minor) ? `Python ${major}.${minor}` : 'no Python';
    throw new SlipwayError(
      `'${python}' (from ${from}) is ${version}; the export needs ${oldest.join('.')} or newer. ${advice}`,
    );
  }
  const ours = packageFile('container');
  return {
    python,
    env: {
      ...process.env,
      PYTHONPATH: [ours, process.env.PYTHONPATH].filter(Boolean).join(delimiter),
      PYTHONPYCACHEPREFIX: process.env.PYTHONPYCACHEPREFIX ?? join(cacheDir(), 'bytecode'),
      PYTHONUNBUFFERED: '1',
      ORT_DISABLE_TELEMETRY: '1',
    },
  };
}

/** A line that the exporter wrote, read. */
export type ExportEvent =
  | { readonly progress: Progress }
  | { readonly said: string }
  | { readonly finished: ExportSummary };

/** Undefined for a line that is none of the exporter's. */
export function exportEvent(line: string): ExportEvent | undefined {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof event !== 'object' || event === null) return undefined;
  const { step, done, total, said, finished } = event as Record<string, unknown>;
  if (typeof said === 'string') return { said };
  if (typeof finished === 'object' && finished !== null) return { finished: finished as ExportSummary };
  if (typeof step === 'string' && typeof done === 'number' && typeof total === 'number') {
    return { progress: { step, done, total } };
  }
  return undefined;
}

export interface ExportRun {
  readonly python: UsersPython;
  /** The exporter's own arguments, without `--scratch`. */
  readonly args: readonly string[];
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** A line that the user's code printed. */
  readonly onSaid?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Exports. An interrupted run leaves nothing behind.
 *
 * @throws SlipwayError with the exporter's own words when it refuses, the signal's reason when interrupted
 */
export async function exportModel(run: ExportRun): Promise<ExportSummary> {
  run.signal?.throwIfAborted();
  const scratch = scratchFolder();
  try {
    // -P: the current folder may hold modules of the same names as the exporter's.
    const args = ['-P', '-m', 'exporter', '--scratch', scratch, ...run.args];
    const child = startChild(run.python.python, args, { env: run.python.env });
    const abort = () => void child.stop(5000).catch(() => undefined);
    run.signal?.addEventListener('abort', abort, { once: true });
    let summary: ExportSummary | undefined;
    const lines = createInterface({ input: child.process.stdout! });
    const read = new Promise<void>((resolve) => lines.once('close', resolve));
    lines.on('line', (line) => {
      const event = exportEvent(line);
      if (!event) return;
      if ('progress' in event) run.onProgress?.(event.progress);
      else if ('said' in event) run.onSaid?.(event.said);
      else summary = event.finished;
    });
    const words: string[] = [];
    child.process.stderr!.setEncoding('utf8').on('data', (text: string) => words.push(text));
    const code = await child.ended.finally(() => run.signal?.removeEventListener('abort', abort));
    run.signal?.throwIfAborted();
    await read;
    const said = words.join('').trim();
    if (code !== 0 || !summary) throw new SlipwayError(said || ended(code));
    return summary;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function ended(code: number): string {
  const memory = code === 137 ? ' Most likely the machine has too little memory.' : '';
  return `The export ended with code ${code} and said nothing.${memory}`;
}
