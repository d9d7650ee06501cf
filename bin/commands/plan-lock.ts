/** The lock of `slipway plan`: pins the best machine of each platform and region, and tells what it keeps against today's tables. */

import { type Problem, SlipwayError } from '../../lib/errors.js';
import { catalogueDate } from '../../lib/hardware/catalogue/tables.js';
import type { Platform } from '../../lib/hardware/platform.js';
import type { Ranked, Ranking, Selection } from '../../lib/hardware/rank.js';
import { fallbacksOf, lockedMachine, lockWarnings } from '../../lib/hardware/select.js';
import { inMs, inUsd, times } from '../../lib/hardware/words/figures.js';
import { type LockedMachine, lockPath, placeOf, readLock, writeLock } from '../../lib/lock/lock-file.js';
import { runtimeFor } from '../../lib/platforms.js';
import { say } from '../terminal.js';

export interface LockOptions {
  readonly lock?: string | true;
  readonly update?: boolean;
}

/** Refuses options that mean nothing without another one, before anything is planned. */
export function checkLockOptions({ lock, update }: LockOptions): void {
  if (update && lock === undefined) throw new SlipwayError('--update chooses anew what a lock pins; give --lock, too.');
}

function pinned(chosen: Ranked, ranked: readonly Ranked[]): LockedMachine {
  const { platform, machine, replicas, precision, provider, monthlyUsd } = chosen.candidate;
  const { onnxruntime, cuda } = runtimeFor(platform, chosen.type.accelerator);
  return {
    machine,
    fallbacks: fallbacksOf(chosen, ranked).map(({ type }) => type.name),
    replicas,
    precision,
    provider,
    onnxruntime,
    cuda,
    catalogueDate: catalogueDate(),
    monthlyUsd,
  };
}

/** What a lock keeps at a place, and how that stands today. */
function keptLines(place: string, now: Ranked | Problem, best: Ranked | undefined, lock: LockedMachine): string[] {
  if ('where' in now) return [`Locked ${place}: ${now.what}.`];
  const { replicas, machine, p99Ms, monthlyUsd } = now.candidate;
  const cost = monthlyUsd === null ? '' : `, ${inUsd(monthlyUsd)} a month`;
  const warnings = best === undefined ? [] : lockWarnings(now, best, lock);
  return [
    `Locked ${place}: ${times(replicas, machine)}, p99 ${inMs(p99Ms)}${cost}.`,
    ...warnings.map((text) => `  ${text}`),
  ];
}

/**
 * Tells what the lock beside the model keeps at each place asked for; with `--lock` pins the places that it does not have, with
 * `--update` all of them.
 *
 * @returns false when a machine that the lock keeps no longer does
 */
export function tellLock(
  model: string,
  selection: Selection,
  platforms: readonly Platform[],
  { ranked }: Ranking,
  { lock, update }: LockOptions,
): boolean {
  const path = lockPath({ path: model, ...(typeof lock === 'string' && { lock }) });
  const before = readLock(path)?.machines ?? {};
  const fresh: Record<string, LockedMachine> = {};
  let sound = true;
  for (const platform of platforms.filter(({ id }) => id !== 'local')) {
    const place = placeOf(platform.id, platform.region);
    const here = ranked.filter(
      ({ candidate }) => candidate.platform === platform.id && candidate.region === platform.region,
    );
    const locked = before[place];
    if (locked && !update) {
      const now = lockedMachine(selection, platform, locked);
      for (const line of keptLines(place, now, here[0], locked)) say(line);
      sound &&= !('where' in now);
    } else if (lock !== undefined && here[0]) {
      fresh[place] = pinned(here[0], here);
    }
  }
  if (Object.keys(fresh).length > 0) {
    writeLock(path, { machines: fresh });
    for (const [place, { machine, replicas }] of Object.entries(fresh))
      say(`Locked ${place}: ${times(replicas, machine)}.`);
    say(`Lock: ${path}`);
  } else if (lock !== undefined && Object.keys(before).length === 0) {
    say('Nothing is locked: no machine of a cloud passes.');
  }
  return sound;
}
