/** Step 2 of the road: the answer in sentences: what is chosen and why, or what keeps every machine out and what would help. */

import type { Platform } from '../platform.js';
import { type Ranked, type Ranking, rankMachines, type Selection } from '../rank.js';
import { alternativesTo } from './alternatives.js';
import { answer } from './answer.js';
import { inMs, inUsd, machineAt } from './figures.js';
import { onMisses } from './on-misses.js';
import { onPayload } from './on-payload.js';

/** p99 at the upper end of the estimate's band. */
const latest = ({ candidate: { p99Ms, bandMs, p50Ms } }: Ranked): number => (p99Ms * bandMs[1]) / p50Ms;

/** What the band of the estimate leaves open. */
function onBand(best: Ranked, ranked: readonly Ranked[], { objective }: Selection): string[] {
  const p99Ms = objective?.p99Ms;
  if (p99Ms === undefined || latest(best) <= p99Ms) return [];
  const surer = ranked.find((other) => latest(other) <= p99Ms && other.candidate.monthlyUsd !== null)?.candidate;
  const instead = surer
    ? `, or take ${machineAt(surer)}, whose whole band keeps it, for ${inUsd(surer.monthlyUsd!)} a month`
    : '';
  return [
    `At the upper end of the estimate's band p99 is ${inMs(latest(best))}: measure before you promise ${inMs(p99Ms)}${instead}.`,
  ];
}

/** Why there are as many replicas as there are. */
function onReplicas({ candidate, type }: Ranked, selection: Selection, platforms: readonly Platform[]): string[] {
  const { replicas, scaleToZero, monthlyUsd, precision, provider } = candidate;
  if (selection.scaling?.min !== undefined || monthlyUsd === null) return [];
  if (replicas === 1 && scaleToZero) {
    return [
      'One instance is planned, and none while no request comes: the first one then waits for a start. --min-replicas 2 compares it with platforms that keep two.',
    ];
  }
  if (replicas !== 2) return [];
  const pinned = { machine: type.name, form: { precision, provider }, replicas: 1 };
  const here = platforms.filter(({ id, region }) => id === candidate.platform && region === candidate.region);
  return rankMachines({ ...selection, pinned }, here).ranked.length === 0
    ? []
    : [
        'One replica would do; the second keeps the endpoint up when the first is lost (--min-replicas 1 leaves it out).',
      ];
}

/** Where a platform that stops between requests is cheaper. */
function onDuty({ candidate }: Ranked, ranked: readonly Ranked[]): string[] {
  const asleep = ranked.find((other) => other.candidate.scaleToZero && other.candidate.monthlyUsd)?.candidate;
  if (candidate.scaleToZero || candidate.monthlyUsd === null || !asleep?.monthlyUsd) return [];
  const duty = candidate.monthlyUsd / asleep.monthlyUsd;
  if (duty >= 1 || duty < 0.01) return [];
  return [
    `Where requests come for less than ${Math.floor(duty * 100)} % of the time, ${machineAt(asleep)} is cheaper: it stops when none come.`,
  ];
}

/** The answer, most important first. */
export function advise(selection: Selection, platforms: readonly Platform[], ranking: Ranking): string[] {
  const { ranked } = ranking;
  const [best] = ranked;
  const payload = onPayload(selection, platforms, best);
  const saving = alternativesTo(selection, platforms, ranked);
  if (best === undefined) return [...onMisses(ranking, selection, platforms), ...payload, ...saving];
  const clouds = platforms.filter(({ id }) => id !== 'local');
  const onlyHere = clouds.length > 0 && ranked.every(({ candidate }) => candidate.platform === 'local');
  return [
    answer(selection, best, ranked),
    ...(onlyHere ? onMisses(ranking, selection, clouds) : []),
    ...onBand(best, ranked, selection),
    ...payload,
    ...saving,
    ...onReplicas(best, selection, platforms),
    ...onDuty(best, ranked),
    ...(best.candidate.notes.length > 0 ? [`${best.candidate.machine}: ${best.candidate.notes.join('; ')}.`] : []),
    ...(best.quota === null ? [] : [`Quota: ${best.quota}.`]),
  ];
}
