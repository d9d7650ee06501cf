/** Step 4 of the road: everything an image is built from, as data; the same input gives the same digest. */

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join, posix } from 'node:path';
import { contractText } from '../contract/validate.js';
import { type Problem, ProblemsError } from '../errors.js';
import { packageFile } from '../package-root.js';
import type { EndpointPlan } from '../plan.js';
import { dockerfile, type Part, type SecretId } from './dockerfile.js';
import { fileDigest } from './file-digest.js';
import { hookFiles } from './hook-files.js';
import { type Labels, packageVersion, planLabels } from './labels.js';
import { lockedInputProblems, optimizerLock } from './locked-inputs.js';
import { requirementsProblems } from './requirements.js';
import { bomOf } from './sbom.js';
import { type ImagePlatform, type ImageVariant, type Variant, variantOf } from './variant.js';

/** A file of the context: its text, or where its bytes lie. */
export interface ContextFile {
  /** Inside the context, with slashes. */
  readonly path: string;
  readonly source: { readonly text: string } | { readonly file: string };
  readonly bytes: number;
  /** 64 hex digits. */
  readonly sha256: string;
}

/** What a builder is given. JSON-serialisable. */
export interface ImageContext {
  readonly name: string;
  readonly variant: ImageVariant;
  readonly platform: ImagePlatform;
  /** Where the model is: in the image, or fetched by the server when it starts. */
  readonly model: 'image' | 'bucket';
  /** Sorted by path. */
  readonly files: readonly ContextFile[];
  /** Defaults that the Dockerfile's ARG lines have. */
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Labels;
  /** Secrets that the Dockerfile's steps ask for. */
  readonly secrets: readonly SecretId[];
  /** Seconds since 1970, the image's own time; null where none was given. Files carry 1970 whatever it is, so that layers stay cached. */
  readonly sourceDateEpoch: number | null;
  /** SHA-256 of every path and content, 64 hex digits. */
  readonly digest: string;
}

export interface ImageOptions {
  /**
   * `image`: optimized while the image is built, and part of it. `bucket`: no model in the image; the folder that `slipway optimize`
   * wrote is published where the platform hands it to the server.
   *
   * @default 'image'
   */
  readonly model?: 'image' | 'bucket';
  /**
   * The image to build on: Debian or Ubuntu with Python 3.11 to 3.13, its `venv` and pip. A name with a digest builds the same image again.
   *
   * @default 'python:3.12-slim-bookworm'; none for TensorRT, which needs an image with its libraries
   */
  readonly baseImage?: string;
  /**
   * Build secrets that will be given. A Dockerfile without any is plain enough for builders that know no secrets.
   *
   * @default - none
   */
  readonly secrets?: readonly SecretId[];
  /**
   * Seconds since 1970, from 0: when the image says it was created.
   *
   * @default - the label is left out
   */
  readonly sourceDateEpoch?: number;
}

type Content = ContextFile['source'];
type Entry = readonly [path: string, source: Content];

/** Files of a folder of `container/`, tests left out. */
function codeFiles(folder: string, target: string): Entry[] {
  return readdirSync(packageFile('container', folder), { withFileTypes: true }).flatMap((entry): Entry[] => {
    const from = join(folder, entry.name);
    const to = posix.join(target, entry.name);
    if (entry.isDirectory()) return ['tests', '__pycache__'].includes(entry.name) ? [] : codeFiles(from, to);
    if (['.pyc', '.swp'].includes(extname(entry.name)) || entry.name.startsWith('.')) return [];
    return [[to, { file: packageFile('container', from) }]];
  });
}

const schemas = (target: string, names: readonly string[]): Entry[] =>
  names.map((name) => [
    `${target}/schema/${name}.schema.json`,
    { file: packageFile('container', 'schema', `${name}.schema.json`) },
  ]);

const step = (name: string): Entry => [`steps/${name}.sh`, { file: packageFile('container', 'image', `${name}.sh`) }];

/** The name of the model's own file, which no external data has. */
function modelFile({ profile }: EndpointPlan): string {
  const taken = new Set(profile.externalData.map(({ location }) => posix.normalize(location).split('/')[0]));
  let name = 'model.onnx';
  for (let count = 1; taken.has(name); count++) name = `model-${count}.onnx`;
  return name;
}

/** What the build optimizes, and what it measures with: in no layer of the image. */
function modelEntries(plan: EndpointPlan): Entry[] {
  const { path, calibration, labels } = plan.source;
  const optional = (target: string, file: string | null | undefined): Entry[] => (file ? [[target, { file }]] : []);
  return [
    step('optimize'),
    ['locks/optimizer.txt', { file: optimizerLock() }],
    ...codeFiles('optimizer', 'optimizer/optimizer'),
    ...codeFiles('watch', 'optimizer/watch'),
    ...schemas('optimizer', ['recipe', 'report', 'build']),
    [`model/${modelFile(plan)}`, { file: path }],
    ...plan.profile.externalData.map(
      ({ location }): Entry => [`model/${posix.normalize(location)}`, { file: join(dirname(path), location) }],
    ),
    ['data/recipe.json', { text: contractText(plan.recipe) }],
    ...optional('data/samples.npz', calibration),
    ...optional('data/labels.npy', labels),
    ...optional('data/metric.py', plan.files.metric),
    ['serving/serving.json', { text: contractText(plan.serving) }],
    ...(plan.files.hooks === null ? [] : hookFiles(plan.files.hooks)).map(
      ({ place, file }): Entry => [`serving/${place}`, { file }],
    ),
  ];
}

