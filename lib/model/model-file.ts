/** Step 1 of the road: what Slipway has to know of the model a user names, from its graph or from its committed profile. */

import { type Problem, SlipwayError } from '../errors.js';
import type { ModelSource } from './model.js';
import type { ModelProfile } from './profile.js';
import { readProfileFile } from './profile-file.js';
import { profileOf, readGraph } from './read.js';
import { workOf } from './work/work-of.js';
import type { Work } from './work.js';

/** A model that was read. */
export interface DescribedModel {
  readonly profile: ModelProfile;
  /** Sizes that its work is known for; null where it can be found for any. */
  readonly fixedDims: Readonly<Record<string, number>> | null;
  /** What one run takes when the symbolic dimensions have these sizes; names that are left out and are no batch count as 1. */
  readonly work: (dims: Readonly<Record<string, number>>) => Work;
}

/** Reads the model's graph, or its profile. Throws `SlipwayError` or `ProblemsError` when that cannot be done. */
export function describeModel(source: Pick<ModelSource, 'path' | 'uri'>): DescribedModel {
  if (source.path.endsWith('.json')) {
    const { profile, work } = readProfileFile(source.path);
    return { profile, fixedDims: work.dims, work: () => work };
  }
  if (source.uri !== undefined) {
    throw new SlipwayError(
      `'${source.path}' is no profile. Make one with: slipway inspect MODEL --profile FILE.profile.json`,
    );
  }
  const graph = readGraph(source.path);
  const profile = profileOf(graph);
  return { profile, fixedDims: null, work: (dims) => workOf(graph, profile, dims) };
}

/** Sizes that contradict those that a profile was made for. */
export function fixedDimProblems(
  fixed: DescribedModel['fixedDims'],
  dims: Readonly<Record<string, number>>,
): Problem[] {
  return Object.entries(fixed ?? {})
    .filter(([name, size]) => Object.hasOwn(dims, name) && dims[name] !== size)
    .map(([name, size]) => ({
      where: `dims.${name}`,
      what: `${dims[name]} is given, the profile was made for ${size}. Make it again with --dim ${name}=${dims[name]}.`,
    }));
}
