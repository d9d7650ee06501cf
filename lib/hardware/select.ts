/** Step 2 of the road: which of a platform's machines serves the model, and which may take over. */

import type { Problem } from '../errors.js';
import type { LockedMachine } from '../lock/lock-file.js';
import { runtimeFor } from '../platforms.js';
import { catalogueDate } from './catalogue/tables.js';
import { type HardwareChoice, hardwareChoice } from './choice.js';
import type { Machine } from './machine.js';
import { unusedMeasurements } from './measured.js';
import { factsOf, type Platform } from './platform.js';
import { type Ranked, type Ranking, rankMachines, type Selection } from './rank.js';
import { requestProblems } from './request.js';
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

/** What the tables of today say against a lock, if anything. */
export function lockWarnings(locked: Ranked, best: Ranked, { catalogueDate: then }: LockedMachine): string[] {
  const [now, before] = [best.candidate.monthlyUsd, locked.candidate.monthlyUsd];
  if (best.type === locked.type || now === null || before === null || now >= before) return [];
  return [
    `The lock keeps ${locked.candidate.replicas} x ${locked.type.name} (tables of ${then}); ${best.candidate.replicas} x ${best.type.name} would save ${inUsd(before - now)} a month by those of ${catalogueDate()}. Nothing changes until: slipway plan MODEL --lock --update`,
  ];
}

/**
 * The machine that a lock pins, as it does today; or why it cannot stay. What the user allows (`Hardware.auto`, `scaling`) holds for it
 * as for any other.
 */
export function lockedMachine(selection: Selection, platform: Platform, lock: LockedMachine): Ranked | Problem {
  const { machine, replicas, precision, provider } = lock;
  const { min = 1, max = Number.POSITIVE_INFINITY } = selection.scaling ?? {};
  const most = Math.min(max, factsOf(platform).maxInstances ?? Number.POSITIVE_INFINITY);
  const pinned = { machine, replicas, form: { precision, provider } };
  const { ranked, rejected } = rankMachines({ ...selection, pinned }, [platform]);
  const outside =
    replicas < min
      ? `at least ${min} replicas are asked for`
      : replicas > most
        ? `at most ${most} are ${most === max ? 'asked for' : 'to be had'}`
        : undefined;
  const [found] = ranked;
  if (found !== undefined && outside === undefined) return found;
  const reason = outside ?? rejected[0]?.reason ?? 'the platform does not offer it any more';
  return {
    where: 'hardware',
    what: `the lock pins ${replicas} x ${machine}, which no longer does: ${reason}. Ask for less, or choose anew: slipway plan MODEL --lock --update`,
  };
}

/** The fallbacks of a lock in its order, as far as they can still take over. */
function lockedFallbacks({ fallbacks }: LockedMachine, chosen: Ranked, ranked: readonly Ranked[]): Machine[] {
  return fallbacks.flatMap((name) => {
    const found = ranked.find(({ type }) => type.name === name);
    return found !== undefined && found.type !== chosen.type && replaces(found, chosen) ? [found.type] : [];
  });
}

/** A ranking whose first is the machine that a lock keeps. */
function withFirst(first: Ranked, ranking: Ranking): Ranking {
  const others = ranking.ranked.filter(({ type }) => type !== first.type);
  const ranked = [first, ...others].map((each, index) => ({
    ...each,
    candidate: { ...each.candidate, rank: index + 1 },
  }));
  return { ...ranking, ranked };
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
  const today = rankMachines(selection, [platform]);
  const pinned = lock && selection.request?.choose !== 'named' ? lock : undefined;
  const kept = pinned && lockedMachine(selection, platform, pinned);
  if (kept && 'where' in kept) return [kept];
  const ranking = kept ? withFirst(kept, today) : today;
  const advice = () => advise(selection, [platform], ranking);
  const [chosen] = ranking.ranked;
  if (chosen === undefined) return advice().map((what) => ({ where: 'hardware', what }));
  const fallbacks = pinned
    ? lockedFallbacks(pinned, chosen, ranking.ranked)
    : fallbacksOf(chosen, ranking.ranked).map(({ type }) => type);
  const dropped = pinned?.fallbacks.filter((name) => !fallbacks.some((type) => type.name === name)) ?? [];
  const { onnxruntime, cuda } = pinned ?? runtimeFor(platform.id, chosen.type.accelerator);
  const facts = {
    chosen: chosen.type,
    candidate: chosen.candidate,
    workers: chosen.candidate.accelerator === null ? chosen.lanes : null,
    fallbacks,
    candidates: ranking.ranked.map(({ candidate }) => candidate),
    rejected: ranking.rejected,
    warnings: [
      ...(pinned && today.ranked[0] ? lockWarnings(chosen, today.ranked[0], pinned) : []),
      ...dropped.map((name) => `The lock's fallback ${name} cannot take over any more and is left out.`),
      ...unusedMeasurements(selection.name, selection.measurements ?? []),
    ],
    runtime: { provider: chosen.candidate.provider, onnxruntime, cuda },
    catalogueDate: pinned?.catalogueDate ?? catalogueDate(),
  };
  return hardwareChoice(facts, advice);
}
