/** The page: one chart for each panel of the plan, drawn by uPlot. */

import uPlot from '/uplot/uPlot.esm.js';
import { element, say } from './element.js';
import { clock, digits, type Scale, scaleOf, shown } from './format.js';
import { type Grid, type Line, range, timesOf } from './prometheus.js';
import type { PagePanel, PageSeries } from './shape.js';
import { points, stacked } from './stack.js';

export interface Chart {
  readonly panel: PagePanel;
  readonly section: HTMLElement;
  /** Reads the panel's values and draws them. Throws what the reading throws, after saying so in the panel. */
  refresh(grid: Grid, rangeIndex: number): Promise<void>;
  /** Draws again in the colours of the theme. */
  repaint(): void;
  resize(): void;
}

/** A line as drawn: its name, and its values on the grid. */
interface Drawn {
  readonly title: string;
  readonly values: readonly (number | null)[];
}

interface State {
  readonly times: number[];
  readonly lines: readonly Drawn[];
  readonly limit: { readonly title: string; readonly value: number } | null;
}

const HEIGHT = 190;
const COLOURS = 6;
/** Between two marks of the time axis, seconds. */
const TIME_STEPS = [60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400];
/** Points at the end of the grid that count as now; the newest may not be read yet. */
const RECENT = 5;
/** Whole things are not cut in fractions on an axis. */
const WHOLE_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000];
/** Told apart without colour too. */
const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 3], [9, 3, 2, 3], [1, 2], [12, 4]];

const variable = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colour = (index: number): string => variable(`--series-${(index % COLOURS) + 1}`);

async function read(series: PageSeries, grid: Grid, rangeIndex: number): Promise<Drawn[]> {
  const { split, title, order } = series;
  const lines: Line[] = await range(series.queries[rangeIndex] ?? '', grid);
  if (split === null) return lines.map(({ values }) => ({ title, values }));
  const place = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  return lines
    .map(({ labels, values }) => ({ name: labels[split] ?? '', values }))
    .sort((a, b) => place(a.name) - place(b.name) || a.name.localeCompare(b.name))
    .map(({ name, values }) => ({ title: `${title} ${name.replaceAll('_', ' ')}`.trim(), values }));
}

/** The latest value, if there is one among the last few points: an endpoint that is gone has none. */
const lastOf = (values: readonly (number | null)[]): number | null =>
  values.slice(-RECENT).findLast((value) => value !== null) ?? null;

const largestOf = (columns: readonly (readonly (number | null)[])[]): number =>
  Math.max(0, ...columns.flat().filter((value) => value !== null));

/** Room above the highest value, so that a line never runs along the frame. */
const ceiling = (largest: number): number => (largest > 0 ? largest * 1.12 : 1);

