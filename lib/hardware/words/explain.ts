/** Step 2 of the road: a choice as lines of text: ranked machines, what the losers lost by, the answer in words. */

import { textTable } from '../../text-table.js';
import type { Candidate, Rejection } from '../candidate.js';

/** What an explanation is made from. */
export interface Explained {
  readonly candidates: readonly Candidate[];
  readonly rejected: readonly Rejection[];
  readonly advice: readonly string[];
  readonly warnings: readonly string[];
  readonly catalogueDate: string;
}

const number = (value: number): string =>
  value >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(value < 10 ? 2 : 3);

/** What a terminal that is too narrow for all of them does without first comes first. */
const dispensable = ['memory GiB', 'price of', 'to zero', '$/million', 'req/s'];

const columns: readonly (readonly [string, (candidate: Candidate) => string])[] = [
  ['', ({ rank }) => String(rank)],
  [
    'machine',
    ({ machine, accelerator, acceleratorCount }) =>
      `${machine}${accelerator === null || machine.toLowerCase().includes(accelerator) ? '' : ` (${acceleratorCount === 1 ? '' : `${Number(acceleratorCount.toFixed(2))} x `}${accelerator})`}`,
  ],
  ['replicas', ({ replicas }) => String(replicas)],
  ['runs as', ({ precision, provider, batch }) => `${precision} ${provider}${batch > 1 ? `, batch ${batch}` : ''}`],
  ['p50 ms', ({ p50Ms, bandMs }) => `${number(p50Ms)} [${bandMs.map(number).join(', ')}]`],
  ['p99 ms', ({ p99Ms }) => number(p99Ms)],
  ['req/s', ({ throughputPerSecond }) => number(throughputPerSecond)],
  ['memory GiB', ({ memoryGiB, memoryAvailableGiB }) => `${number(memoryGiB)} of ${number(memoryAvailableGiB)}`],
  ['to zero', ({ scaleToZero }) => (scaleToZero ? 'yes' : 'no')],
  ['$/month', ({ monthlyUsd }) => (monthlyUsd === null ? '–' : number(monthlyUsd))],
  ['$/million', ({ usdPerMillion }) => (usdPerMillion === null ? '–' : number(usdPerMillion))],
  ['price of', ({ priceDate }) => priceDate ?? '–'],
];

/** Names a place: with its region where the platform is there in several. */
function placesIn(all: readonly { readonly platform: string; readonly region: string | null }[]) {
  const regions = new Map<string, Set<string | null>>();
  for (const { platform, region } of all) regions.set(platform, (regions.get(platform) ?? new Set()).add(region));
  return ({ platform, region }: { readonly platform: string; readonly region: string | null }): string =>
    region !== null && regions.get(platform)!.size > 1 ? `${platform} ${region}` : platform;
}

/**
 * The first `most` candidates as a table with a header.
 *
 * @param width - characters of a line, most: columns are left out until the table fits
 */
export function candidateTable(candidates: readonly Candidate[], most = candidates.length, width = Infinity): string[] {
  const place = placesIn(candidates);
  const [rank, ...others] = columns;
  const all = [rank!, ['platform', place] as const, ...others];
  const drawn = (left: typeof all): string[] =>
    textTable([
      left.map(([name]) => name),
      ...candidates.slice(0, most).map((each) => left.map(([, cell]) => cell(each))),
    ]);
  const narrower = [...Array(dispensable.length + 1).keys()].map((count) =>
    drawn(all.filter(([name]) => !dispensable.slice(0, count).includes(name))),
  );
  return narrower.find((lines) => lines.every((line) => line.length <= width)) ?? narrower.at(-1)!;
}

/** The losers of each place together whose reasons are alike but for their numbers, in the order of the first. */
export function alike(rejected: readonly Rejection[]): Rejection[][] {
  const place = placesIn(rejected);
  const groups = new Map<string, Rejection[]>();
  for (const rejection of rejected) {
    const key = `${place(rejection)}|${rejection.reason.replace(/[\d.,]+/g, '#')}`;
    groups.set(key, [...(groups.get(key) ?? []), rejection]);
  }
  return [...groups.values()];
}

/** The reasons of the losers, alike ones together with an example. */
export function rejectionLines(rejected: readonly Rejection[]): string[] {
  const place = placesIn(rejected);
  return textTable(
    alike(rejected).map((same) => [
      place(same[0]!),
      `${same[0]!.machine}${same.length > 1 ? ` and ${same.length - 1} more` : ''}`,
      same[0]!.reason,
    ]),
  );
}

/** Candidates that an explanation shows. */
const shownCandidates = 10;

export function explanation({ candidates, rejected, advice, warnings, catalogueDate }: Explained): string {
  const more = candidates.length - shownCandidates;
  const sections = [
    warnings,
    advice,
    candidates.length > 0 ? candidateTable(candidates, shownCandidates) : [],
    more > 0 ? [`${more} more meet the objective and rank lower.`] : [],
    rejected.length > 0 ? ['Not in question:', ...rejectionLines(rejected)] : [],
    [`Prices and machines as of ${catalogueDate}; estimates, see docs/hardware.md.`],
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}
