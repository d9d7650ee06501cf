/** The page: reads Prometheus' HTTP API through the page's own server. Every failure is an error in words. */

export interface Line {
  /** Labels of the series. */
  readonly labels: Readonly<Record<string, string>>;
  /** One value for each point of the grid; null where there is none. */
  readonly values: readonly (number | null)[];
}

/** Points in time at which a chart is drawn, Unix seconds. */
export interface Grid {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

export interface ActiveAlert {
  readonly state: 'pending' | 'firing';
  readonly activeAt: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Answer<Data> {
  readonly status: 'success' | 'error';
  readonly data?: Data;
  readonly error?: string;
}

interface Sampled {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

const TIMEOUT_MS = 10_000;

async function ask<Data>(path: string, parameters: Record<string, string> = {}): Promise<Data> {
  const search = new URLSearchParams(parameters).toString();
  const response = await fetch(`/api/v1/${path}${search ? `?${search}` : ''}`, {
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const answer = (await response.json()) as Answer<Data>;
  if (answer.status !== 'success' || answer.data === undefined) {
    throw new Error(answer.error ?? `Prometheus answers with status ${response.status}`);
  }
  return answer.data;
}

/** Prometheus writes numbers as text, with NaN and Inf among them: no value to draw. */
function finite(text: string | undefined): number | null {
  const value = Number(text);
  return text !== undefined && Number.isFinite(value) ? value : null;
}

/** The grid that ends now: its points stay where they are from one refresh to the next. */
export function gridOf(nowSeconds: number, rangeSeconds: number, step: number): Grid {
  const end = Math.floor(nowSeconds / step) * step;
  return { start: end - Math.floor(rangeSeconds / step) * step, end, step };
}

export function timesOf(grid: Grid): number[] {
  return Array.from(
    { length: Math.round((grid.end - grid.start) / grid.step) + 1 },
    (_, i) => grid.start + i * grid.step,
  );
}

/** Puts the samples of a series on the grid. */
export function onGrid(samples: readonly (readonly [number, string])[], grid: Grid): (number | null)[] {
  const values: (number | null)[] = timesOf(grid).map(() => null);
  for (const [time, text] of samples) {
    const place = Math.round((time - grid.start) / grid.step);
    if (place >= 0 && place < values.length) values[place] = finite(text);
  }
  return values;
}

/** A value over time; one line for each series. */
export async function range(query: string, grid: Grid): Promise<Line[]> {
  const { start, end, step } = grid;
  const data = await ask<{ result: Sampled[] }>('query_range', {
    query,
    start: `${start}`,
    end: `${end}`,
    step: `${step}`,
  });
  return data.result.map(({ metric, values = [] }) => ({ labels: metric, values: onGrid(values, grid) }));
}

/** A value now; null when there is none. */
export async function now(query: string): Promise<number | null> {
  const data = await ask<{ result: Sampled[] }>('query', { query });
  return finite(data.result[0]?.value?.[1]);
}

export async function activeAlerts(): Promise<readonly ActiveAlert[]> {
  return (await ask<{ alerts: ActiveAlert[] }>('alerts')).alerts;
}
