/** Step 2 of the road: what would be cheaper if one thing were given up. */

import type { Candidate } from '../candidate.js';
import { requestOf } from '../payload.js';
import type { Platform } from '../platform.js';
import { type Ranked, rankMachines, type Selection } from '../rank.js';
import { inMs, inUsd, machineAt } from './figures.js';

/** The same question with one thing given up, where that finds a machine that is clearly cheaper. */
interface Alternative {
  readonly change: Partial<Selection>;
  readonly holds: (selection: Selection) => boolean;
  readonly text: (best: Candidate) => string;
}

const alternatives: readonly Alternative[] = [
  {
    change: { objective: { payload: { encoding: 'binary' } } },
    holds: ({ work, objective }) => requestOf(work, objective).encoding === 'json',
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

/** The least that a machine of a ranking costs. */
function cheapest(ranked: readonly Ranked[]): Candidate | undefined {
  return ranked
    .map(({ candidate }) => candidate)
    .filter(({ monthlyUsd }) => monthlyUsd !== null)
    .sort((one, other) => one.monthlyUsd! - other.monthlyUsd!)[0];
}

/** What would do for clearly less than every machine that passes, a sentence each; where none passes, what would do at all. */
export function alternativesTo(
  selection: Selection,
  platforms: readonly Platform[],
  ranked: readonly Ranked[],
): string[] {
  const least = cheapest(ranked)?.monthlyUsd ?? (ranked.length > 0 ? 0 : Number.POSITIVE_INFINITY);
  return alternatives.flatMap(({ change, holds, text }) => {
    const candidate = holds(selection)
      ? cheapest(rankMachines(merged(selection, change), platforms).ranked)
      : undefined;
    if (candidate === undefined || candidate.monthlyUsd! > (1 - worthwhile) * least) return [];
    const price = `${inUsd(candidate.monthlyUsd!)} a month, p99 ${inMs(candidate.p99Ms)}`;
    return [`${machineAt(candidate)} would do${ranked.length > 0 ? ' for less' : ''}: ${price}, ${text(candidate)}.`];
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
