/** Monitoring, the emitter for Prometheus: recording rules, alerts and a scrape configuration, as YAML. */

import { stringify } from 'yaml';
import { alertmanagerConfig } from './alertmanager.js';
import type { Alert, Comparison } from './alerts.js';
import { bottleneckGroup } from './bottleneck-rules.js';
import { driftGroups } from './drift.js';
import type { Expression } from './expression.js';
import type { Objective } from './objectives.js';
import type { MonitoringPlan } from './plan.js';
import { acceleratorJob } from './queries/bottleneck.js';
import { duration, prometheusScope, promql, type Scope, selectorOf } from './queries/prometheus.js';
import { LONGEST_READ_SECONDS, STEP_SECONDS } from './steps.js';

interface Recording {
  readonly record: string;
  readonly value: Expression;
  readonly windowSeconds: number;
  /** In PromQL, where it is made from other recordings. */
  readonly expr?: string;
}

/** Windows above an hour move slowly: once a minute is enough. */
const SLOW_SECONDS = 60;
/** Rules are no fresher than the readings they are made from, and need not be fresher than this. */
const QUICK_SECONDS = 5;
const recordName = (id: Objective['id'], what: string, windowSeconds: number): string =>
  `slipway:${id}:${what}_${duration(windowSeconds)}`;

/** Where the rules record what is left of an objective's budget. */
export const budgetRecord = ({ id, periodSeconds }: Objective): string => recordName(id, 'budget_left', periodSeconds);

function recordingsOf(objective: Objective, selector: string): readonly Recording[] {
  const { id, bad, total, burn, periodSeconds, target } = objective;
  const named = (what: string, windowSeconds: number, value: Expression, expr?: string): Recording => ({
    ...{ record: recordName(id, what, windowSeconds), value, windowSeconds },
    ...(expr !== undefined && { expr }),
  });
  const steps = (what: 'bad' | 'total', windowSeconds: number): string =>
    `sum_over_time(${recordName(id, what, STEP_SECONDS)}{${selector}}[${duration(windowSeconds)}])`;
  const summed = (windowSeconds: number, expr: string): string | undefined =>
    windowSeconds > LONGEST_READ_SECONDS ? expr : undefined;
  const badShare = (window: number): string => `${steps('bad', window)} / ${steps('total', window)}`;
  const longs = burn.map(({ longSeconds }) => longSeconds);
  const windows = [...new Set([...longs, ...burn.map(({ shortSeconds }) => shortSeconds)])].sort((a, b) => a - b);
  const budget = Number((1 - target).toPrecision(12));
  return [
    named('bad', STEP_SECONDS, bad),
    named('total', STEP_SECONDS, total),
    ...windows.map((window) =>
      named('bad_share', window, { op: 'ratio', of: bad, to: total }, summed(window, badShare(window))),
    ),
    ...longs.map((window) => named('bad', window, bad, summed(window, steps('bad', window)))),
    named(
      ...(['budget_left', periodSeconds, { op: 'budgetLeft', bad, total, budget }] as const),
      `1 - ${badShare(periodSeconds)} / ${budget}`,
    ),
  ];
}

/** Go's template marks would be run inside annotations and labels. */
const literal = (text: string): string => text.replaceAll('{{', '{{ "{{" }}');

const shownNow: Partial<Record<Comparison['unit'], string>> = {
  share: ' Now: {{ $value | humanizePercentage }}.',
};

function alertRule(alert: Alert, plan: MonitoringPlan, scope: Scope, say: (comparison: Comparison) => string): object {
  const scopeLabels = Object.entries(scope).map(([label, value]) => [label, literal(value)]);
  return {
    alert: alert.name,
    expr: alert.when.map(say).join(' and '),
    for: duration(alert.forSeconds),
    labels: { ...Object.fromEntries(scopeLabels), model: literal(plan.model), severity: alert.severity },
    annotations: {
      summary: literal(`${plan.model}: ${alert.summary}`),
      description: `${literal(alert.meaning)}${shownNow[alert.when[0]!.unit] ?? ''}`,
      action: literal(alert.action),
    },
  };
}

