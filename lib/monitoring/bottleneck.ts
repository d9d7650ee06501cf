/** Monitoring: what limits an endpoint, and what to do about it. Data alone, for browsers too: each verdict is conditions on figures, a meaning and an action. */

import type { FigureId } from './bottleneck-figures.js';
import { thresholds as t } from './bottleneck-thresholds.js';

export interface Condition {
  readonly figure: FigureId;
  readonly is: '>' | '<' | '<=';
  readonly than: number;
  /** Holds where there is no such figure: an endpoint without an accelerator has an idle one. */
  readonly orAbsent?: true;
}

export interface Verdict {
  /** Lower case; the label `verdict` of what is recorded. */
  readonly id: string;
  /** A few words. */
  readonly title: string;
  /** One sentence. */
  readonly meaning: string;
  /** What to do, the first thing first. */
  readonly action: string;
  /** How bad it is: it limits, it wastes, or nothing is wrong. */
  readonly kind: 'limit' | 'waste' | 'none';
  /** All of them; empty for the verdict that is left when no other holds. */
  readonly when: readonly Condition[];
}

const above = (figure: FigureId, than: number): Condition => ({ figure, is: '>', than });
const below = (figure: FigureId, than: number): Condition => ({ figure, is: '<', than });
const acceleratorBelow = (figure: 'gpu' | 'gpu_peak', than: number): Condition => ({
  ...below(figure, than),
  orAbsent: true,
});

/**
 * Every verdict that the server's own metrics, or dcgm-exporter's, can show; the strongest first.
 *
 * First what ends the process, then what nothing in the endpoint can mend, then settings, which cost nothing to change, then resources from
 * the narrowest to the widest, then what is merely too much. A verdict that names a cause stands before one that names a symptom.
 */
