/** Step 3 of the road: which smaller forms are worth trying, by the model's family and what executes it. */

import type { CandidateRecipe, DynamicRecipe, Float16Recipe, StaticRecipe, WeightsRecipe } from '../contract/recipe.js';
import type { Provider } from '../hardware/estimate/precision.js';
import type { InstructionSet } from '../hardware/machine.js';
import type { Family, ModelProfile } from '../model/profile.js';

/** What the candidates depend on. */
export interface FormInput {
  readonly profile: ModelProfile;
  readonly provider: Provider;
  /** Of every machine the model may land on. */
  readonly instructionSets: readonly InstructionSet[];
  readonly precision: 'auto' | 'fp32' | 'fp16' | 'int8' | 'int4';
  readonly goal: 'speed' | 'size';
}

/** What is tried, in order, and why something is not. */
export interface Forms {
  readonly candidates: readonly CandidateRecipe[];
  readonly notes: readonly string[];
}

/** Operators whose 8-bit kernels pay; others gain little and can ruin the result. */
export const quantized = ['Conv', 'MatMul', 'Gemm'] as const;

/** With those that only choose, move or add values, so that 8 bits go through a block of convolutions unbroken. */
const chained = [
  ...quantized,
  ...['Relu', 'Clip', 'MaxPool', 'AveragePool', 'GlobalAveragePool'],
  ...['Add', 'Concat', 'Flatten', 'Reshape', 'Transpose'],
];

/** AutoCast's bound: what grows beyond it comes near the end of 16-bit floats in a product or a square. */
const guardedMagnitude = 512;

const minmax: StaticRecipe = {
  name: 'int8-static-minmax',
  precision: 'int8',
  method: 'static',
  activationType: 'uint8',
  weightType: 'int8',
  perChannel: true,
  reduceRange: false,
  opTypes: [...quantized],
  calibration: 'minmax',
  placement: 'cpu',
  excludeNodes: [],
};
const percentile: StaticRecipe = { ...minmax, name: 'int8-static-percentile', calibration: 'percentile' };
const chain: StaticRecipe = { ...minmax, name: 'int8-static-minmax-chain', opTypes: chained };
const every: StaticRecipe = { ...minmax, name: 'int8-static-minmax-all', opTypes: [] };
const signed: StaticRecipe = { ...minmax, name: 'int8-static-minmax-signed', activationType: 'int8' };
const tensorrt: StaticRecipe = { ...signed, name: 'int8-static-minmax-tensorrt', placement: 'tensorrt' };
const tensorrtPercentile: StaticRecipe = {
  ...tensorrt,
  name: 'int8-static-percentile-tensorrt',
  calibration: 'percentile',
};
/** Never convolutions: with dynamic ranges they are many times slower than in fp32. */
const dynamic: DynamicRecipe = {
  name: 'int8-dynamic',
  precision: 'int8',
  method: 'dynamic',
  weightType: 'int8',
  perChannel: true,
  reduceRange: false,
  opTypes: ['MatMul', 'Gemm'],
  excludeNodes: [],
};
/** Less right, and faster where products are small. */
const dynamicWhole: DynamicRecipe = { ...dynamic, name: 'int8-dynamic-per-tensor', perChannel: false };
const half: Float16Recipe = {
  name: 'fp16',
  precision: 'fp16',
  method: 'float16',
  keepOpTypes: [],
  maxAbs: null,
  excludeNodes: [],
};
const guarded: Float16Recipe = { ...half, name: 'fp16-guarded', maxAbs: guardedMagnitude };
const blocks: WeightsRecipe = {
  name: 'int4-weights',
  precision: 'int4',
  method: 'weights',
  blockSize: 32,
  symmetric: true,
  accuracyLevel: 0,
  headPrecision: 'int8',
  excludeNodes: [],
};
const blocksInBytes: WeightsRecipe = { ...blocks, name: 'int4-weights-level4', accuracyLevel: 4 };
const wideBlocks: WeightsRecipe = { ...blocks, name: 'int8-weights', precision: 'int8' };

