/** `slipway plan --lock`: pins the best machine of each platform and region, and says what a newer table would save. */

import { SlipwayError } from '../../lib/errors.js';
import { catalogueDate } from '../../lib/hardware/catalogue/tables.js';
import type { Ranked, Ranking } from '../../lib/hardware/rank.js';
import { fallbacksOf } from '../../lib/hardware/select.js';
import { inUsd } from '../../lib/hardware/words/figures.js';
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

/** The best of each place, and all that pass there. */
function bestByPlace(ranked: readonly Ranked[]): Map<string, Ranked[]> {
  const places = new Map<string, Ranked[]>();
  for (const each of ranked) {
    const place = placeOf(each.candidate.platform, each.candidate.region);
    places.set(place, [...(places.get(place) ?? []), each]);
  }
  return places;
}

/** What the lock keeps, where the tables of today would choose another machine. */
function kept(place: string, locked: LockedMachine, now: LockedMachine): string {
  if (locked.machine === now.machine && locked.replicas === now.replicas) return `Kept ${place}: ${locked.machine}.`;
  const saving = (locked.monthlyUsd ?? 0) - (now.monthlyUsd ?? 0);
  const difference = saving > 0 ? `saves ${inUsd(saving)} a month` : `costs ${inUsd(-saving)} more a month`;
  return `Kept ${place}: ${locked.replicas} x ${locked.machine} (tables of ${locked.catalogueDate}); ${now.replicas} x ${now.machine} ${difference}. Take it with --update.`;
}

/** Writes what is new, or with `--update` everything, into the lock; without `--lock` nothing happens. */
export function lockMachines(model: string, { ranked }: Ranking, { lock, update }: LockOptions): void {
  if (lock === undefined) return;
  const path = lockPath({ path: model, ...(lock !== true && { lock }) });
  const before = readLock(path)?.machines ?? {};
  const fresh: Record<string, LockedMachine> = {};
  for (const [place, [best, ...others]] of bestByPlace(ranked)) {
    const now = pinned(best!, [best!, ...others]);
    const locked = before[place];
    if (locked && !update) say(kept(place, locked, now));
    else fresh[place] = now;
  }
  writeLock(path, fresh);
  for (const [place, { machine, replicas }] of Object.entries(fresh)) say(`Locked ${place}: ${replicas} x ${machine}.`);
  say(`Lock: ${path}`);
}
