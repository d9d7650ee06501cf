/** Step 2 of the road: times that the user has measured, which win over estimates. */

import { parse } from 'csv-parse/sync';
import { type Problem, ProblemsError, SlipwayError } from '../errors.js';
import { closest, isNearly } from '../model/names.js';
import { readText } from '../model/regular-file.js';
import type { Work } from '../model/work.js';
import { platformIds } from '../platforms.js';
import { cpus, findGpu, findMachineType, gpus, machineTypes } from './catalogue/tables.js';
import type { Device, Execution } from './estimate/device.js';
import { type Estimate, estimateRun } from './estimate/estimate.js';
import { executionProblem } from './estimate/execution.js';
import { type Precision, type Provider, precisions, providers } from './estimate/precision.js';
import { deviceOf } from './lanes.js';
import type { Machine } from './machine.js';
import { machineOf } from './offer.js';

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

/** The columns of a table of measurements, in any order; true where a table may leave it out. */
const optional = {
  model: true,
  machine: true,
  accelerator: true,
  precision: false,
  provider: false,
  batch: false,
  latency_ms: false,
} as const;
type Column = keyof typeof optional;
const columns = Object.keys(optional) as Column[];
type Row = Readonly<Partial<Record<Column, string>>>;

/** A row and the line of the file that it ends on. */
interface Line {
  readonly line: number;
  readonly row: Row;
}

/** Why this is no header; null when it is one. */
function headerProblem(header: readonly string[]): string | null {
  const isColumn = (name: string): name is Column => Object.hasOwn(optional, name);
  const missing = columns.filter((name) => !optional[name] && !header.includes(name));
  const unknown = header.filter((name) => !isColumn(name));
  const found = [
    ...(missing.length > 0 ? [`lacks ${missing.join(', ')}`] : []),
    ...(header.includes('machine') || header.includes('accelerator') ? [] : ['lacks both machine and accelerator']),
    ...(unknown.length > 0 ? [`has ${unknown.map((name) => `'${name}'`).join(', ')}`] : []),
    ...(new Set(header).size < header.length ? ['has a column twice'] : []),
  ];
  if (found.length === 0) return null;
  return `the header ${found.join(' and ')}. Give ${columns.join(',')}, separated by commas and in small letters; model, and machine or accelerator, may be left out`;
}

/** The device that a row was measured on; null where it names none. */
function deviceFor({ machine, accelerator }: Row): Device | null {
  if (machine && accelerator) return null;
  const gpu = accelerator ? findGpu(accelerator) : undefined;
  if (gpu !== undefined) return { kind: 'gpu', gpu, share: 1 };
  const type = machine ? findMachineType(machine) : undefined;
  if (type !== undefined) return deviceOf(machineOf(type, null));
  // What a processor can execute does not depend on which one it is.
  return machine === 'local' ? { kind: 'cpu', cpu: { ...cpus()[0]!, name: 'this machine' }, vcpus: 1 } : null;
}

const decimal = /^\d+(\.\d+)?$/;

function rowProblems(row: Row): string[] {
  const { machine, accelerator, batch, latency_ms: latency } = row;
  const precision = oneOf(row.precision, precisions);
  const provider = oneOf(row.provider, providers);
  const device = deviceFor(row);
  const refused = device && precision && provider && executionProblem(device, { precision, provider, batch: 1 });
  const found: readonly (readonly [unknown, string])[] = [
    [!machine && !accelerator, 'neither machine nor accelerator is given; give one'],
    [machine && accelerator, `machine '${machine}' and accelerator '${accelerator}' are both given; leave one empty`],
    [
      machine && machine !== 'local' && findMachineType(machine) === undefined,
      `machine '${machine}' is in no table. Similar: ${similarMachines(machine ?? '')}`,
    ],
    [
      accelerator && findGpu(accelerator) === undefined,
      `accelerator '${accelerator}' is in no table. Similar: ${closest(
        accelerator ?? '',
        gpus().map(({ id }) => id),
      ).join(', ')}`,
    ],
    [!precision, `precision '${row.precision ?? ''}' is none of ${precisions.join(', ')}`],
    [!provider, `provider '${row.provider ?? ''}' is none of ${providers.join(', ')}`],
    [refused, `${refused}`],
    [
      !/^[1-9]\d*$/.test(batch ?? '') || !Number.isSafeInteger(Number(batch)),
      `batch '${batch ?? ''}' is no whole number from 1`,
    ],
    [
      !decimal.test(latency ?? '') || !(Number(latency) > 0) || !Number.isFinite(Number(latency)),
      `latency_ms '${latency ?? ''}' is no plain number of milliseconds above 0, such as 3.8`,
    ],
  ];
  return found.filter(([holds]) => holds).map(([, what]) => what);
}

function similarMachines(name: string): string {
  const names = platformIds.flatMap((id) => machineTypes(id).map((type) => type.name));
  return closest(name, names).join(', ');
}

