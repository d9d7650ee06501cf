/** Building the image: from a context to a tagged image that tells what the gate decided. */

import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ReportFile } from '../../contract/report.js';
import { readContract } from '../../contract/validate.js';
import { GateFailedError, SlipwayError } from '../../errors.js';
import { scratchFolder } from '../../local/cache.js';
import type { Observer } from '../../local/endpoint.js';
import type { ImageContext } from '../context.js';
import { labelPrefix, verdictLabels } from '../labels.js';
import { writeContext } from '../write-context.js';
import type { Builder, BuilderId, BuildRequest, BuiltFacts, SecretFile } from './builders.js';
import { answerOf } from './find.js';
import { runBuilder } from './run.js';

export interface BuildOptions {
  readonly builder: Builder;
  readonly tag: string;
  /** One for each secret of the context. */
  readonly secrets?: readonly SecretFile[];
  /**
   * Push it to the registry that the tag names.
   *
   * @default false
   */
  readonly push?: boolean;
  /**
   * Use what earlier builds left.
   *
   * @default true
   */
  readonly cache?: boolean;
  readonly signal?: AbortSignal;
}

export interface BuiltImage extends BuiltFacts {
  readonly tag: string;
  readonly builder: BuilderId;
  /** What was tried and decided; null where the model is not in the image. */
  readonly report: ReportFile | null;
  readonly pushed: boolean;
}

/** The optimizer's exit status for a failed gate. */
const gateFailed = 3;

const hint =
  'If packages could not be fetched: a private index needs --build-secret id=pip,src=pip.conf, a private certificate authority --build-secret id=ca,src=FILE.';

async function built(
  builder: Builder,
  request: BuildRequest,
  watch: { readonly detail: (text: string) => void; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const { code, refused, tail } = await runBuilder(builder, request, watch);
  if (refused?.status === gateFailed) throw new GateFailedError(refused.said);
  if (refused) throw new SlipwayError(refused.said || `The optimizer ended with code ${refused.status}.`);
  if (code !== 0) throw new SlipwayError(`${builder.id} ended with code ${code}. Its last lines:\n${tail}\n${hint}`);
}

async function pushed(builder: Builder, tag: string, scratch: string, signal?: AbortSignal): Promise<string | null> {
  const digestFile = join(scratch, 'digest');
  const { code, stderr } = await answerOf(builder.id, builder.push(tag, digestFile), { signal });
  if (code !== 0) {
    throw new SlipwayError(
      `'${tag}' cannot be pushed. ${builder.id} says: ${stderr.trim().split('\n').at(-1)}\nThe image is built; log in to the registry and push it with: ${builder.id} push ${tag}`,
    );
  }
  try {
    return readFileSync(digestFile, 'utf8').trim();
  } catch {
    return null;
  }
}

async function factsOf(builder: Builder, tag: string, signal?: AbortSignal): Promise<BuiltFacts> {
  const outputs: string[] = [];
  for (const words of builder.inspect(tag)) {
    const { code, stdout, stderr } = await answerOf(builder.id, words, { signal });
    if (code !== 0) throw new SlipwayError(`${builder.id} cannot read '${tag}' that it built: ${stderr.trim()}`);
    outputs.push(stdout);
  }
  return builder.facts(outputs);
}

/**
 * Builds an image: first as far as the model, so that a failed gate costs no more, then its report, then the image with the verdict as
 * labels. Later runs find the steps of earlier ones in the builder's cache.
 *
 * @throws GateFailedError with the gate's own sentences; SlipwayError with the builder's last lines
 */
export async function buildImage(context: ImageContext, options: BuildOptions, observe: Observer): Promise<BuiltImage> {
  const { builder, tag, secrets = [], cache = true, push = false, signal } = options;
  const scratch = scratchFolder();
  try {
    const folder = join(scratch, 'context');
    await observe('Laying out the build context', async () => writeContext(context, folder));
    const common = {
      folder,
      platform: context.platform,
      // A value of its own makes every step anew, in both runs alike.
      args: (cache ? {} : { CACHE_KEY: randomUUID() }) as Readonly<Record<string, string>>,
      secrets,
      sourceDateEpoch: context.sourceDateEpoch,
    };
    let report: ReportFile | null = null;
    if (context.model === 'image') {
      const reportFolder = join(scratch, 'report');
      mkdirSync(reportFolder);
      await observe(`Optimizing ${context.name} inside the build (${builder.id})`, async (detail) => {
        // Alone: after a stage that failed buildah may begin the next one, and leave its container.
        await built(builder, { ...common, result: { stage: 'optimize' } }, { detail, signal });
        await built(builder, { ...common, result: { reportFolder } }, { detail, signal });
      });
      report = readContract('report', join(reportFolder, 'report.json'));
    }
    const labels = { [`${labelPrefix}.context`]: context.digest, ...(report && verdictLabels(report)) };
    await observe('Building the image', (detail) =>
      built(builder, { ...common, result: { tag, labels } }, { detail, signal }),
    );
    const digest = push ? await observe(`Pushing ${tag}`, () => pushed(builder, tag, scratch, signal)) : null;
    const facts = await factsOf(builder, tag, signal);
    return { ...facts, digest: digest ?? facts.digest, tag, builder: builder.id, report, pushed: push };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
