/** Step 2 of the road: the machines of a plan, and why they and not others. */

import type { Candidate, Rejection } from './candidate.js';
import { once } from './catalogue/csv.js';
import type { Provider } from './estimate/precision.js';
import type { Machine } from './machine.js';
import { explanation } from './words/explain.js';

/** What was chosen, and why it and nothing else. */
export interface HardwareFacts {
  readonly chosen: Machine;
  /** How the model runs on the chosen machine, and how many of it. */
  readonly candidate: Candidate;
  /** Runs at a time on its processors that the latency was planned with; null on accelerators. */
  readonly workers: number | null;
  /** Machines of the same platform that can run the same image, the next best first; at most four. */
  readonly fallbacks: readonly Machine[];
  /** Every machine that meets the objective, the best first. */
  readonly candidates: readonly Candidate[];
  readonly rejected: readonly Rejection[];
  /** The answer in sentences. */
  readonly advice: readonly string[];
  /** What a lock keeps although the tables of today would choose otherwise. */
  readonly warnings: readonly string[];
  /** Version of ONNX Runtime and, on accelerators, of CUDA that fit the machine's driver. */
  readonly runtime: RuntimeChoice;
  /** Newest date of the tables that this was decided by. */
  readonly catalogueDate: string;
}

export interface RuntimeChoice {
  readonly provider: Provider;
  readonly onnxruntime: string;
  readonly cuda: string | null;
}

/** The machines of a plan: the chosen one and those it may fall back to, best first. */
export interface HardwareChoice extends HardwareFacts {
  /** The ranked machines with their figures, what each loser lost by, and the answer in words; lines of text. */
  explain(): string;
}

/**
 * The facts with `explain`, which is no part of their JSON.
 *
 * @param advise - asked when the advice is read for the first time: it compares with other choices, which takes longer than choosing
 */
export function hardwareChoice(facts: Omit<HardwareFacts, 'advice'>, advise: () => readonly string[]): HardwareChoice {
  const choice = { ...facts };
  return Object.defineProperties(choice, {
    advice: { enumerable: true, get: once(advise) },
    explain: { value: () => explanation(choice as HardwareFacts) },
  }) as HardwareChoice;
}
