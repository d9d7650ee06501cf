/** Step 1 of the road: shapes of operators that pick elements by their places. */

import { axisOf, size, unknownDims, withDim } from './dims.js';
import { type Dims, dims, dtype, each, has, input, int, type Outcome, type Rule, type Rules, scalar } from './rule.js';
import { strides, take } from './values.js';

/** The data's shape with that of the indices in the place of an axis. */
function gatheredShape(data: Dims | null, indices: Dims | null, axisGiven: number): Dims | null {
  const axis = data && axisOf(axisGiven, data.length);
  if (data === null || indices === null || axis === null) return null;
  return [...data.slice(0, axis), ...indices, ...data.slice(axis + 1)];
}

const gather: Rule = (call) => {
  const [data, indices] = [input(call, 0), input(call, 1)];
  const axisGiven = int(call, 'axis', 0);
  const shape = gatheredShape(data.shape, indices.shape, axisGiven);
  if (data.values === null || indices.values === null || shape === null) return [{ dtype: data.dtype, shape }];
  const axis = axisOf(axisGiven, data.shape!.length)!;
  const [steps, places] = [strides(data.shape!), strides(indices.shape!)];
  const rank = places.length;
  const source = (at: readonly number[]) => {
    const place = places.reduce((index, step, each) => index + step * at[axis + each]!, 0);
    const along = axisOf(indices.values![place] ?? null, data.shape![axis]!);
    if (along === null) return null;
    const from = steps.reduce((index, step, each) => {
      return index + step * (each === axis ? along : at[each < axis ? each : each + rank - 1]!);
    }, 0);
    return data.values![from] ?? null;
  };
  return [{ dtype: data.dtype, shape, values: take(shape, source) }];
};

const gatherElements: Rule = (call) => [{ dtype: dtype(call, 0), shape: dims(call, 1) }];

const gatherNd: Rule = (call) => {
  const [data, indices] = [dims(call, 0), dims(call, 1)];
  const depth = indices?.at(-1) ?? null;
  const batch = int(call, 'batch_dims', 0);
  if (data === null || indices === null || depth === null || batch < 0 || batch + depth > data.length) {
    return [{ dtype: dtype(call, 0), shape: null }];
  }
  return [{ dtype: dtype(call, 0), shape: [...indices.slice(0, -1), ...data.slice(batch + depth)] }];
};

const topK: Rule = (call) => {
  const from = dims(call, 0);
  const axis = from && axisOf(int(call, 'axis', -1), from.length);
  const count = has(call, 1) ? scalar(call, 1) : int(call, 'k', null);
  const shape = from && (axis === null ? unknownDims(from.length) : withDim(from, axis, size(count)));
  return [
    { dtype: dtype(call, 0), shape },
    { dtype: 'int64', shape },
  ];
};

const nonZero: Rule = (call) => {
  const { shape: from, values } = input(call, 0);
  if (from === null || values === null || values.includes(null))
    return [{ dtype: 'int64', shape: [from === null ? null : from.length, null] }];
  const found = values.flatMap((value, at) => (value === 0 ? [] : [at]));
  const steps = strides(from);
  const shape = [from.length, found.length];
  const place = ([axis, each]: readonly number[]) => Math.floor(found[each!]! / steps[axis!]!) % from[axis!]!;
  return [{ dtype: 'int64', shape, values: take(shape, place) }];
};

const compress: Rule = (call) => {
  const from = dims(call, 0);
  const kept = input(call, 1).values;
  const count = kept && (kept.includes(null) ? null : kept.filter((each) => each !== 0).length);
  const axisGiven = int(call, 'axis', null);
  const axis = from && axisOf(axisGiven, from.length);
  if (axisGiven === null) return [{ dtype: dtype(call, 0), shape: [count] }];
  return [
    { dtype: dtype(call, 0), shape: from && (axis === null ? unknownDims(from.length) : withDim(from, axis, count)) },
  ];
};

