/** The page: the section of one panel of the plan: a chart, its values as text, and what they come to in words. */

import type uPlot from '/uplot/uPlot.esm.js';
import { choices } from './choices.js';
import { element, say } from './element.js';
import { type Scale, scaleOf, shown, time } from './format.js';
import { lastOf, shares, spread, timesOf } from './grid.js';
import { COLOURS, HEIGHT, makePlot, moveCursor, widthOf } from './plot.js';
import { type Section, type ShownRange, section } from './section.js';
import type { PageLines, PagePanel } from './shape.js';
import { points, stacked } from './stack.js';

export interface Chart {
  readonly section: Section;
  /** Draws again in the colours of the theme. */
  repaint(): void;
  resize(): void;
}

const WAITING = 'Waiting for the first requests';
const KEYS = 'Arrow keys read it point by point';

/** What a chart shows, for those who do not see it. */
function inWords(lines: PageLines['lines'], unit: PagePanel['unit'], over: string): string {
  const each = lines.map(({ title, values }) => {
    const range = spread(values);
    if (range === null) return `${title}: nothing measured`;
    return `${title}: ${shown(lastOf(values), unit)} now, ${shown(range[0], unit)} to ${shown(range[1], unit)} over ${over}`;
  });
  return each.join('; ');
}

export function makeChart(panel: PagePanel): Chart {
  const plotArea = element('div', { class: 'plot', role: 'img', tabindex: '0' });
  const message = element('p', { class: 'empty' }, WAITING);
  const legend = element('ul', { class: 'legend' });
  const limitNote = element('p', { class: 'limit' });
  // Told when the cursor is moved by keys: who moves it with a pointer sees the legend.
  const told = element('p', { class: 'unseen', role: 'status', 'aria-live': 'polite' });
  const heading = element('h3', { id: `panel-${panel.id}` }, panel.title);
  const form = panel.form === 'stacked' ? choices('Show as', ['Time', 'Share'], (index) => showAs(index === 1)) : null;
  const place = element(
    'section',
    {
      class: `panel w${panel.width}`,
      'aria-labelledby': heading.id,
      'data-panel': panel.id,
      'data-state': 'waiting',
      'data-points': '0',
    },
    element('header', {}, heading, form ?? limitNote),
    element('p', { class: 'help' }, panel.help),
    element('div', { class: 'frame' }, plotArea, message),
    legend,
    told,
  );

  let plot: uPlot | undefined;
  let drawnTitles = '';
  let answer: PageLines = { lines: [], limit: null };
  let times: number[] = [];
  let over = '';
  let asShare = false;
  let scale: Scale = scaleOf(panel.unit, 0);

  const unit = () => (asShare ? 'share' : panel.unit);
  const lines = (): PageLines['lines'] => {
    if (!asShare) return answer.lines;
    const parts = shares(answer.lines.map(({ values }) => values));
    return answer.lines.map(({ title }, index) => ({ title, values: parts[index]! }));
  };

  const texts = (at: number | null): string[] =>
    lines().map(({ title, values }) => `${title} ${shown(at === null ? lastOf(values) : values[at], unit())}`);
  const showLegend = (at: number | null): void => {
    const moment = at === null ? null : element('li', {}, time(times[at] ?? 0));
    legend.replaceChildren(
      ...lines().map(({ title, values }, index) => {
        const swatch = element('span', { class: `swatch s${(index % COLOURS) + 1}`, 'aria-hidden': 'true' });
        const value = at === null ? lastOf(values) : values[at];
        return element('li', {}, swatch, `${title} `, element('b', {}, shown(value, unit())));
      }),
      ...(moment ? [moment] : []),
    );
  };

  const data = (): readonly (readonly (number | null)[])[] => {
    const values = lines().map((line) => line.values);
    return [times, ...(panel.form === 'stacked' ? stacked(values) : values)];
  };
  const make = (): void => {
    plot?.destroy();
    plot = makePlot({
      area: plotArea,
      lines: lines(),
      data: data(),
      stacked: panel.form === 'stacked',
      whole: panel.unit === 'requests' || panel.unit === 'rows',
      most: asShare ? 1 : null,
      scale: () => scale,
      mark: panel.threshold?.value ?? null,
      cursor: showLegend,
    });
  };

  const draw = (again = false): void => {
    const drawn = data();
    scale = scaleOf(
      unit(),
      Math.max(
        0,
        ...drawn
          .slice(1)
          .flat()
          .filter((value) => value !== null),
      ),
    );
    const titles = answer.lines.map(({ title }) => title).join('\n');
    if (!plot || titles !== drawnTitles || again) make();
    else plot.setData(drawn as uPlot.AlignedData);
    drawnTitles = titles;
    showLegend(plot?.cursor.idx ?? null);
    plotArea.setAttribute('aria-label', `${panel.title}: ${inWords(lines(), unit(), over) || WAITING}. ${KEYS}.`);
  };
  const showAs = (share: boolean): void => {
    asShare = share;
    draw(true);
  };

  const showState = (name: 'waiting' | 'ok' | 'error', text: string): void => {
    place.dataset.state = name;
    say(message, text);
    message.hidden = name === 'ok';
  };

  plotArea.addEventListener('keydown', (event) => {
    if (!plot || event.altKey || event.ctrlKey || event.metaKey || !moveCursor(plot, event.key)) return;
    event.preventDefault();
    const at = plot.cursor.idx ?? null;
    say(told, at === null || event.key === 'Escape' ? '' : `${time(times[at] ?? 0)}: ${texts(at).join(', ')}`);
  });

  const tell = (given: PageLines, { grid, title }: ShownRange): void => {
    answer = given;
    times = timesOf(grid);
    over = title;
    const count = points(answer.lines.map(({ values }) => values));
    place.dataset.points = `${count}`;
    const mark = answer.limit ?? panel.threshold;
    say(limitNote, mark ? `${mark.title} ${shown(mark.value, panel.unit)}` : '');
    showState(count > 0 ? 'ok' : 'waiting', WAITING);
    draw();
  };

  return {
    section: section(`panel:${panel.id}`, {
      place,
      onGrid: true,
      tell,
      fail: (words) => showState('error', `Cannot be read: ${words}`),
    }),
    repaint() {
      if (plot) make();
    },
    resize() {
      const width = widthOf(plotArea);
      if (plot && plot.width !== width) plot.setSize({ width, height: HEIGHT });
    },
  };
}
