/** Step 2 of the road: constants of a GPU that nobody measured, taken from the one that is most like it. */

import type { Gpu } from '../catalogue/catalogue.js';
import {
  type EfficiencyClass,
  type EfficiencyRow,
  type EfficiencyTable,
  keyOf,
  originOf,
  type Stack,
} from './efficiency.js';
import type { Precision } from './precision.js';

/** Precisions whose units are alike, the closest first: their shares of the peak are about the same. */
const alike: Readonly<Record<Precision, readonly Precision[]>> = {
  fp32: [],
  tf32: ['fp16', 'bf16', 'int8'],
  fp16: ['bf16', 'int8', 'fp8'],
  bf16: ['fp16', 'int8', 'fp8'],
  int8: ['fp8', 'fp16', 'bf16'],
  fp8: ['int8', 'fp16', 'bf16'],
};

/** Natural logarithm by which the band widens for each step away from the measurement. */
const otherPrecision = 0.15;
const otherGpu = 0.15;

/** Classes whose time is the host's, whatever the accelerator. */
const ofHost: ReadonlySet<EfficiencyClass> = new Set(['launch', 'tree']);

/** Constants with where they come from. */
export interface Constants extends EfficiencyRow {
  /** In words: `fitted to 12 results on A10`, `transferred from A10`, `default`. */
  readonly origin: string;
}

/** Chips with HBM, made for data centres: GV100, GA100, GH100, GB100, GB110. The others are graphics chips. */
const isLarge = ({ architecture }: Gpu): boolean => /1[01]0$|Ultra$/.test(architecture);

/** Difference in all that decides what a GPU reaches: shape of the chip, memory, power. 0 for equals. */
function distance(a: Gpu, b: Gpu): number {
  const apart = (x: number | null, y: number | null): number => (x && y ? Math.abs(Math.log(x / y)) : 1);
  const family = ({ architecture }: Gpu): string | undefined => architecture.split(' ')[0];
  const generation = a.architecture === b.architecture ? 0 : family(a) === family(b) ? 1 : 4;
  const size = isLarge(a) === isLarge(b) ? 0 : 4;
  const memory = apart(a.bandwidthGBs, b.bandwidthGBs) + apart(a.memoryGiB, b.memoryGiB);
  return generation + size + memory + apart(a.tdpWatts, b.tdpWatts) / 2;
}

/** The other GPUs of the catalogue, the most similar first. */
export function neighbours(gpu: Gpu, catalogue: readonly Gpu[]): Gpu[] {
  return catalogue
    .filter(({ id, computeCapability }) => id !== gpu.id && computeCapability !== null)
    .map((other) => ({ other, apart: distance(gpu, other) }))
    .sort((a, b) => a.apart - b.apart || (a.other.id < b.other.id ? -1 : 1))
    .map(({ other }) => other);
}

/** Watts for 10^12 operations a second: cards with few of them slow their clocks under load. */
function wattsPerTop(gpu: Gpu, precision: Precision): number {
  const peak = gpu.peaks[precision];
  return peak && gpu.tdpWatts ? gpu.tdpWatts / peak : 1;
}

/**
 * Constants for a GPU, a stack, a precision and a class of kernels.
 *
 * Measured on the GPU itself, in this precision or in a similar one; else measured on its most similar neighbour, the share of the
 * peak scaled by the watts for an operation; else the row for all GPUs.
 */
export function constantsOf(
  table: EfficiencyTable,
  similarGpus: () => readonly Gpu[],
  gpu: Gpu,
  stack: Stack,
  precision: Precision,
  kind: EfficiencyClass,
): Constants {
  const all = table.get(keyOf('*', stack, precision, kind)) ?? table.get(keyOf('*', stack, '*', kind));
  if (!all) throw new Error(`data/hardware/efficiency.csv has no row for ${stack} ${precision} ${kind}`);
  if (ofHost.has(kind)) return { ...all, origin: all.provenance };
  const own = rowOf(table, gpu, stack, precision, kind) ?? plainCores(table, gpu, stack, precision, kind, all);
  const [source, found] = own
    ? [gpu, own]
    : (firstOf(similarGpus(), (other) => rowOf(table, other, stack, precision, kind)) ?? [gpu, null]);
  if (found) return adjusted(gpu, source, precision, found, all.powerExponent);
  const compute = Math.min(1, all.compute * wattsPerTop(gpu, precision) ** all.powerExponent);
  return { ...all, compute, origin: all.provenance };
}

/** TensorRT has no results in float32: its products run on the same cores as the CUDA provider's, and reach no more of their peak. */
function plainCores(
  table: EfficiencyTable,
  gpu: Gpu,
  stack: Stack,
  precision: Precision,
  kind: EfficiencyClass,
  all: EfficiencyRow,
): Found | null {
  if (stack !== 'tensorrt' || precision !== 'fp32') return null;
  const found = rowOf(table, gpu, 'ort-cuda', precision, kind);
  return found && { ...found, row: { ...found.row, floorUs: all.floorUs } };
}

/** A row of one GPU with the precision that it was measured in. */
interface Found {
  readonly row: EfficiencyRow;
  readonly measured: Precision;
}

/** The row of a GPU for this precision, or else for the most similar one. */
function rowOf(
  table: EfficiencyTable,
  gpu: Gpu,
  stack: Stack,
  precision: Precision,
  kind: EfficiencyClass,
): Found | null {
  const any = table.get(keyOf(gpu.id, stack, '*', kind));
  if (any) return { row: any, measured: precision };
  const found = firstOf([precision, ...alike[precision]], (similar) => table.get(keyOf(gpu.id, stack, similar, kind)));
  return found && { measured: found[0], row: found[1] };
}

/** The first value for which there is something, and that. */
function firstOf<T, U>(values: readonly T[], of: (value: T) => U | null | undefined): [T, U] | null {
  for (const value of values) {
    const found = of(value);
    if (found) return [value, found];
  }
  return null;
}

/** What was found on `source`, as it holds for `gpu`. */
function adjusted(gpu: Gpu, source: Gpu, precision: Precision, { row, measured }: Found, power: number): Constants {
  const [ownGpu, ownPrecision] = [source.id === gpu.id, measured === precision];
  if (ownGpu && ownPrecision) return { ...row, origin: originOf(row, gpu.name) };
  const factor = ownGpu ? 1 : (wattsPerTop(gpu, measured) / wattsPerTop(source, measured)) ** power;
  const from = ownPrecision ? source.name : `${ownGpu ? 'its' : `${source.name}'s`} ${measured} results`;
  return {
    ...row,
    compute: Math.min(1, row.compute * factor),
    spread: row.spread + (ownGpu ? 0 : otherGpu) + (ownPrecision ? 0 : otherPrecision),
    origin: `transferred from ${from}`,
  };
}
