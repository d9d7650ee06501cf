/** A request that works: the first sample in the Open Inference Protocol's JSON, and the command that sends it. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { oipDatatype } from '../model/dtypes.js';
import type { TensorInfo } from '../model/profile.js';
import { firstSample } from '../model/samples.js';
import type { EndpointPlan } from '../plan.js';

/** A value of a tensor as JSON has it. */
type Scalar = number | string | boolean;

export interface SampleRequest {
  readonly body: {
    readonly inputs: readonly {
      readonly name: string;
      readonly shape: readonly number[];
      readonly datatype: string;
      readonly data: readonly Scalar[];
    }[];
  };
  /** False when the values were made up. */
  readonly real: boolean;
}

/** Sizes of one row: the batch is 1, other symbolic dimensions are bound. */
function rowShape(input: TensorInfo, dims: Readonly<Record<string, number>>): number[] {
  return (input.shape ?? []).map((dim) => (typeof dim === 'number' ? dim : (dim !== null && dims[dim]) || 1));
}

function madeUp(input: TensorInfo, count: number): Scalar[] {
  const value: Scalar = input.dtype === 'string' ? '' : input.dtype === 'bool' ? false : 0;
  return new Array<Scalar>(count).fill(value);
}

/** From the first of the user's samples; zeros where there are none. */
export function sampleRequest(plan: EndpointPlan): SampleRequest {
  const rows = plan.source.calibration ? firstSample(plan.source.calibration) : undefined;
  const inputs = plan.profile.inputs.map((input) => {
    const shape = rowShape(input, plan.dims);
    const count = shape.reduce((product, size) => product * size, 1);
    const row = rows?.[input.name];
    return {
      name: input.name,
      shape: row ? row.shape : shape,
      datatype: oipDatatype(input.dtype),
      data: row ? row.data : madeUp(input, count),
    };
  });
  return { body: { inputs }, real: rows !== undefined };
}

/** A word that a shell takes as it is. */
export const quoted = (text: string): string =>
  /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** A body up to this size stands in the command itself. */
const inlineBytes = 4096;

/**
 * A shell command that asks the endpoint once.
 *
 * @param folder - takes the body as sample.json when it is too long to paste
 */
export function curlCommand(infer: string, sample: SampleRequest, folder: string): string {
  const text = JSON.stringify(sample.body);
  if (text.length <= inlineBytes) return `curl -s ${infer} -H 'Content-Type: application/json' -d ${quoted(text)}`;
  const file = join(folder, 'sample.json');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return `curl -s ${infer} -H 'Content-Type: application/json' --data-binary ${quoted(`@${file}`)}`;
}
