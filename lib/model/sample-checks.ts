/** Step 1 of the road: whether samples and labels fit the model, and which sizes they give its symbolic dimensions. */

import type { Problem } from '../errors.js';
import { dtypes } from './dtypes.js';
import { closest } from './names.js';
import type { Dim, ModelProfile, TensorInfo } from './profile.js';
import type { ArrayInfo, LabelsInfo, SamplesInfo } from './samples.js';

/** Every way in which samples and labels do not fit the model; empty when they do. */
export function checkSamples(profile: ModelProfile, samples: SamplesInfo, labels?: LabelsInfo): Problem[] {
  const found = [
    ...nameProblems(profile, samples),
    ...pairs(profile, samples).flatMap(([input, array]) => arrayProblems(input, array)),
    ...countProblems(samples),
    ...sizeConflicts(profile, samples),
  ];
  return [...found.map((what) => ({ where: samples.path, what })), ...(labels ? labelProblems(samples, labels) : [])];
}

/** Sizes of symbolic dimensions, and what is wrong with those the user gave. */
export interface BoundDims {
  /** By name, without the batch; those that neither samples nor user give are left out. */
  readonly dims: Readonly<Record<string, number>>;
  readonly problems: readonly Problem[];
}

/**
 * Binds the model's symbolic dimensions other than the batch: what the user gives wins, then the samples' shapes.
 *
 * Names the model does not have, the batch, and sizes below 1 are problems.
 */
export function boundDims(
  profile: ModelProfile,
  samples: SamplesInfo | undefined,
  given: Readonly<Record<string, number>>,
): BoundDims {
  const names = profile.symbolicDims.filter((name) => name !== profile.batchDim);
  const measured = samples
    ? [...sizesSeen(profile, samples)].map(([name, sizes]) => [name, sizes[0]!.size] as const)
    : [];
  const sizes = new Map<string, number>([...measured, ...Object.entries(given)]);
  return {
    dims: Object.fromEntries(names.flatMap((name) => (sizes.has(name) ? [[name, sizes.get(name)!]] : []))),
    problems: Object.entries(given).flatMap(([name, size]) => dimProblems(name, size, names, profile.batchDim)),
  };
}

function dimProblems(name: string, size: number, names: readonly string[], batchDim: string | null): Problem[] {
  const where = `dims.${name}`;
  if (name === batchDim) return [{ where, what: `'${name}' is the batch, which the server chooses. Leave it out.` }];
  if (!names.includes(name)) {
    const near = closest(name, names);
    if (near.length === 0)
      return [{ where, what: `The model has no symbolic dimension besides the batch. Leave '${name}' out.` }];
    return [{ where, what: `The model has no symbolic dimension '${name}'. It has ${quoted(near)}.` }];
  }
  return Number.isSafeInteger(size) && size >= 1
    ? []
    : [{ where, what: `${size} is no size. Give a whole number of at least 1.` }];
}

function nameProblems({ inputs }: ModelProfile, { arrays }: SamplesInfo): string[] {
  const wanted = inputs.map(({ name }) => name);
  const given = arrays.map(({ name }) => name);
  const unknown = given.filter((name) => !wanted.includes(name));
  const missing = wanted.filter((name) => !given.includes(name));
  return [
    ...unknown.map((name) => `Array '${name}' names no input of the model. Inputs: ${quoted(closest(name, wanted))}.`),
    ...missing.map(
      (name) => `No array for input '${name}'. Save one under that name: np.savez(path, **{'${name}': array}).`,
    ),
  ];
}

function pairs({ inputs }: ModelProfile, { arrays }: SamplesInfo): [TensorInfo, ArrayInfo][] {
  return inputs.flatMap((input) =>
    arrays.filter(({ name }) => name === input.name).map((array): [TensorInfo, ArrayInfo] => [input, array]),
  );
}

function arrayProblems(input: TensorInfo, array: ArrayInfo): string[] {
  return [typeProblem(input, array), shapeProblem(input, array), multipleProblem(input, array)].filter(
    (what) => what !== null,
  );
}

