/** Step 3 of the road: what the optimizer is to try, from the model's family and the instruction sets it may meet. */

import type { RecipeFile } from '../contract/recipe.js';
import type { Provider } from '../hardware/estimate/precision.js';
import type { Machine } from '../hardware/machine.js';
import { type ModelProfile, modelBytes } from '../model/profile.js';
import type { PlatformId } from '../platforms.js';
import type { OptimizationSpec } from '../spec.js';
import { formsFor, quantized } from './candidates.js';

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
  /** Runs at a time on one machine, as served; null where the server takes one for each processor. */
  readonly workers: number | null;
  /** Whether samples were given: without them nothing can be calibrated or judged. */
  readonly samples: boolean;
}

type GateFile = RecipeFile['gate'];

/** Defaults of `GateSpec`; the warnings' thresholds are no options. Sources: docs/optimizer.md. */
const gateDefaults: GateFile = {
  minSpeedup: 1.1,
  minShrink: 1.5,
  maxAccuracyDrop: 0.01,
  maxErrorRatio: 1.5,
  minAgreement: 0.99,
  minSqnrDb: 20,
  warnSqnrDb: 30,
  warnCosine: 0.999,
  strict: false,
  metric: null,
};

/** ONNX files end at 2 GB; smaller forms are made of one file. */
const mostBytes = 1_900_000_000;

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
  const { profile, optimization, samples } = input;
  if (optimization?.precision === 'fp32') return 'fp32 was asked for';
  if (profile.family === 'classic') {
    return 'trees and linear models are never quantized: it gains nothing and moves their scores';
  }
  if (profile.quantization !== 'none')
    return `the model is quantized already (${profile.quantization}); it is served as it is`;
  if (!quantized.some((op) => op in profile.ops)) {
    return `the model has none of the operators that 8-bit kernels make faster (${quantized.join(', ')})`;
  }
  const bytes = modelBytes(profile);
  if (bytes > mostBytes) {
    return `the model has ${bytes} bytes; smaller forms are made of models up to ${mostBytes} bytes`;
  }
  if (!samples)
    return 'without samples nothing can show that a smaller form is as good; give some with --data samples.npz';
  return undefined;
}

function gate(optimization: OptimizationSpec | undefined): GateFile {
  const given = Object.entries(optimization?.gate ?? {}).filter(([, value]) => value !== undefined);
  const bounds = { ...gateDefaults, ...Object.fromEntries(given) };
  const metric = optimization?.metric;
  if (!metric) return bounds;
  return {
    ...bounds,
    metric: {
      function: metric.function,
      direction: metric.direction ?? 'higher',
      maxDrop: metric.maxDrop ?? bounds.maxAccuracyDrop,
    },
  };
}

/** The recipe for one model on the machines of one plan. */
export function planRecipe(input: RecipeInput): RecipeFile {
  const { profile, machines, provider, optimization } = input;
  const instructionSets = [...new Set(machines.map((machine) => machine.instructionSet))].sort();
  const precision = optimization?.precision ?? 'auto';
  const goal = optimization?.goal ?? 'speed';
  const none = reasonForNone(input);
  const forms = none
    ? { candidates: [], notes: [none] }
    : formsFor({ profile, provider, instructionSets, precision, goal });
  const threads = Math.max(1, Math.floor(Math.min(...machines.map((machine) => machine.processors))));
  return {
    schemaVersion: 1,
    model: { name: input.name, family: profile.family, dims: { ...input.dims } },
    target: {
      platform: input.platform,
      machines: machines.map((machine) => machine.name),
      instructionSets,
      provider,
      threads,
      intraOpThreads: input.workers ? Math.max(1, Math.floor(threads / input.workers)) : 1,
    },
    precision,
    goal,
    task: optimization?.task ?? 'auto',
    candidates: [...forms.candidates],
    notes: [...forms.notes, ...(forms.candidates.length > 0 && provider === 'cpu' ? unknownMachines(machines) : [])],
    gate: gate(optimization),
    repair: {
      trials: optimization?.repair?.trials ?? 6,
      maxExcludedShare: optimization?.repair?.maxExcludedShare ?? 0.2,
    },
    onFailure: optimization?.onFailure ?? 'fp32',
    // An accelerator's own provider fuses at load; what the CPU's would fuse beforehand it cannot run.
    bake: { graphOptimization: provider === 'cpu' ? 'extended' : 'basic' },
    limits: {
      candidateSeconds: 900,
      candidateMemoryBytes: 4 * 2 ** 30 + 12 * modelBytes(profile),
      modelBytes: 16 * 2 ** 30,
      nodes: 200_000,
    },
    canaries: { count: 16, source: optimization?.canaries ?? 'samples' },
    seed: 0,
    replay: null,
  };
}
