/** The places an endpoint can run. */

import type { RecipeFile } from './contract/recipe.js';
import type { Machine } from './hardware/machine.js';

export type PlatformId = RecipeFile['target']['platform'];

/** A place, and the machines it offers, best first. */
export interface Platform {
  readonly id: PlatformId;
  readonly machines: readonly Machine[];
}
