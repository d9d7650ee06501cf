/** The report of a run: what Prometheus is asked, made from the signals of the monitoring. */

import { strongestRecord } from '../monitoring/bottleneck-rules.js';
import { loadCatalogue } from '../monitoring/catalogue.js';
import type { Expression } from '../monitoring/expression.js';
import { planObjectives } from '../monitoring/objectives.js';
import { duration, promql, quote, type Scope, selectorOf } from '../monitoring/queries/prometheus.js';
import { counted, type SignalId, signals } from '../monitoring/signals.js';

/** One question. */
export interface RunQuery {
  /** PromQL. */
  readonly query: string;
  /** Between two points; null for the value at the end alone. */
  readonly stepSeconds: number | null;
  /** After the start, where the first point is. */
  readonly afterSeconds: number;
}

/** Of which time, and of whom. */
export interface RunTime {
  readonly scope: Scope;
  /** Whole seconds from the start to the end. */
  readonly seconds: number;
  /** Between two readings, whole seconds. */
  readonly scrapeSeconds: number;
}

/** Shares are at most 1; latencies as in the objectives. */
export interface RunObjective {
  readonly availability: number;
  readonly p99Ms: number | null;
}

const POINTS = 180;
/** Pieces of time in which drift is counted; too small ones are put together later. */
const PIECES = 48;

const series: readonly SignalId[] = [
  ...(['throughput', 'latencyP50', 'latencyP95', 'latencyP99', 'serverErrors', 'clientErrors', 'rejections'] as const),
  ...(['queueDepth', 'queueLimit', 'inFlight', 'batchMean', 'batchLimit', 'stages'] as const),
  ...(['cpuCores', 'cpuLimit', 'memory', 'memoryLimit', 'ready'] as const),
];

const figure = ['reference', 'side', 'tensor', 'statistic', 'bin'];
const bins: Expression = { op: 'count', metric: 'onnx_observed_bin_total', by: figure };

/** The histogram's bound that counts as the objective's, milliseconds; null without one. */
export function latencyBound({ availability, p99Ms }: RunObjective): number | null {
  if (p99Ms === null) return null;
  const objectives = planObjectives({ availability: availability * 100, p99Ms }, loadCatalogue());
  const { bad } = objectives.find(({ id }) => id === 'latency')!;
  return bad.op === 'above' ? Number((bad.bound * 1000).toPrecision(12)) : null;
}

/** Over the whole time. */
function whole(objective: RunObjective): Readonly<Record<string, Expression>> {
  const bound = latencyBound(objective);
  return {
    wholeRequests: { op: 'count', metric: 'onnx_requests_total', by: ['code'] },
    wholeRejected: { op: 'count', metric: 'onnx_requests_rejected_total', by: ['reason'] },
    wholeP50: signals.latencyP50.value,
    wholeP95: signals.latencyP95.value,
    wholeP99: signals.latencyP99.value,
    wholeAnswers: counted.answers,
    ...(bound !== null && { wholeSlow: counted.slowAnswers(bound / 1000) }),
    wholeStages: signals.stages.value,
    wholeBatch: signals.batchMean.value,
    wholeRuns: { op: 'observed', metric: 'onnx_batch_size' },
    wholeCpu: signals.cpuCores.value,
    wholeBins: bins,
    modelInfo: signals.modelInfo.value,
    referenceBins: { op: 'gauge', combine: 'max', metric: 'onnx_reference_bin_ratio', by: [...figure, 'upper'] },
    samples: { op: 'gauge', combine: 'max', metric: 'onnx_reference_samples', by: ['reference'] },
  };
}

/** Width of the pieces in which drift is counted, whole seconds. */
export const pieceSeconds = ({ seconds, scrapeSeconds }: RunTime): number =>
  Math.max(4 * scrapeSeconds, Math.ceil(seconds / PIECES));

/** Every question, by the name under which the answer is kept. */
export function runQueries(time: RunTime, objective: RunObjective): Readonly<Record<string, RunQuery>> {
  const { scope, seconds, scrapeSeconds } = time;
  const step = Math.max(scrapeSeconds, Math.ceil(seconds / POINTS));
  const windowSeconds = Math.max(4 * scrapeSeconds, 2 * step, 10);
  const piece = pieceSeconds(time);
  const atEnd = { stepSeconds: null, afterSeconds: 0 };
  const fired = `ALERTS{${selectorOf(scope)}, alertstate=${quote('firing')}}[${duration(seconds)}]`;
  return {
    ...Object.fromEntries(
      series.map((id) => {
        const query = promql(signals[id].value, { scope, windowSeconds });
        return [id, { query, stepSeconds: step, afterSeconds: 0 }];
      }),
    ),
    ...Object.fromEntries(
      Object.entries(whole(objective)).map(([name, value]) => [
        name,
        { query: promql(value, { scope, windowSeconds: seconds }), ...atEnd },
      ]),
    ),
    bottleneck: { query: `${strongestRecord}{${selectorOf(scope)}}`, stepSeconds: step, afterSeconds: 0 },
    bins: { query: promql(bins, { scope, windowSeconds: piece }), stepSeconds: piece, afterSeconds: piece },
    alerts: { query: `max by (alertname) (max_over_time(${fired}))`, ...atEnd },
  };
}