/**
 * The rule file of a plan: groups of recording rules for the objectives, one of alerts, one of verdicts, one of drift. Deterministic.
 *
 * `slipway:<objective>:bad_share_<window>` is the share of bad requests, 0 to 1; `bad_<window>` their number, `total_<window>` that of all;
 * `budget_left_<period>` the share of the error budget that is left. Each carries the labels of `prometheusScope`.
 */
export function prometheusRules(plan: MonitoringPlan): string {
  const scope = prometheusScope(plan);
  const selector = selectorOf(scope);
  const recordings = plan.objectives.flatMap((objective) => recordingsOf(objective, selector));
  const key = (value: Expression, windowSeconds: number): string => JSON.stringify([value, windowSeconds]);
  const recorded = new Map(recordings.map(({ record, value, windowSeconds }) => [key(value, windowSeconds), record]));
  const say = ({ value, windowSeconds, is, than }: Comparison): string => {
    const record = recorded.get(key(value, windowSeconds));
    return `${record ? `${record}{${selector}}` : promql(value, { scope, windowSeconds })} ${is} ${than}`;
  };
  const quickSeconds = Math.max(plan.scrapeSeconds, QUICK_SECONDS);
  const recordingGroup = (pace: string, seconds: number, rules: readonly Recording[]): object => ({
    name: `slipway ${plan.model} objectives ${pace}`,
    interval: duration(seconds),
    rules: rules.map(({ record, value, windowSeconds, expr = promql(value, { scope, windowSeconds }) }) => ({
      record,
      expr,
      labels: scope,
    })),
  });
  const paces = {
    steps: STEP_SECONDS,
    quick: quickSeconds,
    slow: Math.max(plan.scrapeSeconds, SLOW_SECONDS),
  } as const;
  const paceOf = (windowSeconds: number): keyof typeof paces =>
    windowSeconds === STEP_SECONDS ? 'steps' : windowSeconds <= LONGEST_READ_SECONDS ? 'quick' : 'slow';
  const groups = [
    ...(Object.keys(paces) as (keyof typeof paces)[]).map((pace) =>
      recordingGroup(
        pace,
        paces[pace],
        recordings.filter(({ windowSeconds }) => paceOf(windowSeconds) === pace),
      ),
    ),
    {
      name: `slipway ${plan.model} alerts`,
      interval: duration(quickSeconds),
      rules: plan.alerts.map((alert) => alertRule(alert, plan, scope, say)),
    },
    bottleneckGroup(plan),
    ...(plan.drift ? driftGroups(plan, plan.drift) : []),
  ];
  return stringify({ groups }, { lineWidth: 0, aliasDuplicateObjects: false });
}

export interface ScrapeTarget {
  /** Where the endpoint's `/metrics` is, `host:port`. */
  readonly target: string;
  /** Path of the file with `prometheusRules`. */
  readonly rulesFile: string;
  /**
   * Where the `/metrics` of dcgm-exporter is, for an endpoint with accelerators, `host:port`.
   *
   * @default - accelerators are not read
   */
  readonly accelerators?: string | undefined;
  /**
   * Addresses of Alertmanagers that are told what fires, `http://host:port`, with a path where they have one.
   *
   * @default - alerts are in Prometheus alone
   */
  readonly alertmanagers?: readonly string[] | undefined;
}

/** A Prometheus configuration that reads one endpoint and evaluates its rules. The job's name is what every query selects by. */
export function prometheusConfig(plan: MonitoringPlan, scraping: ScrapeTarget): string {
  const { target, rulesFile, accelerators, alertmanagers = [] } = scraping;
  const every = duration(plan.scrapeSeconds);
  const { job } = prometheusScope(plan);
  const scraped = (name: string, address: string) => ({ job_name: name, static_configs: [{ targets: [address] }] });
  return stringify(
    {
      global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every },
      rule_files: [rulesFile],
      ...(alertmanagers.length > 0 && { alerting: { alertmanagers: alertmanagers.map(alertmanagerConfig) } }),
      scrape_configs: [
        scraped(job, target),
        ...(accelerators === undefined ? [] : [scraped(acceleratorJob(job), accelerators)]),
      ],
    },
    { lineWidth: 0 },
  );
}
