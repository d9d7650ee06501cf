/** Every graph that is committed, on a processor of each instruction set and on three GPUs, in every form: estimates are numbers. */

import { describe, expect, test } from 'vitest';
import { cpus, findGpu } from '../../lib/hardware/catalogue/tables.js';
import type { Device, Execution } from '../../lib/hardware/estimate/device.js';
import { type Estimate, estimateRun } from '../../lib/hardware/estimate/estimate.js';
import { executable } from '../../lib/hardware/estimate/execution.js';
import { providers } from '../../lib/hardware/estimate/precision.js';
import type { InstructionSet } from '../../lib/hardware/machine.js';
import { readGraph } from '../../lib/model/read.js';
import { workOf } from '../../lib/model/work/work-of.js';
import { committedGraphs, sizesOf } from '../model/committed-graphs.js';
import { inputsOf } from '../model/work-graph.js';

const processors = [...new Map(cpus().map((cpu) => [cpu.instructionSet, cpu])).values()];
const devices: readonly Device[] = [
  ...processors.map((cpu): Device => ({ kind: 'cpu', cpu, vcpus: 4 })),
  ...['t4', 'l4', 'h100-sxm'].map((id): Device => ({ kind: 'gpu', gpu: findGpu(id)!, share: 1 })),
];

/** Every form in which each device can execute, for a single row and for several. */
const runs = devices.flatMap((device) =>
  providers.flatMap((provider) =>
    executable(device, provider).flatMap((precision) =>
      [1, 8].map((batch): { device: Device; execution: Execution } => ({
        device,
        execution: { precision, provider, batch },
      })),
    ),
  ),
);

const nameOf = ({ device, execution: { precision, provider, batch } }: (typeof runs)[number]) =>
  `${device.kind === 'gpu' ? device.gpu.id : device.cpu.id} ${precision} ${provider} ${batch}`;

const isAmount = (value: number): boolean => Number.isFinite(value) && value >= 0;
const isTime = (value: number): boolean => Number.isFinite(value) && value > 0;

function isSound({ latencyMs, bandMs: [low, high], throughputPerSecond, memoryGiB, provenance }: Estimate): boolean {
  const times = [latencyMs, low, high, throughputPerSecond].every(isTime);
  return times && low <= latencyMs && latencyMs <= high && isAmount(memoryGiB) && provenance !== '';
}

test('a processor of every instruction set and every provider is among the runs', () => {
  const sets: InstructionSet[] = ['x86-64-vnni', 'x86-64', 'arm64'];
  expect(processors.map(({ instructionSet }) => instructionSet)).toEqual(expect.arrayContaining(sets));
  expect(new Set(runs.map(({ execution }) => execution.provider))).toEqual(new Set(providers));
  expect(new Set(runs.map(({ execution }) => execution.precision)).size).toBe(6);
  expect(committedGraphs.length).toBeGreaterThan(150);
});

describe.each(committedGraphs)('%s', (name, path) => {
  const graph = readGraph(path);
  const inputs = inputsOf(graph);
  const work = workOf(graph, inputs, sizesOf(name, inputs));

  test('is estimated with a time, a band around it and memory', () => {
    const failed = runs
      .map((run) => [nameOf(run), estimateRun(work, run.device, run.execution)] as const)
      .filter(([, found]) => !isSound(found));
    expect(failed).toEqual([]);
  });
});
