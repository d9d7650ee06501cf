/** What was decided for a model and is to stay so: `fraud.slipway-lock.json`, committed beside the model. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { SlipwayError } from '../errors.js';
import { precisions, providers } from '../hardware/estimate/precision.js';
import { endpointName, type ModelSource } from '../model/model.js';

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

/** Other rooms keep their own decisions in the same file; they are carried along as they are. */
const shape = z.looseObject({
  schemaVersion: z.literal(1),
  machines: z.record(z.string(), lockedMachine).optional(),
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
  if (result.success) return result.data;
  const [first] = result.error.issues;
  const where = first!.path.join('.') || 'the document';
  throw new SlipwayError(`'${path}' is no lock of this version: ${where}: ${first!.message}. ${remedy}.`);
}

/** Writes the machines of some places into a lock, sorted by place; what else the lock holds stays. */
export function writeLock(path: string, machines: Readonly<Record<string, LockedMachine>>): void {
  const { schemaVersion, machines: earlier, ...rest } = readLock(path) ?? { schemaVersion: 1 };
  const places = Object.entries({ ...earlier, ...machines }).sort(([one], [other]) => (one < other ? -1 : 1));
  const text = JSON.stringify({ schemaVersion, machines: Object.fromEntries(places), ...rest }, null, 2);
  try {
    writeFileSync(path, `${text}\n`);
  } catch (error) {
    throw new SlipwayError(
      `The lock '${path}' cannot be written: ${(error as Error).message}. Give another place with --lock PATH.`,
    );
  }
}
