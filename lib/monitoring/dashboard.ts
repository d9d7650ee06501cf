/** Monitoring, step 7: what a dashboard shows, in which order. Every backend draws this one layout. */

import type { SignalId } from './signals.js';

export interface Series {
  readonly signal: SignalId;
  /** A `limit` is drawn apart from what is measured, and never stretches the axis. */
  readonly role: 'line' | 'limit';
}

export interface Panel {
  /** Unique in a plan; lower case. */
  readonly id: string;
  readonly title: string;
  /** What a person can read from it, one sentence. */
  readonly help: string;
  /** Of `columns`. Panels flow from left to right, in order. */
  readonly width: number;
  /** `stacked` where the parts add up to something. */
  readonly form: 'lines' | 'stacked';
  readonly series: readonly Series[];
  /** Marks an objective, in the unit of the series. */
  readonly threshold?: { readonly value: number; readonly title: string };
}

/** One number at the top. */
export interface Tile {
  readonly id: string;
  readonly title: string;
  readonly signal: SignalId;
}

/** How far back a dashboard looks. */
export interface Range {
  readonly title: string;
  readonly seconds: number;
  /** Between two points. */
  readonly stepSeconds: number;
  /** Over which rates are taken. */
  readonly windowSeconds: number;
}

export interface Dashboard {
  readonly columns: number;
  readonly tiles: readonly Tile[];
  readonly panels: readonly Panel[];
  readonly ranges: readonly Range[];
}

const POINTS = 180;

const ranges = [
  ['5 min', 300],
  ['15 min', 900],
  ['1 h', 3600],
  ['6 h', 21_600],
] as const;

const lines = (...ids: SignalId[]): readonly Series[] => ids.map((signal) => ({ signal, role: 'line' }));
const limit = (signal: SignalId): Series => ({ signal, role: 'limit' });

function panels(p99Ms: number | undefined): readonly Panel[] {
  return [
    {
      id: 'throughput',
      title: 'Throughput',
      help: 'Inference requests answered per second, whatever the answer.',
      width: 12,
      form: 'lines',
      series: lines('throughput'),
    },
    {
      id: 'latency',
      title: 'Latency',
      help: 'Time of successful answers, from first byte in to last byte out.',
      width: 12,
      form: 'lines',
      series: lines('latencyP50', 'latencyP95', 'latencyP99'),
      ...(p99Ms === undefined ? {} : { threshold: { value: p99Ms / 1000, title: 'p99 objective' } }),
    },
    {
      id: 'errors',
      title: 'Errors and rejections',
      help: 'Server errors are ours, client errors the caller’s; rejections were refused without a run.',
      width: 8,
      form: 'lines',
      series: lines('serverErrors', 'clientErrors', 'rejections'),
    },
    {
      id: 'queue',
      title: 'Queue',
      help: 'A queue that stays above zero means requests arrive faster than they are answered.',
      width: 8,
      form: 'lines',
      series: [...lines('queueDepth', 'inFlight'), limit('queueLimit')],
    },
    {
      id: 'batch',
      title: 'Batch size',
      help: 'Rows in one run. It grows only when requests wait.',
      width: 8,
      form: 'lines',
      series: [...lines('batchMean'), limit('batchLimit')],
    },
    {
      id: 'stages',
      title: 'Where the time goes',
      help: 'Mean time of one request in each stage.',
      width: 8,
      form: 'stacked',
      series: lines('stages'),
    },
    {
      id: 'cpu',
      title: 'CPU',
      help: 'Processor cores at work, of those the server may use.',
      width: 8,
      form: 'lines',
      series: [...lines('cpuCores'), limit('cpuLimit')],
    },
    {
      id: 'memory',
      title: 'Memory',
      help: 'Resident memory of the server and its decoders.',
      width: 8,
      form: 'lines',
      series: [...lines('memory'), limit('memoryLimit')],
    },
  ];
}

const tiles: readonly Tile[] = [
  { id: 'throughput', title: 'Requests', signal: 'throughput' },
  { id: 'latency', title: 'p99 latency', signal: 'latencyP99' },
  { id: 'errors', title: 'Server errors', signal: 'errorShare' },
  { id: 'queue', title: 'Queue fill', signal: 'queueFill' },
  { id: 'cpu', title: 'CPU', signal: 'cpuShare' },
  { id: 'memory', title: 'Memory fill', signal: 'memoryFill' },
];

/**
 * The dashboard of an endpoint.
 *
 * @param scrapeSeconds - time between two readings; a rate needs at least four
 */
export function planDashboard(scrapeSeconds: number, p99Ms?: number): Dashboard {
  return {
    columns: 24,
    tiles,
    panels: panels(p99Ms),
    ranges: ranges.map(([title, seconds]) => {
      const stepSeconds = Math.max(scrapeSeconds, Math.ceil(seconds / POINTS));
      return { title, seconds, stepSeconds, windowSeconds: Math.max(4 * scrapeSeconds, 2 * stepSeconds, 10) };
    }),
  };
}
