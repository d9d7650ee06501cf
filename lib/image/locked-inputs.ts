/** Step 4 of the road: whether a lock still fits what the image will be built from, told before a builder starts. */

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Problem } from '../errors.js';
import { lockPath } from '../lock/lock-file.js';
import { packageFile } from '../package-root.js';
import type { EndpointPlan } from '../plan.js';
import { filesDigest } from './file-digest.js';
import { pinnedPackages } from './sbom.js';

/** The lock of the environment that the model is optimized in. */
export const optimizerLock = (): string => packageFile('container', 'locks', 'optimizer.txt');

const digestOf = (...files: readonly (string | null | undefined)[]): string | null => {
  const given = files.filter((file) => file != null);
  return given.length === 0 ? null : filesDigest(given).sha256;
};

/** A model and the files of its weights, in the order that the optimizer takes their digest in. */
const modelFiles = ({ source, profile }: EndpointPlan): string[] => [
  source.path,
  ...profile.externalData
    .map(({ location }) => location)
    .sort()
    .map((location) => join(dirname(source.path), location)),
];

/** Everything that is no longer as it was when the lock was written; empty without a lock. */
export function lockedInputProblems(plan: EndpointPlan): Problem[] {
  const { replay } = plan.recipe;
  if (replay === null) return [];
  const { calibration, labels } = plan.source;
  const here = new Map(
    pinnedPackages(readFileSync(optimizerLock(), 'utf8')).map(({ name, version }) => [name, version]),
  );
  const inputs = [
    ['another model', replay.modelSha256, digestOf(...modelFiles(plan))],
    ['other samples', replay.dataSha256, digestOf(calibration)],
    ['other labels', replay.labelsSha256, digestOf(labels)],
    ['another metric', replay.metricSha256, digestOf(plan.files.metric)],
  ] as const;
  const brief = (sha256: string | null) => (sha256 === null ? 'none' : `sha256 ${sha256.slice(0, 12)}…`);
  const changed = [
    ...inputs.flatMap(([other, then, now]) =>
      then === now ? [] : [`was written for ${other}: ${brief(then)}, and now ${brief(now)}`],
    ),
    ...Object.entries(replay.tools).flatMap(([name, then]) => {
      const now = here.get(name);
      return name === 'python' || now === then
        ? []
        : [`was written with ${name} ${then}, and here is ${now ?? 'none'}`];
    }),
  ];
  const remedy = 'Search again with slipway optimize --update, or restore what it was written for';
  return changed.map((what) => ({ where: 'lock', what: `'${lockPath(plan.source)}' ${what}. ${remedy}` }));
}
