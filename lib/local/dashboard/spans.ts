/** The dashboard page's server: which verdict held from when to when. */

import type { PageGrid, PageSpan } from '../page/shape.js';

interface Held {
  readonly id: string;
  /** On the grid; null or 0 where it did not hold. */
  readonly values: readonly (number | null)[];
}

/** Neighbouring points of the same verdict as one span. A point is told to hold until the next; where none held there is a gap. */
export function spansOf(held: readonly Held[], { start, step }: PageGrid): readonly PageSpan[] {
  const count = Math.max(0, ...held.map(({ values }) => values.length));
  const spans: PageSpan[] = [];
  for (let place = 0; place < count; place += 1) {
    const id = held.find(({ values }) => values[place])?.id;
    if (id === undefined) continue;
    const from = start + place * step;
    const last = spans.at(-1);
    if (last?.id === id && last.to === from) spans[spans.length - 1] = { ...last, to: from + step };
    else spans.push({ id, from, to: from + step });
  }
  return spans;
}
