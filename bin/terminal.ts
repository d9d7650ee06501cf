/** How the command line talks: progress and words to standard error, results to standard output, Ctrl-C heard. */

import { constants } from 'node:os';
import { Listr, ListrLogger, ProcessOutput } from 'listr2';
import { SlipwayError } from '../lib/errors.js';
import type { Observer } from '../lib/local/endpoint.js';

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/** Shows each step with a spinner on a terminal, as plain lines elsewhere. */
export const showSteps: Observer = async (title, work) => {
  let outcome: Outcome<Awaited<ReturnType<typeof work>>> | undefined;
  const terminal = process.stderr.isTTY === true;
  const logger = new ListrLogger({
    useIcons: true,
    processOutput: new ProcessOutput(process.stderr, process.stderr),
  });
  const tasks = new Listr(
    [
      {
        title,
        task: async (_context, task) => {
          try {
            const value = await work((detail) => {
              if (terminal) task.output = detail;
            });
            outcome = { value };
          } catch (error) {
            outcome = { error };
            // The error's own words are printed once, by whoever catches it.
            throw new Error('');
          }
        },
      },
    ],
    {
      renderer: terminal ? 'default' : 'simple',
      rendererOptions: { logger },
      fallbackRendererOptions: { logger },
      registerSignalListeners: false,
      exitOnError: false,
    },
  );
  await tasks.run();
  if (outcome && 'value' in outcome) return outcome.value;
  throw outcome?.error;
};

/**
 * A closed terminal or pipe must not end Slipway in the middle of its own clean-up: nobody reads, so nothing is said. A result
 * that cannot be written for another reason is an error.
 */
export function outliveOutput(): void {
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || error.code === 'EIO') return;
    say(`The result cannot be written to standard output: ${error.message}`);
    process.exitCode = 1;
  });
}

/** A line for people. */
export function say(line = ''): void {
  process.stderr.write(`${line}\n`);
}

/** A result, alone on standard output. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Text broken into lines that the terminal holds, the later ones indented; whole where nobody looks on. */
export function wrapped(text: string, indent: number): string {
  const width = process.stdout.columns ?? Number.POSITIVE_INFINITY;
  const lines: string[] = [];
  const [first = '', ...words] = text.split(' ');
  let line = first;
  for (const word of words) {
    if (line.length + 1 + word.length > width) {
      lines.push(line);
      line = ' '.repeat(indent) + word;
    } else line += ` ${word}`;
  }
  return [...lines, line].join('\n');
}

class Interrupted extends Error {
  constructor(readonly signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`);
  }
}

const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `work` with a signal that Ctrl-C, SIGTERM and a closed terminal abort. A second one ends at once.
 *
 * @returns the process's exit code: that of `work`, or 128 and the signal's number
 */
export async function interruptible(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const controller = new AbortController();
  const hear = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(128 + constants.signals[signal]);
    controller.abort(new Interrupted(signal));
  };
  for (const signal of stopSignals) process.on(signal, hear);
  const code = () => {
    const reason: unknown = controller.signal.reason;
    return reason instanceof Interrupted ? 128 + constants.signals[reason.signal] : undefined;
  };
  try {
    const own = await work(controller.signal);
    return code() ?? own;
  } catch (error) {
    const interrupted = code();
    if (interrupted === undefined) throw error;
    return interrupted;
  } finally {
    for (const signal of stopSignals) process.off(signal, hear);
    // Everything is stopped. Node would abort now, since it cannot reset a terminal that is gone.
    if (code() === 128 + constants.signals.SIGHUP) process.kill(process.pid, 'SIGKILL');
  }
}

/** Settles when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** What people read when a command fails; the stack only where they asked for it. */
export function explain(error: unknown, debug: boolean): string {
  if (debug && error instanceof Error) return error.stack ?? error.message;
  if (error instanceof SlipwayError) return error.message;
  const message = error instanceof Error ? error.message : String(error);
  return `Slipway failed in a way it should not: ${message}\nRun again with --debug and report what it prints.`;
}
