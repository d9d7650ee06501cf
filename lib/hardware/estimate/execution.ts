/** Step 2 of the road: in which form each kernel of a model is executed, and what a device cannot execute. */

import type { Kernel, KernelKind } from '../../model/work.js';
import type { Cpu } from '../catalogue/catalogue.js';
import type { Device, Execution } from './device.js';
import { type Precision, type Provider, precisions } from './precision.js';

/** Kinds that tensor cores and 8-bit instructions speed up; all others move data and compute in float. */
const products: ReadonlySet<KernelKind> = new Set(['conv', 'grouped', 'matmul', 'attention', 'recurrent']);

export const isProduct = (kind: KernelKind): boolean => products.has(kind);

/** Kinds that have an 8-bit kernel with stored weights. */
const quantizable: ReadonlySet<KernelKind> = new Set(['conv', 'grouped', 'matmul']);

/** Least CUDA compute capability of ONNX Runtime's CUDA builds. */
const oldestCuda = 6;

/** Compute capability from which the tensor cores take a precision (CUDA programming guide, arithmetic throughput). */
const tensorCoresFrom: Readonly<Partial<Record<Precision, number>>> = { fp16: 7, bf16: 8, tf32: 8, fp8: 8.9 };

/** Precisions of each provider; of the CPU provider only these are no slower than fp32. */
const precisionsOf: Readonly<Record<Provider, readonly Precision[]>> = {
  cpu: ['fp32', 'int8'],
  cuda: ['fp32', 'tf32', 'fp16', 'bf16', 'int8'],
  tensorrt: precisions,
};

/** How a kernel runs when the whole model is asked for in one precision. */
export interface Form {
  /** In which its products are computed. */
  readonly precision: Precision;
  /** Whether 8-bit weights and activations are first turned into floats. */
  readonly dequantized: boolean;
}

/**
 * The form of one kernel.
 *
 * The CUDA provider has no 8-bit kernels: quantized products run in float after being dequantized. A graph that is quantized itself
 * says which products are 8-bit; its other ones run in float.
 */
export function formOf(kernel: Kernel, quantizedGraph: boolean, { precision, provider }: Execution): Form {
  const eight =
    kernel.quantized ||
    (precision === 'int8' && !quantizedGraph && (provider !== 'cpu' || quantizable.has(kernel.kind)));
  if (eight && provider === 'cuda')
    return { precision: precision === 'int8' ? 'fp32' : precision, dequantized: quantizable.has(kernel.kind) };
  // Kernels that only move 8-bit values, and attention, have no 8-bit constants of their own on processors.
  if (eight && provider === 'cpu' && !quantizable.has(kernel.kind)) return { precision: 'fp32', dequantized: false };
  if (eight) return { precision: 'int8', dequantized: false };
  if (precision !== 'int8') return { precision, dequantized: false };
  return { precision: provider === 'tensorrt' ? 'fp16' : 'fp32', dequantized: false };
}

/** Whether 8-bit products are faster than float ones: Arm's dot products and x86's VNNI; without them they are widened first. */
export const hasByteProducts = (cpu: Cpu): boolean =>
  cpu.instructionSet === 'x86-64-vnni' || cpu.instructionSet === 'arm64';

/** Precisions that a provider can execute on a device, in the order of `precisions`; none where it cannot run there at all. */
export function executable(device: Device, provider: Provider): Precision[] {
  const offered = precisionsOf[provider];
  if (device.kind === 'cpu') return provider === 'cpu' ? [...offered] : [];
  const { computeCapability, peaks } = device.gpu;
  if (provider === 'cpu' || computeCapability === null || computeCapability < oldestCuda) return [];
  return precisions.filter(
    (precision) =>
      offered.includes(precision) &&
      (peaks[precision] !== undefined || (precision === 'int8' && provider === 'cuda')) &&
      computeCapability >= (tensorCoresFrom[precision] ?? 0),
  );
}

/** Why a device cannot execute in this form, and what it can; null when it can. */
export function executionProblem(device: Device, { precision, provider }: Execution): string | null {
  const name = device.kind === 'gpu' ? device.gpu.name : device.cpu.name;
  const allowed = executable(device, provider);
  if (allowed.includes(precision)) return null;
  if (allowed.length > 0)
    return `${name} has no ${precision} with provider ${provider}. Possible: ${allowed.join(', ')}`;
  if (device.kind === 'cpu') return `provider ${provider} needs an accelerator; ${name} is a processor. Possible: cpu`;
  if (provider === 'cpu') return `provider cpu runs on processors, not on ${name}. Possible: cuda, tensorrt`;
  return `${provider} needs an NVIDIA GPU of compute capability ${oldestCuda}.0 or higher, which ${name} is not`;
}
