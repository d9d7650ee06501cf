/** Step 2 of the road: accelerators, processors and machine types, as the tables under `data/hardware` have them. */

import type { PlatformId } from '../../platforms.js';
import type { Precision } from '../estimate/precision.js';
import type { InstructionSet } from '../machine.js';

/** A row of `data/hardware/gpus.csv`. */
export interface Gpu {
  /** Key, and `accelerator` of machine types: `l4`. */
  readonly id: string;
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  /** CUDA's, such as 8.9; null for accelerators without CUDA. */
  readonly computeCapability: number | null;
  /** Name plate and what a process can allocate, GiB. */
  readonly memoryGiB: number;
  readonly usableGiB: number;
  /** GB/s (10^9). */
  readonly bandwidthGBs: number;
  /** Dense peak, 10^12 operations a second, a multiplication with its addition 2; absent where the hardware has no such units. */
  readonly peaks: Readonly<Partial<Record<Precision, number>>>;
  readonly l2MB: number | null;
  readonly tdpWatts: number | null;
}

/** A row of `data/hardware/cpus.csv`. */
export interface Cpu {
  readonly id: string;
  readonly name: string;
  readonly isa: string;
  readonly instructionSet: InstructionSet;
  /** 2 with hyper-threads. */
  readonly vcpusPerCore: number;
  readonly sustainedGHz: number;
  /** Operations a cycle and core, a multiplication with its addition 2; absent where there is no such instruction. */
  readonly opsPerCycle: Readonly<Partial<Record<Precision, number>>>;
  /** GB/s for each vCPU, approximately. */
  readonly bandwidthGBsPerVcpu: number;
}

/** A row of `data/hardware/machines.csv`: a machine that a platform offers for an endpoint. */
export interface MachineType {
  readonly platform: PlatformId;
  /** The platform's own name: `ml.g6.xlarge`, `Standard_NC4as_T4_v3`, `g2-standard-4`. */
  readonly name: string;
  /** The plain VM behind it, key of the prices by region; null when there is none. */
  readonly vmType: string | null;
  readonly vcpus: number;
  readonly memoryGiB: number;
  readonly architecture: 'x86_64' | 'arm64';
  /** Every processor it may have, keys of `cpus.csv`; empty when not known. */
  readonly cpus: readonly string[];
  /** Key of `gpus.csv`; null without accelerator. */
  readonly accelerator: string | null;
  /** A fraction where several machines share one. */
  readonly acceleratorCount: number;
  /** Every region where it is offered, as far as known; null when the source says nothing. */
  readonly regions: readonly string[] | null;
  /** What quota to ask for and other remarks on availability; null when there is none. */
  readonly quota: string | null;
}
