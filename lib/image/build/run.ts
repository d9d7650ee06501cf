/** Building the image: one run of a builder, watched. */

import { createInterface } from 'node:readline';
import { startChild } from '../../local/child.js';
import { bar } from '../../local/progress-bar.js';
import type { Builder, BuildRequest } from './builders.js';
import { answerOf } from './find.js';
import { outputEvent, stepInWords } from './output.js';

/** How a run ended. */
export interface RunOutcome {
  readonly code: number;
  /** What the optimizer refused, where it did. */
  readonly refused: { readonly status: number; readonly said: string } | null;
  /** The builder's last lines. */
  readonly tail: string;
}

const tailLines = 25;

/** buildah keeps the container of a step that failed, or was stopped. Its name begins with an image that this run made. */
async function removeContainers(images: ReadonlySet<string>): Promise<void> {
  const listed = await answerOf('buildah', ['containers', '--json']).catch(() => undefined);
  const containers = (listed?.code === 0 && (JSON.parse(listed.stdout || '[]') as unknown)) || [];
  const left = (containers as { readonly id: string; readonly imageid: string }[]).filter(({ imageid }) =>
    [...images].some((image) => imageid.startsWith(image)),
  );
  if (left.length > 0) await answerOf('buildah', ['rm', ...left.map(({ id }) => id)]).catch(() => undefined);
}

/**
 * Runs a builder over a context.
 *
 * @param detail - takes what is being done, for people
 * @throws the signal's reason when interrupted; the builder is gone by then, and so is what it had begun
 */
export async function runBuilder(
  builder: Builder,
  request: BuildRequest,
  { detail, signal }: { readonly detail: (text: string) => void; readonly signal?: AbortSignal | undefined },
): Promise<RunOutcome> {
  signal?.throwIfAborted();
  const child = startChild(builder.id, builder.build(request));
  const stop = () => void child.stop(10_000).catch(() => undefined);
  signal?.addEventListener('abort', stop, { once: true });
  const tail: string[] = [];
  const images = new Set<string>();
  let refused: RunOutcome['refused'] = null;
  const hear = (line: string) => {
    const event = outputEvent(line);
    if (event.kind === 'progress') detail(bar(event.progress));
    else if (event.kind === 'refused') refused = { status: event.status, said: event.said.trim() };
    else if (event.kind === 'step') {
      const words = stepInWords(event.text);
      if (words) detail(words);
    } else {
      const [, image] = /^--> ([0-9a-f]{11,64})$/.exec(event.text) ?? [];
      if (image) images.add(image);
      tail.push(event.text);
      if (tail.length > tailLines) tail.shift();
    }
  };
  const closed = new Promise<void>((resolve) => child.process.once('close', () => resolve()));
  for (const stream of [child.process.stdout!, child.process.stderr!])
    createInterface({ input: stream }).on('line', hear);
  let code = 1;
  try {
    code = await child.ended;
    await closed;
  } finally {
    signal?.removeEventListener('abort', stop);
    if (code !== 0 && builder.id === 'buildah') await removeContainers(images);
  }
  signal?.throwIfAborted();
  return { code, refused, tail: tail.join('\n').trim() };
}
