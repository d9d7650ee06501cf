/** Step 2 of the road: the tables under `data/hardware`, read once each, when they are first asked for. */

import { readFileSync } from 'node:fs';
import { packageFile } from '../../package-root.js';
import type { PlatformId } from '../../platforms.js';
import type { Precision } from '../estimate/precision.js';
import type { Price } from '../machine.js';
import type { Cpu, Gpu, MachineType } from './catalogue.js';
import { type Cells, once, readTable } from './csv.js';

/** The columns of peaks, by precision. */
const gpuPeaks: Readonly<Record<Precision, string>> = {
  fp32: 'fp32_tflops',
  tf32: 'tf32_tflops',
  fp16: 'fp16_tflops',
  bf16: 'bf16_tflops',
  int8: 'int8_tops',
  fp8: 'fp8_tflops',
};
const cpuPeaks: Readonly<Partial<Record<Precision, string>>> = {
  fp32: 'fp32_ops_per_cycle',
  bf16: 'bf16_ops_per_cycle',
  int8: 'int8_ops_per_cycle',
};

/** The cells that are filled; an empty one means that the hardware has no such units. */
function byPrecision(cells: Cells, columns: Readonly<Partial<Record<Precision, string>>>) {
  const filled = Object.entries(columns).map(([precision, column]) => [precision, cells.numberOrNull(column)] as const);
  return Object.fromEntries(filled.filter(([, value]) => value !== null)) as Partial<Record<Precision, number>>;
}

/** Every accelerator, those that no platform offers included. */
export const gpus = once(() =>
  readTable<Gpu>('hardware/gpus.csv', (cells) => ({
    id: cells.text('id'),
    name: cells.text('name'),
    vendor: cells.text('vendor'),
    architecture: cells.text('architecture'),
    computeCapability: cells.numberOrNull('compute_capability'),
    memoryGiB: cells.number('memory_gib'),
    usableGiB: cells.numberOrNull('usable_gib') ?? cells.number('memory_gib'),
    bandwidthGBs: cells.number('bandwidth_gbs'),
    peaks: byPrecision(cells, gpuPeaks),
    l2MB: cells.numberOrNull('l2_mb'),
    tdpWatts: cells.numberOrNull('tdp_watts'),
  })),
);

/** Every processor family. */
export const cpus = once(() =>
  readTable<Cpu>('hardware/cpus.csv', (cells) => ({
    id: cells.text('id'),
    name: cells.text('name'),
    isa: cells.text('isa'),
    instructionSet: cells.text('instruction_set') as Cpu['instructionSet'],
    vcpusPerCore: cells.number('vcpus_per_core'),
    sustainedGHz: cells.number('sustained_ghz'),
    opsPerCycle: byPrecision(cells, cpuPeaks),
    bandwidthGBsPerVcpu: cells.number('bandwidth_gbs_per_vcpu'),
  })),
);

/** Where a machine is offered, and at what price. */
interface Offer {
  readonly kind: string | null;
  /** Key of `data/sources.csv`. */
  readonly source: string | null;
  /** False where the platform has more regions than the table knows. */
  readonly everyRegionListed: boolean;
  /** By region; null where it is offered and the price is not known. */
  readonly usdPerHour: Readonly<Record<string, number | null>>;
}
type Offers = Readonly<Record<string, Readonly<Record<string, Offer>>>>;

const offers = once(() => JSON.parse(readFileSync(packageFile('data', 'hardware', 'prices.json'), 'utf8')) as Offers);

function offerOf(platform: string, machine: string): Offer {
  const offer = offers()[platform]?.[machine];
  if (!offer) throw new Error(`data/hardware/prices.json: nothing on '${machine}' of ${platform}`);
  return offer;
}

const machines = once(() =>
  readTable<MachineType>('hardware/machines.csv', (cells) => {
    const [platform, name] = [cells.text('platform'), cells.text('name')];
    const { everyRegionListed, usdPerHour } = offerOf(platform, name);
    return {
      platform: platform as PlatformId,
      name,
      vmType: cells.textOrNull('vm_type'),
      vcpus: cells.number('vcpus'),
      memoryGiB: cells.number('memory_gib'),
      architecture: cells.text('architecture') as MachineType['architecture'],
      cpus: cells.words('cpus'),
      accelerator: cells.textOrNull('accelerator'),
      acceleratorCount: cells.number('accelerator_count'),
      regions: everyRegionListed ? Object.keys(usdPerHour) : null,
      quota: cells.textOrNull('quota'),
    };
  }),
);

/** Date of every source, by its key. */
const dates = once(
  () => new Map(readTable('sources.csv', (cells) => [cells.text('key'), cells.textOrNull('date')] as const)),
);

function dateOf(source: string | null): string {
  const date = source && dates().get(source);
  if (!date) throw new Error(`data/sources.csv: '${source}' has prices but no date`);
  return date;
}

/** What a platform offers for an endpoint, in the order of the table; nothing for `local`. */
export function machineTypes(platform: PlatformId): readonly MachineType[] {
  return machines().filter((machine) => machine.platform === platform);
}

/** What an hour of it costs there; null where no price is known, which never means free. */
export function priceOf(machine: MachineType, region: string): Price | null {
  const { kind, source, usdPerHour } = offerOf(machine.platform, machine.name);
  const usd = usdPerHour[region] ?? null;
  return usd === null || kind === null ? null : { usdPerHour: usd, kind, date: dateOf(source) };
}

const pricedRegions = (platform: string): readonly string[] =>
  Object.values(offers()[platform] ?? {}).flatMap((offer) => Object.keys(offer.usdPerHour));

/**
 * Every region where the platform has a machine, or a price of one, sorted. Of a platform with machines whose regions no list tells,
 * these are all that its cloud has.
 */
export function regionsOf(platform: PlatformId): readonly string[] {
  const cloud = platform.split('-')[0]!;
  const listed = machineTypes(platform).every(({ regions }) => regions !== null);
  const platforms = listed ? [platform] : Object.keys(offers()).filter((id) => id.startsWith(`${cloud}-`));
  return [...new Set(platforms.flatMap(pricedRegions))].sort();
}

/** The accelerator with this id or name, in any case. */
export function findGpu(name: string): Gpu | undefined {
  const asked = name.trim().toLowerCase();
  return gpus().find((gpu) => gpu.id === asked || gpu.name.toLowerCase() === asked);
}

/** The machine type with this name, in any case, on any platform. */
export function findMachineType(name: string): MachineType | undefined {
  const asked = name.trim().toLowerCase();
  return machines().find((machine) => machine.name.toLowerCase() === asked);
}

/** Date of the newest price list that the prices rest on. */
export function catalogueDate(): string {
  const used = Object.values(offers()).flatMap((platform) => Object.values(platform).map((offer) => offer.source));
  const found = [...new Set(used)].filter((source) => source !== null).map(dateOf);
  return found.reduce((newest, date) => (date > newest ? date : newest), '');
}
