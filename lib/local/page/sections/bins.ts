/** The page: the bins of a figure of drift, in words. */

import type { PageBin, PageDriftFigure } from '../shape.js';
import { percent } from './percent.js';

/** Digits of the edges of bins. */
const DIGITS = 3;

const rounded = (edge: string): string => `${Number(Number(edge).toPrecision(DIGITS))}`;

/** Where each bin reaches, in words; categories by their names. */
export function binTitles(bins: readonly PageBin[]): string[] {
  const edges = bins.map(({ upper }) => (upper === null || upper === 'NaN' ? null : upper));
  return bins.map(({ name, upper }, place) => {
    if (upper === null) return name === 'other' ? 'any other' : name;
    if (upper === 'NaN') return 'no number';
    const below = place === 0 ? null : edges[place - 1];
    if (below === null || below === undefined) return upper === '+Inf' ? 'any number' : `up to ${rounded(upper)}`;
    return upper === '+Inf' ? `above ${rounded(below)}` : `${rounded(below)} to ${rounded(upper)}`;
  });
}

/** The bin that differs most, for those who do not see the bars. */
export function mostApart({ bins }: PageDriftFigure): string {
  const titles = binTitles(bins);
  const apart = bins.map(({ expected, seen }) => (seen === null ? -1 : Math.abs(seen - expected)));
  const place = apart.indexOf(Math.max(...apart));
  const bin = bins[place];
  if (!bin || bin.seen === null) return 'Nothing to compare yet';
  return `Most apart: ${titles[place]}, ${percent(bin.seen)} of what came, ${percent(bin.expected)} of the samples`;
}
