/** Step 2 of the road: figures as people read them. */

import type { Candidate } from '../candidate.js';

const byteUnits = ['B', 'KB', 'MB', 'GB', 'TB'] as const;

/** Bytes in powers of 1000: `1.3 MB`. */
export function inBytes(count: number): string {
  const power = Math.min(byteUnits.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, count)) / 3)));
  const value = count / 1000 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${byteUnits[power]}`;
}

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
