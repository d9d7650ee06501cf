/** Step 2 of the road: how long a run takes on a device, before anything is run. */

import { SlipwayError } from '../../errors.js';
import { amount, type Work } from '../../model/work.js';
import type { Gpu } from '../catalogue/catalogue.js';
import { once } from '../catalogue/csv.js';
import { gpus } from '../catalogue/tables.js';
import type { Device, Execution } from './device.js';
import { deviceMemoryGiB } from './device-memory.js';
import { type EfficiencyTable, efficiencyTable } from './efficiency.js';
import { executionProblem } from './execution.js';
import { type ExecutedWork, executed } from './kernel-costs.js';
import { type Processor, processorOf } from './processor.js';
import { computeSeconds, movingSeconds, smoothMaximum } from './roofline.js';

export interface Estimate {
  /** Median time of one run of the batch, milliseconds; no HTTP, queue or host transfer. */
  readonly latencyMs: number;
  /** Within which the time lies in 9 of 10 cases, milliseconds. */
  readonly bandMs: readonly [low: number, high: number];
  /** Rows a second, runs back to back. */
  readonly throughputPerSecond: number;
  /** Memory of the device that the run needs, GiB: weights, activations, context, workspace, arena. */
  readonly memoryGiB: number;
  /** What the largest share of the time goes to. */
  readonly boundBy: 'compute' | 'bandwidth' | 'launch';
  /** Where the constants come from: `measured`, `fitted`, `transferred from A10`, `default`, in words. */
  readonly provenance: string;
}

export type EstimateRun = (work: Work, device: Device, execution: Execution) => Estimate;

/** Milliseconds of a run, and what they go to. */
interface RunTime {
  readonly ms: number;
  readonly boundBy: Estimate['boundBy'];
  /** Constants of the kernels that take most of the time. */
  readonly spread: number;
  readonly origin: string;
}

/**
 * Estimates with the given constants.
 *
 * A kernel takes `((F/(P*eC))^q + (bytes/(BW*eB))^q)^(1/q) + t0` with the peaks F/s = P and bytes/s = BW of the
 * data sheet, and the shares of them that are reached, the sharpness and the floor from the table. A run takes the smooth maximum of the sum
 * of its kernels and of what the host needs to launch them.
 */
export function estimator(table: EfficiencyTable, gpus: readonly Gpu[]): EstimateRun {
  const processors = new WeakMap<object, Map<string, Processor>>();
  const find = (device: Device, execution: Execution): Processor => {
    const catalogued = device.kind === 'gpu' ? device.gpu : device.cpu;
    const found = processors.get(catalogued) ?? new Map<string, Processor>();
    processors.set(catalogued, found);
    const key = `${execution.provider} ${device.kind === 'gpu' ? device.share : device.vcpus}`;
    const processor = found.get(key) ?? processorOf(table, gpus, device, execution);
    found.set(key, processor);
    return processor;
  };
  return (work, device, execution) => {
    const problem = executionProblem(device, execution);
    if (problem !== null) throw new SlipwayError(problem);
    const time = runTime(executed(work, execution), find(device, execution), execution.batch);
    return {
      latencyMs: time.ms,
      bandMs: [time.ms * Math.exp(-time.spread), time.ms * Math.exp(time.spread)],
      throughputPerSecond: (execution.batch * 1000) / time.ms,
      memoryGiB: deviceMemoryGiB(work, execution),
      boundBy: time.boundBy,
      provenance: time.origin,
    };
  };
}

const estimateWithTables = once(() => estimator(efficiencyTable(), gpus()));

/**
 * Estimates with the constants of this package. Throws `SlipwayError` where the device cannot execute in this form; see
 * `executionProblem`.
 */
export const estimateRun: EstimateRun = (work, device, execution) => estimateWithTables()(work, device, execution);

function runTime({ costs, launches }: ExecutedWork, processor: Processor, batch: number): RunTime {
  const parts = { compute: 0, bandwidth: 0, launch: 0 };
  const units = processor.units(costs);
  let seconds = 0;
  let longest = -1;
  let main = units[0];
  for (let index = 0; index < costs.length; index += 1) {
    const { operations, bytes: moved, count, steps } = costs[index]!;
    const { peak, constants } = units[index]!;
    const bytes = amount(moved, batch);
    const computing = computeSeconds(amount(operations, batch), peak, constants);
    const moving = movingSeconds(bytes, peak, constants) / (bytes <= processor.cacheBytes ? constants.cached : 1);
    const working = count * smoothMaximum(computing, moving, constants.exponent);
    const floor = count * steps * constants.floorUs * 1e-6;
    parts[computing >= moving ? 'compute' : 'bandwidth'] += working;
    parts.launch += floor;
    seconds += working + floor;
    if (working + floor > longest) {
      longest = working + floor;
      main = units[index];
    }
  }
  const launching = launches * processor.launchUs * 1e-6;
  return {
    ms: 1000 * smoothMaximum(seconds, launching, 2),
    boundBy: launching > seconds ? 'launch' : largest(parts),
    spread: main?.constants.spread ?? 0,
    origin: main?.constants.origin ?? 'nothing to compute',
  };
}

function largest(parts: Readonly<Record<Estimate['boundBy'], number>>): Estimate['boundBy'] {
  if (parts.launch > parts.compute && parts.launch > parts.bandwidth) return 'launch';
  return parts.compute >= parts.bandwidth ? 'compute' : 'bandwidth';
}
