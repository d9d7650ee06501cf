/** What a user may ask for. Plain data, the same on every platform; `planEndpoint` turns it into a plan. */

import type { HardwareRequest } from './hardware/hardware.js';
import type { ModelSource } from './model/model.js';

/** A model endpoint, described. Everything but `model` is optional and defaults to the safe choice. */
export interface EndpointSpec {
  /** The model, and the samples that Slipway may measure with: `Model.fromOnnx('fraud.onnx', { calibration: 'samples.npz' })`. */
  readonly model: ModelSource;
  /**
   * What the endpoint has to reach. `local` is one machine, which runs the model however far it comes; there only `payload` counts.
   *
   * @default - one request at a time, at the least cost
   */
  readonly objective?: Objective;
  /**
   * Which machines come into question.
   *
   * @default Hardware.auto()
   */
  readonly hardware?: HardwareRequest;
  /**
   * Table of times that you measured, which win over estimates: the path of a CSV file, as `slipway plan --measurements` takes it.
   *
   * @default - none
   */
  readonly measurements?: string;
  /**
   * What may be done to the model, and what it must not lose.
   *
   * @default - the fastest form that passes the gate, fp32 when none does
   */
  readonly optimization?: OptimizationSpec;
  /**
   * How many machines there may be.
   *
   * @default - what the rate needs, at least 2 where one machine is always on
   */
  readonly scaling?: ScalingSpec;
  /**
   * How the server treats requests.
   *
   * @default - threads from the machine, batch size learned at warm-up, the limits below
   */
  readonly serving?: ServingSpec;
  /**
   * Objectives of service, alerts and the dashboard.
   *
   * @default - 99.9 % availability over 30 days, a dashboard, burn-rate alerts
   */
  readonly monitoring?: MonitoringSpec;
  /**
   * Environment variables of the container, for hooks. What must stay secret is no variable: see each platform's `secrets`.
   *
   * @default - none
   */
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * How a new version takes over.
   *
   * @default - a canary of 25 %, watched for 10 minutes, taken back on the endpoint's own alarms
   */
  readonly rollout?: RolloutSpec;
  /**
   * Names and values that the cloud's resources carry.
   *
   * @default - none
   */
  readonly tags?: Readonly<Record<string, string>>;
}

export interface RolloutSpec {
  /**
   * `canary`: first a part of the requests or the fleet, the rest after a wait. `linear`: in equal steps with a wait after each.
   * `all-at-once`: no wait.
   *
   * @default 'canary'
   */
  readonly strategy?: 'canary' | 'linear' | 'all-at-once';
  /**
   * Share of the first part or of each step, percent, 1 to 100; platforms allow less.
   *
   * @default 25
   */
  readonly percent?: number;
  /**
   * How long the alarms are watched after each part, seconds, at least 0.
   *
   * @default 600
   */
  readonly waitSeconds?: number;
  /**
   * How long the old version stays after all requests have moved, seconds, at least 0.
   *
   * @default 300
   */
  readonly keepSeconds?: number;
  /**
   * Go back to the old version when one of the endpoint's alarms goes off.
   *
   * @default true
   */
  readonly rollback?: boolean;
}

export interface Objective {
  /**
   * 99th percentile of the time a request spends in the container, milliseconds, above 0, at most 10000.
   *
   * @default - no latency objective
   */
  readonly p99Ms?: number;
  /**
   * Requests a second the endpoint has to carry at its peak, above 0.
   *
   * @default 1
   */
  readonly requestsPerSecond?: number;
  /**
   * What the endpoint may cost in 730 hours, USD, above 0.
   *
   * @default - no limit
   */
  readonly maxMonthlyUsd?: number;
  /**
   * Which of the machines that meet the objective is best.
   *
   * @default 'cost'
   */
  readonly minimize?: 'cost' | 'latency';
  /**
   * What a request carries.
   *
   * @default - one row as JSON
   */
  readonly payload?: PayloadSpec;
}

export interface PayloadSpec {
  /**
   * Rows of one request, whole, at least 1.
   *
   * @default 1
   */
  readonly rows?: number;
  /**
   * `json`: tensors as numbers in JSON. `binary`: the binary tensors of the Open Inference Protocol, which nobody has to parse.
   *
   * @default 'json'
   */
  readonly encoding?: 'json' | 'binary';
}

