/** Step 1 of the road: a model's profile as a file that is committed where the model itself is not. */

import { z } from 'zod';
import { SlipwayError } from '../errors.js';
import { dtypes } from './dtypes.js';
import type { DType, ModelProfile } from './profile.js';
import { readText } from './regular-file.js';
import { unboundDims } from './work/batch.js';
import type { Work } from './work.js';

/** What `slipway inspect --profile` writes and `Model.fromProfile` reads. */
export interface ProfileFile {
  readonly schemaVersion: 1;
  readonly profile: ModelProfile;
  /** What one run takes, for the sizes in `work.dims`. */
  readonly work: Work;
}

const whole = z.int().min(0);
const count = z.int().min(1);
/** More than any machine computes or moves in a year. */
const most = 1e27;
const figure = z.number().min(0).max(most);
/** Stored elements and bytes. */
const stored = z.number().min(0).max(Number.MAX_SAFE_INTEGER);
const dtype = z.enum(Object.keys(dtypes) as [DType, ...DType[]]);
const quantity = z.tuple([figure, figure, figure]);
const tensorInfo = z.strictObject({
  name: z.string(),
  dtype,
  shape: z.array(z.union([whole, z.string(), z.null()])).nullable(),
  kind: z.enum(['tensor', 'sequence', 'map', 'optional', 'sparse']),
});
const port = z.strictObject({ name: z.string(), dtype, elements: quantity.nullable() });

const shape: z.ZodType<ProfileFile> = z.strictObject({
  schemaVersion: z.literal(1),
  profile: z.strictObject({
    schemaVersion: z.literal(1),
    fileBytes: whole,
    irVersion: whole,
    opset: whole.nullable(),
    opsets: z.record(z.string(), whole),
    producer: z.string(),
    family: z.enum(['cnn', 'vit', 'encoder', 'decoder', 'detector', 'recurrent', 'mlp', 'classic', 'other']),
    parameters: whole,
    weightBytes: whole,
    weightBytesByDtype: z.partialRecord(dtype, whole),
    inputs: z.array(tensorInfo),
    outputs: z.array(tensorInfo),
    symbolicDims: z.array(z.string()),
    batchDim: z.string().nullable(),
    ops: z.record(z.string(), count),
    nodes: whole,
    quantization: z.enum(['none', 'qdq', 'qoperator', 'dynamic', 'weight-only', 'float16']),
    customOps: z.array(z.string()),
    externalData: z.array(z.strictObject({ location: z.string(), bytes: whole })),
  }),
  work: z.strictObject({
    dims: z.record(z.string(), count),
    batched: z.boolean(),
    kernels: z.array(
      z.strictObject({
        op: z.string(),
        kind: z.enum([
          'conv',
          'grouped',
          'matmul',
          'attention',
          'normalization',
          'elementwise',
          'movement',
          'recurrent',
          'tree',
          'other',
        ]),
        count,
        steps: figure,
        flops: quantity,
        weights: stored,
        packedBytes: stored,
        floats: quantity,
        otherBytes: quantity,
        product: z.tuple([quantity, figure, figure]).nullable(),
        quantized: z.boolean(),
      }),
    ),
    flops: quantity,
    storedFloats: stored,
    storedOtherBytes: stored,
    liveFloats: quantity,
    liveOtherBytes: quantity,
    inputs: z.array(port),
    outputs: z.array(port),
    unknownOps: z.array(z.string()),
  }),
});

/** The file's text: one kernel a line, so that a change of the model can be reviewed. */
export function profileFileText(profile: ModelProfile, work: Work): string {
  const { kernels, ...rest } = work;
  const lines = kernels.map((kernel) => `      ${JSON.stringify(kernel)}`).join(',\n');
  const head = JSON.stringify({ schemaVersion: 1, profile, work: { ...rest, kernels: [] } }, null, 2);
  return `${head.replace(/"kernels": \[\]/, () => `"kernels": [\n${lines}\n    ]`)}\n`;
}

/** Reads a profile. Throws `SlipwayError` when the file is none, or says what no model can be. */
export function readProfileFile(path: string): ProfileFile {
  const remedy = 'Make it again with: slipway inspect MODEL --profile FILE.profile.json';
  const text = readText(path);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new SlipwayError(`'${path}' cannot be read as a profile: ${(error as Error).message}. ${remedy}`);
  }
  const result = shape.safeParse(document);
  if (!result.success) {
    const [first] = result.error.issues;
    throw new SlipwayError(
      `'${path}' is no profile of a model: ${first!.path.join('.') || 'the document'}: ${first!.message}. ${remedy}`,
    );
  }
  const { profile, work } = result.data;
  const unbound = unboundDims(profile, work.dims);
  if (unbound.length === 0) return result.data;
  const dims = unbound.map((name) => ` --dim ${name}=SIZE`).join('');
  throw new SlipwayError(
    `'${path}' is no profile of a model: work.dims has no size of ${unbound.join(', ')}. ${remedy}${dims}`,
  );
}
