/** The dashboard page's server: asks Prometheus. Every failure is an error in words, for people to read on the page. */

import { SlipwayError } from '../../errors.js';
import type { PageGrid } from '../page/shape.js';

export interface Sampled {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

/** A series at one moment; a value that is no number is left out. */
export interface Instant {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A series on a grid. */
export interface Line {
  readonly labels: Readonly<Record<string, string>>;
  readonly values: readonly (number | null)[];
}

const TIMEOUT_MS = 10_000;
/** Of a drawn value; more digits than a chart has pixels. */
const DIGITS = 6;

interface Answer<Data> {
  readonly status: 'success' | 'error';
  readonly data?: Data;
  readonly error?: string;
}

/** One question to Prometheus' HTTP API: `ask(url, 'query', { query: 'up' })`. */
export async function ask<Data>(
  prometheusUrl: string,
  route: string,
  parameters: Readonly<Record<string, string>>,
): Promise<Data> {
  let answer: Answer<Data>;
  try {
    const response = await fetch(`${prometheusUrl}/api/v1/${route}?${new URLSearchParams(parameters)}`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    answer = (await response.json()) as Answer<Data>;
  } catch (error) {
    const slow = error instanceof Error && error.name === 'TimeoutError';
    throw new SlipwayError(slow ? 'Prometheus takes too long to answer' : 'Prometheus does not answer');
  }
  if (answer.status !== 'success' || answer.data === undefined) {
    throw new SlipwayError(`Prometheus says: ${answer.error ?? 'nothing that is an answer'}`);
  }
  return answer.data;
}

/** Prometheus writes numbers as text, with NaN and Inf among them: no value to show. */
export function finite(text: string | undefined): number | null {
  const value = Number(text);
  return text !== undefined && Number.isFinite(value) ? value : null;
}

/** The grid that ends now: its points stay where they are from one round to the next. */
export function gridOf(nowSeconds: number, rangeSeconds: number, step: number): PageGrid {
  const end = Math.floor(nowSeconds / step) * step;
  return { start: end - Math.floor(rangeSeconds / step) * step, end, step };
}

export const pointsOf = ({ start, end, step }: PageGrid): number => Math.round((end - start) / step) + 1;

/** Puts the samples of a series on the grid. */
export function onGrid(samples: readonly (readonly [number, string])[], grid: PageGrid): (number | null)[] {
  const values = new Array<number | null>(pointsOf(grid)).fill(null);
  for (const [time, text] of samples) {
    const place = Math.round((time - grid.start) / grid.step);
    const value = finite(text);
    if (place >= 0 && place < values.length) values[place] = value === null ? null : Number(value.toPrecision(DIGITS));
  }
  return values;
}

/** Values over time. */
export async function askRange(prometheusUrl: string, query: string, grid: PageGrid): Promise<readonly Line[]> {
  const { start, end, step } = grid;
  const given = { query, start: `${start}`, end: `${end}`, step: `${step}` };
  const { result } = await ask<{ result: readonly Sampled[] }>(prometheusUrl, 'query_range', given);
  return result.map(({ metric, values = [] }) => ({ labels: metric, values: onGrid(values, grid) }));
}

/** Values now. */
export async function askNow(prometheusUrl: string, query: string): Promise<readonly Instant[]> {
  const { result } = await ask<{ result: readonly Sampled[] }>(prometheusUrl, 'query', { query });
  return result.flatMap(({ metric, value }) => {
    const number = finite(value?.[1]);
    return number === null ? [] : [{ labels: metric, value: number }];
  });
}

/** The one value of a query now; null when there is none. */
export async function askOne(prometheusUrl: string, query: string): Promise<number | null> {
  return (await askNow(prometheusUrl, query))[0]?.value ?? null;
}
