/** Step 2 of the road: a machine an endpoint can run on. */

import type { RecipeFile } from '../contract/recipe.js';

/** What decides how 8-bit products are computed; `unknown` is treated as the worst of them. */
export type InstructionSet = RecipeFile['target']['instructionSets'][number];

/** One machine type of one platform. */
export interface Machine {
  /** The platform's own name for it; `local` for this machine. */
  readonly name: string;
  readonly architecture: 'x86_64' | 'arm64';
  readonly instructionSet: InstructionSet;
  /** The processor's name, for people. */
  readonly cpu: string;
  /** Processors a process may use: affinity and cgroup quota counted. */
  readonly processors: number;
  /** Memory a process may use, bytes. */
  readonly memoryBytes: number;
}

/** The machines of a plan: the chosen one and those it may fall back to, best first. */
export interface HardwareChoice {
  readonly chosen: Machine;
  readonly fallbacks: readonly Machine[];
}
