/** Step 2 of the road: every machine of some platforms against the objective, in order. */

import type { ModelProfile } from '../model/profile.js';
import type { Work } from '../model/work.js';
import { runtimeFor } from '../platforms.js';
import type { Objective, OptimizationSpec, ScalingSpec } from '../spec.js';
import type { Candidate, Rejection } from './candidate.js';
import { hostMemoryGiB } from './estimate/device-memory.js';
import { executionProblem } from './estimate/execution.js';
import type { Provider } from './estimate/precision.js';
import { type Answer, evaluate, type Failed, type Passed, passed, type Question, type Target } from './evaluate.js';
import type { Form } from './forms.js';
import type { HardwareRequest } from './hardware.js';
import { lanesOf } from './lanes.js';
import type { Machine } from './machine.js';
import { correctedEstimates, type Measurement } from './measured.js';
import { payloadOf, requestOf } from './payload.js';
import { factsOf, type Platform } from './platform.js';
import { platformProblem } from './platform-gates.js';
import { isNamed, outsideRequest } from './request.js';

/** TensorRT builds an engine for minutes at every first start: only where it is asked for. */
const usualProviders: readonly Provider[] = ['cpu', 'cuda'];

/** What a choice is made from. */
export interface Selection {
  /** The model's name; measurements of other models do not count. */
  readonly name: string;
  readonly profile: ModelProfile;
  readonly work: Work;
  /** Whether samples are there that a smaller form can be judged by. */
  readonly samples: boolean;
  readonly objective?: Objective | undefined;
  readonly scaling?: ScalingSpec | undefined;
  readonly precision?: OptimizationSpec['precision'];
  readonly request?: HardwareRequest | undefined;
  /** Runs at a time on processors, where the user says so. */
  readonly workers?: number | undefined;
  /** One machine in one form and number: what a lock says, or a question about a candidate. */
  readonly pinned?: Pinned | undefined;
  /** Times that the user has measured; they win over estimates. */
  readonly measurements?: readonly Measurement[];
}

/** The only answer that counts; the user's own limits hold all the same. */
export interface Pinned {
  readonly machine: string;
  readonly form: Form;
  readonly replicas: number;
}

/** A candidate, and what the words about it need. */
export type Ranked = Omit<Passed, 'candidate'> & { readonly candidate: Candidate; readonly type: Machine };

export interface Ranking {
  readonly ranked: readonly Ranked[];
  readonly rejected: readonly Rejection[];
  /** Of the machines that fail by latency, rate or cost, the nearest first: what they could do. */
  readonly missed: readonly (Rejection & Failed)[];
}

function targetOf({ objective, scaling, work, pinned }: Selection, platform: Platform): Target {
  const facts = factsOf(platform);
  return {
    p99Ms: objective?.p99Ms ?? null,
    requestsPerSecond: objective?.requestsPerSecond ?? 1,
    maxMonthlyUsd: objective?.maxMonthlyUsd ?? null,
    minReplicas:
      pinned?.replicas ??
      scaling?.min ??
      (facts.scaleToZero || platform.id === 'local' ? 1 : Math.min(2, scaling?.max ?? 2)),
    maxReplicas: pinned?.replicas ?? Math.min(scaling?.max ?? Number.POSITIVE_INFINITY, facts.maxInstances ?? 1000),
    rows: requestOf(work, objective).rows,
  };
}

/** Where the price comes from, unless it is the platform's own for this region. */
function priceNotes({ id, region }: Platform, { price }: Machine): string[] {
  if (price === null) return id === 'local' ? [] : ['its price is not known'];
  return [
    ...(price.region === undefined ? [] : [`price of ${price.region}; that of ${region} is not in the tables`]),
    ...(price.kind.startsWith('first-hand') ? [] : [`price ${price.kind}`]),
  ];
}

/** What fits the machine's driver, where that is not sure or not the newest. */
function runtimeNotes({ id }: Platform, { accelerator }: Machine): string[] {
  if (accelerator === null) return [];
  const { onnxruntime, cuda, note, verified } = runtimeFor(id, accelerator);
  return [
    `onnxruntime-gpu ${onnxruntime} for CUDA ${cuda}${note === null ? '' : `: ${note}`}${verified ? '' : ' (unverified)'}`,
  ];
}

/** Less by the objective's measure, then by the other one, then by name. */
function compare(one: Omit<Candidate, 'rank'>, other: Omit<Candidate, 'rank'>, minimize: 'cost' | 'latency'): number {
  const cost = (one.monthlyUsd ?? Number.MAX_VALUE) - (other.monthlyUsd ?? Number.MAX_VALUE);
  const latency = one.p99Ms - other.p99Ms;
  const [first, second] = minimize === 'cost' ? [cost, latency] : [latency, cost];
  const names = [one, other].map(({ platform, machine, region }) => `${platform} ${machine} ${region}`);
  return first! || second! || (names[0]! < names[1]! ? -1 : 1);
}

