/** Step 1 of the road: the samples and labels that Slipway may measure with: what they are, from their headers only. */

import { type Problem, ProblemsError, SlipwayError } from '../errors.js';
import { firstRow, isNpy, type NpyHeader, product, readNpyHeader, type Scalar } from './npy.js';
import { bytesOf, type Member, zipMembers } from './npz.js';
import type { DType } from './profile.js';
import { type OpenFile, withFile } from './regular-file.js';

/** One array: the samples for one input, or labels. */
export interface ArrayInfo {
  readonly name: string;
  readonly dtype: DType;
  /** The first axis is the sample. */
  readonly shape: readonly number[];
  readonly fortranOrder: boolean;
}

/** What an `.npz` of samples holds. */
export interface SamplesInfo {
  readonly path: string;
  readonly arrays: readonly ArrayInfo[];
  /** Of all elements, unpacked. */
  readonly bytes: number;
}

/** What an `.npy` of labels holds. */
export interface LabelsInfo {
  readonly path: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** The first sample of one input, as a request carries it. */
export interface SampleRow {
  readonly dtype: DType;
  /** One row: the first size is 1. */
  readonly shape: readonly number[];
  /** Row by row, flat. Integers beyond 2^53 are rounded; floats are the shortest decimals of the same value, NaN and infinities as they are. */
  readonly data: readonly Scalar[];
}

/**
 * Reads the headers of an `.npz`; its keys are input names.
 *
 * Throws `SlipwayError` when the file is no `.npz`, and `ProblemsError` with every array that no model takes.
 */
export function readSamples(path: string): SamplesInfo {
  return withFile(path, (file) => {
    const arrays = openArrays(path, file);
    return {
      path,
      arrays: arrays.map(({ name, header: { dtype, shape, fortranOrder } }) => ({ name, dtype, shape, fortranOrder })),
      bytes: arrays.reduce((sum, { header }) => sum + product(header.shape) * header.itemBytes, 0),
    };
  });
}

/** The first row of every array, by name; reads no more of the file than that. Throws as `readSamples` does, and for empty arrays. */
export function firstSample(path: string): Record<string, SampleRow> {
  return withFile(path, (file) =>
    Object.fromEntries(
      openArrays(path, file).map(({ name, header, member }) => {
        const what = `array '${name}' of '${path}'`;
        if (product(header.shape) === 0 || header.shape.length === 0)
          throw new SlipwayError(`${capital(what)} has no first row.`);
        const row = {
          dtype: header.dtype,
          shape: [1, ...header.shape.slice(1)],
          data: firstRow(member, header, capital(what)),
        };
        return [name, row];
      }),
    ),
  );
}

/** Reads the header of an `.npy` of labels. Throws `SlipwayError` when it is none. */
export function readLabelsInfo(path: string): LabelsInfo {
  return withFile(path, (file) => {
    if (isZip(file)) {
      throw new SlipwayError(
        `'${path}' is an .npz of several arrays; labels are one array. Save them with np.save('labels.npy', labels).`,
      );
    }
    const { dtype, shape } = readNpyHeader(bytesOf(file), `'${path}'`);
    return { path, dtype, shape };
  });
}

interface OpenArray {
  readonly name: string;
  readonly header: NpyHeader;
  readonly member: Member;
}

function openArrays(path: string, file: OpenFile): OpenArray[] {
  if (file.size === 0)
    throw new SlipwayError(`'${path}' is empty. Save samples with np.savez('samples.npz', INPUT=array).`);
  if (isNpy(bytesOf(file))) {
    throw new SlipwayError(
      `'${path}' is a single array; Slipway has to know its input. Save it with np.savez('samples.npz', INPUT=array).`,
    );
  }
  if (!isZip(file))
    throw new SlipwayError(`'${path}' is no .npz file. Save samples with np.savez('samples.npz', INPUT=array).`);
  const members = zipMembers(path, file);
  if (members.length === 0)
    throw new SlipwayError(`'${path}' holds no arrays. Save samples with np.savez('samples.npz', INPUT=array).`);
  const opened = members.map((member) => openArray(path, member));
  const problems = [...opened.filter((result) => 'what' in result), ...duplicates(path, members)];
  if (problems.length > 0) throw new ProblemsError(`Samples '${path}' cannot be used`, problems);
  return opened.filter((result) => 'header' in result);
}

function openArray(path: string, member: Member): OpenArray | Problem {
  const name = member.name.replace(/\.npy$/, '');
  try {
    return { name, header: readNpyHeader(member, `Array '${name}'`), member };
  } catch (error) {
    if (error instanceof SlipwayError) return { where: path, what: error.message };
    throw error;
  }
}

function duplicates(path: string, members: readonly Member[]): Problem[] {
  const names = members.map(({ name }) => name);
  const twice = [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
  return twice.map((name) => ({
    where: path,
    what: `Array '${name.replace(/\.npy$/, '')}' is there more than once. Save it once.`,
  }));
}

function isZip(file: OpenFile): boolean {
  const head = bytesOf(file).read(0, 4).toString('latin1');
  // The second is an archive without members.
  return head === 'PK\x03\x04' || head === 'PK\x05\x06';
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