function bomText({ name, files }: EndpointPlan, serverLock: string): string {
  const texts = [serverLock, files.requirements].flatMap((path) => (path ? [readFileSync(path, 'utf8')] : []));
  return bomOf(texts, { name, version: packageVersion() });
}

/** Everything but what is listed stays outside, whatever else lies in the folder. */
function ignoreFile(entries: readonly Entry[]): string {
  const tops = new Set(entries.map(([path]) => path.split('/')[0]!));
  return ['*', ...[...tops].sort().map((top) => `!${top}`)].join('\n').concat('\n');
}

function contextFile([path, source]: Entry): ContextFile {
  if ('file' in source) return { path, source, ...fileDigest(source.file) };
  const bytes = Buffer.from(source.text);
  return { path, source, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

const byPath = (one: ContextFile, other: ContextFile) => (one.path < other.path ? -1 : 1);

function problemsOf(plan: EndpointPlan, variant: Variant | Problem[], options: ImageOptions): Problem[] {
  const problems: Problem[] = Array.isArray(variant) ? [...variant] : [];
  const { baseImage, sourceDateEpoch, model = 'image' } = options;
  if (!Array.isArray(variant) && variant.baseImage === null && baseImage === undefined) {
    problems.push({
      where: 'baseImage',
      what: "TensorRT's libraries come with the base image, and none is given. Give NVIDIA's, such as nvcr.io/nvidia/tensorrt:<release>-py3, with the TensorRT that ONNX Runtime's release names (unverified here)",
    });
  }
  if (baseImage !== undefined && !/^[A-Za-z0-9][\w./:@-]*$/.test(baseImage)) {
    problems.push({
      where: 'baseImage',
      what: `'${baseImage}' is no name of an image. Give one like python:3.12-slim-bookworm`,
    });
  }
  if (sourceDateEpoch !== undefined && !(Number.isInteger(sourceDateEpoch) && sourceDateEpoch >= 0)) {
    problems.push({
      where: 'SOURCE_DATE_EPOCH',
      what: `${sourceDateEpoch} is no time. Give whole seconds since 1970, from 0`,
    });
  }
  if (model === 'image' && plan.source.path.endsWith('.json')) {
    problems.push({
      where: 'model',
      what: `'${plan.source.path}' is a profile of a model that is elsewhere. Give the .onnx file, or leave the model in its bucket (model: 'bucket')`,
    });
  }
  if (model === 'image') problems.push(...lockedInputProblems(plan));
  if (plan.files.requirements) problems.push(...requirementsProblems(plan.files.requirements));
  return problems;
}

/**
 * Everything the image of a plan is built from. Reads the model once to take its digest; writes nothing.
 *
 * @throws ProblemsError with everything that keeps this image from being made
 */
export function imageContext(plan: EndpointPlan, options: ImageOptions = {}): ImageContext {
  const variant = variantOf(plan);
  const problems = problemsOf(plan, variant, options);
  if (Array.isArray(variant) || problems.length > 0)
    throw new ProblemsError(`No image can be made of endpoint '${plan.name}'`, problems);

  const { model = 'image', secrets = [], sourceDateEpoch } = options;
  const baseImage = options.baseImage ?? variant.baseImage!;
  const serverLock = packageFile('container', 'locks', `${variant.lock}.txt`);
  const requirements = plan.files.requirements;
  const entries: Entry[] = [
    ...['environment', 'code', 'final'].map(step),
    ['locks/server.txt', { file: serverLock }],
    ...codeFiles('server', 'server/server'),
    ...codeFiles('watch', 'server/watch'),
    ...schemas('server', ['serving', 'report']),
    ...(requirements ? [['requirements/requirements.txt', { file: requirements }] as const] : []),
    ...(model === 'image' ? modelEntries(plan) : []),
    ['sbom.cdx.json', { text: bomText(plan, serverLock) }],
  ];
  const args = {
    BASE_IMAGE: baseImage,
    ...(model === 'image' && { MODEL_FILE: modelFile(plan) }),
  };
  const labels = planLabels(plan, variant, { baseImage, sourceDateEpoch: sourceDateEpoch ?? null });
  const parts: Part[] = [
    ...(model === 'image' ? ['model' as const] : []),
    ...(requirements ? ['requirements' as const] : []),
    ...(variant.gpu ? ['gpu' as const] : []),
  ];
  const files = [
    ...entries,
    ['Dockerfile', { text: dockerfile({ args, labels, secrets, parts }) }] as const,
    ['.dockerignore', { text: ignoreFile([...entries, ['Dockerfile', { text: '' }]]) }] as const,
  ]
    .map(contextFile)
    .sort(byPath);
  const hash = createHash('sha256');
  for (const { path, sha256 } of files) hash.update(`${path}\0${sha256}\n`);
  return {
    name: plan.name,
    variant: variant.name,
    platform: variant.platform,
    model,
    files,
    args,
    labels,
    secrets: [...secrets].sort(),
    sourceDateEpoch: sourceDateEpoch ?? null,
    digest: hash.digest('hex'),
  };
}
