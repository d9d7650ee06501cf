/** What was decided for a model and is to stay so: `fraud.slipway-lock.json`, committed beside the model. */

import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { SlipwayError } from '../errors.js';
import { precisions, providers } from '../hardware/estimate/precision.js';
import { endpointName, type ModelSource } from '../model/model.js';
import { lockText } from './lock-text.js';
import { lockedOptimization } from './optimization.js';

const lockedMachine = z.strictObject({
  /** The platform's own name of the machine type. */
  machine: z.string().min(1),
  fallbacks: z.array(z.string().min(1)),
  replicas: z.int().min(1),
  precision: z.enum(precisions),
  provider: z.enum(providers),
  /** Of ONNX Runtime, and of CUDA where there is an accelerator. */
  onnxruntime: z.string(),
  cuda: z.string().nullable(),
  /** Newest date of the tables that the machine was chosen by. */
  catalogueDate: z.string(),
  /** What it cost then. */
  monthlyUsd: z.number().nullable(),
});

/** The machines of one platform in one region. */
export type LockedMachine = z.infer<typeof lockedMachine>;

/** What a later version keeps in the same file is carried along as it is. */
const shape = z.looseObject({
  schemaVersion: z.literal(1),
  /** By place, see `placeOf`. */
  machines: z.record(z.string(), lockedMachine).optional(),
  /** By target, see `targetOf`. */
  optimizations: z.record(z.string(), lockedOptimization).optional(),
});

export type LockFile = z.infer<typeof shape>;

/** Where a model's lock lies unless another place is named: beside the model. */
export function lockPath(source: Pick<ModelSource, 'path' | 'lock'>): string {
  return source.lock ?? join(dirname(source.path), `${endpointName({ path: source.path })}.slipway-lock.json`);
}

/** The key of a platform's machines in a region. */
export const placeOf = (platform: string, region: string | null): string =>
  region === null ? platform : `${platform}/${region}`;

/** Reads a lock; null where there is none. Throws `SlipwayError` when the file is no lock. */
export function readLock(path: string): LockFile | null {
  if (!existsSync(path)) return null;
  const remedy = 'Restore it from version control, or delete it and lock again';
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new SlipwayError(`'${path}' cannot be read as a lock: ${(error as Error).message}. ${remedy}.`);
  }
  const result = shape.safeParse(document);
  // As it was read: the checked copy has other keys first, and a lock that is written again must not differ for that.
  if (result.success) return document as LockFile;
  const [first] = result.error.issues;
  const where = first!.path.join('.') || 'the document';
  throw new SlipwayError(`'${path}' is no lock of this version: ${where}: ${first!.message}. ${remedy}.`);
}

type Parts = Required<Pick<LockFile, 'machines' | 'optimizations'>>;

const sorted = <T>(entries: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(entries).sort(([one], [other]) => (one < other ? -1 : 1)));

/**
 * Puts machines or optimizations into a lock, sorted by key; what else the lock holds stays. The file is written whole or not at all.
 *
 * @throws SlipwayError when the file is no lock, or cannot be written
 */
export function writeLock(path: string, parts: Readonly<Partial<Parts>>): void {
  const { schemaVersion, machines, optimizations, ...rest } = readLock(path) ?? { schemaVersion: 1 };
  const text = lockText({
    schemaVersion,
    ...((machines || parts.machines) && { machines: sorted({ ...machines, ...parts.machines }) }),
    ...((optimizations || parts.optimizations) && {
      optimizations: sorted({ ...optimizations, ...parts.optimizations }),
    }),
    ...rest,
  });
  const beside = join(dirname(path), `.${basename(path)}-${process.pid}`);
  try {
    writeFileSync(beside, text);
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw new SlipwayError(
      `The lock '${path}' cannot be written: ${(error as Error).message}. Give another place with --lock PATH.`,
    );
  }
}
