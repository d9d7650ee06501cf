/** Constants, accelerators and processors that no table has, round enough for exact results. */

import type { Cpu, Gpu } from '../../../lib/hardware/catalogue/catalogue.js';
import {
  type EfficiencyClass,
  type EfficiencyRow,
  type Stack,
  tableOf,
} from '../../../lib/hardware/estimate/efficiency.js';

const base: EfficiencyRow = {
  device: '*',
  stack: 'tensorrt',
  precision: '*',
  class: 'matmul',
  compute: 0.5,
  bandwidth: 0.5,
  floorUs: 4,
  exponent: 2,
  cached: 1,
  powerExponent: 0,
  spread: 0.2,
  provenance: 'default',
  results: 0,
};
const classes: EfficiencyClass[] = ['conv', 'grouped', 'matmul', 'attention', 'memory', 'elementwise', 'tree'];
const stacks: Stack[] = ['tensorrt', 'ort-cuda', 'ort-cpu'];

export const row = (changes: Partial<EfficiencyRow>): EfficiencyRow => ({ ...base, ...changes });

/** Half of every peak, 4 µs for a kernel, and what the host takes for a launch of the CUDA provider; with rows on top. */
export const constants = (rows: readonly EfficiencyRow[] = [], launchUs = 0) =>
  tableOf([
    ...stacks.flatMap((stack) => classes.map((kind) => row({ stack, class: kind }))),
    ...stacks.map((stack) => row({ stack, class: 'launch', floorUs: stack === 'ort-cuda' ? launchUs : 0 })),
    ...rows,
  ]);

/** 10 TFLOPS, twice as many in 16 bits, 100 GB/s. */
export const gpu = (changes: Partial<Gpu> = {}): Gpu => ({
  id: 'g1',
  name: 'G1',
  vendor: 'test',
  architecture: 'Ampere GA102',
  computeCapability: 8.6,
  memoryGiB: 24,
  usableGiB: 20,
  bandwidthGBs: 100,
  peaks: { fp32: 10, tf32: 10, fp16: 20, bf16: 20, int8: 40 },
  l2MB: null,
  tdpWatts: 100,
  ...changes,
});

/** 2 GHz, 32 operations a cycle, four times as many in 8 bits, 10 GB/s for each of two vCPUs a core. */
export const cpu = (changes: Partial<Cpu> = {}): Cpu => ({
  id: 'c1',
  name: 'C1',
  isa: 'AVX-512 VNNI',
  instructionSet: 'x86-64-vnni',
  vcpusPerCore: 2,
  sustainedGHz: 2,
  opsPerCycle: { fp32: 32, int8: 128 },
  bandwidthGBsPerVcpu: 10,
  ...changes,
});