export interface ScalingSpec {
  /**
   * Machines at any time, least, from 1.
   *
   * @default - 2; 1 where the platform replaces an instance by itself within seconds, and on `local`
   */
  readonly min?: number;
  /**
   * Machines at any time, most, from `min`.
   *
   * @default - the platform's limit
   */
  readonly max?: number;
  /**
   * Only platforms that stop the last machine when no request comes.
   *
   * @default false
   */
  readonly toZero?: boolean;
  /**
   * Requests in flight on one machine that scaling steers to, above 0.
   *
   * @default - 70 % of what a machine works on at once
   */
  readonly target?: number;
}

export interface OptimizationSpec {
  /**
   * `auto`: the best candidate that passes the gate. `int8`, `int4`, `fp16`: only candidates of that precision; `fp16` needs an
   * accelerator, `int4` is for the weights of large decoders. `fp32`: none.
   *
   * @default 'auto'
   */
  readonly precision?: 'auto' | 'fp32' | 'fp16' | 'int8' | 'int4';
  /**
   * `speed`: the fastest candidate that passes wins, and it must be faster than fp32 by `gate.minSpeedup`. `size`: the smallest that
   * passes wins; it must be smaller than fp32 by `gate.minShrink`, and no slower.
   *
   * @default 'speed'
   */
  readonly goal?: 'speed' | 'size';
  /**
   * What the answers are, which decides how they are compared with fp32's where labels do not decide. `classification`: the top
   * class. `detection`: boxes matched by intersection over union. `embedding`: the same nearest neighbours. `generation`: the same
   * next tokens. `regression`: signal to noise alone.
   *
   * @default 'auto' - from the model's family and outputs; the report names it
   */
  readonly task?: 'auto' | 'classification' | 'detection' | 'embedding' | 'generation' | 'regression';
  /**
   * Your own measure of how good answers are, a Python function. It decides in the place of label accuracy. Needs samples.
   *
   * @default - label accuracy where there are labels, likeness to fp32 otherwise
   */
  readonly metric?: MetricSpec;
  /**
   * What a candidate must reach.
   *
   * @default - see each option
   */
  readonly gate?: GateSpec;
  /**
   * How far nodes may stay in fp32 to rescue a candidate that lost too much.
   *
   * @default - see each option
   */
  readonly repair?: RepairSpec;
  /**
   * Where the inputs come from that the server replays before it is ready. They lie in the image. `samples`: some of your samples.
   * `synthetic`: made up within the ranges of your samples, so that no sample leaves the build.
   *
   * @default 'samples'
   */
  readonly canaries?: 'samples' | 'synthetic';
  /**
   * When no candidate passes: `fp32` serves the model as it is and says so, `error` fails.
   *
   * @default 'fp32'
   */
  readonly onFailure?: 'fp32' | 'error';
}

/** A Python function `metric(outputs, inputs, labels)` that gives one number, or one for each sample. See docs/optimizer.md. */
export interface MetricSpec {
  /** Path of the Python file. It can import numpy and the standard library; an image build gets this file alone. */
  readonly file: string;
  /** Name of the function in that file. */
  readonly function: string;
  /**
   * Which is better.
   *
   * @default 'higher'
   */
  readonly direction?: 'higher' | 'lower';
  /**
   * Relative loss against fp32, most, at least 0.
   *
   * @default - `gate.maxAccuracyDrop`
   */
  readonly maxDrop?: number;
}

/** When no candidate keeps the answers, the nodes that hurt the most stay in fp32. */
export interface RepairSpec {
  /**
   * Candidates made with more and more nodes left out, most, 0 to 100; 0 repairs nothing.
   *
   * @default 6
   */
  readonly trials?: number;
  /**
   * Of the nodes that could be made smaller, most that may stay in fp32, 0 to 1.
   *
   * @default 0.2
   */
  readonly maxExcludedShare?: number;
}

export interface GateSpec {
  /**
   * fp32 latency divided by the candidate's, least, at least 1. Only where the goal is speed.
   *
   * @default 1.1
   */
  readonly minSpeedup?: number;
  /**
   * fp32's bytes divided by the candidate's, least, at least 1. Only where the goal is size.
   *
   * @default 1.5
   */
  readonly minShrink?: number;
  /**
   * Relative loss of label accuracy, most, 0 to 1. Needs labels, or a metric of your own.
   *
   * @default 0.01
   */
  readonly maxAccuracyDrop?: number;
  /**
   * Candidate's error rate divided by fp32's, most, at least 1. Counts only where the samples are enough to tell.
   *
   * @default 1.5
   */
  readonly maxErrorRatio?: number;
  /**
   * Share of samples that keep fp32's answer, least, 0 to 1: top class, matched boxes, nearest neighbours or tokens, by `task`.
   * Decides where labels do not.
   *
   * @default 0.99
   */
  readonly minAgreement?: number;
  /**
   * Signal to quantization noise of the worst output, decibels, least. Decides where labels do not.
   *
   * @default 20
   */
  readonly minSqnrDb?: number;
  /**
   * Count labels that are too few to decide as a failed gate.
   *
   * @default false
   */
  readonly strict?: boolean;
}

