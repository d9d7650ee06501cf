/** The page: how a figure is spread now, beside how it was in the samples. Drawn, in words, and as a table. */

import { element, shape } from '../element.js';
import { shown } from '../format.js';
import type { PageBin, PageDriftFigure } from '../shape.js';
import { percent } from './percent.js';

const WIDTH = 240;
const HEIGHT = 72;
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

/** Two bars for each bin, that of the samples behind. */
export function histogram(figure: PageDriftFigure): SVGElement {
  const { bins } = figure;
  const titles = binTitles(bins);
  const most = Math.max(1e-9, ...bins.flatMap(({ expected, seen }) => [expected, seen ?? 0]));
  const step = WIDTH / bins.length;
  const bar = (share: number, left: number, width: number, name: string): SVGElement => {
    const height = share === 0 ? 0 : Math.max(1, (share / most) * HEIGHT);
    return shape('rect', { class: name, x: left, y: HEIGHT - height, width, height });
  };
  return shape(
    'svg',
    {
      class: 'histogram',
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': mostApart(figure),
    },
    ...bins.flatMap(({ expected, seen }, place) => [
      bar(expected, place * step + step * 0.08, step * 0.84, 'expected'),
      ...(seen === null ? [] : [bar(seen, place * step + step * 0.27, step * 0.46, 'seen')]),
      // Bars are thin: all of a bin's width tells its share.
      shape(
        'rect',
        { class: 'hit', x: place * step, y: 0, width: step, height: HEIGHT },
        shape(
          'title',
          {},
          `${titles[place]}: ${shown(seen, 'share')} of what came, ${percent(expected)} of the samples`,
        ),
      ),
    ]),
    shape('line', { x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT }),
  );
}

export function binTable({ bins }: PageDriftFigure, label: string): HTMLElement {
  const titles = binTitles(bins);
  const head = ['Range', 'Came', 'Samples'].map((title, place) =>
    element('th', { scope: 'col', ...(place > 0 ? { class: 'number' } : {}) }, title),
  );
  const rows = bins.map(({ expected, seen }, place) =>
    element(
      'tr',
      {},
      element('th', { scope: 'row' }, titles[place] ?? ''),
      element('td', { class: 'number' }, shown(seen, 'share')),
      element('td', { class: 'number' }, percent(expected)),
    ),
  );
  return element(
    'table',
    { class: 'narrow', 'aria-label': label },
    element('thead', {}, element('tr', {}, ...head)),
    element('tbody', {}, ...rows),
  );
}
