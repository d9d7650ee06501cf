/** Monitoring, step 1: the metrics that exist. Panels and alerts may use these and no others. */

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { packageFile } from '../package-root.js';

/** Base units, but where an exporter that is not ours has its own. */
const units = [
  ...(['1', 'seconds', 'bytes', 'decibels'] as const),
  ...(['percent', 'mebibytes', 'watts', 'celsius', 'bytes_per_second'] as const),
] as const;

const metricSchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/),
  type: z.enum(['counter', 'gauge', 'histogram']),
  unit: z.enum(units),
  labels: z.array(z.string()),
  values: z.record(z.string(), z.array(z.string())).optional(),
  buckets: z.array(z.number().positive()).optional(),
  help: z.string(),
});

const catalogueSchema = z.strictObject({
  backend: z.string(),
  description: z.string(),
  metrics: z.array(metricSchema),
});

/** One metric: its name without the suffixes of a histogram's series, its unit, the labels it carries. */
export interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly unit: (typeof units)[number];
  readonly labels: readonly string[];
  /** For a label with few values, all of them. */
  readonly values: Readonly<Record<string, readonly string[]>>;
  /** Upper bounds of a histogram's buckets, rising, in the metric's unit; without the last, which is infinite. */
  readonly buckets: readonly number[];
  readonly help: string;
}

/** By name, in the order of the file. */
export type Catalogue = ReadonlyMap<string, Metric>;

/** Reads `data/metrics/<backend>.json`: what the server exports, or dcgm-exporter beside it. */
export function loadCatalogue(backend: 'server' | 'dcgm' = 'server'): Catalogue {
  const text = readFileSync(packageFile('data', 'metrics', `${backend}.json`), 'utf8');
  const { metrics } = catalogueSchema.parse(JSON.parse(text));
  return new Map(metrics.map((metric) => [metric.name, { values: {}, buckets: [], ...metric } as Metric]));
}

/** The metric of that name; an unknown name is a defect of the plan. */
export function metricOf(catalogue: Catalogue, name: string): Metric {
  const metric = catalogue.get(name);
  if (!metric) throw new Error(`no metric '${name}' in the catalogue`);
  return metric;
}
