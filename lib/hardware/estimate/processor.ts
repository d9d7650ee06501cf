/** Step 2 of the road: a device as the time of kernels sees it: peaks, constants, cache. */

import type { Cpu, Gpu } from '../catalogue/catalogue.js';
import { once } from '../catalogue/csv.js';
import { cpus } from '../catalogue/tables.js';
import type { Device, Execution } from './device.js';
import { type EfficiencyClass, type EfficiencyTable, keyOf, originOf, type Stack } from './efficiency.js';
import { hasByteProducts } from './execution.js';
import type { KernelCost } from './kernel-costs.js';
import type { Precision } from './precision.js';
import type { Peak } from './roofline.js';
import { type Constants, constantsOf, neighbours } from './transfer.js';

/** What decides the time of a kernel of one class in one precision. */
export interface Unit {
  readonly peak: Peak;
  readonly constants: Constants;
}

export interface Processor {
  /** The unit that runs each of these kernels. */
  readonly units: (costs: readonly KernelCost[]) => readonly Unit[];
  /** Bytes of a kernel that count as cached. */
  readonly cacheBytes: number;
  /** Microseconds of the host for each launch, beside what the device does meanwhile. */
  readonly launchUs: number;
}

/** Share of the last-level cache that one kernel can count on. */
const usableCache = 0.6;

/** Bytes of last-level cache that a run can count on, about: what neighbours leave of a shared one, and more with each vCPU. */
const sharedCache = 8 * 2 ** 20;
const cacheOfVcpu = 2 * 2 ** 20;

/** Bytes a second that a single core draws from memory when the others are idle, about. */
const bandwidthOfCore = 12e9;

/** Cores from which kernels of one run no longer spread well, and how fast that grows; a guess until it is measured. */
const wellSpread = 8;
const lossPerCore = 0.03;

/** Operators of ai.onnx.ml have no kernels on GPUs: the host visits their nodes. */
const host: Peak = { operationsPerSecond: 1e9, bytesPerSecond: 1e10 };

const stackOf: Readonly<Record<Execution['provider'], Stack>> = {
  cpu: 'ort-cpu',
  cuda: 'ort-cuda',
  tensorrt: 'tensorrt',
};

/** Cores of so many vCPUs, as one run uses them: a single hyper-thread has about half a core. */
export function effectiveCores(cpu: Cpu, vcpus: number): number {
  const cores = vcpus / cpu.vcpusPerCore;
  return cores / (1 + lossPerCore * Math.max(0, cores - wellSpread));
}

/** The device under an execution that it can run. */
export function processorOf(
  table: EfficiencyTable,
  gpus: readonly Gpu[],
  device: Device,
  { provider }: Execution,
): Processor {
  const stack = stackOf[provider];
  return device.kind === 'gpu'
    ? gpuProcessor(table, gpus, device.gpu, device.share, stack)
    : cpuProcessor(table, device.cpu, device.vcpus);
}

function gpuProcessor(table: EfficiencyTable, gpus: readonly Gpu[], gpu: Gpu, share: number, stack: Stack): Processor {
  const bytesPerSecond = gpu.bandwidthGBs * share * 1e9;
  const similar = once(() => neighbours(gpu, gpus));
  const unit = (kind: EfficiencyClass, precision: Precision): Unit => {
    // What moves data computes on the plain cores, whatever the products run in.
    const operationsPerSecond = (gpu.peaks[precision] ?? gpu.peaks.fp32 ?? 1) * share * 1e12;
    const peak = kind === 'tree' ? host : { operationsPerSecond, bytesPerSecond };
    return { peak, constants: constantsOf(table, similar, gpu, stack, precision, kind) };
  };
  const cacheBytes = (gpu.l2MB ?? 0) * share * usableCache * 1e6;
  return { units: remembered(unit), cacheBytes, launchUs: unit('launch', 'fp32').constants.floorUs };
}

function cpuProcessor(table: EfficiencyTable, cpu: Cpu, vcpus: number): Processor {
  const cycles = effectiveCores(cpu, vcpus) * cpu.sustainedGHz * 1e9;
  const bytesPerSecond = Math.max(cpu.bandwidthGBsPerVcpu * vcpus * 1e9, bandwidthOfCore);
  const fp32 = cpu.opsPerCycle.fp32 ?? 8;
  const unit = (kind: EfficiencyClass, precision: Precision): Unit => {
    const eight = precision === 'int8' && hasByteProducts(cpu);
    const perCycle = eight ? (cpu.opsPerCycle.int8 ?? fp32) : fp32;
    const peak = { operationsPerSecond: cycles * perCycle, bytesPerSecond };
    return { peak, constants: cpuConstants(table, cpu, eight ? 'int8' : 'fp32', kind) };
  };
  return { units: remembered(unit), cacheBytes: sharedCache + cacheOfVcpu * vcpus, launchUs: 0 };
}

/** How much wider the band of a processor is whose constants are another one's, as a natural logarithm. */
const otherCpu = 0.15;

/** Of the processor itself, else of one that is built alike, else of all. */
function cpuConstants(table: EfficiencyTable, cpu: Cpu, precision: Precision, kind: EfficiencyClass): Constants {
  const own = table.get(keyOf(cpu.id, 'ort-cpu', precision, kind));
  if (own) return { ...own, origin: originOf(own, cpu.name) };
  const similar = cpus().find(
    (other) => alike(cpu, other, precision) && table.has(keyOf(other.id, 'ort-cpu', precision, kind)),
  );
  if (similar) {
    const row = table.get(keyOf(similar.id, 'ort-cpu', precision, kind))!;
    return { ...row, spread: row.spread + otherCpu, origin: `transferred from ${similar.name}` };
  }
  const all = table.get(keyOf('*', 'ort-cpu', precision, kind)) ?? table.get(keyOf('*', 'ort-cpu', '*', kind));
  if (!all) throw new Error(`data/hardware/efficiency.csv has no row for ort-cpu ${precision} ${kind}`);
  return { ...all, origin: originOf(all, cpu.name) };
}

/** Processors of one maker that do as many operations in a cycle. */
function alike(cpu: Cpu, other: Cpu, precision: Precision): boolean {
  const maker = ({ id }: Cpu): string | undefined => id.split('-')[0];
  return maker(cpu) === maker(other) && cpu.opsPerCycle[precision] === other.opsPerCycle[precision];
}

/** The unit of each kernel, found once for each class and precision, and once for each list of kernels. */
function remembered(unit: (kind: EfficiencyClass, precision: Precision) => Unit): Processor['units'] {
  const units = new Map<string, Unit>();
  const lists = new WeakMap<readonly KernelCost[], readonly Unit[]>();
  const unitOf = ({ class: kind, precision }: KernelCost): Unit => {
    const key = `${kind} ${precision}`;
    const found = units.get(key) ?? unit(kind, precision);
    units.set(key, found);
    return found;
  };
  return (costs) => {
    const found = lists.get(costs) ?? costs.map(unitOf);
    lists.set(costs, found);
    return found;
  };
}
