/** Step 2 of the road: by how much every machine misses the objective, and what would do. */

import type { Rejection } from '../candidate.js';
import type { Failed } from '../evaluate.js';
import type { Platform } from '../platform.js';
import { type Ranking, rankMachines, type Selection } from '../rank.js';
import { alike } from './explain.js';
import { counted, inUsd } from './figures.js';

type Miss = Rejection & Failed;

const byCost = ({ missed }: Miss): boolean => missed?.monthlyUsd != null;

/** Two significant digits, upwards. */
function upwards(value: number): number {
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1);
  return Number((Math.ceil(value / unit - 1e-9) * unit).toPrecision(2));
}

type Changes = Pick<Selection, 'objective' | 'scaling'>;

/** Whether a machine passes with some of the conditions changed. */
const passes = (selection: Selection, changes: Partial<Changes>, platforms: readonly Platform[]): boolean =>
  rankMachines({ ...selection, ...changes }, platforms).ranked.length > 0;

/** Conditions that may be given up beside the one that is missed, the least first. */
const givenUp: readonly { readonly text: string; readonly changes: (selection: Selection) => Partial<Changes> }[] = [
  { text: '', changes: () => ({}) },
  {
    text: ' and raise the budget',
    changes: ({ objective }) => ({ objective: { ...objective, maxMonthlyUsd: undefined } }),
  },
  { text: ' and allow more replicas', changes: ({ scaling }) => ({ scaling: { ...scaling, max: undefined } }) },
  {
    text: ', raise the budget and allow more replicas',
    changes: ({ objective, scaling }) => ({
      objective: { ...objective, maxMonthlyUsd: undefined },
      scaling: { ...scaling, max: undefined },
    }),
  },
];

/** What lets a machine in: a p99 in steps from what the nearest machine reaches, alone or with other conditions given up. */
function relaxed(least: number, selection: Selection, platforms: readonly Platform[]): string {
  for (const { text, changes } of givenUp) {
    const changed = { ...selection, ...changes(selection) };
    const p99Ms = [1, 1.1, 1.5, 2, 4, 8]
      .map((factor) => upwards(least * factor))
      .find((value) => passes(changed, { objective: { ...changed.objective, p99Ms: value } }, platforms));
    if (p99Ms !== undefined) return `Relax p99 to ${p99Ms} ms${text}`;
  }
  return 'Ask for fewer requests, or for other machines or platforms';
}

function onLatency(nearest: Miss, selection: Selection, platforms: readonly Platform[]): string {
  const remedy = relaxed(nearest.missed!.p99Ms!, selection, platforms);
  return `No machine is as fast as asked for. The nearest: ${nearest.machine} (${nearest.platform}): ${nearest.reason}. ${remedy}.`;
}

function onBudget(nearest: Miss): string {
  const budget = Math.ceil(nearest.missed!.monthlyUsd!);
  return `No machine costs as little as asked for. The nearest: ${nearest.machine} (${nearest.platform}) ${nearest.reason}. Raise the budget to ${inUsd(budget)}.`;
}

function onRate(nearest: Miss, selection: Selection, platforms: readonly Platform[]): string {
  const [, , replicas, both] = givenUp;
  const helps = [replicas!, both!].find(({ changes }) => passes(selection, changes(selection), platforms));
  const remedy =
    helps === undefined
      ? 'Ask for fewer requests, or split them over endpoints'
      : helps === replicas
        ? 'Allow more replicas'
        : 'Allow more replicas and raise the budget';
  return `No machine carries the rate: ${nearest.machine} (${nearest.platform}): ${nearest.reason}. ${remedy}.`;
}

/** The reasons that the most machines share, with their number. */
function commonest(rejected: readonly Rejection[]): string {
  const anywhere = rejected.map((rejection) => ({ ...rejection, region: null }));
  const common = alike(anywhere).sort((one, other) => other.length - one.length);
  return common
    .slice(0, 5)
    .map((same) => `${same[0]!.platform}: ${same[0]!.reason} (${counted(same.length, 'machine')})`)
    .join('; ');
}

/** What keeps every machine of the platforms out, and what would let one in. */
export function onMisses(ranking: Ranking, selection: Selection, platforms: readonly Platform[]): string[] {
  const here = (each: Rejection): boolean =>
    platforms.some(({ id, region }) => id === each.platform && region === each.region);
  const missed = ranking.missed.filter(here);
  const dearest = missed.find(byCost);
  const nearest = missed.find((miss) => !byCost(miss));
  const p99Ms = selection.objective?.p99Ms;
  if (dearest) return [onBudget(dearest)];
  if (nearest === undefined) return [`No machine comes into question. ${commonest(ranking.rejected.filter(here))}.`];
  const late = p99Ms !== undefined && nearest.missed!.p99Ms! > p99Ms;
  return [late ? onLatency(nearest, selection, platforms) : onRate(nearest, selection, platforms)];
}
