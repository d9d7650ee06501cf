/** Building the image: finds a builder that works here. A program without its engine is no builder. */

import { SlipwayError } from '../../errors.js';
import { startChild } from '../../local/child.js';
import { type Builder, type BuilderId, builders } from './builders.js';

const probeSeconds = 20;

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. Throws the spawn's error, and the signal's reason when interrupted. */
export async function answerOf(
  command: string,
  args: readonly string[],
  { signal, seconds }: { readonly signal?: AbortSignal | undefined; readonly seconds?: number } = {},
): Promise<Answer> {
  signal?.throwIfAborted();
  const child = startChild(command, args);
  const stop = () => void child.stop(2000).catch(() => undefined);
  signal?.addEventListener('abort', stop, { once: true });
  const timer = seconds === undefined ? undefined : setTimeout(stop, seconds * 1000);
  const out = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child.process[name]!.setEncoding('utf8').on('data', (text: string) => {
      out[name] += text;
    });
  }
  const closed = new Promise<void>((resolve) => child.process.once('close', () => resolve()));
  try {
    const code = await child.ended;
    await closed;
    signal?.throwIfAborted();
    return { code, ...out };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

/** Why a builder does not work here; undefined when it does. */
async function obstacle({ id, probes }: Builder, signal: AbortSignal | undefined): Promise<string | undefined> {
  for (const probe of probes) {
    let answer: Answer;
    try {
      answer = await answerOf(id, probe, { signal, seconds: probeSeconds });
    } catch (error) {
      signal?.throwIfAborted();
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'is not installed';
      return `cannot be started (${(error as Error).message})`;
    }
    // Started by setpriv, a program that is not there is an exit status.
    if (answer.code === 127) return 'is not installed';
    if (answer.code !== 0) {
      const said = answer.stderr.trim().split('\n').at(-1);
      return `does not work: '${[id, ...probe].join(' ')}' ${said ? `says: ${said}` : `ended with code ${answer.code}`}`;
    }
  }
  return undefined;
}

/**
 * The builder that was asked for, else the first that works: docker, podman, buildah.
 *
 * @throws SlipwayError with what is wrong with each
 */
export async function findBuilder(asked?: BuilderId, signal?: AbortSignal): Promise<Builder> {
  const obstacles: string[] = [];
  for (const builder of builders.filter(({ id }) => asked === undefined || id === asked)) {
    const found = await obstacle(builder, signal);
    if (found === undefined) return builder;
    obstacles.push(`  ${builder.id} ${found}`);
  }
  throw new SlipwayError(
    `No program that builds images works here:\n${obstacles.join('\n')}\nInstall or start one (Debian: apt install buildah), or lay out the build context for another place with --context-only FOLDER.`,
  );
}
