/** Step 2 of the road: the devices of a machine that can each run the model at the same time. */

import type { PlatformId } from '../platforms.js';
import type { Cpu } from './catalogue/catalogue.js';
import { cpus, findGpu } from './catalogue/tables.js';
import type { Device } from './estimate/device.js';
import { usableMemoryGiB } from './estimate/device-memory.js';
import type { Lanes } from './evaluate.js';
import type { Machine } from './machine.js';

/** What a process may take of a machine's memory. */
const usableMemory = 0.9;

/** Operations a second of one vCPU in float32. */
const speed = ({ opsPerCycle, sustainedGHz, vcpusPerCore }: Cpu): number =>
  ((opsPerCycle.fp32 ?? 0) * sustainedGHz) / vcpusPerCore;

/** The slowest processor that the machine may have; of an unknown one, the slowest of its architecture. */
export function slowestCpu({ cpus: names, architecture }: Pick<Machine, 'cpus' | 'architecture'>): Cpu {
  const arm = architecture === 'arm64';
  const known = cpus().filter(({ id }) => names.includes(id));
  const possible =
    known.length > 0 ? known : cpus().filter(({ instructionSet }) => (instructionSet === 'arm64') === arm);
  return possible.reduce((slowest, cpu) => (speed(cpu) < speed(slowest) ? cpu : slowest));
}

/** All processors of a machine, or one of its accelerators. */
export function deviceOf(machine: Machine): Device {
  const gpu = machine.accelerator === null ? undefined : findGpu(machine.accelerator);
  if (gpu !== undefined) return { kind: 'gpu', gpu, share: Math.min(1, machine.acceleratorCount) };
  return { kind: 'cpu', cpu: slowestCpu(machine), vcpus: machine.processors };
}

/**
 * How a machine can be divided, the server's default first: a run at a time on each processor, or one run on all of them; on
 * accelerators, a session on each. The server on this machine keeps its default.
 *
 * @param workers - runs at a time that the user asks for on processors
 */
export function lanesOf(platform: PlatformId, workers?: number): (machine: Machine) => Lanes[] {
  return (machine) => {
    const device = deviceOf(machine);
    if (device.kind === 'gpu') {
      const count = Math.max(1, Math.floor(machine.acceleratorCount));
      return [{ device, count, memoryGiB: usableMemoryGiB(device) }];
    }
    const memoryGiB = (usableMemory * machine.memoryBytes) / 2 ** 30;
    const each = Math.max(1, Math.floor(machine.processors));
    const counts = workers === undefined ? (platform === 'local' ? [each] : [each, 1]) : [workers];
    return [...new Set(counts)].map((count) => ({
      device: { ...device, vcpus: machine.processors / count },
      count,
      memoryGiB,
    }));
  };
}
