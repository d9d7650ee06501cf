/** Revisions of a container app and the shares of the requests that they get, all in the app itself. */

import type { Problem } from '../../../lib/errors.js';
import { problemsOf } from '../../../lib/errors.js';

/** A share of the requests. */
export interface TrafficTarget {
  /**
   * Name of a revision that is there, as the output `revision` says it; with `appName`, what follows `APP--` is enough.
   *
   * @default - the newest that is ready
   */
  readonly revision?: string;
  /** Percent, whole, 0 to 100. */
  readonly percent: number;
  /**
   * Gives the revision an address of its own, `https://APP---LABEL.…`: lower-case letters, digits and hyphens.
   *
   * @default - none
   */
  readonly label?: string;
}

/** What names revisions. */
export interface RevisionNames {
  readonly appName?: string;
  readonly revisionSuffix?: string;
}

const word = /^[a-z0-9](-?[a-z0-9])*$/;

/** Azure's limit for `APP--SUFFIX` is 54, and an app's name has up to 32. */
const longestSuffix = 20;

const fullName = (revision: string, appName: string | undefined): string | null =>
  revision.includes('--') ? revision : appName === undefined ? null : `${appName}--${revision}`;

/** What is wrong with the shares. */
export function trafficProblems(
  traffic: readonly TrafficTarget[] | undefined,
  { appName, revisionSuffix }: RevisionNames,
): Problem[] {
  const suffix = problemsOf([
    [
      revisionSuffix !== undefined && !(word.test(revisionSuffix) && revisionSuffix.length <= longestSuffix),
      'revisionSuffix',
      `'${revisionSuffix}' is given; allowed: 1 to ${longestSuffix} lower-case letters, digits and single hyphens`,
    ],
  ]);
  if (!traffic) return suffix;
  const sum = traffic.reduce((total, { percent }) => total + percent, 0);
  const odd = traffic.filter(({ percent }) => !(Number.isInteger(percent) && percent >= 0 && percent <= 100));
  const names = traffic.map(({ revision }) => revision ?? 'the newest');
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index));
  return [
    ...suffix,
    ...odd.map(({ percent }) => ({
      where: 'traffic',
      what: `${percent} is given; allowed: a whole number from 0 to 100`,
    })),
    ...(sum === 100 || odd.length > 0 ? [] : [{ where: 'traffic', what: `the shares add to ${sum}, not to 100` }]),
    ...[...twice].map((name) => ({ where: 'traffic', what: `${name} has two shares. Give one` })),
    ...traffic.flatMap(({ revision, label }, index) =>
      problemsOf([
        [
          revision !== undefined && fullName(revision, appName) === null,
          `traffic[${index}].revision`,
          `'${revision}' is no full name of a revision. Give it as the output 'revision' says it, APP--…, or give appName too`,
        ],
        [
          label !== undefined && !word.test(label),
          `traffic[${index}].label`,
          `'${label}' is given; allowed: lower-case letters, digits and single hyphens`,
        ],
      ]),
    ),
  ];
}

/** In Azure's words. */
export const trafficOf = (traffic: readonly TrafficTarget[], appName: string | undefined) =>
  traffic.map(({ revision, percent, label }) => ({
    ...(revision === undefined ? { latestRevision: true } : { revisionName: fullName(revision, appName)! }),
    weight: percent,
    ...(label !== undefined && { label }),
  }));
