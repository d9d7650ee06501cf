/** Monitoring, step 5: what the endpoint promises, and which requests count against it. */

import { type Problem, ProblemsError } from '../errors.js';
import type { SloSpec } from '../spec.js';
import { type BurnThreshold, burnThresholds } from './burn-rate.js';
import { type Catalogue, metricOf } from './catalogue.js';
import type { Expression } from './expression.js';
import { counted } from './signals.js';

/** What was asked for; an absent option takes its default. */
export type AskedSlo = { readonly [Option in keyof SloSpec]?: SloSpec[Option] | undefined };

/** Share of good requests over a period. */
export interface Objective {
  readonly id: 'availability' | 'latency';
  /** In words, such as `99.9 % of requests answered without a server error`. */
  readonly title: string;
  /** Share of good requests, above 0 and below 1. */
  readonly target: number;
  readonly periodSeconds: number;
  /** Requests that count against it, in a window. */
  readonly bad: Expression;
  /** Requests that count, in a window. */
  readonly total: Expression;
  readonly burn: readonly BurnThreshold[];
  /** What the objective does not do exactly as asked, in words. */
  readonly notes: readonly string[];
}

/** What an endpoint promises when its owner says nothing. */
export const defaultSlo = { availability: 99.9, periodDays: 30 } as const;

/** Answers within `p99Ms`, as the name says. */
const LATENCY_TARGET = 0.99;

const isWithin = (value: number, low: number, high: number): boolean => value >= low && value <= high;

/** Everything that is wrong with the objectives asked for; empty when they can be kept. */
export function sloProblems(slo: AskedSlo, catalogue: Catalogue): readonly Problem[] {
  const { availability = defaultSlo.availability, p99Ms, periodDays = defaultSlo.periodDays } = slo;
  const longest = 1000 * metricOf(catalogue, counted.answers.metric).buckets.at(-1)!;
  const problems: (Problem | undefined)[] = [
    availability > 0 && availability < 100
      ? undefined
      : {
          where: 'monitoring.slo.availability',
          what: `${availability} % is not above 0 and below 100. Every request cannot be promised to succeed; 99.9 leaves one in a thousand`,
        },
    p99Ms === undefined || (p99Ms > 0 && p99Ms <= longest)
      ? undefined
      : {
          where: 'monitoring.slo.p99Ms',
          what: `${p99Ms} ms is not above 0 and at most ${longest} ms, where the server's histogram ends`,
        },
    isWithin(periodDays, 1, 90)
      ? undefined
      : { where: 'monitoring.slo.periodDays', what: `${periodDays} days is not between 1 and 90` },
  ];
  return problems.filter((problem) => problem !== undefined);
}

/**
 * The objectives of an endpoint: availability always, latency when `p99Ms` is given.
 *
 * A request counts as slow above the first bucket bound at or above `p99Ms`, since a histogram knows no finer; a note says so.
 *
 * @throws ProblemsError with every problem of `slo`
 */
export function planObjectives(slo: AskedSlo, catalogue: Catalogue): readonly Objective[] {
  const problems = sloProblems(slo, catalogue);
  if (problems.length > 0) throw new ProblemsError('The objectives cannot be monitored', problems);
  const { availability = defaultSlo.availability, p99Ms, periodDays = defaultSlo.periodDays } = slo;
  const periodSeconds = periodDays * 86_400;
  const objective = (of: Omit<Objective, 'periodSeconds' | 'burn'>): Objective => {
    const { thresholds, notes } = burnThresholds(of.target, periodSeconds);
    return { ...of, periodSeconds, burn: thresholds, notes: [...of.notes, ...notes] };
  };
  const available = objective({
    id: 'availability',
    title: `${availability} % of requests answered without a server error`,
    target: Number((availability / 100).toPrecision(12)),
    bad: counted.serverErrors,
    total: counted.requests,
    notes: [],
  });
  if (p99Ms === undefined) return [available];
  const bound = metricOf(catalogue, counted.answers.metric).buckets.find((bucket) => bucket * 1000 >= p99Ms)!;
  const boundMs = Number((bound * 1000).toPrecision(12));
  const fast = objective({
    id: 'latency',
    title: `99 % of answers within ${boundMs} ms`,
    target: LATENCY_TARGET,
    bad: counted.slowAnswers(bound),
    total: counted.answers,
    notes:
      boundMs === p99Ms
        ? []
        : [`answers count as slow above ${boundMs} ms, the histogram's next bound above the ${p99Ms} ms asked for`],
  });
  return [available, fast];
}
