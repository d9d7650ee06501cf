/** Step 2 of the road: the answer in sentences: what is chosen and why, or what keeps every machine out and what would help. */

import { type PlatformId, platformFacts } from '../../platforms.js';
import type { Candidate } from '../candidate.js';
import { findGpu } from '../catalogue/tables.js';
import type { Failed } from '../evaluate.js';
import { payloadOf } from '../payload.js';
import type { Platform } from '../platform.js';
import { type Ranked, type Ranking, rankMachines, type Selection } from '../rank.js';
import { inBytes, inMs, inUsd } from './figures.js';

const times = (count: number, name: string): string => (count === 1 ? name : `${count} x ${name}`);
const where = ({ platform, region }: Candidate): string => (region === null ? platform : `${platform}, ${region}`);

/** What bounds a run, and what follows for a larger machine. */
const bounds: Readonly<Record<Ranked['boundBy'], (batch: string) => string>> = {
  launch: (batch) => `at ${batch} this model is bound by kernel launches, a larger GPU would not be faster`,
  bandwidth: (batch) => `at ${batch} this model is bound by memory bandwidth, more arithmetic would not make it faster`,
  compute: (batch) => `at ${batch} this model is bound by arithmetic`,
};

/** The chosen machine and what bounds it. */
function answer({ candidate, boundBy }: Ranked, ranked: readonly Ranked[]): string {
  const { machine, accelerator, acceleratorCount, replicas, p99Ms, monthlyUsd } = candidate;
  const gpu = accelerator === null ? undefined : findGpu(accelerator);
  const cost = monthlyUsd === null ? '' : `, ${inUsd(monthlyUsd)} a month`;
  const figures = `${times(replicas, machine)} (${where(candidate)}): p99 ${inMs(p99Ms)}${cost}`;
  if (gpu !== undefined) {
    const [share, verb] =
      acceleratorCount < 1
        ? ['Part of one', 'is']
        : acceleratorCount > 1
          ? [`${acceleratorCount} of`, 'are']
          : ['One', 'is'];
    return `${share} ${gpu.name} ${verb} enough: ${bounds[boundBy]('batch 1')}. ${figures}.`;
  }
  const other = ranked.find((each) => each.candidate.accelerator !== null);
  const against =
    other?.candidate.monthlyUsd && monthlyUsd
      ? ` The cheapest with an accelerator, ${other.candidate.machine}, costs ${(other.candidate.monthlyUsd / monthlyUsd).toFixed(1)} times as much.`
      : '';
  return `No accelerator is needed: ${figures}.${against}`;
}

/** The same question with one thing given up, where that finds a machine that is clearly cheaper. */
interface Alternative {
  readonly change: Partial<Selection>;
  readonly holds: (selection: Selection) => boolean;
  readonly text: (best: Candidate) => string;
}

const alternatives: readonly Alternative[] = [
  {
    change: { objective: { payload: { encoding: 'binary' } } },
    holds: ({ objective }) => (objective?.payload?.encoding ?? 'json') === 'json',
    text: () => 'with binary tensors (--payload binary)',
  },
  {
    change: { samples: true },
    holds: ({ samples, precision, profile }) =>
      !samples && (precision ?? 'auto') === 'auto' && profile.quantization === 'none' && profile.family !== 'classic',
    text: ({ precision }) => `with samples (--data), as ${precision} if that passes the gate`,
  },
  {
    change: { request: { choose: 'auto', providers: ['cpu', 'cuda', 'tensorrt'] } },
    holds: ({ request }) => (request === undefined || request.choose === 'auto') && !request?.providers,
    text: ({ precision }) =>
      `with TensorRT as ${precision} (--provider tensorrt), which builds an engine at every first start`,
  },
];

/** Share of the price that an alternative has to save to be worth a sentence. */
const worthwhile = 0.15;

function cheaper(selection: Selection, platforms: readonly Platform[], best: Candidate | undefined): string[] {
  return alternatives.flatMap(({ change, holds, text }) => {
    if (!holds(selection)) return [];
    const [first] = rankMachines(merged(selection, change), platforms).ranked;
    if (first === undefined || first.candidate.monthlyUsd === null) return [];
    const { candidate } = first;
    if (best?.monthlyUsd != null && candidate.monthlyUsd! > (1 - worthwhile) * best.monthlyUsd) return [];
    if (best !== undefined && best.monthlyUsd === null) return [];
    const saving = best === undefined ? 'would do' : 'would do for less';
    const price = `${inUsd(candidate.monthlyUsd!)} a month, p99 ${inMs(candidate.p99Ms)}`;
    return [
      `${times(candidate.replicas, candidate.machine)} (${where(candidate)}) ${saving}: ${price}, ${text(candidate)}.`,
    ];
  });
}

