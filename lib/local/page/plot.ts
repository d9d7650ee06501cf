/** The page: draws lines with uPlot, which knows nothing of the page. */

import uPlot from '/uplot/uPlot.esm.js';
import { clock, digits, type Scale } from './format.js';
import type { PageLine } from './shape.js';

export const HEIGHT = 190;
export const COLOURS = 6;
/** Between two marks of the time axis, seconds. */
const TIME_STEPS = [60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600];
/** Width of one in the marks of an axis, pixels. */
const LETTER = 6.2;
/** Whole things are not cut in fractions on an axis. */
const WHOLE_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000];
/** Told apart without colour too. */
const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 3], [9, 3, 2, 3], [1, 2], [12, 4]];

export interface PlotGiven {
  readonly area: HTMLElement;
  readonly lines: readonly PageLine[];
  /** Times, and the lines' values as they are drawn, on top of each other when stacked. */
  readonly data: readonly (readonly (number | null)[])[];
  readonly stacked: boolean;
  readonly whole: boolean;
  /** Most that a value can be; null where there is no such thing. */
  readonly most: number | null;
  scale(): Scale;
  /** Where to mark an objective; null without one. */
  readonly mark: number | null;
  /** Hears which point the cursor is at; null once it has left. */
  cursor(at: number | null): void;
}

const variable = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export const widthOf = (area: HTMLElement): number => Math.max(120, area.clientWidth);

/** Room above the highest value, so that a line never runs along the frame. */
const ceiling = (largest: number): number => (largest > 0 ? largest * 1.12 : 1);

export function makePlot(given: PlotGiven): uPlot {
  const { area, lines, stacked, mark, most } = given;
  const axis = { stroke: variable('--ink-soft'), font: `11px ${variable('--font')}`, ticks: { show: false } };
  const colour = (index: number): string => variable(`--series-${(index % COLOURS) + 1}`);
  const marks = (u: uPlot): void => {
    if (mark === null || mark > (u.scales.y?.max ?? 0)) return;
    const y = u.valToPos(mark, 'y', true);
    u.ctx.save();
    u.ctx.strokeStyle = variable('--bad');
    u.ctx.setLineDash([4, 4]);
    u.ctx.beginPath();
    u.ctx.moveTo(u.bbox.left, y);
    u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
    u.ctx.stroke();
    u.ctx.restore();
  };
  return new uPlot(
    {
      width: widthOf(area),
      height: HEIGHT,
      padding: [8, 6, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: 'slipway' }, drag: { x: false, y: false }, points: { size: 6 } },
      scales: { x: { time: true }, y: { range: (_, __, max) => [0, most ?? ceiling(max ?? 0)] } },
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
          grid: { stroke: variable('--line'), width: 1 },
          size: (_, values) => Math.max(64, 14 + LETTER * Math.max(0, ...(values ?? []).map(({ length }) => length))),
          space: 36,
          ...(given.whole ? { incrs: WHOLE_STEPS } : {}),
          values: (_, splits) => {
            const { divisor, suffix } = given.scale();
            return splits.map((value) => `${digits(value / divisor)}${suffix}`);
          },
        },
      ],
      series: [
        {},
        ...lines.map(({ title }, index) => ({
          label: title,
          stroke: colour(index),
          width: 1.5,
          dash: stacked ? [] : [...(DASHES[index % DASHES.length] ?? [])],
          points: { show: false },
          ...(stacked ? { fill: `${colour(index)}66` } : {}),
        })),
      ],
      // Each layer is filled down to the one below it; the first, down to the axis.
      bands: stacked ? lines.slice(1).map((_, index) => ({ series: [index + 2, index + 1] as [number, number] })) : [],
      hooks: { draw: [marks], setCursor: [(u) => given.cursor(u.cursor.idx ?? null)] },
    },
    given.data as uPlot.AlignedData,
    area,
  );
}

/** Moves the cursor by keys: arrows a point, Home and End to the ends, Escape away. True when it was such a key. */
export function moveCursor(plot: uPlot, key: string): boolean {
  const last = plot.data[0].length - 1;
  const at = plot.cursor.idx ?? null;
  const places: Readonly<Record<string, number>> = {
    ArrowLeft: Math.max(0, (at ?? last + 1) - 1),
    ArrowRight: Math.min(last, (at ?? last) + 1),
    Home: 0,
    End: last,
  };
  const place = places[key];
  if (place === undefined && key !== 'Escape') return false;
  const left = place === undefined ? -10 : plot.valToPos(plot.data[0][place]!, 'x');
  plot.setCursor({ left, top: place === undefined ? -10 : HEIGHT / 2 });
  return true;
}
