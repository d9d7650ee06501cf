/** The page: values that add up, one on top of the other. */

type Column = readonly (number | null)[];

/** Each column with the ones before it added. A point where nothing was measured at all stays empty. */
export function stacked(columns: readonly Column[]): (number | null)[][] {
  const sums: (number | null)[][] = [];
  for (const column of columns) {
    const below = sums[sums.length - 1];
    sums.push(
      column.map((value, i) => {
        const base = below?.[i] ?? null;
        return value === null && base === null ? null : (value ?? 0) + (base ?? 0);
      }),
    );
  }
  return sums;
}

/** How many values there are to draw. */
export function points(columns: readonly Column[]): number {
  return columns.flat().filter((value) => value !== null).length;
}
