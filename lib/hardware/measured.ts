/** Step 2 of the road: times that the user has measured, which win over estimates. */

import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { type Problem, ProblemsError, SlipwayError } from '../errors.js';
import { closest } from '../model/names.js';
import type { Work } from '../model/work.js';
import { findGpu, findMachineType, gpus } from './catalogue/tables.js';
import type { Device, Execution } from './estimate/device.js';
import { type Estimate, estimateRun } from './estimate/estimate.js';
import { type Precision, type Provider, precisions, providers } from './estimate/precision.js';
import { deviceOf } from './lanes.js';
import type { Machine } from './machine.js';

/** The median time of one run on a whole machine. */
export interface Measurement {
  /** The model's name; null for every model that is planned with this table. */
  readonly model: string | null;
  /** A machine type, or the id of an accelerator. */
  readonly on: string;
  readonly precision: Precision;
  readonly provider: Provider;
  readonly batch: number;
  readonly latencyMs: number;
}

/** The columns of a table of measurements. */
const columns = ['model', 'machine', 'accelerator', 'precision', 'provider', 'batch', 'latency_ms'] as const;
type Row = Readonly<Record<(typeof columns)[number], string | undefined>>;

function oneOf<T extends string>(value: string | undefined, allowed: readonly T[]): T | undefined {
  return allowed.find((name) => name === value?.toLowerCase());
}

function rowProblems(row: Row): string[] {
  const { machine, accelerator, precision, provider, batch, latency_ms: latency } = row;
  const found: readonly (readonly [unknown, string])[] = [
    [!machine && !accelerator, 'neither machine nor accelerator is given; give one'],
    [
      machine && machine !== 'local' && findMachineType(machine) === undefined,
      `machine '${machine}' is in no table; give a platform's own name, such as ml.g6.xlarge`,
    ],
    [
      accelerator && findGpu(accelerator) === undefined,
      `accelerator '${accelerator}' is in no table. Similar: ${closest(
        accelerator ?? '',
        gpus().map(({ id }) => id),
      ).join(', ')}`,
    ],
    [!oneOf(precision, precisions), `precision '${precision ?? ''}' is none of ${precisions.join(', ')}`],
    [!oneOf(provider, providers), `provider '${provider ?? ''}' is none of ${providers.join(', ')}`],
    [!/^[1-9]\d*$/.test(batch ?? ''), `batch '${batch ?? ''}' is no whole number from 1`],
    [!(Number(latency) > 0), `latency_ms '${latency ?? ''}' is no number of milliseconds above 0`],
  ];
  return found.filter(([holds]) => holds).map(([, what]) => what);
}

/**
 * Reads a table of measurements: CSV with the columns `model` (may be empty), `machine` or `accelerator`, `precision`, `provider`,
 * `batch` (rows in a run) and `latency_ms` (median time of one run).
 *
 * @throws ProblemsError with every row that cannot be used
 */
export function readMeasurements(path: string): Measurement[] {
  let rows: Row[];
  try {
    rows = parse(readFileSync(path, 'utf8'), { bom: true, columns: true, trim: true, skip_empty_lines: true }) as Row[];
  } catch (error) {
    throw new SlipwayError(
      `'${path}' cannot be read as a table of measurements: ${(error as Error).message}. Give a CSV file with the columns ${columns.join(',')}.`,
    );
  }
  const problems: Problem[] = rows.flatMap((row, index) =>
    rowProblems(row).map((what) => ({ where: `${path}, row ${index + 2}`, what })),
  );
  if (rows.length === 0) problems.push({ where: path, what: `holds no rows. Give the columns ${columns.join(',')}` });
  if (problems.length > 0) throw new ProblemsError('The measurements cannot be used', problems);
  return rows.map((row) => ({
    model: row.model || null,
    on: row.machine ? (findMachineType(row.machine)?.name ?? 'local') : findGpu(row.accelerator!)!.id,
    precision: oneOf(row.precision, precisions)!,
    provider: oneOf(row.provider, providers)!,
    batch: Number(row.batch),
    latencyMs: Number(row.latency_ms),
  }));
}

const sameForm = (one: Measurement, other: Execution): boolean =>
  one.precision === other.precision && one.provider === other.provider;

/** How far a measured row is from a batch: doublings. */
const distance = (row: Measurement, batch: number): number => Math.abs(Math.log2(row.batch / batch));

/** Estimates of runs of one model, corrected where the user has measured. The same question is computed once. */
export function correctedEstimates(model: string, work: Work, measurements: readonly Measurement[]) {
  const own = measurements.filter((row) => row.model === null || row.model === model);
  const kept = new Map<string, Estimate>();

  function estimated(device: Device, execution: Execution): Estimate {
    const [id, size] = device.kind === 'gpu' ? [device.gpu.id, device.share] : [device.cpu.id, device.vcpus];
    const key = `${id}|${size}|${execution.precision}|${execution.provider}|${execution.batch}`;
    const known = kept.get(key) ?? estimateRun(work, device, execution);
    kept.set(key, known);
    return known;
  }

  /** The row for this machine and form whose batch is the nearest; rows of the machine before those of its accelerator. */
  function nearest(machine: Machine, execution: Execution): Measurement | undefined {
    const rows = own.filter((row) => sameForm(row, execution));
    const named = rows.filter(({ on }) => on === machine.name);
    const possible = named.length > 0 ? named : rows.filter(({ on }) => on === machine.accelerator);
    return possible.reduce<Measurement | undefined>(
      (best, row) =>
        best !== undefined && distance(best, execution.batch) <= distance(row, execution.batch) ? best : row,
      undefined,
    );
  }

  /** The estimate on a part of the machine, by the ratio of measured to estimated time on the whole. */
  function estimate(device: Device, execution: Execution, machine: Machine): Estimate {
    const found = estimated(device, execution);
    const row = nearest(machine, execution);
    if (row === undefined) return found;
    const ratio = row.latencyMs / estimated(deviceOf(machine), { ...execution, batch: row.batch }).latencyMs;
    const latencyMs = found.latencyMs * ratio;
    const exact = row.batch === execution.batch;
    const spread = exact ? 0.05 : 0.15;
    return {
      ...found,
      latencyMs,
      bandMs: [latencyMs * (1 - spread), latencyMs * (1 + spread)],
      throughputPerSecond: found.throughputPerSecond / ratio,
      provenance: exact ? 'measured' : `measured at batch ${row.batch}`,
    };
  }

  return { estimate };
}
