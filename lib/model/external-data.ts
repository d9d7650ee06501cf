/** Step 1 of the road: weights that lie in files beside the model, and whether they can be trusted. */

import { lstatSync, type Stats } from 'node:fs';
import { dirname, isAbsolute, join, normalize, sep } from 'node:path';
import { type Problem, ProblemsError } from '../errors.js';
import type { ExternalRange } from './graph.js';
import type { ExternalFile } from './profile.js';

/**
 * The files that a model's tensors lie in, in order of first use.
 *
 * Files must be regular files inside the model's folder, reached through no link, and long enough.
 * Throws `ProblemsError` with every file that is not.
 */
export function externalFiles(modelPath: string, ranges: readonly ExternalRange[]): ExternalFile[] {
  const needed = new Map<string, number>();
  for (const { location, offset, length } of ranges) {
    needed.set(location, Math.max(needed.get(location) ?? 0, offset + length));
  }
  const checked = [...needed].map(([location, bytes]) => check(dirname(modelPath), location, bytes));
  const problems = checked.filter((result) => 'what' in result);
  if (problems.length > 0)
    throw new ProblemsError(`Model '${modelPath}' cannot be read with its external data`, problems);
  return checked.filter((result) => 'bytes' in result);
}

function check(folder: string, location: string, needed: number): ExternalFile | Problem {
  const problem = (what: string): Problem => ({ where: location, what });
  const parts = normalize(location).split(sep);
  if (isAbsolute(location)) {
    return problem(
      "an absolute path; external data must lie in the model's folder. Export the model again with a relative one.",
    );
  }
  if (parts.includes('..') || location.includes('\0')) {
    return problem(
      "outside the model's folder; external data must lie in it. Export the model again with the file beside it.",
    );
  }
  const steps = parts.map((_, index) => statOf(join(folder, ...parts.slice(0, index + 1))));
  if (steps.some((step) => step?.isSymbolicLink())) {
    return problem('reached by a symbolic link. Put a copy of the file itself beside the model.');
  }
  const file = steps.at(-1);
  if (!file) return problem(`missing. Copy it from where the model comes from to '${join(folder, location)}'.`);
  if (!file.isFile()) return problem('not a regular file. Put the file that was exported with the model there.');
  if (file.nlink > 1)
    return problem('a hard link to a file elsewhere. Put a copy of the file itself beside the model.');
  if (file.size < needed) {
    return problem(`${file.size} bytes, but the model needs ${needed}. Copy it again, or export the model again.`);
  }
  return { location, bytes: file.size };
}

function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
