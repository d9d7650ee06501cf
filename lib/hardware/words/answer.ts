/** Step 2 of the road: the chosen machine in one sentence, and what bounds it. */

import type { Candidate } from '../candidate.js';
import type { Gpu } from '../catalogue/catalogue.js';
import { findGpu } from '../catalogue/tables.js';
import { requestOf } from '../payload.js';
import type { Ranked, Selection } from '../rank.js';
import { bounds, inMs, inUsd, machineAt } from './figures.js';

/** What a larger GPU would bring where launches bound a run: the fastest one's time divided by the chosen one's, at least. */
const gains: readonly (readonly [ratio: number, text: string])[] = [
  [0.9, ', a larger GPU would not be faster'],
  [0.7, ', a larger GPU would hardly be faster'],
];

/** What a run waits for, and what follows for a larger GPU. */
function bound({ candidate, boundBy, runMs }: Ranked, ranked: readonly Ranked[], rows: number): string {
  if (candidate.batch > 1) return `up to ${candidate.batch} requests run at a time`;
  const others = ranked.filter(({ candidate: { accelerator } }) => accelerator !== null).map((other) => other.runMs);
  const ratio = Math.min(...others) / runMs;
  const consequence = boundBy === 'launch' ? (gains.find(([least]) => ratio >= least)?.[1] ?? '') : '';
  return `at batch ${rows} this model is bound by ${bounds[boundBy]}${consequence}`;
}

/** What is needed of an accelerator: `One L4 is`, `1/6 of an A10 is`, `6 x A10G are`. */
function need(gpu: Gpu, { replicas, acceleratorCount }: Candidate): string {
  const unit = acceleratorCount < 1 ? `1/${Math.round(1 / acceleratorCount)} ${gpu.name}` : gpu.name;
  const count = replicas * Math.max(1, acceleratorCount);
  if (count > 1) return `${count} x ${unit} are`;
  return acceleratorCount < 1 ? `${unit} is` : `One ${unit} is`;
}

/** The chosen machine of a ranking. */
export function answer({ work, objective }: Selection, best: Ranked, ranked: readonly Ranked[]): string {
  const { accelerator, p99Ms, monthlyUsd } = best.candidate;
  const gpu = accelerator === null ? undefined : findGpu(accelerator);
  const cost = monthlyUsd === null ? '' : `, ${inUsd(monthlyUsd)} a month`;
  const figures = `${machineAt(best.candidate)}: p99 ${inMs(p99Ms)}${cost}`;
  if (gpu !== undefined) {
    const { rows } = requestOf(work, objective);
    return `${need(gpu, best.candidate)} enough: ${bound(best, ranked, rows)}. ${figures}.`;
  }
  const other = ranked.find((each) => each.candidate.accelerator !== null);
  const against =
    other?.candidate.monthlyUsd && monthlyUsd && other.candidate.monthlyUsd > monthlyUsd
      ? ` The cheapest with an accelerator, ${other.candidate.machine}, costs ${(other.candidate.monthlyUsd / monthlyUsd).toFixed(1)} times as much.`
      : '';
  return `No accelerator is needed: ${figures}.${against}`;
}