function merged(selection: Selection, change: Partial<Selection>): Selection {
  const request =
    change.request && selection.request?.choose === 'auto'
      ? { ...selection.request, ...change.request }
      : (change.request ?? selection.request);
  const payload = { ...selection.objective?.payload, ...change.objective?.payload };
  return { ...selection, ...change, request, objective: { ...selection.objective, payload } };
}

/** From here on the network of a machine may be the limit, bytes a second. */
const networkBytes = 125e6;

/** What the payload means where a platform carries less than it needs, or where it costs more than the model. */
function onPayload(selection: Selection, platforms: readonly Platform[], best: Ranked | undefined): string[] {
  const { work, objective } = selection;
  const rows = work.batched ? (objective?.payload?.rows ?? 1) : 1;
  const rate = objective?.requestsPerSecond ?? 1;
  const encoding = objective?.payload?.encoding ?? 'json';
  const payload = payloadOf(work, rows, encoding);
  const binary = payloadOf(work, rows, 'binary');
  const each = Math.max(payload.requestBytes, payload.responseBytes);
  const carries = (id: PlatformId) => each * rate <= (platformFacts(id).bandwidthBytesPerSecond ?? Infinity);
  const wide = [...new Set(platforms.map(({ id }) => id))].filter((id) => id !== 'local' && carries(id));
  const narrow = platforms.flatMap(({ id }) => {
    const limit = platformFacts(id).bandwidthBytesPerSecond ?? Infinity;
    if (each * rate <= limit) return [];
    const smaller = Math.max(binary.requestBytes, binary.responseBytes) * rate <= limit;
    const remedies = [
      ...(encoding === 'json' && smaller ? ['send binary tensors (--payload binary)'] : []),
      ...(wide.length > 0 ? [`choose ${wide.join(' or ')}`] : []),
    ];
    const kind = encoding === 'json' ? 'JSON' : 'tensors';
    return [
      `${inBytes(each)} of ${kind} x ${rate}/s = ${inBytes(each * rate)}/s; an endpoint of ${id} carries ${inBytes(limit)}/s: ${remedies.join(' or ') || 'send less'}.`,
    ];
  });
  const parsing =
    encoding === 'json' && best !== undefined && payload.processorMs > Math.max(1, best.candidate.p50Ms / 3)
      ? [
          `Taking ${inBytes(each)} of JSON apart takes ${inMs(payload.processorMs)} of a processor for each request: binary tensors (--payload binary) take next to none.`,
        ]
      : [];
  const crowded =
    each * rate > networkBytes
      ? [
          `Requests are ${((each * rate * 8) / 1e9).toFixed(1)} Gbit/s on the network; what the machines' own carries is not in the tables.`,
        ]
      : [];
  return [...narrow, ...parsing, ...crowded];
}

function onUpkeep({ candidate, quota }: Ranked, ranked: readonly Ranked[], selection: Selection): string[] {
  const { monthlyUsd, replicas, scaleToZero } = candidate;
  const asleep = ranked.find(
    (other) => other.candidate.scaleToZero && (other.candidate.monthlyUsd ?? 0) > 0,
  )?.candidate;
  const duty = monthlyUsd !== null && asleep?.monthlyUsd ? monthlyUsd / asleep.monthlyUsd : undefined;
  const one = (selection.objective?.requestsPerSecond ?? 1) * 1.0001 <= candidate.throughputPerSecond / replicas;
  return [
    ...(replicas === 2 && one && selection.scaling?.min === undefined && monthlyUsd !== null
      ? [
          `One replica would carry the rate; the second keeps the endpoint up when the first is lost (--min-replicas 1 leaves it out).`,
        ]
      : []),
    ...(!scaleToZero && asleep && duty !== undefined && duty < 1
      ? [
          `Where requests come for less than ${Math.floor(duty * 100)} % of the time, ${asleep.machine} (${where(asleep)}) is cheaper: it stops when none come.`,
        ]
      : []),
    ...(quota === null ? [] : [`Quota: ${quota}.`]),
  ];
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
  const saving = cheaper(selection, platforms, best?.candidate);
  if (best === undefined) return [...onMisses(ranking, selection), ...payload, ...saving];
  return [answer(best, ranking.ranked), ...payload, ...saving, ...onUpkeep(best, ranking.ranked, selection)];
}