export interface ServingSpec {
  /**
   * Rows in one run, most; 1 turns batching off.
   *
   * @default - learned at warm-up: the batch at which a row becomes cheapest
   */
  readonly maxBatch?: number;
  /**
   * Runs at a time.
   *
   * @default - on a cloud as planned: one for each processor, or one on all of them where the latency needs it; on `local` one for
   * each processor
   */
  readonly workers?: number;
  /**
   * Threads inside one run.
   *
   * @default - processors divided by `workers`
   */
  readonly intraOpThreads?: number;
  /**
   * Size of a request body, bytes, most.
   *
   * @default 26214400
   */
  readonly maxBodyBytes?: number;
  /**
   * Requests waiting or running, most; further ones are refused with 503.
   *
   * @default 1024
   */
  readonly maxQueue?: number;
  /**
   * Time one request may take, seconds, above 0.
   *
   * @default 60
   */
  readonly timeoutSeconds?: number;
  /**
   * Path of a Python file with functions `pre` or `post` that the server runs around the model, or of a folder with such a `hooks.py`
   * and the modules and files it needs. See docs/server.md.
   *
   * @default - none
   */
  readonly hooks?: string;
  /**
   * Time one call of a hook may take, seconds, above 0. Needs `hooks`.
   *
   * @default 5
   */
  readonly hookSeconds?: number;
  /**
   * Path of a requirements.txt: Python packages that the hooks import. Needs `hooks`.
   *
   * @default - none
   */
  readonly requirements?: string;
}

export interface MonitoringSpec {
  /**
   * What the endpoint promises.
   *
   * @default - availability of 99.9 % over 30 days; latency when `objective.p99Ms` is given
   */
  readonly slo?: SloSpec;
  /**
   * Tell when answers and inputs have parted from the samples that the optimizer measured; false for never, and for nothing to be counted.
   * Needs samples, and a Prometheus that reads the endpoint.
   *
   * @default - PSI above 0.2 over a day, from 500 rows on
   */
  readonly drift?: false | DriftSpec;
  /**
   * Tell when nobody has asked for so many hours although machines run, whole, 1 to 24, with what they cost; 0 for never.
   *
   * @default 24
   */
  readonly idleHours?: number;
  /**
   * A budget that tells when the endpoint costs more than it should.
   *
   * @default - none
   */
  readonly budget?: BudgetSpec;
}

export interface DriftSpec {
  /**
   * Population stability index from which it is drift, above 0, at most 10. Where chance alone may give more, with few rows or few samples, that counts.
   *
   * @default 0.2
   */
  readonly psi?: number;
  /**
   * Rows in the window, least, whole, from 1; with fewer nothing is told.
   *
   * @default 500
   */
  readonly minCount?: number;
  /**
   * Over how much time answers and inputs are taken together, hours, whole, 1 to 168. A day evens out its own hours.
   *
   * @default 24
   */
  readonly windowHours?: number;
  /**
   * What is counted: answers and inputs, or answers alone.
   *
   * @default 'all'
   */
  readonly watch?: 'all' | 'outputs';
}

export interface BudgetSpec {
  /**
   * What it may cost in a month, USD, above 0.
   *
   * @default - what the plan says, and a tenth more
   */
  readonly monthlyUsd?: number;
  /**
   * Who is told when the limit is passed or will be, 1 to 10 addresses.
   *
   * @default - the topics of the platform's `notify`
   */
  readonly emails?: readonly string[];
}

export interface SloSpec {
  /**
   * Share of requests answered without a server error, percent, above 0 and below 100.
   *
   * @default 99.9
   */
  readonly availability?: number;
  /**
   * Share of requests answered within `p99Ms`, as its name says 99 of 100, milliseconds.
   *
   * @default - `objective.p99Ms`
   */
  readonly p99Ms?: number;
  /**
   * Period over which the objective counts, days, 1 to 90.
   *
   * @default 30
   */
  readonly periodDays?: number;
}
