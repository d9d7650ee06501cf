/** Building the image: what a builder's output says, line by line. BuildKit numbers and times its lines, buildah and podman do not. */

import type { Progress } from '../../local/optimizer.js';

/** What one line means. */
export type OutputEvent =
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'step'; readonly text: string }
  /** The optimizer ended with this exit status and these sentences. */
  | { readonly kind: 'refused'; readonly status: number; readonly said: string }
  | { readonly kind: 'text'; readonly text: string };

interface OptimizerLine extends Partial<Progress> {
  readonly refused?: { readonly status?: unknown; readonly said?: unknown };
}

function objectOf(text: string): OptimizerLine | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as OptimizerLine;
  } catch {
    return undefined;
  }
}

/** What a builder tells of its own steps: `[2/4] STEP 3/7: COPY …` or `[optimize 5/6] RUN …`. */
const stepPattern = /^(?:\[\d+\/\d+\] )?STEP \d+\/\d+: (.*)$|^\[(?:[\w-]+ )+\d+\/\d+\] (.*)$/;

/** The meaning of one line. */
export function outputEvent(line: string): OutputEvent {
  const text = line
    .replace(/^#\d+ /, '')
    .replace(/^\d+\.\d+ /, '')
    .trimEnd();
  const event = objectOf(text);
  if (event?.refused) {
    const { status, said } = event.refused;
    if (typeof status === 'number' && typeof said === 'string') return { kind: 'refused', status, said };
  }
  if (event && typeof event.done === 'number' && typeof event.total === 'number') {
    return { kind: 'progress', progress: { step: event.step ?? '', done: event.done, total: event.total } };
  }
  const [, plain, bracketed] = stepPattern.exec(text) ?? [];
  const step = plain ?? bracketed;
  return step === undefined ? { kind: 'text', text } : { kind: 'step', text: step };
}

/** Steps of container/Dockerfile in words, by what their lines hold. */
const steps: readonly (readonly [RegExp, string])[] = [
  [/environment\.sh \/opt\/slipway\/tools/, "installing the optimizer's packages"],
  [/environment\.sh .*requirements\.txt/, "installing the hooks' packages"],
  [/environment\.sh \/opt\/slipway\/env/, "installing the server's packages"],
  [/optimize\.sh/, 'starting the optimizer'],
  [/code\.sh/, 'compiling the server'],
  [/^FROM /, 'taking the base image'],
];

/** A builder's step in words; undefined where it is not worth telling. */
export function stepInWords(text: string): string | undefined {
  return steps.find(([pattern]) => pattern.test(text) && !text.startsWith('COPY'))?.[1];
}
