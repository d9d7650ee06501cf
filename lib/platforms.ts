/** The places an endpoint can run. */

import type { RecipeFile } from './contract/recipe.js';

export type PlatformId = RecipeFile['target']['platform'];
