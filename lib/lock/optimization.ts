/** What a search found out, kept in the lock and made again by every build: `optimizations` of a lock, by target. */

import { z } from 'zod';
import type { CandidateRecipe, RecipeFile, ReplayRecipe } from '../contract/recipe.js';
import type { ReportFile } from '../contract/report.js';
import type { Problem } from '../errors.js';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits');
const figure = z.number().nullable();
const range = z.tuple([z.number(), z.number()]);

/** The winner's figures that a plan tells; the rest of what was measured is carried along and checked with the report. */
const winner = z.looseObject({
  name: z.string(),
  precision: z.enum(['fp32', 'fp16', 'int8', 'int4']),
  speedup: figure,
  agreement: figure,
  accuracy: figure,
  bytes: z.number(),
  speedJudged: z.boolean(),
});

export const lockedOptimization = z.strictObject({
  modelSha256: sha256,
  dataSha256: sha256.nullable(),
  labelsSha256: sha256.nullable(),
  metricSha256: sha256.nullable(),
  tools: z.record(z.string(), z.string()),
  candidate: z
    .looseObject({ name: z.string(), precision: z.string(), method: z.string(), excludeNodes: z.array(z.string()) })
    .nullable(),
  ranges: z.record(z.string(), range).nullable(),
  sha256,
  measured: z.strictObject({
    goal: z.enum(['speed', 'size']),
    verdict: z.string(),
    host: z.looseObject({}),
    reference: z.looseObject({}),
    candidates: z.array(z.looseObject({})),
    winner,
    sensitivity: z.array(z.looseObject({})),
    canaries: z.looseObject({ synthetic: z.boolean() }),
    drift: z.looseObject({}).optional(),
    warnings: z.array(z.string()),
    notes: z.array(z.string()),
  }),
});

/** The form of one model on one target, with what it was made from. */
export type LockedOptimization = z.infer<typeof lockedOptimization>;

/** The figures of a locked form, for stack outputs and dashboards. */
export interface OptimizationSummary {
  /** One line for people. */
  readonly verdict: string;
  readonly precision: 'fp32' | 'fp16' | 'int8' | 'int4';
  /** fp32's latency divided by its own, where the lock was written. */
  readonly speedup: number | null;
  /** Share of samples with fp32's answer. */
  readonly agreement: number | null;
  readonly accuracy: number | null;
  readonly bytes: number;
}

/** The key of a target: provider and instruction sets, such as `cpu/arm64+unknown`. */
export const targetOf = ({ provider, instructionSets }: RecipeFile['target']): string =>
  `${provider}/${[...instructionSets].sort().join('+')}`;

/** Figures that nothing is made from, with six digits. */
function brief<T>(value: T): T {
  if (typeof value === 'number') return (Number.isInteger(value) ? value : Number(value.toPrecision(6))) as T;
  if (Array.isArray(value)) return value.map(brief) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, brief(entry)])) as T;
}

/** What a search is locked as: the same report gives the same text. */
export function lockedFrom(report: ReportFile): LockedOptimization {
  const { verdict, host, reference, candidates, winner, sensitivity, canaries, drift, warnings, notes } = report;
  const { goal } = report.recipe as Pick<RecipeFile, 'goal'>;
  const locked = {
    modelSha256: report.model.sha256,
    dataSha256: report.data?.sha256 ?? null,
    labelsSha256: report.data?.labelsSha256 ?? null,
    metricSha256: report.data?.metricSha256 ?? null,
    tools: report.tools,
    candidate: winner.recipe,
    ranges: report.ranges,
    sha256: winner.sha256,
    measured: {
      ...brief({ goal, verdict, host, reference, candidates, winner, sensitivity, canaries, warnings, notes }),
      // Whole: an edge that moves counts otherwise.
      ...(drift && { drift }),
    },
  };
  lockedOptimization.parse(locked);
  return locked as unknown as LockedOptimization;
}

/** The part of a recipe that makes a locked form again. */
export const replayOf = (locked: LockedOptimization): ReplayRecipe => locked as unknown as ReplayRecipe;

export function summaryOf({ measured }: LockedOptimization): OptimizationSummary {
  const { precision, speedup, agreement, accuracy, bytes } = measured.winner;
  return { verdict: measured.verdict, precision, speedup, agreement, accuracy, bytes };
}

/** What makes two candidates the same way of reducing a model: everything but the name and the nodes that repair left out. */
function wayOf(candidate: CandidateRecipe | NonNullable<LockedOptimization['candidate']>): string {
  const { name: _, excludeNodes: __, ...way } = candidate;
  return JSON.stringify(Object.entries(way).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/**
 * Why a locked form cannot be made again for a recipe. Whether model, samples and tools are still the same is for the optimizer to
 * find out, which reads them.
 *
 * @param path - of the lock
 */
export function lockProblems(path: string, locked: LockedOptimization, recipe: RecipeFile): Problem[] {
  const { candidate, measured } = locked;
  const remedy = 'Search again with slipway optimize --update, or restore the lock';
  const otherwise = (where: string, asked: string, then: string): Problem[] =>
    asked === then ? [] : [{ where, what: `${asked} is asked for, and '${path}' was written for ${then}. ${remedy}` }];
  const problems = [
    ...otherwise('optimization.goal', recipe.goal, measured.goal),
    // Without samples all canaries are made up, whatever is asked for.
    ...(locked.dataSha256 === null
      ? []
      : otherwise(
          'optimization.canaries',
          recipe.canaries.source,
          measured.canaries.synthetic ? 'synthetic' : 'samples',
        )),
  ];
  if (candidate === null) return problems;
  const kept = `'${path}' keeps ${candidate.name} (${candidate.precision}) for ${targetOf(recipe.target)}`;
  if (recipe.precision !== 'auto' && recipe.precision !== candidate.precision) {
    const what = `${recipe.precision} is asked for, and ${kept}. ${remedy}`;
    return [...problems, { where: 'optimization.precision', what }];
  }
  if (recipe.candidates.length === 0 || recipe.candidates.some((allowed) => wayOf(allowed) === wayOf(candidate))) {
    return problems;
  }
  const machines = recipe.target.machines.join(', ');
  const allowed = recipe.candidates.map(({ name }) => name).join(', ');
  return [
    ...problems,
    { where: 'lock', what: `${kept}, which is not right for ${machines}: allowed are ${allowed}. ${remedy}` },
  ];
}
