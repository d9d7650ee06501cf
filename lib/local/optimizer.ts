/** Runs container/optimizer on this machine, and keeps what it made. */

import { copyFileSync, existsSync, mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ReportFile } from '../contract/report.js';
import { contractText, readContract } from '../contract/validate.js';
import { GateFailedError, SlipwayError } from '../errors.js';
import { type HookFile, hookFiles } from '../image/hook-files.js';
import { optimizedFiles, referenceFile } from '../image/serving.js';
import type { EndpointPlan } from '../plan.js';
import { cacheDir, makeEntry, refuseUnwritable, scratchFolder } from './cache.js';
import { startChild } from './child.js';
import { optimizationKey } from './fingerprint.js';
import type { PythonEnvironment } from './python.js';

/** How far an optimization has come. */
export interface Progress {
  /** What is being done, for people. */
  readonly step: string;
  /** Steps done so far and in all. */
  readonly done: number;
  readonly total: number;
}

export interface OptimizeOptions {
  readonly environment: PythonEnvironment;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Go on where an interrupted run was: finished candidates are taken from the cache, and kept there.
   *
   * @default true
   */
  readonly resume?: boolean | undefined;
}

/** A folder that the optimizer wrote, with serving.json and the user's hooks beside its files. */
export interface OptimizedModel {
  readonly folder: string;
  readonly report: ReportFile;
  /** Whether it was there already. */
  readonly cached: boolean;
}

function progressOf(line: string): Progress | undefined {
  try {
    const event = JSON.parse(line) as Partial<Progress>;
    if (typeof event.done !== 'number' || typeof event.total !== 'number') return undefined;
    return { step: event.step ?? '', done: event.done, total: event.total };
  } catch {
    return undefined;
  }
}

/** Files that a run leaves, or that go with an earlier result. */
const writtenFiles: readonly string[] = [
  ...Object.values(optimizedFiles),
  referenceFile,
  'model.onnx.data',
  'build.json',
  'report.html',
  'report.md',
  'serving.json',
];

/** The optimizer's exit status when no candidate passes the gate and fp32 may not be served. */
const gateFailed = 3;

/** The user's hooks and their places beside serving.json. */
const hooksOf = ({ files }: EndpointPlan): HookFile[] => (files.hooks === null ? [] : hookFiles(files.hooks));

/** Puts what the server needs beside the model: each file whole or not at all, serving.json last. */
function completeFolder(folder: string, plan: EndpointPlan): void {
  const put = (place: string, write: (path: string) => void) => {
    const path = join(folder, place);
    mkdirSync(dirname(path), { recursive: true });
    const beside = join(dirname(path), `.${basename(path)}-${process.pid}`);
    write(beside);
    renameSync(beside, path);
  };
  for (const { place, file } of hooksOf(plan)) put(place, (path) => copyFileSync(file, path));
  put('serving.json', (path) => writeFileSync(path, contractText(plan.serving)));
}

/** Refuses a folder in which the result would replace what it is made from. */
function refuseOverwriting(folder: string, plan: EndpointPlan): void {
  const { path, calibration, labels } = plan.source;
  const external = plan.profile.externalData.map(({ location }) => join(dirname(path), location));
  const { metric, requirements } = plan.files;
  const own = [metric, requirements, ...hooksOf(plan).map(({ file }) => file)].filter((file) => file !== null);
  const sources = [path, calibration, labels, ...external, ...own].filter((file) => file !== undefined);
  const written = [...writtenFiles, ...hooksOf(plan).map(({ place }) => place)].map((name) => join(folder, name));
  const taken = written.filter((file) => existsSync(file)).map((file) => realpathSync(file));
  const lost = sources.find((file) => taken.includes(realpathSync(file)));
  if (lost) throw new SlipwayError(`'${lost}' would be overwritten by the result. Name another folder with --out.`);
}

/**
 * Optimizes into `folder`, which is made when it is missing. An interrupted run leaves no half-written file in it.
 *
 * @throws GateFailedError when the gate fails and fp32 may not be served, SlipwayError when the input is refused: both with the
 *   optimizer's own words
 */
export async function optimizeInto(folder: string, plan: EndpointPlan, options: OptimizeOptions): Promise<ReportFile> {
  options.signal?.throwIfAborted();
  const { python, env } = options.environment;
  refuseOverwriting(folder, plan);
  const scratch = scratchFolder();
  try {
    const recipe = join(scratch, 'recipe.json');
    writeFileSync(recipe, contractText(plan.recipe));
    mkdirSync(folder, { recursive: true });
    const { path, calibration, labels } = plan.source;
    const child = startChild(
      python,
      [
        ...['-m', 'optimizer', '--recipe', recipe, '--model', path, '--out', folder, '--scratch', scratch],
        ...(calibration ? ['--data', calibration] : []),
        ...(labels ? ['--labels', labels] : []),
        ...(plan.files.metric ? ['--metric', plan.files.metric] : []),
        ...(options.resume === false ? [] : ['--cache', join(cacheDir(), 'candidates')]),
      ],
      { env },
    );
    const abort = () => void child.stop(5000).catch(() => undefined);
    options.signal?.addEventListener('abort', abort, { once: true });
    createInterface({ input: child.process.stdout! }).on('line', (line) => {
      const progress = progressOf(line);
      if (progress) options.onProgress?.(progress);
    });
    const said: string[] = [];
    child.process.stderr!.setEncoding('utf8').on('data', (text: string) => said.push(text));
    const code = await child.ended.finally(() => options.signal?.removeEventListener('abort', abort));
    options.signal?.throwIfAborted();
    const words = said.join('').trim();
    if (code === gateFailed) throw new GateFailedError(words);
    if (code !== 0) throw new SlipwayError(words || `The optimizer ended with code ${code} and said nothing.`);

    completeFolder(folder, plan);
    return readContract('report', join(folder, optimizedFiles.report));
  } catch (error) {
    return refuseUnwritable(folder, error, 'Free it, or name another folder.');
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The report of a whole entry; nothing when a file is missing or damaged. */
function keptReport(folder: string, plan: EndpointPlan): ReportFile | undefined {
  const needed = [...Object.values(optimizedFiles), ...hooksOf(plan).map(({ place }) => place)];
  if (!needed.every((name) => existsSync(join(folder, name)))) return undefined;
  try {
    readContract('serving', join(folder, 'serving.json'));
    return readContract('report', join(folder, optimizedFiles.report));
  } catch {
    return undefined;
  }
}

/** The optimized model from the cache, made first when it is not there. */
export async function optimizeCached(plan: EndpointPlan, options: OptimizeOptions): Promise<OptimizedModel> {
  const folder = join(cacheDir(), 'models', optimizationKey(plan, options.environment.identity));
  const kept = keptReport(folder, plan);
  if (kept) return { folder, report: kept, cached: true };
  rmSync(folder, { recursive: true, force: true });
  await makeEntry(folder, async (made) => void (await optimizeInto(made, plan, options)));
  return { folder, report: readContract('report', join(folder, optimizedFiles.report)), cached: false };
}
