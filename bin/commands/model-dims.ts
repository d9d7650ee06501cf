/** Sizes that `--dim` gives, for the verbs that only read a model: names it lacks are told, not refused. */

import type { Problem } from '../../lib/errors.js';
import { type DescribedModel, fixedDimProblems } from '../../lib/model/model-file.js';
import { batchDims, unboundDims } from '../../lib/model/work/batch.js';
import { say } from '../terminal.js';

/** What `--dim` says of a model. */
export interface GivenDims {
  /** Sizes of the symbolic dimensions other than the batch. */
  readonly dims: Readonly<Record<string, number>>;
  /** Size of the batch; null where none was given. */
  readonly batch: number | null;
  /** Every dimension that still has no size, and sizes that contradict each other. */
  readonly problems: readonly Problem[];
}

/**
 * Sorts the sizes by what they name.
 *
 * @param seen - sizes that samples give
 */
export function givenDims(
  { profile, fixedDims }: DescribedModel,
  given: Readonly<Record<string, number>>,
  seen: Readonly<Record<string, number>> = {},
): GivenDims {
  const { symbolicDims: known } = profile;
  for (const name of Object.keys(given).filter((name) => !known.includes(name))) {
    const names = known.length > 0 ? `It has ${known.join(', ')}` : 'It has none';
    say(`Warning: the model has no dimension '${name}', so --dim ${name} changes nothing. ${names}.`);
  }
  const batches = batchDims(profile.inputs);
  const sizes = Object.entries({ ...seen, ...given }).filter(([name]) => known.includes(name));
  const dims = { ...fixedDims, ...Object.fromEntries(sizes.filter(([name]) => !batches.includes(name))) };
  const rows = sizes.filter(([name]) => batches.includes(name));
  const problems = [
    ...unboundDims(profile, dims).map((name) => ({
      where: `dims.${name}`,
      what: `this dimension has no size. Give one, for example --dim ${name}=128.`,
    })),
    ...(new Set(rows.map(([, size]) => size)).size > 1
      ? [
          {
            where: 'dims',
            what: `${rows.map((row) => row.join('=')).join(' and ')} all count rows; give them one size.`,
          },
        ]
      : []),
    ...fixedDimProblems(fixedDims, dims),
  ];
  return { dims, batch: rows[0]?.[1] ?? null, problems };
}