function oneOf<T extends string>(value: string | undefined, allowed: readonly T[]): T | undefined {
  return allowed.find((name) => name === value?.toLowerCase());
}

/** What a row says, of rows without problems. */
function measurementOf({ model, machine, accelerator, precision, provider, batch, latency_ms }: Row): Measurement {
  return {
    model: model || null,
    on: machine ? (findMachineType(machine)?.name ?? 'local') : findGpu(accelerator!)!.id,
    precision: oneOf(precision, precisions)!,
    provider: oneOf(provider, providers)!,
    batch: Number(batch),
    latencyMs: Number(latency_ms),
  };
}

/** Rows that say something else of what an earlier one was measured for. */
function contradictions(lines: readonly Line[]): [line: number, what: string][] {
  const seen = new Map<string, { readonly line: number; readonly latencyMs: number }>();
  return lines.flatMap(({ line, row }): [number, string][] => {
    const { latencyMs, ...key } = measurementOf(row);
    const earlier = seen.get(JSON.stringify(key));
    if (earlier === undefined) seen.set(JSON.stringify(key), { line, latencyMs });
    if (earlier === undefined || earlier.latencyMs === latencyMs) return [];
    return [[line, `${latencyMs} ms contradicts the ${earlier.latencyMs} ms of row ${earlier.line}; keep one of them`]];
  });
}

/** The records of a table as rows by column. */
function linesOf(path: string): Line[] {
  let records: readonly { readonly record: string[]; readonly info: { readonly lines: number } }[];
  try {
    records = parse(readText(path), {
      bom: true,
      trim: true,
      skip_empty_lines: true,
      info: true,
    }) as unknown as typeof records;
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    throw new SlipwayError(
      `'${path}' cannot be read as a table of measurements: ${(error as Error).message}. Give a CSV file with the columns ${columns.join(',')}.`,
    );
  }
  const [header, ...rest] = records;
  const problem =
    header === undefined
      ? `holds no rows. Give the columns ${columns.join(',')}`
      : (headerProblem(header.record) ?? (rest.length === 0 ? 'holds a header and no rows' : null));
  if (problem !== null) throw new ProblemsError('The measurements cannot be used', [{ where: path, what: problem }]);
  return rest.map(({ record, info }) => ({
    line: info.lines,
    row: Object.fromEntries(header!.record.map((name, at) => [name, record[at]])),
  }));
}

/**
 * Reads a table of measurements: CSV with the columns `model` (may be empty), `machine` or `accelerator`, `precision`, `provider`,
 * `batch` (rows in a run) and `latency_ms` (median time of one run).
 *
 * @throws ProblemsError with the header, or every row, that cannot be used
 */
export function readMeasurements(path: string): Measurement[] {
  const lines = linesOf(path);
  const wrong = new Map(lines.map((line) => [line, rowProblems(line.row)]));
  const sound = lines.filter((line) => wrong.get(line)!.length === 0);
  const found: [number, string][] = [
    ...[...wrong].flatMap(([{ line }, whats]) => whats.map((what): [number, string] => [line, what])),
    ...contradictions(sound),
  ];
  const problems: Problem[] = found
    .sort(([one], [other]) => one - other)
    .map(([line, what]) => ({ where: `${path}, row ${line}`, what }));
  if (problems.length > 0) throw new ProblemsError('The measurements cannot be used', problems);
  return lines.map(({ row }) => measurementOf(row));
}

const appliesTo = (row: Measurement, model: string): boolean => row.model === null || row.model === model;

/** Sentences on a table none of whose rows is of the model, so that nothing is corrected; none when a row is, or there are no rows. */
export function unusedMeasurements(model: string, rows: readonly Measurement[]): string[] {
  if (rows.length === 0 || rows.some((row) => appliesTo(row, model))) return [];
  const names = closest(
    model,
    rows.flatMap((row) => row.model ?? []),
  );
  const all = new Set(rows.map((row) => row.model)).size;
  const listed = `${names.join(', ')}${all > names.length ? `, and ${all - names.length} more` : ''}`;
  const near = names.find((name) => isNearly(name, model));
  const remedy =
    near === undefined
      ? `Write '${model}' in the column model, or leave the cell empty, where a row is of this model.`
      : `If '${near}' is this model, write '${model}' there.`;
  return [`No measurement is used: the rows are of ${listed}, the model is '${model}'. ${remedy}`];
}

const sameForm = (one: Measurement, other: Execution): boolean =>
  one.precision === other.precision && one.provider === other.provider;

/** How far a measured row is from a batch: doublings. */
const distance = (row: Measurement, batch: number): number => Math.abs(Math.log2(row.batch / batch));

/** Estimates of runs of one model, corrected where the user has measured. The same question is computed once. */
export function correctedEstimates(model: string, work: Work, measurements: readonly Measurement[]) {
  const own = measurements.filter((row) => appliesTo(row, model));
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
