/** Step 1 of the road: what of a model keeps Slipway from serving it, although it can be read. */

import type { Problem } from '../errors.js';
import { dtypes } from './dtypes.js';
import type { ModelProfile, TensorInfo } from './profile.js';
import { shapeText } from './shape-text.js';

/**
 * Why this model cannot be served; empty when it can. `where` names the operator, the input or the output.
 *
 * Whatever the graph alone tells is found here, so that neither optimizer nor server has to refuse it later.
 */
export function servingProblems(profile: ModelProfile): Problem[] {
  return [
    ...profile.customOps.map(customOpProblem),
    ...Object.keys(profile.ops).filter(isBound).map(boundOpProblem),
    ...emptyProblems(profile),
    ...profile.inputs.flatMap(inputProblems),
    ...profile.outputs.flatMap((output) => outputProblems(output, profile)),
  ];
}

function customOpProblem(op: string): Problem {
  return {
    where: `operator ${op}`,
    what: 'a custom operator, whose library Slipway does not load. Export the model with operators of ai.onnx, ai.onnx.ml or com.microsoft only.',
  };
}

/** ONNX Runtime writes these when it saves a model that it has laid out for one processor. */
function isBound(op: string): boolean {
  return op.startsWith('com.microsoft.nchwc:') || op.startsWith('com.ms.internal.nhwc:');
}

function boundOpProblem(op: string): Problem {
  return {
    where: `operator ${op}`,
    what: 'made by ONNX Runtime for the processor that saved the model. Give the model as it was exported.',
  };
}

function emptyProblems({ inputs, nodes }: ModelProfile): Problem[] {
  return [
    ...(inputs.length === 0
      ? [{ where: 'inputs', what: 'none: every answer would be the same. Export the model with inputs.' }]
      : []),
    ...(nodes === 0 ? [{ where: 'operators', what: 'none: there is nothing to run. Export the model again.' }] : []),
  ];
}

const kinds: Readonly<Record<Exclude<TensorInfo['kind'], 'tensor'>, string>> = {
  sequence: 'a sequence',
  map: 'a map',
  optional: 'an optional value',
  sparse: 'a sparse tensor',
};

function inputProblems({ name, kind, dtype, shape }: TensorInfo): Problem[] {
  const where = `input '${name}'`;
  if (kind !== 'tensor')
    return [
      { where, what: `${kinds[kind]}; requests carry dense tensors only. Export the model with those as inputs.` },
    ];
  const type =
    dtypes[dtype].oip === undefined
      ? [`${ofType(dtype)}, which no request can carry. Cast from float32 or an integer inside the model.`]
      : [];
  return [...type, ...batchProblems(shape)].map((what) => ({ where, what }));
}

/** An input's first dimension counts samples. */
function batchProblems(shape: TensorInfo['shape']): string[] {
  const remedy = 'Export the model with the batch as its first dimension, symbolic or 1.';
  if (shape === null) return [`of any number of dimensions, so none is the batch. ${remedy}`];
  if (shape.length === 0) return [`a scalar, which has no dimension for the batch. ${remedy}`];
  if (typeof shape[0] !== 'number' || shape[0] === 1) return [];
  return [`of shape ${shapeText(shape)}: it takes ${shape[0]} samples at a time. ${remedy}`];
}

function outputProblems({ name, kind, dtype }: TensorInfo, { ops }: ModelProfile): Problem[] {
  const where = `output '${name}'`;
  if (kind === 'sequence' && 'ai.onnx.ml:ZipMap' in ops)
    return [
      { where, what: 'a sequence of maps; answers carry dense tensors only. Export the classifier with zipmap=False.' },
    ];
  if (kind !== 'tensor')
    return [
      { where, what: `${kinds[kind]}; answers carry dense tensors only. Export the model with those as outputs.` },
    ];
  if (dtypes[dtype].oip !== undefined) return [];
  return [
    { where, what: `${ofType(dtype)}, which no answer can carry. Cast to float32 or an integer inside the model.` },
  ];
}

function ofType(dtype: TensorInfo['dtype']): string {
  return dtype === 'undefined' ? 'of no type that Slipway knows' : `of type ${dtype}`;
}
