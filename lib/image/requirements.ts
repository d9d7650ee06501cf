/** Step 4 of the road: the packages that a user's hooks need, as far as the build can install them. */

import { readFileSync } from 'node:fs';
import type { Problem } from '../errors.js';

const refusals: readonly (readonly [RegExp, string])[] = [
  [/^(-r|--requirement|-c|--constraint)\b/, 'names another file, which is not in the image. Write its lines here'],
  [
    /^(-e|--editable)\b|^(\.{0,2}\/|file:|[A-Za-z]:\\)/,
    'is a folder of this machine. Publish it, or copy it beside the hooks',
  ],
  [
    /:\/\/[^/@\s]+@/,
    'holds a password. Give it with --build-secret id=netrc,src=… or a pip.conf with --build-secret id=pip,src=…',
  ],
];

/** Lines of a requirements file that cannot be installed inside the build. */
export function requirementsProblems(path: string): Problem[] {
  return readFileSync(path, 'utf8')
    .split(/\r?\n/)
    .flatMap((line, index) => {
      const text = line.trim();
      const [, what] = refusals.find(([pattern]) => pattern.test(text)) ?? [];
      // The password itself is not repeated.
      return what ? [{ where: 'serving.requirements', what: `line ${index + 1} of '${path}' ${what}` }] : [];
    });
}
