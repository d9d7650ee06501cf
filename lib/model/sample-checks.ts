/** Step 1 of the road: whether samples and labels fit the model, and which sizes they give its symbolic dimensions. */

import type { Problem } from '../errors.js';
import { dtypes } from './dtypes.js';
import { closest } from './names.js';
import type { Dim, ModelProfile, TensorInfo } from './profile.js';
import type { ArrayInfo, LabelsInfo, SamplesInfo } from './samples.js';
import { shapeText } from './shape-text.js';

/**
 * Every way in which samples and labels do not fit the model, as far as headers tell; empty when they do.
 *
 * @param ownMetric - labels are for the user's own metric: they may be any numbers, samples first
 */
export function checkSamples(
  profile: ModelProfile,
  samples: SamplesInfo,
  labels?: LabelsInfo,
  ownMetric = false,
): Problem[] {
  const found = [
    ...nameProblems(profile, samples),
    ...pairs(profile, samples).flatMap(([input, array]) => arrayProblems(input, array)),
    ...countProblems(samples),
    ...sizeConflicts(profile, samples),
  ];
  return [
    ...found.map((what) => ({ where: samples.path, what })),
    ...(labels ? labelProblems(profile, samples, labels, ownMetric) : []),
  ];
}

/** Names of symbolic dimensions besides the batch, which is the first of every input, in order of appearance. */
export function sizedDims(inputs: readonly TensorInfo[]): string[] {
  const dims = inputs.flatMap(({ shape }) => shape?.slice(1) ?? []);
  return [...new Set(dims.filter((dim) => typeof dim === 'string'))];
}

/** Sizes of symbolic dimensions, and what is wrong with them. */
export interface BoundDims {
  /** By name, without the batch. Where a size is missing or wrong there is a problem, here or in the samples. */
  readonly dims: Readonly<Record<string, number>>;
  readonly problems: readonly Problem[];
}

/**
 * Binds the model's symbolic dimensions other than the batch, by the samples' shapes and by what the user gives.
 *
 * Problems are names that the model does not have, the batch, sizes below 1, sizes that contradict the samples, and,
 * without samples, dimensions that nobody gives a size.
 */
export function boundDims(
  profile: ModelProfile,
  samples: SamplesInfo | undefined,
  given: Readonly<Record<string, number>>,
): BoundDims {
  const seen = samples ? sizesSeen(profile, samples) : new Map<string, SizeSeen[]>();
  const sizes = new Map([
    ...[...seen].map(([name, [first]]) => [name, first!.size] as const),
    ...Object.entries(given),
  ]);
  const names = sizedDims(profile.inputs).filter((name) => sizes.has(name));
  return {
    dims: Object.fromEntries(names.map((name) => [name, sizes.get(name)!])),
    problems: [
      ...Object.entries(given).flatMap(([name, size]) => givenProblems(profile, name, size, seen.get(name) ?? [])),
      ...(samples ? [] : missingSizes(profile, given)),
    ],
  };
}

function givenProblems(profile: ModelProfile, name: string, size: number, seen: readonly SizeSeen[]): Problem[] {
  const where = `dims.${name}`;
  const sized = sizedDims(profile.inputs);
  if (!profile.symbolicDims.includes(name)) return [{ where, what: unknownDim(name, profile.symbolicDims, sized) }];
  if (!sized.includes(name))
    return [{ where, what: `'${name}' is the batch, which the server chooses. Leave it out.` }];
  if (!Number.isSafeInteger(size) || size < 1)
    return [{ where, what: `${size} is no size. Give a whole number of at least 1.` }];
  const others = seen.filter((other) => other.size !== size);
  if (others.length === 0) return [];
  return [
    { where, what: `${size} is given, but the samples have ${sizesText(others)}. Leave it out, or save others.` },
  ];
}

function unknownDim(name: string, known: readonly string[], sized: readonly string[]): string {
  const each = closest(name, known).map((dim) => (sized.includes(dim) ? `'${dim}'` : `'${dim}' (the batch)`));
  const remedy = sized.length === 0 ? ` Leave '${name}' out.` : '';
  return each.length === 0
    ? `The model has no symbolic dimensions.${remedy}`
    : `The model has no symbolic dimension '${name}'. It has ${each.join(', ')}.${remedy}`;
}

