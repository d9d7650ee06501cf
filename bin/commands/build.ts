/** `slipway build`: the image, its model quantized while it is built. */

import { existsSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { GateFailedError, SlipwayError } from '../../lib/errors.js';
import { type BuiltImage, buildImage } from '../../lib/image/build/build.js';
import { type BuilderId, builders, type SecretFile } from '../../lib/image/build/builders.js';
import { findBuilder } from '../../lib/image/build/find.js';
import { type ImageContext, imageContext } from '../../lib/image/context.js';
import { writeContext } from '../../lib/image/write-context.js';
import { quoted } from '../../lib/local/sample.js';
import { lockPath, readLock } from '../../lib/lock/lock-file.js';
import { targetOf } from '../../lib/lock/optimization.js';
import { type EndpointPlan, planEndpoint } from '../../lib/plan.js';
import { commandAs, type LeftOut } from '../command-line.js';
import { interruptible, print, say, showSteps } from '../terminal.js';
import { buildSecret, withOwnAuthority } from './build-secrets.js';
import { type GateOptions, type ModelOptions, specOf, withGateOptions, withModelOptions } from './model-options.js';
import { objectiveOf, type PlaceOptions, placeOf, withPlaceOptions } from './place-options.js';

interface ImageCommandOptions extends ModelOptions, GateOptions, PlaceOptions {
  readonly tag?: string;
  readonly builder?: BuilderId;
  readonly contextOnly?: string;
  readonly baseImage?: string;
  readonly buildSecret?: readonly SecretFile[];
  readonly push?: boolean;
  readonly model: 'image' | 'bucket';
  readonly cache: boolean;
  /** A path; true: beside the model; false: none. */
  readonly lock: string | boolean;
  readonly json?: boolean;
}

const examples = `
Examples:
  $ slipway build fraud.onnx --data samples.npz --platform gcp-cloud-run --tag fraud:1
  $ slipway build fraud.onnx --data samples.npz --platform aws-sagemaker --region eu-west-1 --p99-ms 20 --rps 50 \\
      --tag 123456789012.dkr.ecr.eu-west-1.amazonaws.com/fraud:1 --push
  $ slipway build fraud.onnx --data samples.npz --on-failure error --tag fraud:1 --builder buildah
  $ slipway build fraud.onnx --data samples.npz --platform azure-ml --context-only context/   # for az acr build and the like
  $ slipway build fraud.onnx --tag fraud:1 --build-secret id=pip,src=pip.conf                 # a private package index

Exit status: 0 built, 1 refused or failed, 3 the gate failed inside the build. Details: docs/image.md`;

/** A name as registries take it. */
function imageTag(text: string): string {
  if (/^(?=.{1,255}$)[a-z0-9]+([._:-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[\w][\w.-]{0,127})?$/.test(text))
    return text;
  throw new InvalidArgumentError(
    'Give a name in small letters with a tag, such as fraud:1 or registry.example/team/fraud:1.',
  );
}

const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;

/** The time that builds are said to be made at, by the convention of reproducible builds. */
function sourceDateEpoch(): { readonly sourceDateEpoch?: number } {
  const text = process.env.SOURCE_DATE_EPOCH;
  return text === undefined || text === '' ? {} : { sourceDateEpoch: Number(text) };
}

function tellContext(context: ImageContext, folder: string, plan: EndpointPlan): void {
  const bytes = context.files.reduce((sum, file) => sum + file.bytes, 0);
  say(
    `Build context: ${folder} (${context.files.length} files, ${megabytes(bytes)}, ${context.variant}, ${context.platform})`,
  );
  const where = quoted(folder);
  const name = context.name.toLowerCase();
  const secrets = context.secrets.map((id) => ` --secret id=${id},src=FILE`).join('');
  say('Build it:');
  say(`  docker buildx build --provenance=false --platform ${context.platform}${secrets} -t ${name}:1 ${where}`);
  say(`  buildah build --format docker --layers --platform ${context.platform}${secrets} -t ${name}:1 ${where}`);
  if (plan.platform.startsWith('azure')) say(`  az acr build --registry REGISTRY --image ${name}:1 ${where}`);
  if (plan.platform.startsWith('gcp'))
    say(`  gcloud builds submit ${where} --tag REGION-docker.pkg.dev/PROJECT/REPOSITORY/${name}:1`);
}

/** The command that runs an image, by builder. */
const runCommands: Readonly<Record<BuilderId, (tag: string) => string>> = {
  docker: (tag) => `docker run --rm -p 8080:8080 ${tag}`,
  podman: (tag) => `podman run --rm -p 8080:8080 ${tag}`,
  buildah: (tag) => `buildah run $(buildah from ${tag}) -- /opt/slipway/env/bin/python -m server serve`,
};

/** Options that `slipway optimize` does not have, and those of how this run went. */
const ownOptions: LeftOut = {
  '--tag': 'value',
  '--builder': 'value',
  '--context-only': 'value',
  '--base-image': 'value',
  '--build-secret': 'value',
  '--model': 'value',
  '--no-lock': 'flag',
  '--push': 'flag',
  '--no-cache': 'flag',
  '--json': 'flag',
  '--debug': 'flag',
};

/** A lock that was named has to be there; one that has nothing for this target is told. */
function checkLock({ lock }: ImageCommandOptions, plan: EndpointPlan): void {
  if (lock === false || plan.recipe.replay !== null) return;
  const path = lockPath(plan.source);
  const kept = Object.keys(readLock(path)?.optimizations ?? {});
  if (typeof lock === 'string' && !existsSync(path)) {
    throw new SlipwayError(`The lock '${path}' is not there. Give the path of one, or leave --lock out.`);
  }
  if (kept.length === 0) return;
  const wanted = targetOf(plan.recipe.target);
  say(`  '${path}' has ${kept.join(', ')}, and this plan needs ${wanted}: the form is searched in the build.`);
}

function tellImage(image: BuiltImage, plan: EndpointPlan): void {
  const { tag, builder, digest, id, bytesOverBase, report, pushed } = image;
  say();
  for (const note of [...(report?.warnings ?? []), ...(report?.notes ?? [])]) say(`  ${note}`);
  if (report) say(report.verdict);
  say(`Image: ${tag}`);
  say(`Digest: ${digest ?? id}${pushed ? ', pushed' : ''}`);
  if (bytesOverBase !== null) say(`Size: ${megabytes(bytesOverBase)} on top of the base`);
  if (report && plan.recipe.replay === null) {
    say('No lock: the form was searched in this build. To make the same one in every build, keep it in a lock:');
    say(`  ${commandAs('optimize', ownOptions, ['--out', 'build/'])}`);
  }
  say(`Run it: ${runCommands[builder](tag)}`);
  if (!pushed) say(`Push it: ${builder} push ${tag}`);
  if (!report)
    say(
      'The model is not in it: publish the folder that slipway optimize writes where the platform reads models from.',
    );
}

async function build(model: string, options: ImageCommandOptions): Promise<void> {
  process.exitCode = await interruptible(async (signal) => {
    const { tag, contextOnly } = options;
    if (tag === undefined && contextOnly === undefined) {
      throw new SlipwayError(
        'The image has no name. Give one with --tag, such as --tag fraud:1, or only lay out the context with --context-only FOLDER.',
      );
    }
    if (contextOnly !== undefined && options.push) {
      throw new SlipwayError('--push needs an image, and --context-only makes none. Leave one of them out.');
    }
    const builder =
      contextOnly === undefined
        ? await showSteps('Finding a builder', () => findBuilder(options.builder, signal))
        : undefined;
    const secrets = builder ? withOwnAuthority(options.buildSecret ?? []) : (options.buildSecret ?? []);
    const given = specOf(model, options, options.platform === 'local' ? {} : objectiveOf(options));
    const spec = {
      ...given,
      model: { ...given.model, ...(typeof options.lock === 'string' && { lock: options.lock }) },
    };
    const plan = await showSteps('Planning the endpoint', async () =>
      planEndpoint(spec, placeOf(options), { replay: options.lock !== false }),
    );
    checkLock(options, plan);
    const context = imageContext(plan, {
      model: options.model,
      ...(options.baseImage !== undefined && { baseImage: options.baseImage }),
      secrets: secrets.map(({ id }) => id),
      ...sourceDateEpoch(),
    });
    for (const line of plan.hardware.warnings) say(`  ${line}`);
    if (!builder || tag === undefined) {
      writeContext(context, contextOnly!);
      tellContext(context, contextOnly!, plan);
      if (options.json)
        print(
          JSON.stringify({
            context: contextOnly,
            digest: context.digest,
            variant: context.variant,
            platform: context.platform,
          }),
        );
      return 0;
    }
    try {
      const image = await buildImage(
        context,
        { builder, tag, secrets, push: options.push ?? false, cache: options.cache, signal },
        showSteps,
      );
      tellImage(image, plan);
      if (options.json) {
        const { report, ...facts } = image;
        print(
          JSON.stringify({
            ...facts,
            context: context.digest,
            variant: context.variant,
            platform: context.platform,
            verdict: report?.verdict ?? null,
            model: report?.winner ?? null,
          }),
        );
      }
      return 0;
    } catch (error) {
      if (!(error instanceof GateFailedError)) throw error;
      say(error.message);
      return 3;
    }
  });
}

export function buildCommand(): Command {
  return withPlaceOptions(withGateOptions(withModelOptions(new Command('build'))))
    .description('build the image of an endpoint; the model is quantized during the build, behind the gate')
    .option('--tag <name>', "the image's name, such as fraud:1", imageTag)
    .addOption(
      new Option('--builder <program>', 'what builds it (default: the first that works)').choices(
        builders.map(({ id }) => id),
      ),
    )
    .option('--context-only <folder>', 'lay out the build context for another builder, and build nothing')
    .option(
      '--base-image <name>',
      'the image to build on, with Python, venv and pip (default: python:3.12-slim-bookworm)',
    )
    .option(
      '--build-secret <id=ID,src=FILE>',
      'ca, pip (a pip.conf) or netrc for the steps that fetch packages; can be given again',
      buildSecret,
    )
    .addOption(
      new Option('--model <where>', 'in the image, or in a bucket that the server reads at its start')
        .choices(['image', 'bucket'])
        .default('image'),
    )
    .option('--lock <path>', 'the lock whose form is made again (default: NAME.slipway-lock.json beside the model)')
    .option('--no-lock', 'search in the build although a lock is there')
    .option('--push', 'push it to the registry that the tag names')
    .option('--no-cache', 'make every step anew')
    .option('--json', 'print what was built as one line of JSON on standard output')
    .addHelpText('after', examples)
    .action(build);
}
