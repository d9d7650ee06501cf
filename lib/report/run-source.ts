/** The report of a run: which endpoint, which Prometheus, which time, and so what is asked. */

import { SlipwayError } from '../errors.js';
import { runningAt } from '../local/running.js';
import { type Verdict, verdicts } from '../monitoring/bottleneck.js';
import { defaultDrift } from '../monitoring/drift.js';
import { defaultSlo } from '../monitoring/objectives.js';
import { duration, quote } from '../monitoring/queries/prometheus.js';
import { latencyBound, pieceSeconds, type RunQuery, runQueries } from './run-queries.js';

export interface RunOptions {
  /**
   * Base URL of the Prometheus that reads the endpoint.
   *
   * @default - that of `slipway up`
   */
  readonly prometheus?: string | undefined;
  /**
   * How far to look back, seconds from 60 to 30 days; less where the readings begin later.
   *
   * @default 3600
   */
  readonly lastSeconds?: number | undefined;
  /**
   * What is promised: 99 % of answers within that time.
   *
   * @default - that of `slipway up`, else none
   */
  readonly p99Ms?: number | undefined;
  /**
   * What one replica costs an hour.
   *
   * @default - cost is not told
   */
  readonly usdPerHour?: number | undefined;
  readonly signal: AbortSignal;
}

/** All that the reader in Python needs to know. Times are seconds since the epoch. */
export interface RunRequest {
  readonly endpoint: string;
  readonly prometheus: string;
  readonly model: string;
  readonly start: number;
  readonly end: number;
  readonly objective: {
    /** A share. */
    readonly availability: number;
    readonly p99Ms: number | null;
    /** The histogram's bound that counts as the objective's. */
    readonly boundMs: number | null;
  };
  readonly drift: { readonly psi: number; readonly minCount: number; readonly stepSeconds: number } | null;
  readonly usdPerHour: number | null;
  /** What each verdict of the rules means. */
  readonly verdicts: Readonly<Record<string, Pick<Verdict, 'kind' | 'meaning' | 'action'>>>;
  readonly queries: Readonly<Record<string, RunQuery>>;
}

interface Found {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

const TIMEOUT_MS = 15_000;
/** Holds a token that Prometheus wants; it is written nowhere. */
const TOKEN_VARIABLE = 'SLIPWAY_PROMETHEUS_TOKEN';
const DEFAULT_LAST_SECONDS = 3600;
/** Readings of this time tell how often Prometheus reads. */
const RECENT_SECONDS = 600;
const MOST_POINTS = 500;
/** Where it cannot be told, since there is but one reading. */
const USUAL_SCRAPE_SECONDS = 15;
const anotherPrometheus = 'Give the address of the Prometheus that reads the endpoint with --prometheus.';

/** An answer within a time, or a sentence with `remedy`. */
async function answerOf(url: string, remedy: string, signal: AbortSignal, body?: URLSearchParams): Promise<Response> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  try {
    const token = process.env[TOKEN_VARIABLE];
    // Prometheus' alone: an endpoint is asked without a body.
    const headers: Record<string, string> = body && token ? { Authorization: `Bearer ${token}` } : {};
    return await fetch(url, { signal: limit, headers, ...(body && { method: 'POST', body }) });
  } catch (error) {
    signal.throwIfAborted();
    const { name, cause, message } = error as Error & { cause?: { code?: string; message?: string } };
    const why = name === 'TimeoutError' ? `no answer within ${TIMEOUT_MS / 1000} s` : cause?.code || cause?.message;
    throw new SlipwayError(`'${url}' cannot be reached: ${why ?? message}. ${remedy}`);
  }
}

/** The model that an endpoint of ours serves, from what it says of itself. */
async function modelAt(endpoint: string, signal: AbortSignal): Promise<string> {
  const answer = await answerOf(`${endpoint}/`, 'Is the endpoint running?', signal);
  const text = await answer.text().catch(() => '');
  try {
    const { name, links } = JSON.parse(text) as { name?: unknown; links?: { model?: unknown } };
    const [, model] = /^\/v2\/models\/([^/]+)$/.exec(String(links?.model)) ?? [];
    if (answer.ok && name === 'slipway' && model) return decodeURIComponent(model);
  } catch {
    // Not one of ours.
  }
  throw new SlipwayError(
    `'${endpoint}' is no endpoint of Slipway: it answers with status ${answer.status} and does not say which model it serves. Give the address that slipway up or slipway serve printed.`,
  );
}

/** Asks Prometheus; `path` is that of its HTTP API. */
async function ask(base: string, path: string, fields: Record<string, string>, signal: AbortSignal): Promise<Found[]> {
  const url = `${base}/api/v1/${path}`;
  const answer = await answerOf(
    url,
    `Is Prometheus running? ${anotherPrometheus}`,
    signal,
    new URLSearchParams(fields),
  );
  const text = await answer.text().catch(() => '');
  let said: { status?: unknown; error?: unknown; data?: { result?: Found[] } } = {};
  try {
    said = (JSON.parse(text) ?? {}) as typeof said;
  } catch {
    // Not Prometheus.
  }
  if (said.status === 'success' && Array.isArray(said.data?.result)) return said.data.result;
  if (answer.status === 401 || answer.status === 403) {
    throw new SlipwayError(
      `'${url}' wants you to sign in (status ${answer.status}). Set ${TOKEN_VARIABLE} to a token.`,
    );
  }
  const why = typeof said.error === 'string' ? `: ${said.error.slice(0, 300)}` : '';
  throw new SlipwayError(
    `'${url}' does not answer as Prometheus does (status ${answer.status}${why}). ${anotherPrometheus}`,
  );
}