export function makeChart(panel: PagePanel): Chart {
  const legend = element('ul', { class: 'legend' });
  const plotArea = element('div', { class: 'plot', role: 'img' });
  const message = element('p', { class: 'empty' }, 'Waiting for the first requests');
  const limitNote = element('p', { class: 'limit' });
  const heading = element('h3', { id: `panel-${panel.id}` }, panel.title);
  const section = element(
    'section',
    {
      class: `panel w${panel.width}`,
      'aria-labelledby': heading.id,
      'data-panel': panel.id,
      'data-state': 'waiting',
      'data-points': '0',
    },
    element('header', {}, heading, limitNote),
    element('p', { class: 'help' }, panel.help),
    element('div', { class: 'frame' }, plotArea, message),
    legend,
  );

  let plot: uPlot | undefined;
  let drawnTitles = '';
  let state: State = { times: [], lines: [], limit: null };
  let scale: Scale = scaleOf(panel.unit, 0);

  const showLegend = (at: number | null): void => {
    legend.replaceChildren(
      ...state.lines.map(({ title, values }, index) => {
        const value = at === null ? lastOf(values) : (values[at] ?? null);
        const swatch = element('span', { class: `swatch s${(index % COLOURS) + 1}`, 'aria-hidden': 'true' });
        return element('li', {}, swatch, `${title} `, element('b', {}, shown(value, panel.unit)));
      }),
    );
  };

  const columns = (): (readonly (number | null)[])[] => {
    const values = state.lines.map((line) => line.values);
    return panel.form === 'stacked' ? stacked(values) : values;
  };

  const marks = (u: uPlot): void => {
    const level = panel.threshold?.value;
    if (level === undefined || level > (u.scales.y?.max ?? 0)) return;
    const y = u.valToPos(level, 'y', true);
    u.ctx.save();
    u.ctx.strokeStyle = variable('--bad');
    u.ctx.setLineDash([4, 4]);
    u.ctx.beginPath();
    u.ctx.moveTo(u.bbox.left, y);
    u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
    u.ctx.stroke();
    u.ctx.restore();
  };

  const make = (): void => {
    plot?.destroy();
    const axis = { stroke: variable('--ink-soft'), font: `11px ${variable('--font')}`, ticks: { show: false } };
    const grid = { stroke: variable('--line'), width: 1 };
    const area = panel.form === 'stacked';
    plot = new uPlot(
      {
        width: Math.max(120, plotArea.clientWidth),
        height: HEIGHT,
        padding: [8, 6, 0, 0],
        legend: { show: false },
        cursor: { sync: { key: 'slipway' }, drag: { x: false, y: false }, points: { size: 6 } },
        scales: { x: { time: true }, y: { range: (_, __, max) => [0, ceiling(max ?? 0)] } },
        axes: [
          {
            ...axis,
            grid: { show: false },
            size: 32,
            gap: 10,
            space: 48,
            incrs: [...TIME_STEPS],
            values: (_, splits) => splits.map(clock),
          },
          {
            ...axis,
            grid,
            size: 64,
            space: 36,
            ...(panel.unit === 'requests' || panel.unit === 'rows' ? { incrs: WHOLE_STEPS } : {}),
            values: (_, splits) => splits.map((value) => `${digits(value / scale.divisor)}${scale.suffix}`),
          },
        ],
        series: [
          {},
          ...state.lines.map(({ title }, index) => ({
            label: title,
            stroke: colour(index),
            width: 1.5,
            dash: area ? [] : [...(DASHES[index % DASHES.length] ?? [])],
            points: { show: false },
            ...(area ? { fill: `${colour(index)}66` } : {}),
          })),
        ],
        // Each layer is filled down to the one below it; the first, down to the axis.
        bands: area
          ? state.lines.slice(1).map((_, index) => ({ series: [index + 2, index + 1] as [number, number] }))
          : [],
        hooks: { draw: [marks], setCursor: [(u) => showLegend(u.cursor.idx ?? null)] },
      },
      [state.times, ...columns()] as uPlot.AlignedData,
      plotArea,
    );
  };

  const draw = (): void => {
    scale = scaleOf(panel.unit, largestOf(columns()));
    const titles = state.lines.map(({ title }) => title).join('\n');
    if (!plot || titles !== drawnTitles) make();
    else plot.setData([state.times, ...columns()] as uPlot.AlignedData);
    drawnTitles = titles;
    showLegend(plot?.cursor.idx ?? null);
    plotArea.setAttribute('aria-label', `${panel.title}: ${legend.textContent}`);
  };

  const showState = (name: 'waiting' | 'ok' | 'error', text: string): void => {
    section.dataset.state = name;
    say(message, text);
    message.hidden = name === 'ok';
  };

  return {
    panel,
    section,
    async refresh(grid, rangeIndex) {
      try {
        const readAll = async (role: PageSeries['role']): Promise<Drawn[]> =>
          (
            await Promise.all(
              panel.series.filter((series) => series.role === role).map((series) => read(series, grid, rangeIndex)),
            )
          ).flat();
        const [lines, [first]] = await Promise.all([readAll('line'), readAll('limit')]);
        const value = first ? lastOf(first.values) : null;
        state = {
          times: timesOf(grid),
          lines,
          limit: first && value !== null ? { title: first.title, value } : null,
        };
        const count = points(state.lines.map((line) => line.values));
        section.dataset.points = `${count}`;
        const mark = state.limit ?? panel.threshold;
        say(limitNote, mark ? `${mark.title} ${shown(mark.value, panel.unit)}` : '');
        showState(count > 0 ? 'ok' : 'waiting', 'Waiting for the first requests');
        draw();
      } catch (error) {
        showState('error', `Cannot be read: ${error instanceof Error ? error.message : String(error)}`);
        throw error;
      }
    },
    repaint() {
      if (plot) make();
    },
    resize() {
      plot?.setSize({ width: Math.max(120, plotArea.clientWidth), height: HEIGHT });
    },
  };
}