const unique: Rule = (call) => {
  const from = dims(call, 0);
  const axisGiven = int(call, 'axis', null);
  const axis = from && axisOf(axisGiven, from.length);
  const found = axisGiven === null ? [null] : from && axis !== null ? withDim(from, axis, null) : null;
  const places: Outcome = { dtype: 'int64', shape: [null] };
  return [
    { dtype: dtype(call, 0), shape: found },
    places,
    { dtype: 'int64', shape: [inverseLength(from, axisGiven, axis)] },
    places,
  ];
};

/** One place for each element, or for each slice of the axis. */
function inverseLength(from: Dims | null, axisGiven: number | null, axis: number | null): number | null {
  if (from === null) return null;
  if (axisGiven !== null) return axis === null ? null : from[axis]!;
  return from.reduce((all, dim) => (all === null || dim === null ? null : all * dim), 1);
}

const oneHot: Rule = (call) => {
  const from = dims(call, 0);
  const axis = from && axisOf(int(call, 'axis', -1), from.length + 1);
  const shape = from === null || axis === null ? null : from.toSpliced(axis, 0, size(scalar(call, 1)));
  return [{ dtype: dtype(call, 2), shape }];
};

const nonMaxSuppression: Rule = () => [{ dtype: 'int64', shape: [null, 3] }];

/** Rows of an embedding whose integers are packed into bytes, as floats. */
const gatherBlocks: Rule = (call) => {
  const data = dims(call, 0);
  const perByte = dtype(call, 0) === 'uint8' ? 8 / int(call, 'bits', 4) : 1;
  const wide = data && data.length > 0 ? data.with(-1, size((data.at(-1) ?? Number.NaN) * perByte)) : null;
  return [{ dtype: dtype(call, 2), shape: gatheredShape(wide, dims(call, 1), int(call, 'gather_axis', 0)) }];
};

/** Counts of n-grams: the largest place named is the last. */
const tfIdf: Rule = (call) => {
  const places = call.node.attributes.ngram_indexes;
  const last = places?.type === 'ints' && places.values !== null ? size(Math.max(...places.values) + 1) : null;
  const from = dims(call, 0);
  return [{ dtype: 'float32', shape: from && [...from.slice(0, -1), last] }];
};

/** Text cut at a delimiter, filled up to the longest row; then how many parts each had. */
const stringSplit: Rule = (call) => {
  const from = dims(call, 0);
  return [
    { dtype: 'string', shape: from && [...from, null] },
    { dtype: 'int64', shape: from },
  ];
};

/** Words that are left out are known only when it runs. */
const stringNormalizer: Rule = (call) => {
  const from = dims(call, 0);
  return [{ dtype: 'string', shape: from && from.length > 0 ? from.with(-1, null) : null }];
};

const wordEmbedding: Rule = (call) => {
  const from = dims(call, 0);
  return [{ dtype: dtype(call, 1), shape: [from?.[0] ?? null, dims(call, 1)?.[0] ?? null] }];
};

/** The rows of an embedding that the indices name. */
const torchEmbedding: Rule = (call) => [
  { dtype: dtype(call, 0), shape: gatheredShape(dims(call, 0), dims(call, 1), 0) },
];

export const indexing: Rules = {
  ...each(gatherNd, ['GatherND', 'com.microsoft:GatherND']),
  ...each(unique, ['Unique']),
  Compress: compress,
  Gather: gather,
  GatherElements: gatherElements,
  NonMaxSuppression: nonMaxSuppression,
  NonZero: nonZero,
  OneHot: oneHot,
  StringNormalizer: stringNormalizer,
  StringSplit: stringSplit,
  TfIdfVectorizer: tfIdf,
  TopK: topK,
  'com.microsoft:GatherBlockQuantized': gatherBlocks,
  'com.microsoft:TorchEmbedding': torchEmbedding,
  'com.microsoft:Unique': (call) => {
    const places: Outcome = { dtype: 'int64', shape: [null] };
    return [{ dtype: dtype(call, 0), shape: [null] }, { ...places, shape: dims(call, 0) }, places];
  },
  'com.microsoft:WordConvEmbedding': wordEmbedding,
};
