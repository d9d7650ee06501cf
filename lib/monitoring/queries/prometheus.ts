/** Monitoring, the adapter for Prometheus over our own server's metrics: expressions in, PromQL out. */

import type { Expression, Filter } from '../expression.js';
import type { MonitoringPlan } from '../plan.js';

/** Labels that tell this endpoint's series from those of others. */
export type Scope = Readonly<Record<string, string>>;

export interface QueryOptions {
  readonly scope: Scope;
  /** Over which rates and counts are taken, whole seconds. */
  readonly windowSeconds: number;
}

/** Half a surrogate pair is no text in UTF-8: neither a label nor a file can hold it. */
const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, '\ufffd');

/** The scrape gives every series of an endpoint, `up` too, this one label. */
export function prometheusScope(plan: MonitoringPlan): { readonly job: string } {
  return { job: `slipway-${wellFormed(plan.model)}` };
}

/** A PromQL string. JSON's escapes are all among Go's, except those of half a surrogate pair. */
export function quote(text: string): string {
  return JSON.stringify(wellFormed(text));
}

/** What stands in braces after a metric's name. */
export const selectorOf = (scope: Scope): string =>
  Object.entries(scope)
    .map(([label, value]) => `${label}=${quote(value)}`)
    .join(', ');

/** Where the rules of `drift.ts` record a figure. */
export const driftRecord = (what: string): string => `slipway:drift:${what}`;

const durationUnits = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'm'],
  [1, 's'],
] as const;

/** `300` is `5m`. */
export function duration(seconds: number): string {
  const [size, unit] = durationUnits.find(([size]) => seconds % size === 0)!;
  return `${seconds / size}${unit}`;
}

const matched = (filter: Filter): string =>
  'equals' in filter
    ? `${filter.label}=${quote(filter.equals)}`
    : `${filter.label}=~${quote(`${filter.startsWith.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')}.*`)}`;

/** Servers write the bound 1 as `1` or as `1.0`; Prometheus before 3.0 keeps the difference. */
const bucketMatcher = (bound: number): string =>
  `le=~${quote(Number.isInteger(bound) ? `${bound}|${bound}\\.0` : `${bound}`.replace('.', '\\.'))}`;

const grouped = (aggregation: string, labels: readonly string[], inner: string): string =>
  labels.length > 0 ? `${aggregation} by (${labels.join(', ')}) (${inner})` : `${aggregation}(${inner})`;

/** Written with an operator at the outside, so that they need brackets inside another. */
const compound: ReadonlySet<Expression['op']> = new Set(['mean', 'ratio', 'budgetLeft']);

/**
 * Says an expression in PromQL.
 *
 * A counter without a series of the asked kind reads as 0 once the counter has any series: no errors are no gap.
 */
export function promql(expression: Expression, options: QueryOptions): string {
  const { scope, windowSeconds } = options;
  const scoped: readonly Filter[] = Object.entries(scope).map(([label, equals]) => ({ label, equals }));
  const series = (name: string, where: readonly Filter[] = [], extra: readonly string[] = []): string => {
    const matchers = [...[...scoped, ...where].map(matched), ...extra];
    return matchers.length > 0 ? `${name}{${matchers.join(', ')}}` : name;
  };
  const gained = (
    how: 'rate' | 'increase',
    name: string,
    where: readonly Filter[] = [],
    by: readonly string[] = [],
    extra: readonly string[] = [],
  ): string => grouped('sum', by, `${how}(${series(name, where, extra)}[${duration(windowSeconds)}])`);
  const orZero = (
    how: 'rate' | 'increase',
    name: string,
    where: readonly Filter[] = [],
    by: readonly string[] = [],
  ): string =>
    where.length > 0 && by.length === 0
      ? `(${gained(how, name, where)} or 0 * ${gained(how, name)})`
      : gained(how, name, where, by);

  const say = (value: Expression): string => {
    switch (value.op) {
      case 'rate':
        return orZero('rate', value.metric, value.where, value.by);
      case 'count':
        return orZero('increase', value.metric, value.where, value.by);
      case 'observed':
        return orZero('increase', `${value.metric}_count`, value.where, value.by);
      case 'above': {
        const below = gained('increase', `${value.metric}_bucket`, value.where, value.by, [bucketMatcher(value.bound)]);
        return `(${gained('increase', `${value.metric}_count`, value.where, value.by)} - ${below})`;
      }
      case 'quantile': {
        const buckets = gained('rate', `${value.metric}_bucket`, value.where, [...(value.by ?? []), 'le']);
        return `histogram_quantile(${value.q}, ${buckets})`;
      }
      case 'mean': {
        const part = (suffix: string): string => gained('rate', `${value.metric}_${suffix}`, value.where, value.by);
        return `${part('sum')} / ${part('count')}`;
      }
      case 'gauge':
        return grouped(value.combine, value.by ?? [], series(value.metric, value.where));
      case 'worstShare':
        return `max(${series(value.metric)} / ${series(value.limit)})`;
      case 'ratio':
        return `${operand(value.of)} / ${operand(value.to)}`;
      case 'budgetLeft':
        return `1 - ${operand(value.bad)} / ${operand(value.total)} / ${value.budget}`;
      case 'reachable':
        return `(max(${series('up')}) or vector(0))`;
      case 'drift': {
        const side: Filter = { label: 'side', equals: value.side };
        const parted = `${series(driftRecord('psi'), [side])} / ${series(driftRecord('limit'), [side])}`;
        return grouped('max', value.by, parted);
      }
    }
  };
  const operand = (value: Expression): string => (compound.has(value.op) ? `(${say(value)})` : say(value));
  return say(expression);
}
