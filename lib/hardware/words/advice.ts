/** Step 2 of the road: the answer in sentences: what is chosen and why, or what keeps every machine out and what would help. */

import type { Failed } from '../evaluate.js';
import type { Platform } from '../platform.js';
import type { Ranked, Ranking, Selection } from '../rank.js';
import { alternativesTo } from './alternatives.js';
import { answer } from './answer.js';
import { inMs, inUsd, placed, times } from './figures.js';
import { onPayload } from './on-payload.js';

/** What may turn out otherwise, and what keeping it up takes. */
function onUpkeep(
  { candidate, quota }: Ranked,
  ranked: readonly Ranked[],
  { objective, scaling }: Selection,
): string[] {
  const { monthlyUsd, replicas, scaleToZero, p50Ms, p99Ms, bandMs } = candidate;
  const asleep = ranked.find(
    (other) => other.candidate.scaleToZero && (other.candidate.monthlyUsd ?? 0) > 0,
  )?.candidate;
  const duty = monthlyUsd !== null && asleep?.monthlyUsd ? monthlyUsd / asleep.monthlyUsd : Number.POSITIVE_INFINITY;
  const carriesAlone = (objective?.requestsPerSecond ?? 1) * 1.0001 <= candidate.throughputPerSecond / replicas;
  const latest = (p99Ms * bandMs[1]) / p50Ms;
  const surer = ranked.find(
    ({ candidate: { p99Ms: other, bandMs: band, p50Ms: half } }) => (other * band[1]) / half <= (objective?.p99Ms ?? 0),
  )?.candidate;
  const found: readonly (readonly [holds: boolean, text: string])[] = [
    [
      objective?.p99Ms !== undefined && latest > objective.p99Ms,
      `At the upper end of the estimate's band p99 is ${inMs(latest)}: measure before you promise ${inMs(objective?.p99Ms ?? 0)}${surer === undefined ? '' : `, or take ${times(surer.replicas, surer.machine)} (${placed(surer)}), whose whole band keeps it, for ${surer.monthlyUsd === null ? 'nothing' : inUsd(surer.monthlyUsd)} a month`}.`,
    ],
    [
      replicas === 2 && carriesAlone && scaling?.min === undefined && monthlyUsd !== null,
      'One replica would carry the rate; the second keeps the endpoint up when the first is lost (--min-replicas 1 leaves it out).',
    ],
    [
      replicas === 1 && scaleToZero && scaling?.min === undefined,
      'One instance is planned, and none while no request comes: the first one then waits for a start. --min-replicas 2 compares it with platforms that keep two.',
    ],
    [
      !scaleToZero && duty < 1,
      `Where requests come for less than ${Math.floor(duty * 100)} % of the time, ${asleep?.machine} (${asleep === undefined ? '' : placed(asleep)}) is cheaper: it stops when none come.`,
    ],
    [quota !== null, `Quota: ${quota}.`],
  ];
  return found.filter(([holds]) => holds).map(([, text]) => text);
}

const leastOf = <T>(items: readonly T[], value: (item: T) => number): T | undefined =>
  items.reduce<T | undefined>(
    (best, item) => (best === undefined || value(item) < value(best) ? item : best),
    undefined,
  );

/** By how much every machine misses, and what would do. */
function onMisses({ missed, rejected }: Ranking, { objective, scaling }: Selection): string[] {
  const nearest = leastOf(
    missed.filter((miss) => miss.missed?.monthlyUsd == null),
    (miss: Failed) => miss.missed?.p99Ms ?? Infinity,
  );
  const dearest = leastOf(
    missed.filter((miss) => miss.missed?.monthlyUsd != null),
    (miss: Failed) => miss.missed!.monthlyUsd!,
  );
  const p99 = nearest?.missed?.p99Ms ?? Infinity;
  const late = objective?.p99Ms !== undefined && p99 > objective.p99Ms;
  const found = [
    ...(dearest
      ? [
          `No machine costs as little as asked for. The nearest: ${dearest.machine} (${dearest.platform}) ${dearest.reason}. Raise the budget to ${inUsd(Math.ceil(dearest.missed!.monthlyUsd!))}.`,
        ]
      : []),
    ...(nearest && late
      ? [
          `No machine is as fast as asked for. The nearest: ${nearest.machine} (${nearest.platform}): ${nearest.reason}. Relax p99 to ${Math.ceil(p99 * 1.1)} ms.`,
        ]
      : []),
    ...(nearest && !late && !dearest
      ? [
          `No machine carries the rate: ${nearest.machine} (${nearest.platform}): ${nearest.reason}. ${scaling?.max ? 'Allow more replicas' : 'Ask for a higher limit of instances, or split the rate over endpoints'}, or relax p99.`,
        ]
      : []),
  ];
  if (found.length > 0) return found;
  const counts = new Map<string, number>();
  for (const { platform, reason } of rejected) {
    const text = `${platform}: ${reason}`;
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const common = [...counts].sort(([one, a], [other, b]) => b - a || (one < other ? -1 : 1)).slice(0, 5);
  return [
    `No machine comes into question. ${common.map(([reason, count]) => `${reason} (${times(count, 'machine')})`).join('; ')}.`,
  ];
}

/** The answer, most important first. */
export function advise(selection: Selection, platforms: readonly Platform[], ranking: Ranking): string[] {
  const [best] = ranking.ranked;
  const payload = onPayload(selection, platforms, best);
  const saving = alternativesTo(selection, platforms, best?.candidate);
  if (best === undefined) return [...onMisses(ranking, selection), ...payload, ...saving];
  return [answer(best, ranking.ranked), ...payload, ...saving, ...onUpkeep(best, ranking.ranked, selection)];
}
