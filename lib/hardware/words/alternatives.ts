/** Step 2 of the road: what would be cheaper if one thing were given up. */

import type { Candidate } from '../candidate.js';
import type { Platform } from '../platform.js';
import { rankMachines, type Selection } from '../rank.js';
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

/** What would do for clearly less, a sentence each; where nothing passes, what would do at all. */
export function alternativesTo(
  selection: Selection,
  platforms: readonly Platform[],
  best: Candidate | undefined,
): string[] {
  return alternatives.flatMap(({ change, holds, text }) => {
    if (!holds(selection)) return [];
    const [first] = rankMachines(merged(selection, change), platforms).ranked;
    if (first === undefined || first.candidate.monthlyUsd === null) return [];
    const { candidate } = first;
    if (best?.monthlyUsd != null && candidate.monthlyUsd! > (1 - worthwhile) * best.monthlyUsd) return [];
    if (best !== undefined && best.monthlyUsd === null) return [];
    const saving = best === undefined ? 'would do' : 'would do for less';
    const price = `${inUsd(candidate.monthlyUsd!)} a month, p99 ${inMs(candidate.p99Ms)}`;
    return [`${machineAt(candidate)} ${saving}: ${price}, ${text(candidate)}.`];
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
