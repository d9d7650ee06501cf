/** Step 1 of the road: what a table of operators says of each. */

import type { ShapedNode } from '../shaped.js';
import type { KernelKind } from '../work.js';
import type { ProductSize } from './products.js';

/** What an operator costs. */
export interface Cost {
  readonly kind: KernelKind;
  /** Operations; null where the model file does not tell. */
  readonly flops: (node: ShapedNode) => number | null;
  readonly product?: (node: ShapedNode) => ProductSize;
  /** Launches one after the other. */
  readonly steps?: (node: ShapedNode) => number;
  /** Computes with 8-bit integers. */
  readonly quantized?: true;
  /** Bytes of the numbers in its attributes. */
  readonly tableBytes?: (node: ShapedNode) => number;
  /** Elements that are read of an input, where that is not the whole input. */
  readonly reads?: Readonly<Record<number, (node: ShapedNode) => number>>;
}
