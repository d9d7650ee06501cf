/** Step 2 of the road: one machine against the objective: the cheapest way it meets it, or the first gate it fails. */

import type { ModelProfile } from '../model/profile.js';
import type { Work } from '../model/work.js';
import type { PlatformFacts, PlatformId } from '../platforms.js';
import type { Candidate } from './candidate.js';
import type { Device, Execution } from './estimate/device.js';
import type { Estimate } from './estimate/estimate.js';
import { type Form, type FormLimits, formsOf } from './forms.js';
import { capacityPerSecond, type Replica, type UnderLoad, underLoad } from './load.js';
import type { Machine } from './machine.js';
import type { Payload } from './payload.js';
import { counted, inGib, inMs, inUsd, rounded } from './words/figures.js';

/** What the endpoint has to reach; the defaults are those of `Objective` and `ScalingSpec`. */
export interface Target {
  readonly p99Ms: number | null;
  readonly requestsPerSecond: number;
  readonly maxMonthlyUsd: number | null;
  readonly minReplicas: number;
  readonly maxReplicas: number;
  /** Rows of one request. */
  readonly rows: number;
}

/** A machine, where it stands, and what is asked of it. */
export interface Question {
  readonly platform: PlatformId;
  readonly region: string | null;
  readonly facts: PlatformFacts;
  readonly profile: ModelProfile;
  readonly work: Work;
  readonly payload: Payload;
  readonly target: Target;
  readonly limits: FormLimits;
  /** Whether the endpoint has to cost nothing while nobody asks. */
  readonly toZero: boolean;
  /** Of the machine type, wherever it is asked: how the model runs on one of its lanes. */
  readonly devices: (machine: Machine) => readonly Lanes[];
  readonly estimate: (device: Device, execution: Execution, machine: Machine) => Estimate;
  /** What keeps the device from this execution; null when nothing does. */
  readonly executionProblem: (device: Device, execution: Execution) => string | null;
  /** What to know of the machine on this platform. */
  readonly notes: (machine: Machine) => readonly string[];
  /** Memory that the machine itself needs beside its accelerator, GiB. */
  readonly hostMemoryGiB: number;
}

/** Equal parts of a machine, each with a run at a time. */
export interface Lanes {
  readonly device: Device;
  readonly count: number;
  /** GiB that the session of one device may use. */
  readonly memoryGiB: number;
}

/** A candidate without its rank, and what the words about it need. */
export interface Passed {
  readonly candidate: Omit<Candidate, 'rank'>;
  readonly boundBy: Estimate['boundBy'];
  /** Runs at a time on one machine: workers on processors, sessions on accelerators. */
  readonly lanes: number;
  /** A run of one request, nothing else counted. */
  readonly runMs: number;
  readonly quota: string | null;
}

/** Why a machine does not come into question; `reached` counts the gates it passed before. */
export interface Failed {
  readonly reason: string;
  readonly reached: number;
  /** What the machine could do at best, where it is latency, cost or rate that it misses. */
  readonly missed: { readonly p99Ms: number | null; readonly monthlyUsd: number | null } | null;
}

export type Answer = Passed | Failed;

export const passed = (answer: Answer): answer is Passed => 'candidate' in answer;

/** Hours of a month as clouds count them. */
export const monthHours = 730;

const mostRequestsInRun = 64;
const failed = (reached: number, reason: string, missed: Failed['missed'] = null): Failed => ({
  reason,
  reached,
  missed,
});

/** Sizes of a batch to try, requests: powers of two. */
function batches({ work, target }: Question): number[] {
  const most = work.batched ? mostRequestsInRun : 1;
  return Array.from({ length: Math.log2(most) + 1 }, (_, power) => 2 ** power).filter(
    (size) => size === 1 || size * target.rows <= 4096,
  );
}

