/** The page: how a figure is spread now, beside how it was in the samples. Drawn, and as a table. */

import { element, shape } from '../element.js';
import { shown } from '../format.js';
import type { PageDriftFigure } from '../shape.js';
import { binTitles, mostApart } from './bins.js';
import { percent } from './percent.js';

const WIDTH = 240;
const HEIGHT = 72;

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