/** What may execute the model. What a lock or a candidate runs by was asked for before, so it counts unless the user names others. */
function providersOf({ request, pinned }: Selection): readonly Provider[] {
  const usual = pinned ? [...new Set([...usualProviders, pinned.form.provider])] : usualProviders;
  return (request?.choose === 'auto' && request.providers) || usual;
}

/** What is asked of every machine of a platform. */
function questionFor(selection: Selection, platform: Platform, estimate: Question['estimate']): Question {
  const { profile, work, objective, scaling, pinned, samples, precision = 'auto' } = selection;
  const target = targetOf(selection, platform);
  return {
    platform: platform.id,
    region: platform.region,
    facts: factsOf(platform),
    profile,
    work,
    target,
    payload: payloadOf(work, target.rows, requestOf(work, objective).encoding),
    // 4-bit weights are widened before they are multiplied: a machine is as fast as with floats, or faster.
    limits: {
      precision: precision === 'int4' ? 'fp32' : precision,
      providers: providersOf(selection),
      only: pinned?.form,
      samples,
    },
    toZero: scaling?.toZero ?? false,
    notes: (machine) => [...priceNotes(platform, machine), ...runtimeNotes(platform, machine)],
    devices: lanesOf(platform.id, selection.workers),
    estimate,
    executionProblem,
    hostMemoryGiB: hostMemoryGiB(work),
  };
}

/** The machines of a platform that are asked, each with its answer. */
function answersOf({ request, pinned }: Selection, platform: Platform, question: Question): [Machine, Answer][] {
  const { facts, payload, target, profile, toZero } = question;
  const barred = platformProblem(facts, { payload, requestsPerSecond: target.requestsPerSecond, profile, toZero });
  const outside = (machine: Machine): string | null =>
    request?.choose === 'auto' ? outsideRequest(machine, platform.region, request) : null;
  return machinesFor(request, pinned, platform)
    .filter(({ name }) => isAsked(name, request, pinned))
    .map((machine) => {
      const reason = barred ?? outside(machine);
      return [machine, reason === null ? evaluate(machine, question) : { reason, reached: 0, missed: null }];
    });
}

/** A machine whose price is not known is no choice of ours, but it may be the user's. */
const machinesFor = (
  request: Selection['request'],
  pinned: Selection['pinned'],
  platform: Platform,
): readonly Machine[] =>
  request?.choose === 'named' || pinned ? [...platform.machines, ...(platform.unpriced ?? [])] : platform.machines;

/** Whether a machine is asked at all: where one is named or pinned, no other is. */
function isAsked(name: string, request: Selection['request'], pinned: Selection['pinned']): boolean {
  const only = pinned?.machine ?? (request?.choose === 'named' ? request.machine : undefined);
  return only === undefined || isNamed(name, only);
}

/** Less of what it misses by. */
const nearest = (one: Failed, other: Failed): number =>
  (one.missed?.monthlyUsd ?? 0) - (other.missed?.monthlyUsd ?? 0) ||
  (one.missed?.p99Ms ?? 0) - (other.missed?.p99Ms ?? 0);

/** Every machine of the platforms against the objective. */
export function rankMachines(selection: Selection, platforms: readonly Platform[]): Ranking {
  const { name, work, measurements, request, pinned, objective } = selection;
  const { estimate } = correctedEstimates(name, work, measurements ?? []);
  const places = platforms.map((platform) => ({
    platform,
    answers: answersOf(selection, platform, questionFor(selection, platform, estimate)),
  }));
  const passing = places.flatMap(({ answers }) =>
    answers.flatMap(([type, answer]) => (passed(answer) ? [{ ...answer, type }] : [])),
  );
  const failures = places.map(({ platform, answers }) => ({
    platform,
    failed: answers
      .flatMap(([{ name: machine }, answer]) =>
        passed(answer) ? [] : [{ platform: platform.id, region: platform.region, machine, ...answer }],
      )
      .sort(nearest),
  }));
  return {
    ranked: numbered(passing, objective?.minimize ?? 'cost'),
    rejected: failures.flatMap(({ platform, failed }) => [
      ...failed.map(({ missed: _, reached: __, ...rejection }) => rejection),
      ...platform.unavailable.filter(
        ({ machine }) =>
          isAsked(machine, request, pinned) &&
          !machinesFor(request, pinned, platform).some(({ name }) => name === machine),
      ),
    ]),
    missed: failures
      .flatMap(({ failed }) => failed)
      .filter(({ missed }) => missed !== null)
      .sort(nearest),
  };
}

function numbered(found: readonly (Passed & { readonly type: Machine })[], minimize: 'cost' | 'latency'): Ranked[] {
  return [...found]
    .sort((one, other) => compare(one.candidate, other.candidate, minimize))
    .map((each, index) => ({ ...each, candidate: { rank: index + 1, ...each.candidate } }));
}