/** The best answer over all forms and lanes; where all fail, the one that came furthest. */
export function evaluate(machine: Machine, question: Question): Answer {
  const { facts, profile, limits, target } = question;
  if (target.minReplicas > target.maxReplicas) {
    return failed(
      1,
      `at least ${counted(target.minReplicas, 'replica')} are asked for, it has at most ${target.maxReplicas}`,
    );
  }
  if (!facts.architectures.includes(machine.architecture)) {
    return failed(1, `is ${machine.architecture}, the platform takes ${facts.architectures.join(' and ')}`);
  }
  if (question.toZero && facts.alwaysOn.includes(machine.name)) return failed(1, 'does not scale to zero');
  const forms = formsOf(profile, machine, limits);
  if (typeof forms === 'string') return failed(1, forms);
  const answers = question
    .devices(machine)
    .flatMap((lanes) => forms.map((form) => evaluateForm(machine, lanes, form, question)));
  return answers.reduce(
    (best, answer) => (better(answer, best) ? answer : best),
    failed(1, 'nothing is known of its processor'),
  );
}

/** Cheaper, then faster; a failed one that came further, or closer. The first of equals stays. */
function better(answer: Answer, than: Answer): boolean {
  if (!passed(answer)) return !passed(than) && (answer.reached > than.reached || closer(answer, than));
  if (!passed(than)) return true;
  const [cost, other] = [answer, than].map(({ candidate }) => candidate.monthlyUsd ?? 0);
  if (cost! !== other!) return cost! < other!;
  if (answer.candidate.replicas !== than.candidate.replicas) return answer.candidate.replicas < than.candidate.replicas;
  // A form that is not clearly faster is not worth its trouble.
  return answer.candidate.p99Ms < 0.9 * than.candidate.p99Ms;
}

function closer(answer: Failed, than: Failed): boolean {
  if (answer.reached !== than.reached) return false;
  const by = ({ missed }: Failed): number => missed?.monthlyUsd ?? missed?.p99Ms ?? Number.POSITIVE_INFINITY;
  return by(answer) < by(than);
}

function evaluateForm(machine: Machine, lanes: Lanes, form: Form, question: Question): Answer {
  const { facts, target, payload, platform } = question;
  const problem = question.executionProblem(lanes.device, { ...form, batch: 1 });
  if (problem !== null) return failed(2, problem);
  const sizes = batches(question);
  const runs = sizes.map((size) => question.estimate(lanes.device, { ...form, batch: size * target.rows }, machine));
  const fitting = runs.findLastIndex((run) => run.memoryGiB <= lanes.memoryGiB);
  if (fitting < 0) {
    return failed(2, `needs ${inGib(runs[0]!.memoryGiB)} of memory, usable ${inGib(lanes.memoryGiB)}`);
  }
  const host = machine.memoryBytes / 2 ** 30;
  if (machine.accelerator !== null && question.hostMemoryGiB > host) {
    return failed(2, `needs ${inGib(question.hostMemoryGiB)} of host memory to load the model, has ${inGib(host)}`);
  }
  const hourly = machine.price?.usdPerHour;
  if (hourly === undefined && platform !== 'local') return failed(3, 'its price is not known');
  const replicas = sizes.slice(0, fitting + 1).map(
    (maxBatch, index): Replica => ({
      lanes: lanes.count,
      maxBatch,
      runMs: runs.slice(0, index + 1).map(({ latencyMs }) => latencyMs),
      requestMs: payload.processorMs,
      processors: machine.processors,
      shared: lanes.device.kind === 'cpu',
    }),
  );
  const alone = runs[0]!.latencyMs + payload.processorMs;
  const longest = facts.requestTimeoutSeconds.max;
  if (longest !== null && alone > longest * 1000) {
    return failed(3, `a request takes ${inMs(alone)}, the platform waits ${longest} s`);
  }
  const options = replicas.flatMap((replica, index) => {
    const sized = replicasFor(replica, target);
    return sized === null ? [] : [{ ...sized, replica, run: runs[index]! }];
  });
  const [first, ...rest] = options;
  if (first === undefined) return outOfReach(alone, replicas, question);
  const best = rest.reduce(
    (one, other) =>
      other.replicas < one.replicas || (other.replicas === one.replicas && other.load.p99Ms < 0.98 * one.load.p99Ms)
        ? other
        : one,
    first,
  );
  const monthlyUsd = hourly === undefined ? null : hourly * best.replicas * monthHours;
  if (target.maxMonthlyUsd !== null && monthlyUsd !== null && monthlyUsd > target.maxMonthlyUsd) {
    return failed(5, `costs ${inUsd(monthlyUsd)} a month, asked for at most ${inUsd(target.maxMonthlyUsd)}`, {
      p99Ms: best.load.p99Ms,
      monthlyUsd,
    });
  }
  const single = runs[0]!;
  const spread = single.bandMs.map((bound) => bound / single.latencyMs);
  return {
    boundBy: single.boundBy,
    runMs: single.latencyMs,
    lanes: lanes.count,
    quota: machine.quota,
    candidate: {
      platform,
      region: question.region,
      machine: machine.name,
      accelerator: machine.accelerator,
      acceleratorCount: machine.acceleratorCount,
      replicas: best.replicas,
      ...form,
      batch: best.replica.maxBatch,
      p50Ms: rounded(best.load.p50Ms),
      p99Ms: rounded(best.load.p99Ms),
      bandMs: [rounded(best.load.p50Ms * spread[0]!), rounded(best.load.p50Ms * spread[1]!)],
      throughputPerSecond: rounded(best.replicas * capacityPerSecond(best.replica)),
      memoryGiB: rounded(best.run.memoryGiB),
      memoryAvailableGiB: rounded(lanes.memoryGiB),
      monthlyUsd: monthlyUsd === null ? null : Math.round(monthlyUsd * 100) / 100,
      usdPerMillion:
        monthlyUsd === null ? null : rounded((monthlyUsd * 1e6) / (target.requestsPerSecond * monthHours * 3600)),
      priceDate: machine.price?.date ?? null,
      scaleToZero: facts.scaleToZero && !facts.alwaysOn.includes(machine.name),
      notes: [...notesOf(lanes, single), ...question.notes(machine)],
    },
  };
}

