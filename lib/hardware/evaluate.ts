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
  const runs = batches(question).map((size) => ({ ...form, batch: size * target.rows }));
  const problem = question.executionProblem(lanes.device, runs[0]!);
  if (problem !== null) return failed(2, problem);
  const estimates = runs.map((execution) => question.estimate(lanes.device, execution, machine));
  const memory = memoryProblem(machine, lanes, estimates[0]!, question);
  if (memory !== null) return failed(2, memory);
  const hourly = machine.price?.usdPerHour ?? null;
  if (hourly === null && platform !== 'local' && target.maxMonthlyUsd !== null) {
    return failed(3, `its price is not known, asked for at most ${inUsd(target.maxMonthlyUsd)} a month`);
  }
  const alone = estimates[0]!.latencyMs + payload.processorMs;
  const longest = facts.requestTimeoutSeconds.max;
  if (longest !== null && alone > longest * 1000) {
    return failed(3, `a request takes ${inMs(alone)}, the platform waits ${longest} s`);
  }
  const replicas = estimates
    .filter(({ memoryGiB }) => memoryGiB <= lanes.memoryGiB)
    .map((_, power) => replicaOf(machine, lanes, estimates.slice(0, power + 1), payload));
  const sized = leastReplicas(replicas, target);
  if (sized === null) return outOfReach(alone, replicas, question);
  const monthlyUsd = hourly === null ? null : hourly * sized.replicas * monthHours;
  if (target.maxMonthlyUsd !== null && monthlyUsd !== null && monthlyUsd > target.maxMonthlyUsd) {
    const missed = { p99Ms: sized.load.p99Ms, monthlyUsd };
    return failed(5, `costs ${inUsd(monthlyUsd)} a month, asked for at most ${inUsd(target.maxMonthlyUsd)}`, missed);
  }
  return passedWith(machine, lanes, form, estimates, sized, monthlyUsd, question);
}

/** What the smallest run needs more of than there is, on the device or around it; null when all fits. */
function memoryProblem(machine: Machine, lanes: Lanes, { memoryGiB }: Estimate, { hostMemoryGiB }: Question) {
  const host = machine.memoryBytes / 2 ** 30;
  if (memoryGiB > lanes.memoryGiB) return `needs ${inGib(memoryGiB)} of memory, usable ${inGib(lanes.memoryGiB)}`;
  if (machine.accelerator === null || hostMemoryGiB <= host) return null;
  return `needs ${inGib(hostMemoryGiB)} of host memory to load the model, has ${inGib(host)}`;
}

/** A machine that runs up to as many requests together as there are estimates for, by powers of two. */
function replicaOf(machine: Machine, lanes: Lanes, estimates: readonly Estimate[], payload: Payload): Replica {
  return {
    lanes: lanes.count,
    maxBatch: 2 ** (estimates.length - 1),
    runMs: estimates.map(({ latencyMs }) => latencyMs),
    requestMs: payload.processorMs,
    processors: machine.processors,
    shared: lanes.device.kind === 'cpu',
  };
}

/** So many replicas of a kind, and what requests see of them. */
interface Sized {
  readonly replica: Replica;
  readonly replicas: number;
  readonly load: UnderLoad;
}

/** The kind of which the fewest are enough, of equals the clearly faster one; null when none is. */
function leastReplicas(kinds: readonly Replica[], target: Target): Sized | null {
  return kinds.reduce<Sized | null>((best, replica) => {
    const found = replicasFor(replica, target);
    if (found === null) return best;
    const wins =
      best === null ||
      found.replicas < best.replicas ||
      (found.replicas === best.replicas && found.load.p99Ms < 0.98 * best.load.p99Ms);
    return wins ? { ...found, replica } : best;
  }, null);
}

function passedWith(
  machine: Machine,
  lanes: Lanes,
  form: Form,
  estimates: readonly Estimate[],
  { replica, replicas, load }: Sized,
  monthlyUsd: number | null,
  { platform, region, facts, target, notes }: Question,
): Passed {
  const single = estimates[0]!;
  const [low, high] = single.bandMs.map((bound) => rounded((load.p50Ms * bound) / single.latencyMs));
  const monthlyRequests = target.requestsPerSecond * monthHours * 3600;
  return {
    boundBy: single.boundBy,
    runMs: single.latencyMs,
    lanes: lanes.count,
    quota: machine.quota,
    candidate: {
      platform,
      region,
      machine: machine.name,
      accelerator: machine.accelerator,
      acceleratorCount: machine.acceleratorCount,
      replicas,
      ...form,
      batch: replica.maxBatch,
      p50Ms: rounded(load.p50Ms),
      p99Ms: rounded(load.p99Ms),
      bandMs: [low!, high!],
      throughputPerSecond: rounded(replicas * capacityPerSecond(replica)),
      memoryGiB: rounded(estimates[Math.log2(replica.maxBatch)]!.memoryGiB),
      memoryAvailableGiB: rounded(lanes.memoryGiB),
      monthlyUsd: monthlyUsd === null ? null : Math.round(monthlyUsd * 100) / 100,
      usdPerMillion: monthlyUsd === null ? null : rounded((monthlyUsd * 1e6) / monthlyRequests),
      priceDate: machine.price?.date ?? null,
      scaleToZero: facts.scaleToZero && !facts.alwaysOn.includes(machine.name),
      notes: [...notesOf(lanes, single), ...notes(machine)],
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
