/** Monitoring, what the emitters for Google's Cloud Monitoring have in common: objectives, alert policies and a dashboard, as data. */

import { type Alert, burnAlertName } from './alerts.js';
import { MIN_BAD_REQUESTS } from './burn-rate.js';
import type { Expression } from './expression.js';
import type { Objective } from './objectives.js';
import type { MonitoringPlan } from './plan.js';
import type { Unit } from './signals.js';

/** A request-based objective of Cloud Monitoring. */
export interface CloudSlo {
  /** Letters, digits and hyphens. */
  readonly id: Objective['id'];
  readonly displayName: string;
  /** Share of good requests, above 0 and below 1. */
  readonly goal: number;
  readonly rollingPeriodDays: number;
  /** One of the two. */
  readonly goodTotalRatio?: { readonly totalServiceFilter: string; readonly badServiceFilter: string };
  readonly distributionCut?: { readonly distributionFilter: string; readonly range: { readonly max: number } };
}

/** A threshold on what a filter selects. */
export interface FilterCondition {
  readonly displayName: string;
  /** Of Cloud Monitoring; `SLO` stands for the objective's full name. */
  readonly filter: string;
  readonly slo: Objective['id'] | null;
  readonly thresholdValue: number;
  readonly durationSeconds: number;
  /** Sum over so many seconds; null where the filter is a rate of its own. */
  readonly sumOverSeconds: number | null;
}

/** Holds while a query in PromQL has an answer. */
export interface QueryCondition {
  readonly displayName: string;
  readonly query: string;
  /** A multiple of 30. */
  readonly durationSeconds: number;
}

/** A policy whose conditions all have to hold. */
export interface CloudAlert {
  readonly name: string;
  readonly severity: 'CRITICAL' | 'WARNING';
  readonly documentation: string;
  readonly conditions: readonly (FilterCondition | QueryCondition)[];
}

export interface CloudMonitoring {
  readonly slos: readonly CloudSlo[];
  readonly alerts: readonly CloudAlert[];
  /** What could not be watched, in words. */
  readonly notes: readonly string[];
}

/** Filters for what a platform counts of an endpoint's requests. */
export interface RequestFilters {
  /** The platform's name. */
  readonly platform: string;
  /** Every request. */
  readonly requests: string;
  /** Those that ended in a server error. */
  readonly errors: string;
  /** A distribution of milliseconds. */
  readonly latencies: string;
}

/** An alert looks back so far, most. */
const longestSeconds = 86_400;

function sloOf({ requests, errors, latencies }: RequestFilters, objective: Objective): CloudSlo {
  const { id, title, target, periodSeconds, bad } = objective;
  const common = { id, displayName: title, goal: target, rollingPeriodDays: Math.min(30, periodSeconds / 86_400) };
  if (bad.op !== 'above') {
    return { ...common, goodTotalRatio: { totalServiceFilter: requests, badServiceFilter: errors } };
  }
  return {
    ...common,
    distributionCut: { distributionFilter: latencies, range: { max: Number((bad.bound * 1000).toPrecision(12)) } },
  };
}

const described = ({ name, severity, summary, meaning, action }: Alert) =>
  ({
    name,
    severity: severity === 'page' ? 'CRITICAL' : 'WARNING',
    documentation: `${summary}. ${meaning}\n\n${action}`,
  }) as const;

/** `select_slo_burn_rate` counts in multiples of what the objective allows. */
function burnAlerts({ errors }: RequestFilters, plan: MonitoringPlan, objective: Objective): CloudAlert[] {
  return objective.burn
    .filter(({ longSeconds }) => longSeconds <= longestSeconds)
    .map((threshold) => {
      const { longSeconds, shortSeconds, factor, forSeconds } = threshold;
      const name = burnAlertName(objective, threshold);
      const burn = (seconds: number) => ({
        displayName: `burns more than ${Number(factor.toPrecision(3))} times too fast over ${seconds / 60} min`,
        filter: `select_slo_burn_rate("SLO", "${seconds}s")`,
        slo: objective.id,
        thresholdValue: factor,
        durationSeconds: seconds === longSeconds ? Math.min(forSeconds, 300) : 0,
        sumOverSeconds: null,
      });
      const enough = {
        displayName: `at least ${MIN_BAD_REQUESTS} of them over ${longSeconds / 60} min`,
        filter: errors,
        slo: null,
        thresholdValue: MIN_BAD_REQUESTS - 1,
        durationSeconds: 0,
        sumOverSeconds: longSeconds,
      };
      return {
        ...described(plan.alerts.find((each) => each.name === name)!),
        // Slow answers cannot be counted one by one here, so that their alert has no least number.
        conditions: [burn(longSeconds), burn(shortSeconds), ...(objective.id === 'availability' ? [enough] : [])],
      };
    });
}

