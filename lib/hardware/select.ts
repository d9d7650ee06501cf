/** Step 2 of the road: which of a platform's machines serves the model, and which may take over. */

import type { Problem } from '../errors.js';
import type { LockedMachine } from '../lock/lock-file.js';
import { runtimeFor } from '../platforms.js';
import { catalogueDate } from './catalogue/tables.js';
import { type HardwareChoice, hardwareChoice } from './choice.js';
import type { Platform } from './platform.js';
import { type Ranked, type Ranking, rankMachines, requestProblems, type Selection } from './rank.js';
import { advise } from './words/advice.js';
import { inUsd } from './words/figures.js';

/** As many machine types as one SageMaker variant can name beside the first. */
const mostFallbacks = 4;

/** Whether a machine can take over with the same image. */
function replaces(other: Ranked, chosen: Ranked): boolean {
  return (
    other.candidate.provider === chosen.candidate.provider &&
    other.candidate.precision === chosen.candidate.precision &&
    other.type.architecture === chosen.type.architecture
  );
}

/** The machines that may take over, the next best first. */
export function fallbacksOf(chosen: Ranked, ranked: readonly Ranked[]): Ranked[] {
  return ranked.filter((other) => other !== chosen && replaces(other, chosen)).slice(0, mostFallbacks);
}

/** What a lock says against the tables of today, if anything. */
function lockWarnings(locked: Ranked, best: Ranked, { catalogueDate: then }: LockedMachine): string[] {
  const [now, before] = [best.candidate.monthlyUsd, locked.candidate.monthlyUsd];
  if (best === locked || now === null || before === null || now >= before) return [];
  return [
    `The lock keeps ${locked.candidate.replicas} x ${locked.type.name} (tables of ${then}); ${best.candidate.replicas} x ${best.type.name} would save ${inUsd(before - now)} a month by those of ${catalogueDate()}. Nothing changes until: slipway plan MODEL --lock --update`,
  ];
}

/** The choice that a lock pins, or why it cannot stay. */
function lockedChoice(
  selection: Selection,
  platform: Platform,
  lock: LockedMachine,
  ranking: Ranking,
): Ranked | Problem {
  const scaling = { min: lock.replicas, max: lock.replicas };
  const request = { choose: 'named', machine: lock.machine } as const;
  const form = { precision: lock.precision, provider: lock.provider };
  const pinned = rankMachines({ ...selection, scaling, request, form }, [platform]);
  const [found] = pinned.ranked;
  if (found !== undefined) {
    return (
      ranking.ranked.find(({ type, candidate }) => type === found.type && candidate.replicas === lock.replicas) ?? found
    );
  }
  const reason = pinned.rejected[0]?.reason ?? 'the platform does not offer it any more';
  return {
    where: 'hardware',
    what: `the lock pins ${lock.replicas} x ${lock.machine}, which no longer does: ${reason}. Ask for less, or choose anew: slipway plan MODEL --lock --update`,
  };
}

/**
 * The choice on one platform, or every reason why there is none.
 *
 * @param lock - what is to stay as it was chosen; a machine that the request names wins over it
 */
export function selectHardware(
  selection: Selection,
  platform: Platform,
  lock?: LockedMachine | undefined,
): HardwareChoice | Problem[] {
  const problems = requestProblems(selection.request, [platform]);
  if (problems.length > 0) return problems;
  const ranking = rankMachines(selection, [platform]);
  const advice = advise(selection, [platform], ranking);
  const pinned = lock && selection.request?.choose !== 'named' ? lock : undefined;
  const chosen = pinned ? lockedChoice(selection, platform, pinned, ranking) : ranking.ranked[0];
  if (chosen === undefined) return advice.map((what) => ({ where: 'hardware', what }));
  if ('where' in chosen) return [chosen];
  const fallbacks = pinned
    ? platform.machines.filter(({ name }) => pinned.fallbacks.includes(name))
    : fallbacksOf(chosen, ranking.ranked).map(({ type }) => type);
  const { onnxruntime, cuda } = pinned ?? runtimeFor(platform.id, chosen.type.accelerator);
  return hardwareChoice({
    chosen: chosen.type,
    candidate: chosen.candidate,
    fallbacks,
    candidates: ranking.ranked.map(({ candidate }) => candidate),
    rejected: ranking.rejected,
    advice,
    warnings: pinned && ranking.ranked[0] ? lockWarnings(chosen, ranking.ranked[0], pinned) : [],
    runtime: { provider: chosen.candidate.provider, onnxruntime, cuda },
    catalogueDate: pinned?.catalogueDate ?? catalogueDate(),
  });
}
