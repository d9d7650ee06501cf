/** Runs container/server on this machine. */

import { createInterface } from 'node:readline';
import { SlipwayError } from '../errors.js';
import { type Child, startChild } from './child.js';
import type { PythonEnvironment } from './python.js';

export interface ServerOptions {
  readonly environment: PythonEnvironment;
  /** Path of serving.json. */
  readonly serving: string;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Folder for TensorBoard's files, written while it runs; none without. */
  readonly tensorboard?: string | undefined;
  /** The server's own log lines. */
  readonly onLog?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RunningServer {
  /** `http://host:port` */
  readonly url: string;
  readonly child: Child;
}

interface ServerEvent {
  readonly listening?: { readonly host: string; readonly port: number };
  readonly ready?: unknown;
}

function eventOf(line: string): ServerEvent {
  try {
    return JSON.parse(line) as ServerEvent;
  } catch {
    return {};
  }
}

/**
 * Starts the server and waits until it is ready: warmed up, canaries replayed.
 *
 * @throws SlipwayError with the server's own words when it refuses to start
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  options.signal?.throwIfAborted();
  const { python, env } = options.environment;
  const { serving, host, port } = options;
  const events = options.tensorboard === undefined ? [] : ['--tensorboard', options.tensorboard];
  const args = ['-m', 'server', '--serving', serving, '--host', host, '--port', String(port), ...events];
  const child = startChild(python, args, { env });
  const said: string[] = [];
  let logging = false;
  createInterface({ input: child.process.stderr! }).on('line', (line) => {
    if (logging) options.onLog?.(line);
    else said.push(line);
  });
  const abort = () => void child.stop().catch(() => undefined);
  options.signal?.addEventListener('abort', abort, { once: true });

  const ready = new Promise<string>((resolve) => {
    let url = '';
    createInterface({ input: child.process.stdout! }).on('line', (line) => {
      const event = eventOf(line);
      if (event.listening) url = `http://${host.includes(':') ? `[${host}]` : host}:${event.listening.port}`;
      if (event.ready) resolve(url);
    });
  });
  const failed = child.ended.then((code) => {
    options.signal?.throwIfAborted();
    throw new SlipwayError(said.join('\n').trim() || `The server ended with code ${code} before it was ready.`);
  });
  try {
    const url = await Promise.race([ready, failed]);
    logging = true;
    for (const line of said) options.onLog?.(line);
    return { url, child };
  } finally {
    failed.catch(() => undefined);
    options.signal?.removeEventListener('abort', abort);
  }
}
