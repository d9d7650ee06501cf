/** The page: values over time, as a chart and as words. */

import type { PageGrid, PageLine } from './shape.js';

export function timesOf({ start, end, step }: PageGrid): number[] {
  return Array.from({ length: Math.round((end - start) / step) + 1 }, (_, place) => start + place * step);
}

/** Points at the end of the grid that count as now; the newest may not be read yet. */
const RECENT = 5;

/** The latest value, if there is one among the last few points: an endpoint that is gone has none. */
export const lastOf = (values: PageLine['values']): number | null =>
  values.slice(-RECENT).findLast((value) => value !== null) ?? null;

/** Least and greatest value; null where nothing was measured. */
export function spread(values: PageLine['values']): readonly [least: number, greatest: number] | null {
  const measured = values.filter((value) => value !== null);
  return measured.length === 0 ? null : [Math.min(...measured), Math.max(...measured)];
}

/** Each column as a share of what all columns come to at that point; nothing where they come to nothing. */
export function shares(columns: readonly PageLine['values'][]): (number | null)[][] {
  const sums = (columns[0] ?? []).map((_, place) => columns.reduce((sum, column) => sum + (column[place] ?? 0), 0));
  return columns.map((column) =>
    column.map((value, place) => (value === null || !sums[place] ? null : value / sums[place])),
  );
}