/**
 * The alert in PromQL; null where the platform publishes nothing for it.
 *
 * @param say - a value in PromQL, over so many seconds
 */
export function queryAlert(
  alert: Alert,
  say: (value: Expression, windowSeconds: number) => string | null,
): CloudAlert | null {
  const conditions = alert.when.flatMap(({ value, windowSeconds, is, than }) => {
    const query = say(value, windowSeconds);
    if (query === null) return [];
    return [{ displayName: alert.summary, query: `${query} ${is} ${than}`, durationSeconds: alert.forSeconds }];
  });
  return conditions.length === alert.when.length ? { ...described(alert), conditions } : null;
}

/** Objectives and their alerts over what a platform counts. */
export function cloudMonitoring(plan: MonitoringPlan, filters: RequestFilters): CloudMonitoring {
  return {
    slos: plan.objectives.map((objective) => sloOf(filters, objective)),
    alerts: plan.objectives.flatMap((objective) => burnAlerts(filters, plan, objective)),
    notes: [
      ...plan.objectives
        .filter(({ burn }) => burn.some(({ longSeconds }) => longSeconds > longestSeconds))
        .map(({ id }) => `no alert on ${id} over 3 days: an alert looks back one day at most`),
      ...plan.objectives
        .filter(({ periodSeconds }) => periodSeconds > 30 * 86_400)
        .map(({ id }) => `${id} counts over 30 days, the longest period of Cloud Monitoring`),
      ...['QueueSaturated', 'EndpointNotReady'].map(
        (name) => `no alert ${name}: ${filters.platform} publishes no metric for it`,
      ),
    ],
  };
}

/** What people read instead of base units. */
const shown: Readonly<Partial<Record<Unit, { readonly label: string; readonly times: number }>>> = {
  seconds: { label: 'ms', times: 1000 },
  share: { label: '%', times: 100 },
};

const columns = 48;
const width = 16;
const height = 16;

/** A line of a chart. */
export interface Line {
  readonly query: string;
  readonly legend: string;
}

/** A chart of lines over time. */
export interface Chart {
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly Line[];
}

const widget = ({ title, unit, lines }: Chart) => ({
  title: `${title} (${unit})`,
  xyChart: {
    dataSets: lines.map(({ query, legend }) => ({
      legendTemplate: legend,
      plotType: 'LINE',
      targetAxis: 'Y1',
      timeSeriesQuery: { prometheusQuery: query },
    })),
    yAxis: { label: unit, scale: 'LINEAR' },
  },
});

/** A text over the whole width. */
export interface Words {
  readonly title: string;
  /** Markdown. */
  readonly content: string;
}

/** The planned panels, as far as the platform has data for them. */
const plannedCharts = (plan: MonitoringPlan, say: (value: Expression) => string | null): Chart[] =>
  plan.dashboard.panels.flatMap(({ title, series }) => {
    const unit = plan.signals[series[0]!.signal].unit;
    const { label, times } = shown[unit] ?? { label: unit, times: 1 };
    const lines = series.flatMap(({ signal, role }) => {
      const query = role === 'line' ? say(plan.signals[signal].value) : null;
      if (query === null) return [];
      return [{ query: times === 1 ? query : `(${query}) * ${times}`, legend: plan.signals[signal].title }];
    });
    return lines.length > 0 ? [{ title, unit: label, lines }] : [];
  });

/** Sorted keys, and no zeros: the service leaves them out, so that a text with them would differ for ever. */
const canonical = (_key: string, value: unknown): unknown =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
    ? Object.fromEntries(
        Object.entries(value)
          .filter(([key, each]) => !(each === 0 && /^[xy]Pos$/.test(key)))
          .sort(([one], [other]) => (one < other ? -1 : 1)),
      )
    : value;

/**
 * A dashboard's JSON, canonical: the same plan gives the same text.
 *
 * @param say - an expression in PromQL; null where the platform publishes nothing of the kind
 * @param further - what only this platform has
 * @param words - below the charts
 */
export function dashboardJson(
  plan: MonitoringPlan,
  say: (value: Expression) => string | null,
  further: readonly Chart[],
  { title, content }: Words,
): string {
  const charts = [...plannedCharts(plan, say), ...further];
  const dashboard = {
    displayName: `Slipway: ${plan.model}`,
    mosaicLayout: {
      columns,
      tiles: [
        ...charts.map((chart, index) => ({
          xPos: (index * width) % columns,
          yPos: Math.floor((index * width) / columns) * height,
          width,
          height,
          widget: widget(chart),
        })),
        {
          yPos: Math.ceil((charts.length * width) / columns) * height,
          ...{ width: columns, height },
          widget: { title, text: { content, format: 'MARKDOWN' } },
        },
      ],
    },
  };
  return JSON.stringify(dashboard, canonical);
}