function typeProblem(input: TensorInfo, array: ArrayInfo): string | null {
  if (array.dtype === input.dtype) return null;
  const cast = input.dtype === 'string' ? 'str' : `np.${input.dtype === 'bool' ? 'bool_' : input.dtype}`;
  return `Array '${array.name}' is of type ${array.dtype}, the input takes ${input.dtype}. Save it with .astype(${cast}).`;
}

function shapeProblem({ shape }: TensorInfo, array: ArrayInfo): string | null {
  if (shape === null) return array.shape.length === 0 ? `Array '${array.name}' has no axis for the samples.` : null;
  const wanted = `[${['samples', ...shape.slice(1).map((dim) => dim ?? 'any')].join(', ')}]`;
  const given = `[${array.shape.join(', ')}]`;
  if (shape.length === 0)
    return `Input '${array.name}' is a scalar and has no axis for samples. Export the model with a batch dimension.`;
  const fits =
    shape.length === array.shape.length && shape.every((dim, axis) => axis === 0 || fitsDim(dim, array.shape[axis]!));
  return fits ? null : `Array '${array.name}' has shape ${given}, the input takes ${wanted}.`;
}

function fitsDim(dim: Dim, size: number): boolean {
  return typeof dim !== 'number' || dim === size;
}

/** A model with a fixed batch takes that many samples at a time. */
function multipleProblem({ shape }: TensorInfo, array: ArrayInfo): string | null {
  const batch = shape?.[0];
  const count = array.shape[0] ?? 0;
  if (typeof batch !== 'number' || batch < 2 || count % batch === 0) return null;
  return `Array '${array.name}' has ${count} samples, the model takes ${batch} at a time. Give a multiple of ${batch}.`;
}

function countProblems({ arrays }: SamplesInfo): string[] {
  const empty = arrays.filter(({ shape }) => shape.includes(0));
  const counts = new Set(arrays.map(({ shape }) => shape[0]).filter((count) => count !== undefined));
  const each = arrays.map(({ name, shape }) => `'${name}' ${shape[0] ?? 'none'}`).join(', ');
  return [
    ...empty.map(
      ({ name, shape }) => `Array '${name}' is empty: its shape is [${shape.join(', ')}]. Give at least one sample.`,
    ),
    ...(counts.size > 1
      ? [`Arrays have different numbers of samples: ${each}. Give every input the same number.`]
      : []),
  ];
}

interface SizeSeen {
  readonly array: string;
  readonly size: number;
}

/** For each symbolic dimension besides the batch, the sizes that the samples give it. The first axis is the sample and gives none. */
function sizesSeen(profile: ModelProfile, samples: SamplesInfo): Map<string, SizeSeen[]> {
  const seen = new Map<string, SizeSeen[]>();
  for (const [{ shape }, array] of pairs(profile, samples)) {
    for (const [axis, dim] of (shape ?? []).entries()) {
      const size = array.shape[axis];
      if (axis === 0 || typeof dim !== 'string' || dim === profile.batchDim || size === undefined) continue;
      seen.set(dim, [...(seen.get(dim) ?? []), { array: array.name, size }]);
    }
  }
  return seen;
}

function sizeConflicts(profile: ModelProfile, samples: SamplesInfo): string[] {
  return [...sizesSeen(profile, samples)]
    .filter(([, sizes]) => new Set(sizes.map(({ size }) => size)).size > 1)
    .map(([name, sizes]) => {
      const each = sizes.map(({ array, size }) => `${size} in '${array}'`).join(', ');
      return `Dimension '${name}' is ${each}. Give it one size in every array.`;
    });
}

function labelProblems({ arrays }: SamplesInfo, { path, dtype, shape }: LabelsInfo): Problem[] {
  const { kind } = dtypes[dtype];
  const count = arrays[0]?.shape[0];
  const whats = [
    kind === 'signed' || kind === 'unsigned'
      ? null
      : `Labels are of type ${dtype}; class ids are integers. Save them with .astype(np.int64).`,
    shape.length === 1
      ? null
      : `Labels have shape [${shape.join(', ')}]; one class id for each sample is a list. Save them with .ravel().`,
    shape.length !== 1 || shape[0] === count
      ? null
      : `${shape[0]} labels for ${count ?? 0} samples. Give one for each sample.`,
  ];
  return whats.filter((what) => what !== null).map((what) => ({ where: path, what }));
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}