/** The scrape job of an endpoint: that in which its own address is, else the one by the name that Slipway gives. */
function jobOf(found: readonly Found[], endpoint: string, model: string, prometheus: string): string {
  const { host } = new URL(endpoint);
  const own = found.find(({ metric }) => metric.instance === host)?.metric.job;
  const jobs = [...new Set(found.map(({ metric }) => metric.job ?? ''))];
  const named = jobs.find((job) => job === `slipway-${model}`);
  const job = own ?? named ?? (jobs.length === 1 ? jobs[0] : undefined);
  if (job !== undefined) return job;
  throw new SlipwayError(
    `Prometheus at '${prometheus}' reads '${model}' in several jobs (${jobs.join(', ')}), none of them with the instance ${host}. Name the job 'slipway-${model}', as docs/monitoring.md has it.`,
  );
}

const timesOf = (found: readonly Found[]): readonly number[] =>
  found.flatMap(({ values = [] }) => values.map(([at]) => at)).sort((a, b) => a - b);

/** Seconds between two readings, at least 1. */
function scrapeSecondsOf(found: readonly Found[]): number {
  const times = timesOf(found.slice(0, 1));
  const gaps = times.slice(1).map((at, index) => at - times[index]!);
  return gaps.length === 0 ? USUAL_SCRAPE_SECONDS : Math.max(1, Math.round(Math.min(...gaps)));
}

interface Readings {
  readonly scrapeSeconds: number;
  /** The last one. Prometheus would guess what came between it and any later time. */
  readonly end: number;
  /** Whole seconds from the first one, or from as far back as was asked, to the last. */
  readonly seconds: number;
}

/** When the endpoint was read. */
async function readings(base: string, job: string, lastSeconds: number, signal: AbortSignal): Promise<Readings> {
  const now = Date.now() / 1000;
  const ready = `onnx_model_ready{job=${quote(job)}}`;
  const recent = await ask(
    base,
    'query',
    { query: `${ready}[${duration(RECENT_SECONDS)}]`, time: String(now) },
    signal,
  );
  const scrapeSeconds = scrapeSecondsOf(recent);
  const times = timesOf(recent);
  const step = Math.max(scrapeSeconds, Math.ceil(lastSeconds / MOST_POINTS));
  const span = { start: String(now - lastSeconds), end: String(now), step: String(step) };
  const along = timesOf(await ask(base, 'query_range', { query: `count(${ready})`, ...span }, signal));
  const end = times.at(-1) ?? along.at(-1) ?? now;
  const first = Math.min(along[0] ?? end, times[0] ?? end);
  const seconds = Math.min(lastSeconds, Math.max(2 * scrapeSeconds, Math.ceil(end - first)));
  return { scrapeSeconds, end, seconds };
}

/**
 * Finds out what is to be asked of which Prometheus about a running endpoint.
 *
 * @param where - the endpoint's URL
 * @throws SlipwayError when it is no endpoint of ours, no Prometheus is known or it does not answer, or it has nothing of that time
 */
export async function runRequest(where: string, options: RunOptions): Promise<RunRequest> {
  const { signal, lastSeconds = DEFAULT_LAST_SECONDS, usdPerHour = null } = options;
  const endpoint = where.replace(/\/+$/, '').replace(/\/report$/, '');
  const model = await modelAt(endpoint, signal);
  const note = runningAt(endpoint);
  const prometheus = (options.prometheus ?? note?.prometheus)?.replace(/\/+$/, '');
  if (prometheus === undefined) {
    throw new SlipwayError(
      `No Prometheus is known to read '${endpoint}': it was not started by slipway up on this machine, or without monitoring. Give its address with --prometheus, such as --prometheus http://127.0.0.1:9090.`,
    );
  }
  const look = duration(lastSeconds);
  const ofModel = `onnx_model_ready{model=${quote(model)}}`;
  const instances = `count by (job, instance) (last_over_time(${ofModel}[${look}]))`;
  const found = await ask(prometheus, 'query', { query: instances }, signal);
  if (found.length === 0) {
    throw new SlipwayError(
      `Prometheus at '${prometheus}' has no reading of '${model}' in the last ${look}. Does it read '${endpoint}/metrics'? Just started, an endpoint has its first reading after some seconds; --last looks further back.`,
    );
  }
  const scope = { job: jobOf(found, endpoint, model, prometheus) };
  const { end, ...length } = await readings(prometheus, scope.job, lastSeconds, signal);
  const time = { scope, ...length };
  const promised = {
    availability: note?.objective.availability ?? Number((defaultSlo.availability / 100).toPrecision(12)),
    p99Ms: options.p99Ms ?? note?.objective.p99Ms ?? null,
  };
  const drift = note === undefined ? defaultDrift : note.drift;
  return {
    endpoint,
    prometheus,
    model,
    start: end - length.seconds,
    end,
    objective: { ...promised, boundMs: latencyBound(promised) },
    drift: drift && { psi: drift.psi, minCount: drift.minCount, stepSeconds: pieceSeconds(time) },
    usdPerHour,
    verdicts: Object.fromEntries(verdicts.map(({ id, kind, meaning, action }) => [id, { kind, meaning, action }])),
    queries: runQueries(time, promised),
  };
}
