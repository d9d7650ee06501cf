/** Step 1 of the road: a shape as people read it. */

import type { Dim } from './profile.js';

/** `[batch, 3, ?]`, the mark being a size of which the graph says nothing; `any shape` where the rank is unknown. */
export function shapeText(shape: readonly Dim[] | null): string {
  return shape === null ? 'any shape' : `[${shape.map((dim) => dim ?? '?').join(', ')}]`;
}
