/** Step 1 of the road: shapes of operators that make tensors: constants, ranges, random numbers. */

import { dtypeOfCode } from '../dtypes.js';
import type { DType } from '../profile.js';
import { known, ofRank, size, unknownDims } from './dims.js';
import {
  attribute,
  type Call,
  type Dims,
  dims,
  dtype,
  each,
  input,
  int,
  ints,
  type Outcome,
  type Rule,
  type Rules,
  scalar,
  text,
} from './rule.js';
import { take } from './values.js';

/** The forms that a constant's attribute may have, and what they make. */
const constantForms: readonly ((call: Call) => Outcome | null)[] = [
  (call) => {
    const [stored] = attribute(call, 'value', 'tensors')?.values ?? [];
    return stored ? { dtype: stored.dtype, shape: stored.dims, values: stored.values, stored } : null;
  },
  (call) => {
    const [sparse] = attribute(call, 'sparse_value', 'sparseTensors')?.values ?? [];
    return sparse ? { dtype: sparse.values.dtype, shape: sparse.dims, stored: sparse.values } : null;
  },
  (call) => one('int64', attribute(call, 'value_int', 'int')),
  (call) => one('float32', attribute(call, 'value_float', 'float')),
  (call) => row('int64', attribute(call, 'value_ints', 'ints')),
  (call) => row('float32', attribute(call, 'value_floats', 'floats')),
  (call) => (attribute(call, 'value_string', 'string') ? { dtype: 'string', shape: [] } : null),
  (call) => {
    const found = attribute(call, 'value_strings', 'strings');
    return found && { dtype: 'string', shape: [found.values?.length ?? null] };
  },
];

function one(dtype: DType, found: { readonly value: number } | null): Outcome | null {
  return found && { dtype, shape: [], values: [found.value] };
}

function row(dtype: DType, found: { readonly values: readonly number[] | null } | null): Outcome | null {
  return found && { dtype, shape: [found.values?.length ?? null], values: found.values };
}

const constant: Rule = (call) => {
  for (const form of constantForms) {
    const found = form(call);
    if (found !== null) return [found];
  }
  return [];
};

/** The shape that an input's elements name. */
function namedShape(call: Call, index: number): Dims | null {
  const { values, shape } = input(call, index);
  if (values !== null) return values.map(size);
  const rank = shape?.length === 1 ? shape[0]! : null;
  return ofRank(rank);
}

const constantOfShape: Rule = (call) => {
  const [value] = attribute(call, 'value', 'tensors')?.values ?? [];
  const shape = namedShape(call, 0);
  const element = value === undefined ? 0 : (value.values?.[0] ?? null);
  return [{ dtype: value?.dtype ?? 'float32', shape, values: element === null ? null : take(shape, () => element) }];
};

const range: Rule = (call) => {
  const [start, limit, delta] = [scalar(call, 0), scalar(call, 1), call.inputs.length < 3 ? 1 : scalar(call, 2)];
  const count = size(known((from, to, step) => Math.max(0, Math.ceil((to! - from!) / step!)), start, limit, delta));
  const values = take([count], ([at]) => start! + at! * delta!);
  return [{ dtype: dtype(call, 0, 1, 2), shape: [count], values }];
};

const eyeLike: Rule = (call) => [
  { dtype: dtypeOfCode(int(call, 'dtype', -1)) ?? dtype(call, 0), shape: dims(call, 0) },
];

/** Random numbers of the shape that an attribute gives. */
const random: Rule = (call) => [
  { dtype: dtypeOfCode(int(call, 'dtype', 1)) ?? 'undefined', shape: ints(call, 'shape')?.map(size) ?? null },
];

const randomLike: Rule = (call) => [
  { dtype: dtypeOfCode(int(call, 'dtype', -1)) ?? dtype(call, 0), shape: dims(call, 0) },
];

const multinomial: Rule = (call) => [
  {
    dtype: dtypeOfCode(int(call, 'dtype', 6)) ?? 'undefined',
    shape: [dims(call, 0)?.[0] ?? null, size(int(call, 'sample_size', 1))],
  },
];

const windowFunction: Rule = (call) => [
  { dtype: dtypeOfCode(int(call, 'output_datatype', 1)) ?? 'undefined', shape: [size(scalar(call, 0))] },
];

const affineGrid: Rule = (call) => {
  const sizes = input(call, 1).values?.map(size) ?? null;
  const rank = sizes?.length ?? dims(call, 1)?.[0] ?? null;
  if (rank !== 4 && rank !== 5) return [{ dtype: dtype(call, 0), shape: null }];
  const [batch, , ...image] = sizes ?? unknownDims(rank);
  return [{ dtype: dtype(call, 0), shape: [batch ?? null, ...image, rank - 2] }];
};

const imageDecoder: Rule = (call) => [
  { dtype: 'uint8', shape: [null, null, text(call, 'pixel_format', 'RGB') === 'Grayscale' ? 1 : 3] },
];

export const generators: Rules = {
  ...each(random, ['RandomNormal', 'RandomUniform']),
  ...each(randomLike, ['Bernoulli', 'RandomNormalLike', 'RandomUniformLike']),
  ...each(windowFunction, ['BlackmanWindow', 'HammingWindow', 'HannWindow']),
  AffineGrid: affineGrid,
  Constant: constant,
  ConstantOfShape: constantOfShape,
  EyeLike: eyeLike,
  ImageDecoder: imageDecoder,
  Multinomial: multinomial,
  Range: range,
  'com.microsoft:Range': range,
};