/** Without samples, every dimension besides the batch needs a size from the model or the user. */
function missingSizes({ inputs }: ModelProfile, given: Readonly<Record<string, number>>): Problem[] {
  const unsized = sizedDims(inputs).filter((name) => !Object.hasOwn(given, name));
  const unnamed = inputs.flatMap(({ name, shape }) =>
    [...(shape ?? []).keys()].filter((axis) => axis > 0 && shape?.[axis] === null).map((axis) => ({ name, axis })),
  );
  return [
    ...unsized.map((dim) => ({
      where: `dims.${dim}`,
      what: `no size is given for this dimension of ${quoted(inputs.filter(({ shape }) => shape?.includes(dim, 1)).map(({ name }) => name))}. Give one, for example --dim ${dim}=128, or samples (--data).`,
    })),
    ...unnamed.map(({ name, axis }) => ({
      where: `input '${name}'`,
      what: `dimension ${axis} has neither a size nor a name. Give samples (--data), or export the model with one of them.`,
    })),
  ];
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
  return [typeProblem(input, array), shapeProblem(input, array)].filter((what) => what !== null);
}

function typeProblem(input: TensorInfo, array: ArrayInfo): string | null {
  if (array.dtype === input.dtype) return null;
  const cast = input.dtype === 'string' ? 'str' : `np.${input.dtype === 'bool' ? 'bool_' : input.dtype}`;
  return `Array '${array.name}' is of type ${array.dtype}, the input takes ${input.dtype}. Save it with .astype(${cast}).`;
}

function shapeProblem({ shape }: TensorInfo, array: ArrayInfo): string | null {
  // A model with such an input is refused for itself.
  if (shape === null || shape.length === 0) return null;
  const wanted = `[${['samples', ...shape.slice(1).map((dim) => dim ?? 'any')].join(', ')}]`;
  const given = `[${array.shape.join(', ')}]`;
  const fits =
    shape.length === array.shape.length && shape.every((dim, axis) => axis === 0 || fitsDim(dim, array.shape[axis]!));
  return fits ? null : `Array '${array.name}' has shape ${given}, the input takes ${wanted}.`;
}

function fitsDim(dim: Dim, size: number): boolean {
  return typeof dim !== 'number' || dim === size;
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

/** For each symbolic dimension, the sizes that the samples give it. The first axis is the sample and gives none. */
function sizesSeen(profile: ModelProfile, samples: SamplesInfo): Map<string, SizeSeen[]> {
  const seen = new Map<string, SizeSeen[]>();
  for (const [{ shape }, array] of pairs(profile, samples)) {
    for (const [axis, dim] of (shape ?? []).entries()) {
      const size = array.shape[axis];
      if (axis === 0 || typeof dim !== 'string' || size === undefined) continue;
      seen.set(dim, [...(seen.get(dim) ?? []), { array: array.name, size }]);
    }
  }
  return seen;
}

function sizeConflicts(profile: ModelProfile, samples: SamplesInfo): string[] {
  return [...sizesSeen(profile, samples)]
    .filter(([, sizes]) => new Set(sizes.map(({ size }) => size)).size > 1)
    .map(([name, sizes]) => `Dimension '${name}' is ${sizesText(sizes)}. Give it one size in every array.`);
}

function sizesText(sizes: readonly SizeSeen[]): string {
  return sizes.map(({ array, size }) => `${size} in '${array}'`).join(', ');
}

function labelProblems(
  profile: ModelProfile,
  { arrays }: SamplesInfo,
  { path, dtype, shape }: LabelsInfo,
  ownMetric: boolean,
): Problem[] {
  const { kind } = dtypes[dtype];
  const count = arrays[0]?.shape[0];
  if (ownMetric) {
    const what = `${shape[0] ?? 'No'} labels for ${count ?? 0} samples. Give one for each sample, samples on the first axis.`;
    return shape[0] === count ? [] : [{ where: path, what }];
  }
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
    scoresProblem(profile),
  ];
  return whats.filter((what) => what !== null).map((what) => ({ where: path, what }));
}

/** Labels are compared with the top class of the first float output. */
function scoresProblem({ outputs }: ModelProfile): string | null {
  const scores = outputs.find(({ kind, dtype }) => kind === 'tensor' && dtypes[dtype].kind === 'float');
  const remedy = 'Leave the labels out, or export the model with an output [batch, classes] of 2 classes or more.';
  if (scores === undefined) return `Labels need class scores, and the model has no float output. ${remedy}`;
  const { name, shape } = scores;
  if (shape === null || (shape.length === 2 && (typeof shape[1] !== 'number' || shape[1] >= 2))) return null;
  return `Labels need class scores, and the first float output '${name}' has shape ${shapeText(shape)}. ${remedy}`;
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}
