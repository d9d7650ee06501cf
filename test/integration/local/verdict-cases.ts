/** For the tests of the verdicts: of each, how an endpoint fares that it is true of, and one that it is nearly true of. */

import type { VerdictId } from '../../../lib/monitoring/bottleneck.js';
import type { Fare } from './endpoint-series.js';

/** No request is answered, and no run ends. */
export const nothing = {
  requests: 0,
  queue: 0,
  preprocess: 0,
  infer: 0,
  postprocess: 0,
  outside: 0,
  run: 0,
  runs: 0,
  rows: 0,
};

/** An accelerator that has little to do, and a server whose processors have little to do with it. */
export const idleGpu = { sm: 0.3, engine: 0.4, dram: 0.2, tensor: 0.4, received: 1e9, sent: 1e8, memory: 0.4 };

export interface Case {
  readonly verdict: VerdictId;
  readonly when: string;
  readonly fare: Partial<Fare>;
  readonly also?: readonly VerdictId[];
  /** The same, but this. */
  readonly nearly: Partial<Fare>;
  readonly leaves?: readonly VerdictId[];
}

export const cases: readonly Case[] = [
  { verdict: 'memory', when: '91 % of the limit', fare: { memory: 0.91 }, nearly: { memory: 0.9 } },
  {
    verdict: 'gpu-memory',
    when: '91 % of the accelerator’s memory',
    fare: { gpu: { ...idleGpu, memory: 0.91 } },
    nearly: { gpu: { ...idleGpu, memory: 0.9 } },
  },
  {
    verdict: 'hooks-lock',
    when: 'five requests are in hooks and one processor works',
    fare: { preprocess: 5, cpu: 1.05, cpuWait: 0.8, inFlight: 5 },
    nearly: { preprocess: 1.8 },
  },
  {
    verdict: 'hooks-lock',
    when: 'the same on two processors, where those that wait for the lock wait for a processor too',
    fare: { preprocess: 5, cpu: 1, cpuWait: 1, inFlight: 5, processors: 2, workers: 2, infer: 0.1, run: 0.1 },
    also: ['processors-taken', 'cpu-around'],
    nearly: { cpuWait: 1.6 },
    leaves: ['processors-taken', 'cpu-around'],
  },
  {
    verdict: 'processors-taken',
    when: 'threads wait for processors that others have',
    fare: { cpu: 1.6, cpuWait: 2.4 },
    nearly: { cpuWait: 1.7 },
    also: ['cpu-inference'],
  },
  {
    verdict: 'processors-taken',
    when: 'the thread that reads waits for a processor',
    fare: { cpu: 0.4, cpuWait: 0.8, loop: 0.1, loopWait: 0.78 },
    nearly: { loopWait: 0.7 },
  },
  {
    verdict: 'concurrency',
    when: 'both workers are busy on a machine of four processors',
    fare: { workers: 2, run: 1.9, queue: 0.9, cpu: 2.1, infer: 1.9, depth: 0.9 },
    nearly: { run: 1.7 },
  },
  {
    verdict: 'concurrency',
    when: 'the one worker of an accelerator is busy that could do more',
    fare: { workers: 1, run: 0.95, queue: 0.9, cpu: 0.8, infer: 0.95, depth: 0.9, gpu: { ...idleGpu, sm: 0.55 } },
    nearly: { gpu: { ...idleGpu, sm: 0.65 } },
  },
  {
    verdict: 'batch-limit',
    when: 'batches of one, and two would take less',
    fare: { batchLimit: 1, batchGain: 0.6, runs: 100, queue: 8, depth: 8, cpu: 3.6, run: 3.8, infer: 3.8 },
    also: ['queue'],
    nearly: { batchGain: 0.92 },
    leaves: ['queue'],
  },
  {
    verdict: 'batch-underfilled',
    when: 'ten wait and batches have one row',
    fare: { runs: 100, cut: 90, queue: 10, depth: 10, infer: 3.6, run: 3.6, cpu: 3 },
    also: ['queue'],
    nearly: { cut: 40 },
    leaves: ['queue'],
  },
  {
    verdict: 'batch-overwaiting',
    when: 'a wait of 6 ms while workers are free',
    fare: { queue: 0.6, depth: 0.6 },
    nearly: { queue: 0.45 },
  },
  {
    verdict: 'event-loop',
    when: 'the thread that reads and writes is full, on four processors',
    fare: { loop: 0.88, loopWait: 0.02, cpu: 1.6 },
    nearly: { loop: 0.8 },
  },
  {
    verdict: 'cpu-around',
    when: 'processors are full, half of the time before and after the run',
    fare: { cpu: 3.6, preprocess: 1.5, infer: 1.2, inFlight: 4 },
    also: ['cpu-inference'],
    nearly: { cpu: 3.2 },
  },
  {
    verdict: 'gpu-link',
    when: '12 GB a second go to an accelerator that waits',
    fare: { gpu: { ...idleGpu, received: 12e9 } },
    nearly: { gpu: { ...idleGpu, received: 10e9 } },
  },
  {
    verdict: 'gpu-bandwidth',
    when: 'the accelerator moves data and multiplies little',
    fare: { gpu: { ...idleGpu, dram: 0.7, tensor: 0.1 } },
    nearly: { gpu: { ...idleGpu, dram: 0.7, tensor: 0.35 } },
  },
  {
    verdict: 'gpu-compute',
    when: 'the accelerator’s processors are full',
    fare: { gpu: { ...idleGpu, sm: 0.9 }, depth: 0.2 },
    nearly: { gpu: { ...idleGpu, sm: 0.75 } },
  },
  {
    verdict: 'queue',
    when: 'requests wait twice as long as they are worked on',
    fare: { queue: 8, depth: 8, infer: 3.6, run: 3.7, cpu: 3.7, runs: 20 },
    nearly: { queue: 3 },
    leaves: ['cpu-inference'],
  },
  {
    verdict: 'queue',
    when: 'nothing is answered any more',
    fare: { ...nothing, depth: 40, inFlight: 44 },
    nearly: { depth: 0.9, inFlight: 2 },
  },
  {
    verdict: 'cpu-inference',
    when: 'processors are full and hardly anything waits',
    fare: { cpu: 3.5, run: 3.3, infer: 3.3, inFlight: 4 },
    nearly: { cpu: 3.3 },
  },
  {
    verdict: 'network',
    when: 'bodies take 20 ms to come in',
    fare: { outside: 2 },
    nearly: { outside: 0.9 },
  },
];
