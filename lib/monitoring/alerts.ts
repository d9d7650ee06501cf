/** Monitoring, step 6: when someone has to know, and what they can do. Data; each backend writes it in its own form. */

import { type BurnThreshold, MIN_BAD_REQUESTS, type Severity } from './burn-rate.js';
import type { Expression } from './expression.js';
import type { Objective } from './objectives.js';
import { signals, type Unit } from './signals.js';

export interface Comparison {
  readonly value: Expression;
  readonly unit: Unit;
  /** Over which rates and counts are taken; a gauge has no window. */
  readonly windowSeconds: number;
  readonly is: '>' | '>=' | '==';
  readonly than: number;
}

export interface Alert {
  /** Unique in a plan; letters and digits. */
  readonly name: string;
  /** `page`: wake someone. `ticket`: on a working day. */
  readonly severity: Severity;
  /** All of them have to hold, for `forSeconds` on end. */
  readonly when: readonly Comparison[];
  readonly forSeconds: number;
  /** One line for the list of alerts. */
  readonly summary: string;
  /** What it means for the users of the endpoint. */
  readonly meaning: string;
  /** What to do first. */
  readonly action: string;
}

/** Short enough to notice a gauge's change, long enough for a handful of scrapes. */
const GAUGE_WINDOW_SECONDS = 60;

export const QUEUE_FILL_LIMIT = 0.8;
export const MEMORY_FILL_LIMIT = 0.9;

const span = (seconds: number): string => {
  const unit =
    seconds % 86_400 === 0
      ? ([86_400, 'd'] as const)
      : seconds % 3600 === 0
        ? ([3600, 'h'] as const)
        : ([60, 'min'] as const);
  return `${seconds / unit[0]} ${unit[1]}`;
};

const percent = (share: number): string => `${Number((share * 100).toPrecision(4))} %`;

const spoiled: Record<Objective['id'], { readonly word: string; readonly action: string }> = {
  availability: {
    word: 'ended in a server error',
    action:
      'Look at the errors and rejections on the dashboard. Rejections for a full queue: send less or add replicas. Errors of the model: read the log of the server, and go back to the last model that worked.',
  },
  latency: {
    word: 'took too long',
    action:
      'Look at the stages on the dashboard. Long in the queue: add replicas or processors. Long in inference: a smaller or better optimized model, or a faster machine.',
  },
};

/** How names of alerts begin. */
export const objectiveNames = { availability: 'Availability', latency: 'Latency' } as const;

/** Name of the alert on one window of an objective. */
export const burnAlertName = ({ id }: Objective, { longSeconds }: BurnThreshold): string =>
  `${objectiveNames[id]}Burn${span(longSeconds).replace(' ', '')}`;

function burnAlert(objective: Objective, threshold: BurnThreshold): Alert {
  const { longSeconds, shortSeconds, badShare, factor } = threshold;
  const share: Expression = { op: 'ratio', of: objective.bad, to: objective.total };
  const over = (windowSeconds: number): Comparison => ({
    value: share,
    unit: 'share',
    windowSeconds,
    is: '>',
    than: badShare,
  });
  const { word, action } = spoiled[objective.id];
  const long = span(longSeconds);
  return {
    name: burnAlertName(objective, threshold),
    severity: threshold.severity,
    when: [
      over(longSeconds),
      over(shortSeconds),
      { value: objective.bad, unit: 'requests', windowSeconds: longSeconds, is: '>=', than: MIN_BAD_REQUESTS },
    ],
    forSeconds: threshold.forSeconds,
    summary: `More than ${percent(badShare)} of requests ${word} during ${long}`,
    meaning: `The objective is: ${objective.title}, over ${span(objective.periodSeconds)}. The errors it allows are being used up ${factor > 1 ? `more than ${Number(factor.toPrecision(3))} times as fast as it allows` : 'faster than it allows'}.`,
    action,
  };
}

const standing: readonly Alert[] = [
  {
    name: 'EndpointDown',
    severity: 'page',
    when: [{ value: signals.reachable.value, unit: 'flag', windowSeconds: GAUGE_WINDOW_SECONDS, is: '==', than: 0 }],
    forSeconds: 60,
    summary: 'The endpoint does not answer',
    meaning: 'No replica has answered for a minute: requests fail, and nothing else can be measured.',
    action:
      'See whether the process runs, and read the end of its log. Out of memory and a port in use are the usual causes.',
  },
  {
    name: 'EndpointNotReady',
    severity: 'page',
    when: [{ value: signals.ready.value, unit: 'flag', windowSeconds: GAUGE_WINDOW_SECONDS, is: '==', than: 0 }],
    forSeconds: 120,
    summary: 'The endpoint runs but takes no requests',
    meaning: 'The server answers, but has not finished its warm-up, its canaries fail, or it is draining.',
    action:
      'Read the log of the server. If the canaries fail, the served model is not the one that was measured: build it again.',
  },
  {
    name: 'QueueSaturated',
    severity: 'page',
    when: [
      {
        value: signals.queueFill.value,
        unit: 'share',
        windowSeconds: GAUGE_WINDOW_SECONDS,
        is: '>',
        than: QUEUE_FILL_LIMIT,
      },
    ],
    forSeconds: 60,
    summary: `The queue is more than ${percent(QUEUE_FILL_LIMIT)} full`,
    meaning:
      'Requests arrive faster than they are answered. Once the queue is full, further ones are refused with 503.',
    action:
      'Add replicas or processors, or send less. If the mean batch is far below its limit, look at preprocessing.',
  },
  {
    name: 'MemoryPressure',
    severity: 'ticket',
    when: [
      {
        value: signals.memoryFill.value,
        unit: 'share',
        windowSeconds: GAUGE_WINDOW_SECONDS,
        is: '>',
        than: MEMORY_FILL_LIMIT,
      },
    ],
    forSeconds: 300,
    summary: `The server uses more than ${percent(MEMORY_FILL_LIMIT)} of its memory`,
    meaning: 'At its limit the system ends the process, with every request it is working on.',
    action: 'Give it more memory, or lower the queue, the batch size or the number of workers.',
  },
];

/** The alerts of an endpoint: those of its objectives, and those that every endpoint has. */
export function planAlerts(objectives: readonly Objective[]): readonly Alert[] {
  return [
    ...objectives.flatMap((objective) => objective.burn.map((threshold) => burnAlert(objective, threshold))),
    ...standing,
  ];
}
