/** Every graph that is committed for tests, with the sizes that its symbolic dimensions are set to. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { batchDims, type ModelInputs, unboundDims } from '../../lib/model/work/batch.js';

type Sizes = Readonly<Record<string, number>>;

const folders = ['fixtures', 'exports', join('..', 'networks')].map((name) => join(__dirname, name));
const expected: Readonly<Record<string, { readonly sizes: Sizes }>> = JSON.parse(
  readFileSync(join(__dirname, 'exports', 'expected.json'), 'utf8'),
);

export const committedGraphs = folders.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.onnx'))
    .map((name): [name: string, path: string] => [name.replace('.onnx', ''), join(folder, name)]),
);

/** Sizes of all dimensions but the batch: those of `exports/expected.json`, and 16 where it says nothing. */
export function sizesOf(name: string, inputs: ModelInputs): Sizes {
  const rows = batchDims(inputs.inputs);
  const known = Object.entries(expected[name]?.sizes ?? {}).filter(([dim]) => !rows.includes(dim));
  const open = unboundDims(inputs, Object.fromEntries(known)).map((dim) => [dim, 16] as const);
  return Object.fromEntries([...known, ...open]);
}
