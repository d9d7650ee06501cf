/** Monitoring, step 2: how a value is made from metrics, as data. Each backend has an adapter in `queries/` that says it in its own language. */

/** Keeps the series whose label has that value, or a value that starts so (`{ label: 'code', startsWith: '5' }`). */
export type Filter =
  | { readonly label: string; readonly equals: string }
  | { readonly label: string; readonly startsWith: string };

/** What every value read from one metric has in common. */
interface Read {
  readonly metric: string;
  readonly where?: readonly Filter[];
  /** One value for each value of these labels; one in all without. */
  readonly by?: readonly string[];
}

/**
 * A value over a window of time.
 *
 * - `rate`: what a counter gained per second. `count`: what it gained in the window.
 * - `quantile`: of a histogram, 0 to 1. `mean`: of a histogram.
 * - `observed`: observations of a histogram in the window. `above`: those above `bound`, one of its bucket bounds.
 * - `gauge`: the last value, combined over replicas.
 * - `worstShare`: a gauge divided by its limit, of the worst replica.
 * - `ratio`: one value divided by another.
 * - `budgetLeft`: share of an error budget not yet used; below 0 when overspent.
 * - `reachable`: 1 when a replica answers the monitoring, 0 when none does.
 * - `drift`: how far outputs or inputs have parted from the optimizer's samples, as a share of what is told: from 1 on it is drift. The
 *   window is the plan's own, since distributions need many requests.
 */
export type Expression =
  | ({ readonly op: 'rate' } & Read)
  | ({ readonly op: 'count' } & Read)
  | ({ readonly op: 'quantile'; readonly q: number } & Read)
  | ({ readonly op: 'mean' } & Read)
  | ({ readonly op: 'observed' } & Read)
  | ({ readonly op: 'above'; readonly bound: number } & Read)
  | ({ readonly op: 'gauge'; readonly combine: 'sum' | 'max' | 'min' } & Read)
  | { readonly op: 'worstShare'; readonly metric: string; readonly limit: string }
  | { readonly op: 'ratio'; readonly of: Expression; readonly to: Expression }
  | { readonly op: 'budgetLeft'; readonly bad: Expression; readonly total: Expression; readonly budget: number }
  | { readonly op: 'reachable' }
  | { readonly op: 'drift'; readonly side: 'output' | 'input'; readonly by: readonly string[] };
