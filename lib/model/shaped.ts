/** Step 1 of the road: a graph whose symbolic dimensions are bound, every value with its type and shape. */

import type { Node, Tensor } from './graph.js';
import type { DType } from './profile.js';

/** What is known of a value between nodes. */
export interface Shaped {
  readonly dtype: DType;
  /** Sizes, null for one that depends on the data; null as a whole when the rank is unknown or the value is no tensor. */
  readonly shape: readonly (number | null)[] | null;
  /** Elements, where they are few (at most 1024) and known without running the model; null inside for the unknown ones. */
  readonly values: readonly (number | null)[] | null;
  /** The stored tensor behind the value, also through Identity, Cast, Transpose, Reshape and DequantizeLinear of one; null when computed. */
  readonly stored: Tensor | null;
  /** Made of stored values only. */
  readonly constant: boolean;
}

/** A node with its values. */
export interface ShapedNode {
  readonly node: Node;
  /** One for each input; null for an optional input that is left out. */
  readonly inputs: readonly (Shaped | null)[];
  readonly outputs: readonly Shaped[];
  /** The graphs inside it: branches of an If, the body of a Loop or Scan. Calls of functions are replaced by the function's nodes. */
  readonly bodies: readonly ShapedBody[];
}

export interface ShapedBody {
  readonly nodes: readonly ShapedNode[];
  readonly inputs: Readonly<Record<string, Shaped>>;
  /** By name, in the graph's order. */
  readonly outputs: Readonly<Record<string, Shaped>>;
  /** Every value of this body by name, initializers included; those of outer graphs are not repeated. */
  readonly values: ReadonlyMap<string, Shaped>;
}
