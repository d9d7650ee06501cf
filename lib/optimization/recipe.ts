/** Step 3 of the road: what the optimizer is to try, from the model's family and the instruction sets it may meet. */

import type { CandidateRecipe, RecipeFile } from '../contract/recipe.js';
import type { Provider } from '../hardware/estimate/precision.js';
import type { InstructionSet, Machine } from '../hardware/machine.js';
import type { ModelProfile } from '../model/profile.js';
import type { PlatformId } from '../platforms.js';
import type { GateSpec, OptimizationSpec } from '../spec.js';

/** What the recipe is planned from. */
export interface RecipeInput {
  readonly name: string;
  readonly profile: ModelProfile;
  readonly platform: PlatformId;
  /** The chosen machine and those that may take over. */
  readonly machines: readonly Machine[];
  readonly provider: Provider;
  readonly optimization?: OptimizationSpec | undefined;
  /** Sizes of symbolic dimensions other than the batch. */
  readonly dims: Readonly<Record<string, number>>;
  /** Whether samples were given: without them nothing can be calibrated or judged. */
  readonly samples: boolean;
}

type GateFile = RecipeFile['gate'];

/** Defaults of `GateSpec`; the warnings' thresholds are no options. Sources: docs/optimizer.md. */
const gateDefaults: GateFile = {
  minSpeedup: 1.1,
  maxAccuracyDrop: 0.01,
  maxErrorRatio: 1.5,
  minAgreement: 0.99,
  minSqnrDb: 20,
  warnSqnrDb: 30,
  warnCosine: 0.999,
  strict: false,
};

/** Operators whose 8-bit kernels pay; others gain little and can ruin the result. */
const quantized = ['Conv', 'MatMul', 'Gemm'];

type Draft = Omit<CandidateRecipe, 'precision' | 'perChannel' | 'reduceRange' | 'activationType' | 'weightType'>;

const staticMinMax: Draft = { name: 'static-minmax', method: 'static', opTypes: quantized, calibration: 'minmax' };
const staticPercentile: Draft = { ...staticMinMax, name: 'static-percentile', calibration: 'percentile' };
const staticAll: Draft = { ...staticMinMax, name: 'static-minmax-all', opTypes: [] };
const dynamic: Draft = { name: 'dynamic', method: 'dynamic', opTypes: ['MatMul', 'Gemm'], calibration: 'none' };

/** What is worth trying, simplest first where two end up alike. Dynamic quantization of Conv is several times slower than fp32. */
function drafts(profile: ModelProfile): readonly Draft[] {
  const convolutions = 'Conv' in profile.ops;
  return convolutions ? [staticMinMax, staticPercentile, staticAll] : [dynamic, staticMinMax, staticPercentile];
}

/** 8-bit products saturate on x86 without VNNI; 7-bit weights avoid it at no cost in speed elsewhere. */
function needsReducedRange(sets: readonly InstructionSet[]): boolean {
  return sets.some((set) => set === 'x86-64' || set === 'unknown');
}

/** Machine types of which the instruction set is not known get the recipe that is right everywhere, and are named. */
function unknownMachines(machines: readonly Machine[]): string[] {
  const names = machines
    .filter((machine) => machine.instructionSet === 'unknown')
    .map((machine) => `'${machine.name}'`);
  if (names.length === 0) return [];
  return [`the instruction set of ${names.join(', ')} is not known, so the recipe is one that is right on every CPU`];
}

/** Why nothing is tried, or nothing. */
function reasonForNone(input: RecipeInput): string | undefined {
  const { profile, provider, optimization, samples } = input;
  if (optimization?.precision === 'fp32') return 'fp32 was asked for';
  if (provider !== 'cpu') {
    return `forms for the ${provider} provider are not made by this version of the optimizer; the model is served as it is`;
  }
  if (profile.family === 'classic') {
    return 'trees and linear models are never quantized: it gains nothing and moves their scores';
  }
  if (profile.quantization !== 'none')
    return `the model is quantized already (${profile.quantization}); it is served as it is`;
  if (!quantized.some((op) => op in profile.ops)) {
    return `the model has none of the operators that 8-bit kernels make faster (${quantized.join(', ')})`;
  }
  if (!samples)
    return 'without samples nothing can show that a smaller form is as good; give some with --data samples.npz';
  return undefined;
}

function gate(spec: GateSpec | undefined): GateFile {
  const given = Object.entries(spec ?? {}).filter(([, value]) => value !== undefined);
  return { ...gateDefaults, ...Object.fromEntries(given) };
}

/** The recipe for one model on the machines of one plan. */
export function planRecipe(input: RecipeInput): RecipeFile {
  const { profile, machines, provider, optimization } = input;
  const instructionSets = [...new Set(machines.map((machine) => machine.instructionSet))].sort();
  const reduceRange = needsReducedRange(instructionSets);
  const none = reasonForNone(input);
  const modelBytes = profile.fileBytes + profile.externalData.reduce((sum, file) => sum + file.bytes, 0);
  const precision = optimization?.precision ?? 'auto';
  return {
    schemaVersion: 1,
    model: { name: input.name, family: profile.family, dims: { ...input.dims } },
    target: {
      platform: input.platform,
      machines: machines.map((machine) => machine.name),
      instructionSets,
      provider,
      threads: Math.max(1, Math.floor(Math.min(...machines.map((machine) => machine.processors)))),
    },
    precision,
    candidates: none
      ? []
      : drafts(profile).map((draft) => ({
          ...draft,
          name: `int8-${draft.name}${reduceRange ? '-7bit' : ''}`,
          precision: 'int8',
          activationType: draft.method === 'static' ? 'uint8' : 'int8',
          weightType: 'int8',
          perChannel: true,
          reduceRange,
        })),
    notes: none ? [none] : unknownMachines(machines),
    gate: gate(optimization?.gate),
    onFailure: optimization?.onFailure ?? 'fp32',
    bake: { graphOptimization: 'extended' },
    limits: {
      candidateSeconds: 900,
      candidateMemoryBytes: 4 * 2 ** 30 + 12 * modelBytes,
      modelBytes: 16 * 2 ** 30,
      nodes: 200_000,
    },
    canaries: 16,
    seed: 0,
  };
}
