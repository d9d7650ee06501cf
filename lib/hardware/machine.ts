/** Step 2 of the road: a machine an endpoint can run on. */

import type { RecipeFile } from '../contract/recipe.js';

/** What decides how 8-bit products are computed; `unknown` is treated as the worst of them. */
export type InstructionSet = RecipeFile['target']['instructionSets'][number];

/** What an hour of a machine costs. */
export interface Price {
  readonly usdPerHour: number;
  /** Where the figure comes from: `first-hand`, `second-hand`, `derived: EC2 x 1.20`, … */
  readonly kind: string;
  /** Where it holds, when that is not where the machine stands. */
  readonly region?: string;
  /** `2026-07-20`; a month `2026-07` where the source gives no day. */
  readonly date: string;
}

/** One machine type of one platform, in one region. */
export interface Machine {
  /** The platform's own name for it; `local` for this machine. */
  readonly name: string;
  readonly architecture: 'x86_64' | 'arm64';
  /** The least able of those that `cpus` have. */
  readonly instructionSet: InstructionSet;
  /** The processor's name, for people. */
  readonly cpu: string;
  /** Every processor it may have, keys of `data/hardware/cpus.csv`; empty when not known. */
  readonly cpus: readonly string[];
  /** Processors a process may use: affinity and cgroup quota counted; a part of one on platforms that sell parts. */
  readonly processors: number;
  /** Memory a process may use, bytes. */
  readonly memoryBytes: number;
  /** Key of `data/hardware/gpus.csv`; null without accelerator. */
  readonly accelerator: string | null;
  /** A fraction where several machines share one; 0 without. */
  readonly acceleratorCount: number;
  /** Null where nobody charges for it or the price is not known. */
  readonly price: Price | null;
  /** The quota to ask for, and other remarks on how to get one; null when there is none. */
  readonly quota: string | null;
}