/** On a CPU, the simplest first where two end up alike. Families that are not here are tried by their operators. */
const onCpu: Readonly<Partial<Record<Family, readonly CandidateRecipe[]>>> = {
  cnn: [minmax, percentile, chain, every],
  detector: [minmax, percentile],
  vit: [dynamic, dynamicWhole, minmax, percentile],
  encoder: [dynamic, dynamicWhole, minmax, percentile],
  decoder: [blocksInBytes, blocks, wideBlocks, dynamic],
  classic: [],
};
const onCpuWithConv: readonly CandidateRecipe[] = [minmax, percentile, chain, every];
const onCpuWithoutConv: readonly CandidateRecipe[] = [dynamic, dynamicWhole, minmax, percentile];

/** Families whose 8-bit forms TensorRT runs faster than its 16-bit ones. */
const eightBitsOnTensorrt: readonly Family[] = ['cnn', 'detector', 'mlp', 'other'];

/** 8-bit products saturate on x86 without VNNI; 7-bit weights avoid it at no cost in speed elsewhere. */
export function saturates(set: InstructionSet): boolean {
  return set === 'x86-64' || set === 'unknown';
}

/** The forms to try, and notes on those that are left out. */
export function formsFor(input: FormInput): Forms {
  const { profile, precision, provider } = input;
  if (profile.family === 'classic') return { candidates: [], notes: [] };
  const drafts = provider === 'cpu' ? cpuForms(input) : acceleratorForms(input);
  const candidates = drafts.filter((draft) => precision === 'auto' || draft.precision === precision);
  if (candidates.length > 0) return { candidates, notes: familyNotes(input, candidates) };
  const offered = [...new Set(drafts.map((draft) => draft.precision))].join(', ');
  return {
    candidates,
    notes: [
      `no ${precision} form pays for a model of family ${profile.family} on ${provider}; ask for ${offered || 'fp32'} or auto`,
    ],
  };
}

function cpuForms({ profile, instructionSets, precision, goal }: FormInput): readonly CandidateRecipe[] {
  const { family, ops } = profile;
  const convolves = 'Conv' in ops;
  const reduce = instructionSets.some(saturates);
  const arm = instructionSets.every((set) => set === 'arm64');
  const known = onCpu[family] ?? (convolves ? onCpuWithConv : onCpuWithoutConv);
  const few = precision === 'int4' || goal === 'size' ? [blocks, wideBlocks] : [];
  const drafts = [...known, ...(arm && convolves ? [signed] : []), ...('MatMul' in ops || 'Gemm' in ops ? few : [])];
  return [...new Set(drafts)]
    .filter((draft) => draft.method !== 'weights' || draft.accuracyLevel < 4 || !reduce)
    .map((draft) => (reduce && 'reduceRange' in draft ? sevenBits(draft) : draft));
}

function sevenBits<T extends StaticRecipe | DynamicRecipe>(draft: T): T {
  return { ...draft, name: `${draft.name}-7bit`, reduceRange: true };
}

/** CUDA's provider has no 8-bit convolutions: they would run on the CPU, many times slower. */
function acceleratorForms({ profile, provider, precision }: FormInput): readonly CandidateRecipe[] {
  const floats = [half, guarded];
  if (provider === 'cuda') return profile.family === 'decoder' ? [...floats, blocks] : floats;
  const bytes = eightBitsOnTensorrt.includes(profile.family) || (precision === 'int8' && profile.family !== 'decoder');
  return bytes ? [...floats, tensorrt, tensorrtPercentile] : floats;
}

function familyNotes({ profile, provider }: FormInput, candidates: readonly CandidateRecipe[]): string[] {
  const notes = [];
  if (profile.family === 'detector' && candidates.some((entry) => entry.method === 'static')) {
    notes.push(
      'a detector keeps its head in fp32: only convolutions and matrix products are quantized, none that reads a distribution behind a Softmax, and nothing that joins boxes with scores',
    );
  }
  if (provider === 'cuda')
    notes.push("8-bit forms are not tried: ONNX Runtime's CUDA provider has no kernels for them");
  return notes;
}
