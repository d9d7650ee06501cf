/** The report of an optimization, after the road: TensorBoard on its runs. */

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SlipwayError } from '../errors.js';
import { scratchFolder } from '../local/cache.js';
import { startChild } from '../local/child.js';
import type { PythonEnvironment } from '../local/python.js';

export interface TensorBoardOptions {
  /** Folder of the runs. */
  readonly runs: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** The `report` environment. */
  readonly environment: PythonEnvironment;
  readonly signal: AbortSignal;
}

export interface RunningTensorBoard {
  /** Such as `http://127.0.0.1:6006/`. */
  readonly url: string;
  /** Settles when it has ended. */
  readonly ended: Promise<number>;
  /** Ends it; nothing that it wrote is left. */
  stop(): Promise<void>;
}

function failure(said: string, port: number): SlipwayError {
  if (/already in use|in use by another|could not bind/i.test(said)) {
    return new SlipwayError(`Port ${port} is in use. Choose another with --port, or --port 0 for any free one.`);
  }
  if (/No module named/.test(said)) {
    return new SlipwayError(
      `There is no TensorBoard in the Python that SLIPWAY_PYTHON names. Install container/locks/report.txt there, or unset SLIPWAY_PYTHON.`,
    );
  }
  return new SlipwayError(`TensorBoard cannot start. It said:\n${said.trim().split('\n').slice(-6).join('\n')}`);
}

/**
 * Starts TensorBoard on 127.0.0.1 and waits until it listens.
 *
 * @throws SlipwayError when the port is taken or it cannot start
 */
export async function startTensorBoard(options: TensorBoardOptions): Promise<RunningTensorBoard> {
  const { runs, port, environment, signal } = options;
  signal.throwIfAborted();
  const scratch = scratchFolder();
  const temporary = join(scratch, 'tmp');
  mkdirSync(temporary);
  const child = startChild(
    environment.python,
    ['-m', 'tensorboard.main', '--logdir', runs, '--host', '127.0.0.1', '--port', String(port), '--load_fast', 'false'],
    // It notes its process and keeps its caches there.
    { env: { ...environment.env, TMPDIR: temporary } },
  );
  child.process.stdout!.resume();
  const said: string[] = [];
  const listening = new Promise<string>((resolve) => {
    createInterface({ input: child.process.stderr! }).on('line', (line) => {
      said.push(line);
      const [url] = /http:\/\/\S+/.exec(/^TensorBoard .* at /.test(line) ? line : '') ?? [];
      if (url) resolve(url);
    });
  });
  const stop = async () => {
    try {
      await child.stop(3000);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  };
  const abort = () => void child.stop(3000).catch(() => undefined);
  signal.addEventListener('abort', abort, { once: true });
  try {
    const url = await Promise.race([listening, child.ended.then(() => undefined)]);
    signal.throwIfAborted();
    if (url === undefined) throw failure(said.join('\n'), port);
    return { url, ended: child.ended, stop };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
