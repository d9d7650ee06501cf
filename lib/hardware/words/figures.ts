/** Step 2 of the road: figures as people read them. */

import type { Candidate } from '../candidate.js';
import type { Estimate } from '../estimate/estimate.js';

/** What the largest share of a run's time goes to. */
export const bounds: Readonly<Record<Estimate['boundBy'], string>> = {
  compute: 'arithmetic',
  bandwidth: 'memory bandwidth',
  launch: 'kernel launches',
};

export const inGib = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} GiB`;

export const inMs = (value: number): string => `${value < 10 ? value.toPrecision(2) : Math.round(value)} ms`;

export const inUsd = (value: number): string =>
  `$${value < 100 ? value.toFixed(2) : Math.round(value).toLocaleString('en')}`;

/** Rounded to four significant digits, so that the same plan has the same text everywhere. */
export const rounded = (value: number): number => Number(value.toPrecision(4));

/** `ml.g6.xlarge`, `2 x ml.g6.xlarge`. */
export const times = (count: number, name: string): string => (count === 1 ? name : `${count} x ${name}`);

/** `2 x ml.g6.xlarge (aws-sagemaker, eu-west-1)`. */
export function machineAt({ replicas, machine, platform, region }: Omit<Candidate, 'rank'>): string {
  return platform === 'local' ? 'this machine' : `${times(replicas, machine)} (${platform}, ${region})`;
}

/** `1 kernel`, `56 kernels`. */
export const counted = (count: number, name: string): string =>
  `${count.toLocaleString('en')} ${name}${count === 1 ? '' : 's'}`;
