/** Monitoring, the emitter for Google's Cloud Monitoring over a Cloud Run service: objectives, alert policies and a dashboard, as data. */

import { burnAlertName } from './alerts.js';
import { MIN_BAD_REQUESTS } from './burn-rate.js';
import type { Objective } from './objectives.js';
import type { MonitoringPlan } from './plan.js';
import { cloudRunQuery, instancesQuery } from './queries/cloud-run.js';
import type { Unit } from './signals.js';

/** A request-based objective of Cloud Monitoring. */
export interface CloudRunSlo {
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

/** A policy whose conditions all have to hold. */
export interface CloudRunAlert {
  readonly name: string;
  readonly severity: 'CRITICAL' | 'WARNING';
  readonly documentation: string;
  readonly conditions: readonly {
    readonly displayName: string;
    /** Of Cloud Monitoring; `SLO` stands for the objective's full name. */
    readonly filter: string;
    readonly slo: Objective['id'] | null;
    readonly thresholdValue: number;
    readonly durationSeconds: number;
    /** Sum over so many seconds; null where the filter is a rate of its own. */
    readonly sumOverSeconds: number | null;
  }[];
}

export interface CloudRunMonitoring {
  readonly slos: readonly CloudRunSlo[];
  readonly alerts: readonly CloudRunAlert[];
  /** What could not be watched, in words. */
  readonly notes: readonly string[];
}

/** An alert looks back so far, most. */
const longestSeconds = 86_400;

const metricFilter = (service: string, metric: string, more = ''): string =>
  `metric.type="run.googleapis.com/${metric}" AND resource.type="cloud_run_revision" AND resource.label."service_name"=${JSON.stringify(service)}${more}`;

const errors = ' AND metric.label."response_code_class"="5xx"';

function sloOf(service: string, { id, title, target, periodSeconds, bad }: Objective): CloudRunSlo {
  const common = { id, displayName: title, goal: target, rollingPeriodDays: Math.min(30, periodSeconds / 86_400) };
  if (bad.op !== 'above') {
    return {
      ...common,
      goodTotalRatio: {
        totalServiceFilter: metricFilter(service, 'request_count'),
        badServiceFilter: metricFilter(service, 'request_count', errors),
      },
    };
  }
  return {
    ...common,
    distributionCut: {
      distributionFilter: metricFilter(service, 'request_latencies'),
      range: { max: Number((bad.bound * 1000).toPrecision(12)) },
    },
  };
}

/** `select_slo_burn_rate` counts in multiples of what the objective allows. */
function burnAlerts(service: string, plan: MonitoringPlan, objective: Objective): CloudRunAlert[] {
  return objective.burn
    .filter(({ longSeconds }) => longSeconds <= longestSeconds)
    .map((threshold) => {
      const { longSeconds, shortSeconds, factor, forSeconds } = threshold;
      const name = burnAlertName(objective, threshold);
      const { severity, summary, meaning, action } = plan.alerts.find((each) => each.name === name)!;
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
        filter: metricFilter(service, 'request_count', errors),
        slo: null,
        thresholdValue: MIN_BAD_REQUESTS - 1,
        durationSeconds: 0,
        sumOverSeconds: longSeconds,
      };
      return {
        name,
        severity: severity === 'page' ? 'CRITICAL' : 'WARNING',
        documentation: `${summary}. ${meaning}\n\n${action}`,
        // Slow answers cannot be counted one by one here, so that their alert has no least number.
        conditions: [burn(longSeconds), burn(shortSeconds), ...(objective.id === 'availability' ? [enough] : [])],
      };
    });
}

/** Objectives and their alerts for a service. */
export function cloudRunMonitoring(plan: MonitoringPlan, service: string): CloudRunMonitoring {
  return {
    slos: plan.objectives.map((objective) => sloOf(service, objective)),
    alerts: plan.objectives.flatMap((objective) => burnAlerts(service, plan, objective)),
    notes: [
      ...plan.objectives
        .filter(({ burn }) => burn.some(({ longSeconds }) => longSeconds > longestSeconds))
        .map(({ id }) => `no alert on ${id} over 3 days: an alert looks back one day at most`),
      ...plan.objectives
        .filter(({ periodSeconds }) => periodSeconds > 30 * 86_400)
        .map(({ id }) => `${id} counts over 30 days, the longest period of Cloud Monitoring`),
      ...['QueueSaturated', 'EndpointNotReady'].map((name) => `no alert ${name}: Cloud Run publishes no metric for it`),
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

/**
 * The dashboard's JSON, canonical: the same plan gives the same text.
 *
 * @param instance - its processors, and what an hour of it costs; null where no price is known
 */
export function cloudRunDashboard(
  plan: MonitoringPlan,
  service: string,
  instance: { readonly processors: number; readonly usdPerHour: number | null },
): string {
  const { processors, usdPerHour } = instance;
  const chart = (title: string, unit: string, queries: readonly { query: string; legend: string }[]) => ({
    title: `${title} (${unit})`,
    xyChart: {
      dataSets: queries.map(({ query, legend }) => ({
        legendTemplate: legend,
        plotType: 'LINE',
        targetAxis: 'Y1',
        timeSeriesQuery: { prometheusQuery: query },
      })),
      yAxis: { label: unit, scale: 'LINEAR' },
    },
  });
  const planned = plan.dashboard.panels.flatMap(({ title, series }) => {
    const unit = plan.signals[series[0]!.signal].unit;
    const { label, times } = shown[unit] ?? { label: unit, times: 1 };
    const queries = series.flatMap(({ signal, role }) => {
      const query =
        role === 'line' ? cloudRunQuery(plan.signals[signal].value, { service, windowSeconds: 300, processors }) : null;
      if (query === null) return [];
      return [{ query: times === 1 ? query : `(${query}) * ${times}`, legend: plan.signals[signal].title }];
    });
    return queries.length > 0 ? [chart(title, label, queries)] : [];
  });
  const instances = instancesQuery({ service });
  const widgets = [
    ...planned,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Cloud Monitoring fills it in.
    chart('Instances', 'instances', [{ query: instances, legend: '${metric.labels.state}' }]),
    ...(usdPerHour === null
      ? []
      : [chart('Cost', 'USD an hour', [{ query: `sum(${instances}) * ${usdPerHour}`, legend: 'instances' }])]),
  ];
  return JSON.stringify({
    displayName: `Slipway: ${plan.model}`,
    mosaicLayout: {
      columns,
      tiles: widgets.map((widget, index) => ({
        xPos: (index * width) % columns,
        yPos: Math.floor((index * width) / columns) * height,
        width,
        height,
        widget,
      })),
    },
  });
}
