/** Running locally: a note of every endpoint that runs here, so that other commands find the Prometheus that reads it. */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheDir, refuseUnwritable } from './cache.js';

/** What is noted of one endpoint. */
export interface RunningNote {
  /** Base URL. */
  readonly endpoint: string;
  /** Base URL of the Prometheus that reads it. */
  readonly prometheus: string;
  /** Of the process that started both. */
  readonly pid: number;
  readonly objective: { readonly availability: number; readonly p99Ms: number | null };
  /** Null where drift is not told. */
  readonly drift: { readonly psi: number; readonly minCount: number } | null;
}

const loopback: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]', '0.0.0.0']);

/** Ports are unique on a machine. */
const noteFile = (endpoint: string): string => join(cacheDir(), 'running', `${new URL(endpoint).port || '80'}.json`);

/**
 * Notes an endpoint. What stood there for the same port is of a process that is gone.
 *
 * @returns takes the note away
 */
export function noteRunning(note: RunningNote): () => void {
  const file = noteFile(note.endpoint);
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(note));
  } catch (error) {
    refuseUnwritable(file, error, 'Free it, or set SLIPWAY_CACHE to a folder that can be written.');
  }
  return () => rmSync(file, { force: true });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The note of the endpoint at this URL; undefined where none runs here, or its process is gone. */
export function runningAt(url: string): RunningNote | undefined {
  if (!loopback.has(new URL(url).hostname)) return undefined;
  try {
    const note = JSON.parse(readFileSync(noteFile(url), 'utf8')) as RunningNote;
    return isRunning(note.pid) ? note : undefined;
  } catch {
    return undefined;
  }
}
