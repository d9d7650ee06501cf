/** Step 2 of the road: the chosen machine in one sentence, and what bounds it. */

import { findGpu } from '../catalogue/tables.js';
import type { Ranked } from '../rank.js';
import { inMs, inUsd, placed, times } from './figures.js';

/** Share of the chosen p99 below which another accelerator counts as faster. */
const clearlyFaster = 0.8;

/** What a run of one request waits for, and what follows for a larger GPU. */
function bound({ candidate, boundBy }: Ranked, ranked: readonly Ranked[]): string {
  if (candidate.batch > 1) return `requests run up to ${candidate.batch} at a time`;
  const faster = ranked.some(
    (other) =>
      other.candidate.accelerator !== candidate.accelerator && other.candidate.p99Ms < clearlyFaster * candidate.p99Ms,
  );
  const what = {
    launch: 'at batch 1 this model is bound by kernel launches',
    bandwidth: 'at batch 1 this model is bound by memory bandwidth',
    compute: 'at batch 1 this model is bound by arithmetic',
  }[boundBy];
  return boundBy === 'launch' && !faster ? `${what}, a larger GPU would not be faster` : what;
}

/** The chosen machine of a ranking. */
export function answer(best: Ranked, ranked: readonly Ranked[]): string {
  const { machine, accelerator, acceleratorCount, replicas, p99Ms, monthlyUsd } = best.candidate;
  const gpu = accelerator === null ? undefined : findGpu(accelerator);
  const cost = monthlyUsd === null ? '' : `, ${inUsd(monthlyUsd)} a month`;
  const figures = `${times(replicas, machine)} (${placed(best.candidate)}): p99 ${inMs(p99Ms)}${cost}`;
  if (gpu !== undefined) {
    const share = acceleratorCount < 1 ? `1/${Math.round(1 / acceleratorCount)} of one` : 'One';
    const enough =
      replicas * acceleratorCount > 1
        ? `${times(replicas, share === 'One' ? times(acceleratorCount, gpu.name) : `${share} ${gpu.name}`)} are enough`
        : `${share} ${gpu.name} is enough`;
    return `${enough}: ${bound(best, ranked)}. ${figures}.`;
  }
  const other = ranked.find((each) => each.candidate.accelerator !== null);
  const against =
    other?.candidate.monthlyUsd && monthlyUsd
      ? ` The cheapest with an accelerator, ${other.candidate.machine}, costs ${(other.candidate.monthlyUsd / monthlyUsd).toFixed(1)} times as much.`
      : '';
  return `No accelerator is needed: ${figures}.${against}`;
}