export const verdicts = [
  {
    id: 'memory',
    title: 'Memory',
    kind: 'limit',
    meaning:
      'The server uses nearly all memory it may have; at the limit the system ends it with every request in work.',
    action: 'Give it more memory, or lower the queue, the batch size or the number of workers.',
    when: [above('memory', t.fullMemory)],
  },
  {
    id: 'gpu-memory',
    title: 'Memory of the accelerator',
    kind: 'limit',
    meaning: 'The accelerator’s memory is nearly full; a larger batch or input would fail.',
    action:
      'Lower the batch size or the number of workers, serve a smaller form of the model, or take a larger accelerator.',
    when: [above('gpu_memory', t.fullMemory)],
  },
  {
    id: 'cold-start',
    title: 'Cold start',
    kind: 'limit',
    meaning: 'Replicas have just started, and requests waited or were refused while they loaded the model.',
    action: 'Keep at least one replica running, scale out earlier, or make the image and the model smaller.',
    when: [above('cold_share', t.coldShare)],
  },
  {
    id: 'hooks-lock',
    title: 'Hooks wait for each other',
    kind: 'limit',
    meaning:
      'Hooks are written in plain Python, of which one piece runs at a time: together they fill one processor and no second.',
    action:
      'Do their work in numpy, which lets others run, or in the model; or run more replicas with fewer processors each.',
    when: [
      above('around_share', t.muchAround),
      above('around_work', t.someInHooks),
      above('cores_used', t.oneProcessor.least),
      below('cores_used', t.oneProcessor.most),
      below('cores', t.fewWanted),
      below('cpu_used', t.fullProcessors),
    ],
  },
  {
    id: 'processors-taken',
    title: 'Processors are taken by others',
    kind: 'limit',
    meaning:
      'The server is ready to work and gets no processor: other programs, or a limit on processor time, have it.',
    action:
      'Give the server processors of its own, or raise its limit. If the load generator runs on this machine, move it.',
    when: [above('pressed', t.fullProcessors), above('taken', t.muchTaken), below('cpu_used', t.slackProcessors)],
  },
  {
    id: 'concurrency',
    title: 'Too few workers',
    kind: 'limit',
    meaning: 'All workers are busy and requests wait, although processors are free.',
    action: 'Raise the number of workers (`serving.workers`) or the threads of a run (`serving.intraOpThreads`).',
    when: [
      above('busy', t.busyWorkers),
      above('queue_share', t.muchWaiting),
      below('cpu_used', t.slackProcessors),
      acceleratorBelow('gpu', t.slackProcessors),
    ],
  },
  {
    id: 'batch-limit',
    title: 'Batches are kept small',
    kind: 'limit',
    meaning: 'Batches are as full as they may be while requests wait, and larger ones take less time per row.',
    action: 'Raise `serving.maxBatch`, or leave it out: then the server finds the best size itself.',
    when: [
      above('batch_fill', t.fullBatches),
      below('batch_gain', t.worthDoubling),
      above('waiting', t.someWait),
      above('queue_share', t.muchWaiting),
    ],
  },
  {
    id: 'batch-underfilled',
    title: 'Batches stay nearly empty',
    kind: 'limit',
    meaning: 'Enough requests wait to fill batches, yet they run nearly alone: their inputs differ in shape.',
    action: 'Let callers pad their inputs to a few lengths, or send several rows in one request.',
    when: [
      below('batch_fill', t.smallBatches),
      above('queue_share', t.muchWaiting),
      above('cut_share', t.mostlyCut),
      acceleratorBelow('gpu', t.halfAccelerator),
    ],
  },
  {
    id: 'batch-overwaiting',
    title: 'Requests wait for nothing',
    kind: 'limit',
    meaning:
      'Requests wait although workers are free; this server delays none to fill a batch, so handing them over takes the time.',
    action:
      'Look for other programs on the same processors, and for limits on processor time. Send several rows in one request.',
    when: [
      above('queue_share', t.muchWaiting),
      above('queue_seconds', t.noticedWait),
      below('waiting', t.someWait),
      below('busy', t.freeWorkers),
    ],
  },
  {
    id: 'event-loop',
    title: 'Reading and writing requests',
    kind: 'limit',
    meaning: 'One thread reads requests and writes answers, and it is full; it cannot use a second processor.',
    action:
      'Run more replicas with fewer processors each. Send tensors in binary instead of JSON, and several rows in one request.',
    when: [above('loop_wanted', t.fullThread), above('loop', t.mostlyBusyThread)],
  },
  {
    id: 'cpu-around',
    title: 'Processors, before and after the model',
    kind: 'limit',
    meaning: 'Processors are full, and much of the time goes into decoding, hooks and encoding, not into the model.',
    action:
      'Make the hooks cheaper or move them into the model, send tensors in binary, or add processors or replicas.',
    when: [
      above('cpu', t.fullProcessors),
      above('around_share', t.muchAround),
      acceleratorBelow('gpu', t.halfAccelerator),
    ],
  },
  {
    id: 'gpu-link',
    title: 'Way to the accelerator',
    kind: 'limit',
    meaning: 'The link between processors and accelerator is full while the accelerator waits for data.',
    action:
      'Send smaller inputs (8-bit images instead of floats), move resizing into the model, or keep results on the accelerator.',
    when: [above('gpu_link', t.fullLink), below('sm', t.starvedAccelerator)],
  },
  {
    id: 'gpu-bandwidth',
    title: 'Memory traffic of the accelerator',
    kind: 'limit',
    meaning: 'The accelerator moves weights and activations most of the time and computes little.',
    action: 'Raise the batch size, serve 16-bit or 8-bit weights, or take an accelerator with faster memory.',
    when: [above('gpu_bandwidth', t.fullBandwidth), below('gpu_tensor', t.idleTensorUnits)],
  },
  {
    id: 'gpu-compute',
    title: 'Accelerator',
    kind: 'limit',
    meaning: 'The accelerator’s processors are full, and requests spend most of their time there.',
    action: 'Serve a smaller or lower-precision form of the model, add replicas, or take a faster accelerator.',
    when: [above('sm', t.fullAccelerator), above('infer_share', t.mostlyRuns), above('waiting', 0)],
  },
  {
    id: 'queue',
    title: 'More load than it carries',
    kind: 'limit',
    meaning: 'Requests wait longer than they are worked on: they come faster than they are answered.',
    action: 'Add replicas or processors, or send less. A faster form of the model carries more on the same machine.',
    when: [above('queue_share', t.mostlyWaiting), above('waiting', t.someWait)],
  },
  {
    id: 'cpu-inference',
    title: 'Processors, in the model',
    kind: 'limit',
    meaning: 'Processors are full, and the model takes most of their time. Requests do not pile up yet.',
    action:
      'Serve a faster form of the model (8-bit, pruned), take a machine with more or faster processors, or add replicas.',
    when: [above('cpu', t.fullProcessors), above('infer_share', t.muchInRuns)],
  },
  {
    id: 'network',
    title: 'Network, or slow callers',
    kind: 'limit',
    meaning: 'Much of a request’s time passes while its bytes come in or its answer goes out.',
    action:
      'Send less (binary instead of JSON, smaller inputs), keep connections open, and bring callers nearer to the endpoint.',
    when: [
      above('outside_share', t.muchOutside),
      above('outside_seconds', t.noticedOutside),
      below('loop_wanted', t.slackThread),
    ],
  },
  {
    id: 'over-provisioned',
    title: 'More machine than needed',
    kind: 'waste',
    meaning: 'For hours, processors and accelerators were never more than a fifth in use.',
    action: 'Take a smaller machine or fewer replicas, or let the endpoint scale to zero.',
    when: [below('cpu_peak', t.spare), acceleratorBelow('gpu_peak', t.spare)],
  },
  {
    id: 'idle',
    title: 'No requests',
    kind: 'none',
    meaning: 'Nobody has asked lately.',
    action: 'Nothing to do. If requests should come, see whether callers have the right address.',
    when: [
      { figure: 'requests', is: '<=', than: 0 },
      { figure: 'in_flight', is: '<=', than: 0 },
    ],
  },
  {
    id: 'healthy',
    title: 'Nothing limits it',
    kind: 'none',
    meaning: 'Requests are answered as fast as this model and machine can, and there is room for more.',
    action: 'Nothing to do.',
    when: [],
  },
] as const satisfies readonly Verdict[];

export type VerdictId = (typeof verdicts)[number]['id'];
