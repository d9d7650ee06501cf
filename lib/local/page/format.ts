/** The page: numbers as people read them. One scale for a whole axis, so that its ticks compare. */

import type { PageUnit } from './shape.js';

export interface Scale {
  readonly divisor: number;
  /** After the number, with its space; empty for bare numbers. */
  readonly suffix: string;
}

/** From large to small; the first that the largest value reaches is taken, else the last. */
const scales: Record<PageUnit, readonly (readonly [divisor: number, suffix: string])[]> = {
  'requests/s': [
    [1000, 'k req/s'],
    [1, ' req/s'],
  ],
  requests: [
    [1000, 'k'],
    [1, ''],
  ],
  seconds: [
    [1, ' s'],
    [1e-3, ' ms'],
    [1e-6, ' µs'],
  ],
  bytes: [
    [1e9, ' GB'],
    [1e6, ' MB'],
    [1e3, ' KB'],
    [1, ' B'],
  ],
  cores: [[1, '']],
  rows: [[1, '']],
  share: [[0.01, ' %']],
  ratio: [[1, 'x']],
  decibels: [[1, ' dB']],
  flag: [[1, '']],
};

/** The scale of an axis whose largest value is `largest`. Thousands are abbreviated from 10 000 on. */
export function scaleOf(unit: PageUnit, largest: number): Scale {
  const steps = scales[unit];
  const abbreviates = (suffix: string): boolean => suffix.startsWith('k');
  const [divisor, suffix] =
    steps.find(([size, name]) => Math.abs(largest) >= (abbreviates(name) ? size * 10 : size)) ??
    steps[steps.length - 1]!;
  return { divisor, suffix };
}

/** At most three significant digits below 1000, and no digits after the point above. */
export function digits(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  const places = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  const rounded = Number(value.toFixed(places));
  return rounded.toLocaleString('en', { maximumFractionDigits: places });
}

/** One value on its own: `4.2 ms`, `96 KB`, `99.6 %`. Nothing measured is a dash. */
export function shown(value: number | null | undefined, unit: PageUnit, scale = scaleOf(unit, value ?? 0)): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  return `${digits(value / scale.divisor)}${scale.suffix}`;
}

/** Hours and minutes of a time in Unix seconds, in the reader's zone. */
export function clock(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
}

/** The same with seconds, and the day where it is not today. */
export function time(seconds: number): string {
  const at = new Date(seconds * 1000);
  const day =
    at.toDateString() === new Date().toDateString()
      ? ''
      : `${at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })}, `;
  return `${day}${at.toLocaleTimeString('en-GB')}`;
}

const spans = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;

/** How long something took or lasts: `12 s`, `5 min`, `3.2 h`. */
export function lasting(seconds: number): string {
  const [size, unit] = spans.find(([size]) => seconds >= size) ?? spans[3];
  const count = seconds / size;
  return `${count < 10 && size >= 3600 ? Number(count.toFixed(1)) : Math.round(count)} ${unit}`;
}

/** `1 row`, `500 rows`. */
export const many = (count: number, what: string): string =>
  `${Math.round(count).toLocaleString('en')} ${what}${Math.round(count) === 1 ? '' : 's'}`;

/** Cents of a dollar where that says enough, else three digits: `$0.53`, `$0.0042`. */
export function usd(amount: number): string {
  return `$${amount === 0 || amount >= 0.1 ? amount.toFixed(2) : Number(amount.toPrecision(2))}`;
}

/** A word for the shell, whatever is in it. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
