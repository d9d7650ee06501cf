/** Step 2 of the road: how near each processor comes to its data sheet, from `data/hardware/efficiency.csv`. */

import type { KernelKind } from '../../model/work.js';
import { once, readTable } from '../catalogue/csv.js';
import type { Precision } from './precision.js';
import type { Efficiency } from './roofline.js';

/** What executes kernels, as far as their speed goes. */
export type Stack = 'ort-cpu' | 'ort-cuda' | 'tensorrt';

/** Kernels that share constants. `launch`: what the host takes to start one kernel, whatever it does. */
export type EfficiencyClass =
  | 'conv'
  | 'grouped'
  | 'matmul'
  | 'attention'
  | 'memory'
  | 'elementwise'
  | 'tree'
  | 'launch';

export const classOf: Readonly<Record<KernelKind, EfficiencyClass>> = {
  conv: 'conv',
  grouped: 'grouped',
  matmul: 'matmul',
  attention: 'attention',
  recurrent: 'matmul',
  normalization: 'memory',
  movement: 'memory',
  other: 'memory',
  elementwise: 'elementwise',
  tree: 'tree',
};

/** A row of `data/hardware/efficiency.csv`. */
export interface EfficiencyRow extends Efficiency {
  /** Key of `gpus.csv` or `cpus.csv`; `*` holds for all that have no row and no neighbour with one. */
  readonly device: string;
  readonly stack: Stack;
  /** `*` for every precision. */
  readonly precision: Precision | '*';
  readonly class: EfficiencyClass;
  /** Factor on the bandwidth where all that a kernel moves fits into 60% of the last-level cache. */
  readonly cached: number;
  /** Only of `*`: `compute` holds at 1 W for 10^12 operations a second at peak and grows with this power of the quotient. */
  readonly powerExponent: number;
  /** Natural logarithm of the factor within which 9 of 10 times lie. */
  readonly spread: number;
  /**
   * `fitted`: to whole networks with such kernels; `inferred`: to networks without them on the same device; `published`: to timings of
   * single operators; `default`: to all devices, or an estimate.
   */
  readonly provenance: 'fitted' | 'inferred' | 'published' | 'default';
  /** Measured results behind the row. */
  readonly results: number;
}

/** Rows by device, stack, precision and class. */
export type EfficiencyTable = ReadonlyMap<string, EfficiencyRow>;

export const keyOf = (device: string, stack: Stack, precision: Precision | '*', kind: EfficiencyClass): string =>
  `${device} ${stack} ${precision} ${kind}`;

export const tableOf = (rows: readonly EfficiencyRow[]): EfficiencyTable =>
  new Map(rows.map((row) => [keyOf(row.device, row.stack, row.precision, row.class), row]));

/** The table of this package. */
export const efficiencyTable = once(() =>
  tableOf(
    readTable<EfficiencyRow>('hardware/efficiency.csv', (cells) => ({
      device: cells.text('device'),
      stack: cells.text('stack') as Stack,
      precision: cells.text('precision') as Precision | '*',
      class: cells.text('class') as EfficiencyClass,
      compute: cells.number('compute'),
      bandwidth: cells.number('bandwidth'),
      floorUs: cells.number('floor_us'),
      exponent: cells.number('exponent'),
      cached: cells.number('cached'),
      powerExponent: cells.number('power_exponent'),
      spread: cells.number('spread'),
      provenance: cells.text('provenance') as EfficiencyRow['provenance'],
      results: cells.number('results'),
    })),
  ),
);

/** Where a row's constants come from, in words; `name` is the device's. */
export function originOf({ provenance, results }: EfficiencyRow, name: string): string {
  const many = `${results} result${results === 1 ? '' : 's'}`;
  switch (provenance) {
    case 'fitted':
      return `fitted to ${many} on ${name}`;
    case 'inferred':
      return `inferred from ${many} of other kernels on ${name}`;
    case 'published':
      return `published timings of single operators on ${name}`;
    default:
      return provenance;
  }
}
