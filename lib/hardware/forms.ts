/** Step 2 of the road: in which precision, and by which provider, a model may run on a machine. */

import type { ModelProfile } from '../model/profile.js';
import type { Precision, Provider } from './estimate/precision.js';
import type { Machine } from './machine.js';

/** A way to execute the model. */
export interface Form {
  readonly precision: Precision;
  readonly provider: Provider;
}

/** What the user and the samples allow. */
export interface FormLimits {
  readonly precision: 'auto' | 'fp32' | 'fp16' | 'int8';
  readonly providers: readonly Provider[];
  /** Without samples no smaller form can be shown to be as good, so only what the user names is taken. */
  readonly samples: boolean;
  /** A form that a lock pins. */
  readonly only?: Form | undefined;
}

/** Operators whose 8-bit kernels pay. */
const quantizable = ['Conv', 'MatMul', 'Gemm'];

const isQuantized = ({ quantization }: ModelProfile): boolean =>
  quantization === 'qdq' || quantization === 'qoperator' || quantization === 'dynamic';

/** Forms of the model as it is, or as the optimizer can make it, whatever the machine. */
function precisionsOf(profile: ModelProfile, { precision, samples }: FormLimits): Precision[] {
  if (profile.family === 'classic') return ['fp32'];
  if (isQuantized(profile)) return ['int8'];
  if (profile.quantization === 'float16') return ['fp16'];
  if (precision !== 'auto') return [precision];
  const smaller: Precision[] = quantizable.some((op) => op in profile.ops) ? ['int8', 'fp16'] : ['fp16'];
  return samples ? ['fp32', ...smaller] : ['fp32'];
}

/** Whether the optimizer makes this form for this provider, or the model has it already. */
const made: Readonly<Record<Provider, readonly Precision[]>> = {
  cpu: ['fp32', 'int8'],
  cuda: ['fp32', 'fp16'],
  tensorrt: ['fp32', 'fp16', 'int8'],
};

/** What keeps a provider from running the model on the machine; null when nothing does. */
function providerProblem(provider: Provider, profile: ModelProfile, machine: Machine): string | null {
  if (provider === 'cpu') {
    return machine.accelerator === null ? null : 'its accelerator would be paid for and not used';
  }
  if (machine.accelerator === null) return `has no accelerator, which ${provider} needs`;
  return profile.family === 'classic'
    ? `operators of ai.onnx.ml have no kernels for ${machine.accelerator}: they would run on its CPU`
    : null;
}

/**
 * Every form in which the model may run on the machine, the simplest first; or one sentence why there is none.
 *
 * Half floats on a CPU run as float32, a quantized model on the CUDA provider as float32, so neither is a form of its own there.
 */
export function formsOf(profile: ModelProfile, machine: Machine, limits: FormLimits): Form[] | string {
  const forms = possibleForms(profile, machine, limits);
  const { only } = limits;
  if (typeof forms === 'string' || only === undefined) return forms;
  const kept = forms.filter(({ precision, provider }) => precision === only.precision && provider === only.provider);
  return kept.length > 0
    ? kept
    : `it would run as ${forms.map(({ precision, provider }) => `${precision} by ${provider}`).join(' or ')}, not as ${only.precision} by ${only.provider}`;
}

function possibleForms(profile: ModelProfile, machine: Machine, limits: FormLimits): Form[] | string {
  const problems = limits.providers.map((provider) => providerProblem(provider, profile, machine));
  const usable = limits.providers.filter((_, index) => problems[index] === null);
  const last = problems.filter((problem) => problem !== null).at(-1);
  if (usable.length === 0) return last ?? 'none of the providers asked for is left';
  const wanted = precisionsOf(profile, limits);
  const forms = usable.flatMap((provider) =>
    wanted.filter((precision) => made[provider].includes(precision)).map((precision) => ({ precision, provider })),
  );
  if (forms.length > 0) return forms;
  // A model that is given in a form without kernels of its own on this provider still runs, as floats.
  if (isQuantized(profile) || profile.quantization === 'float16') {
    return usable.map((provider) => ({ precision: 'fp32', provider }));
  }
  return last ?? `${wanted.join(' and ')} is not made for ${usable.join(' and ')}`;
}
