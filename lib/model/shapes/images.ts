/** Step 1 of the road: shapes of operators that resize images and take regions of them. */

import { axesOf, known, size, unknownDims } from './dims.js';
import {
  type Call,
  type Dims,
  dims,
  dtype,
  type Elements,
  each,
  floats,
  has,
  input,
  int,
  ints,
  type Rule,
  type Rules,
  text,
} from './rule.js';

/** ONNX Runtime multiplies in 32-bit floats. */
function scaled(dim: number | null, scale: number | null): number | null {
  return size(known((each, by) => Math.floor(Math.fround(each! * by!)), dim, scale));
}

/** Which axes an operator resizes. */
function resizedAxes(call: Call, rank: number): number[] | null {
  return axesOf(ints(call, 'axes') ?? unknownDims(rank).map((_, axis) => axis), rank);
}

function byScales(from: Dims, axes: readonly number[], scales: Elements | null): Dims {
  return from.map((dim, axis) => (axes.includes(axis) ? scaled(dim, scales?.[axes.indexOf(axis)] ?? null) : dim));
}

/** Sizes as asked for, or the nearest ones of the image's proportions. */
function bySizes(call: Call, from: Dims, axes: readonly number[], sizes: Elements | null): Dims {
  const policy = text(call, 'keep_aspect_ratio_policy', 'stretch');
  const asked = axes.map((_, at) => size(sizes?.[at]));
  if (policy === 'stretch') return from.map((dim, axis) => (axes.includes(axis) ? asked[axes.indexOf(axis)]! : dim));
  const ratios = axes.map((axis, at) => known((to, dim) => to! / dim!, asked[at]!, from[axis]!));
  const scale = known(
    (...each) => Math.fround(policy === 'not_larger' ? Math.min(...each) : Math.max(...each)),
    ...ratios,
  );
  const rounded = (dim: number | null) => size(known((each, by) => Math.round(Math.fround(each! * by!)), dim, scale));
  return from.map((dim, axis) => (axes.includes(axis) ? rounded(dim) : dim));
}

const resize: Rule = (call) => {
  const from = dims(call, 0);
  const axes = from && resizedAxes(call, from.length);
  if (from === null || axes === null) return [{ dtype: dtype(call, 0), shape: from && unknownDims(from.length) }];
  if (call.version < 11) return [{ dtype: dtype(call, 0), shape: byScales(from, axes, input(call, 1).values) }];
  const wanted = has(call, 3) && dims(call, 3)?.[0] !== 0;
  const shape = wanted ? bySizes(call, from, axes, input(call, 3).values) : byScales(from, axes, input(call, 2).values);
  return [{ dtype: dtype(call, 0), shape }];
};

const upsample: Rule = (call) => {
  const from = dims(call, 0);
  const scales = has(call, 1) ? input(call, 1).values : floats(call, 'scales');
  return [
    {
      dtype: dtype(call, 0),
      shape:
        from &&
        byScales(
          from,
          from.map((_, axis) => axis),
          scales,
        ),
    },
  ];
};

const blockedUpsample: Rule = (call) => {
  const from = dims(call, 0);
  const scales = ints(call, 'scales');
  return [
    {
      dtype: dtype(call, 0),
      shape:
        from &&
        byScales(
          from,
          from.map((_, axis) => axis),
          scales,
        ),
    },
  ];
};

/** One image of this size for each region. */
const regions =
  (height: (call: Call) => number | null, width: (call: Call) => number | null): Rule =>
  (call) => [
    {
      dtype: dtype(call, 0),
      shape: [dims(call, 1)?.[0] ?? null, dims(call, 0)?.[1] ?? null, size(height(call)), size(width(call))],
    },
  ];

const gridSample: Rule = (call) => {
  const [image, grid] = [dims(call, 0), dims(call, 1)];
  const rank = image?.length ?? grid?.length ?? null;
  if (rank === null || rank < 3) return [{ dtype: dtype(call, 0), shape: null }];
  const to = grid?.length === rank ? grid.slice(1, -1) : unknownDims(rank - 2);
  return [{ dtype: dtype(call, 0), shape: [image?.[0] ?? grid?.[0] ?? null, image?.[1] ?? null, ...to] }];
};

const pooled = (axis: number) => (call: Call) => ints(call, 'pooled_shape')?.[axis] ?? null;
const cropped = (axis: number) => (call: Call) => input(call, 3).values?.[axis] ?? null;

export const images: Rules = {
  ...each(gridSample, ['GridSample', 'com.microsoft:GridSample']),
  MaxRoiPool: regions(pooled(0), pooled(1)),
  Resize: resize,
  RoiAlign: regions(
    (call) => int(call, 'output_height', 1),
    (call) => int(call, 'output_width', 1),
  ),
  Upsample: upsample,
  'com.microsoft.nchwc:Upsample': blockedUpsample,
  'com.microsoft:CropAndResize': regions(cropped(0), cropped(1)),
};