/** Why no number of replicas is enough: too slow even alone or at the least load there is, or too many requests. */
function outOfReach(alone: number, replicas: readonly Replica[], { target, payload }: Question): Failed {
  const { p99Ms, requestsPerSecond, maxReplicas } = target;
  const loads = replicas.flatMap((replica) => underLoad(replica, requestsPerSecond / maxReplicas) ?? []);
  const least = loads.length > 0 ? Math.min(...loads.map((load) => load.p99Ms)) : alone;
  const missed = { p99Ms: least, monthlyUsd: null };
  if (p99Ms !== null && least > p99Ms) {
    const json = payload.processorMs > least / 3 ? ` (${inMs(payload.processorMs)} of it to take JSON apart)` : '';
    return failed(4, `p99 is ${inMs(least)} at best${json}, asked for ${inMs(p99Ms)}`, missed);
  }
  return failed(
    4,
    `${counted(maxReplicas, 'replica')} ${maxReplicas === 1 ? 'does' : 'do'} not carry ${requestsPerSecond}/s`,
    missed,
  );
}

/** The fewest replicas, from the least allowed, that carry the rate within the latency objective. */
function replicasFor(replica: Replica, target: Target): { replicas: number; load: UnderLoad } | null {
  const at = (replicas: number): UnderLoad | null => {
    const load = underLoad(replica, target.requestsPerSecond / replicas);
    return load !== null && (target.p99Ms === null || load.p99Ms <= target.p99Ms) ? load : null;
  };
  const least = Math.max(target.minReplicas, Math.ceil(target.requestsPerSecond / capacityPerSecond(replica)));
  if (least > target.maxReplicas) return null;
  let [low, high] = [least, least];
  while (at(high) === null) {
    if (high >= target.maxReplicas) return null;
    [low, high] = [high + 1, Math.min(target.maxReplicas, high * 2)];
  }
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (at(middle) === null) low = middle + 1;
    else high = middle;
  }
  return { replicas: high, load: at(high)! };
}

function notesOf({ count, device }: Lanes, { provenance }: Estimate): string[] {
  const lanes = device.kind === 'gpu' ? `one session on each of ${count} accelerators` : `${count} runs at a time`;
  return [
    ...(count > 1 ? [lanes] : []),
    provenance === 'default' ? 'time from default constants' : `time ${provenance}`,
  ];
}
