/** Step 1 of the road: what of a model keeps Slipway from serving it, although it can be read. */

import type { Problem } from '../errors.js';
import { dtypes } from './dtypes.js';
import type { ModelProfile, TensorInfo } from './profile.js';

/** Why this model cannot be served; empty when it can. `where` names the operator or the input. */
export function servingProblems(profile: ModelProfile): Problem[] {
  return [...profile.customOps.map(customOpProblem), ...profile.inputs.flatMap(inputProblem)];
}

function customOpProblem(op: string): Problem {
  return {
    where: `operator ${op}`,
    what: 'a custom operator, whose library Slipway does not load. Export the model with operators of ai.onnx, ai.onnx.ml or com.microsoft only.',
  };
}

function inputProblem({ name, kind, dtype }: TensorInfo): Problem[] {
  const where = `input '${name}'`;
  if (kind !== 'tensor')
    return [{ where, what: `a ${kind}; requests carry tensors only. Export the model with tensors as inputs.` }];
  if (dtypes[dtype].oip !== undefined) return [];
  return [
    { where, what: `of type ${dtype}, which no request can carry. Cast from float32 or an integer inside the model.` },
  ];
}
