/** This machine as one an endpoint can run on. */

import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, totalmem } from 'node:os';
import { SlipwayError } from '../errors.js';
import { findMachineType } from '../hardware/catalogue/tables.js';
import type { InstructionSet, Machine } from '../hardware/machine.js';
import { machineOf } from '../hardware/offer.js';
import type { Platform } from '../hardware/platform.js';

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** From the flags of `/proc/cpuinfo`; `unknown` where they cannot be read. */
export function instructionSetOf(architecture: string, cpuinfo: string): InstructionSet {
  if (architecture === 'arm64') return 'arm64';
  const flags = flagsOf(cpuinfo);
  if (!flags) return 'unknown';
  return flags.includes('avx512_vnni') || flags.includes('avx_vnni') ? 'x86-64-vnni' : 'x86-64';
}

/** Rows of `data/hardware/cpus.csv` that are the most alike, by flags that the processor must have; the first that fits. */
const alike: readonly (readonly [cpu: string, flags: readonly string[]])[] = [
  ['intel-spr', ['amx_int8']],
  ['amd-genoa', ['avx512_vnni', 'clzero']],
  ['intel-icx', ['avx512_vnni']],
  ['intel-skx-clx', ['avx512f']],
  ['amd-milan', ['avx2', 'clzero']],
  ['intel-haswell-skl-mix', ['avx2']],
];

/** The processor of the tables that this one is taken for in estimates; empty when none is alike. */
export function similarCpus(architecture: string, cpuinfo: string): string[] {
  if (architecture === 'arm64') return ['graviton3'];
  const flags = flagsOf(cpuinfo) ?? [];
  const [cpu] = alike.find(([, needed]) => needed.every((flag) => flags.includes(flag))) ?? [];
  return cpu === undefined ? [] : [cpu];
}

function flagsOf(cpuinfo: string): string[] | undefined {
  return /^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.trim().split(/\s+/);
}

/** Whole processors of a cgroup's `cpu.max` (`200000 100000` is 2), at least 1; undefined when it sets no quota. */
export function quotaOf(cpuMax: string): number | undefined {
  const [quota, period] = cpuMax.trim().split(/\s+/).map(Number);
  return quota && period ? Math.max(1, Math.floor(quota / period)) : undefined;
}

/**
 * Processors, memory and instruction set that a process of this machine may use.
 *
 * @throws SlipwayError on an architecture that ONNX Runtime's wheels do not cover
 */
export function thisMachine(): Machine {
  const architectures: Readonly<Record<string, Machine['architecture']>> = { x64: 'x86_64', arm64: 'arm64' };
  const architecture = architectures[arch()];
  if (!architecture) throw new SlipwayError(`Slipway runs on x86_64 and arm64; this machine is ${arch()}.`);
  const cpuinfo = read('/proc/cpuinfo');
  const memoryLimit = Number(read('/sys/fs/cgroup/memory.max').trim()) || Number.POSITIVE_INFINITY;
  return {
    name: 'local',
    architecture,
    instructionSet: instructionSetOf(architecture, cpuinfo),
    cpu: cpus()[0]?.model.trim() || 'unknown',
    processors: Math.min(availableParallelism(), quotaOf(read('/sys/fs/cgroup/cpu.max')) ?? Number.POSITIVE_INFINITY),
    memoryBytes: Math.min(totalmem(), memoryLimit),
    cpus: similarCpus(architecture, cpuinfo),
    accelerator: null,
    acceleratorCount: 0,
    price: null,
    quota: null,
  };
}

/** This machine as the place an endpoint runs. */
export function local(machine: Machine = thisMachine()): Platform {
  return { id: 'local', region: null, machines: [machine], unavailable: [] };
}

const instructionSets: readonly InstructionSet[] = ['x86-64-vnni', 'x86-64', 'arm64', 'unknown'];

/**
 * The machine that a target names: `local`, an instruction set, or a machine type.
 *
 * A machine type that no table has gets the recipe that is right on every CPU. Memory and processors stay this machine's: it is here that
 * candidates are tried.
 */
export function targetMachine(target: string, here: Machine = thisMachine()): Machine {
  if (target === 'local') return here;
  if (target.trim() === '') {
    throw new SlipwayError(`The target is empty. Give 'local', ${instructionSets.join(', ')}, or a machine type.`);
  }
  const type = findMachineType(target);
  if (type?.accelerator) {
    throw new SlipwayError(
      `'${target}' has an accelerator (${type.accelerator}), and what runs there is decided with the platform: give --platform ${type.platform} --allow ${target} instead of --target.`,
    );
  }
  if (type) {
    const { name, architecture, instructionSet, cpu, cpus } = machineOf(type, null);
    return { ...here, name, architecture, instructionSet, cpu, cpus };
  }
  const instructionSet = instructionSets.find((set) => set === target) ?? 'unknown';
  const architecture = instructionSet === 'arm64' ? 'arm64' : 'x86_64';
  return { ...here, name: target, instructionSet, architecture, cpu: 'unknown' };
}
