/** The dashboard page's server: every query that the page is drawn from, written out from the plan. */

import { verdicts } from '../../monitoring/bottleneck.js';
import { bottleneckRecord, strongestRecord } from '../../monitoring/bottleneck-rules.js';
import { burnPairs } from '../../monitoring/burn-rate.js';
import { loadCatalogue, metricOf } from '../../monitoring/catalogue.js';
import type { Dashboard, Range } from '../../monitoring/dashboard.js';
import type { Objective } from '../../monitoring/objectives.js';
import type { MonitoringPlan } from '../../monitoring/plan.js';
import { budgetRecord } from '../../monitoring/prometheus-rules.js';
import { figureRecord } from '../../monitoring/queries/bottleneck.js';
import { driftRecord, duration, prometheusScope, promql, selectorOf } from '../../monitoring/queries/prometheus.js';
import type { SignalId } from '../../monitoring/signals.js';

export interface SeriesQueries {
  readonly title: string;
  readonly role: 'line' | 'limit';
  /** The label that tells the lines of one query apart; null when it has one line. */
  readonly split: string | null;
  /** That label's values in the order to draw them; others follow. */
  readonly order: readonly string[];
  /** One for each range. */
  readonly queries: readonly string[];
}

/** A day, in as many points as a chart has room for. */
const day = { title: '24 h', seconds: 86_400, stepSeconds: 300 } as const;

/** How far back the page looks: as every dashboard does, and a day. */
export function pageRanges({ dashboard, scrapeSeconds }: MonitoringPlan): readonly Range[] {
  return [...dashboard.ranges, { ...day, windowSeconds: Math.max(4 * scrapeSeconds, 2 * day.stepSeconds) }];
}

export function signalQueries(plan: MonitoringPlan, id: SignalId): readonly string[] {
  const scope = prometheusScope(plan);
  return pageRanges(plan).map(({ windowSeconds }) => promql(plan.signals[id].value, { scope, windowSeconds }));
}

/** By which label one query falls into several lines, and the label's values as the catalogue orders them. */
function splitOf(plan: MonitoringPlan, id: SignalId): Pick<SeriesQueries, 'split' | 'order'> {
  const { value } = plan.signals[id];
  const split = 'by' in value ? (value.by?.[0] ?? null) : null;
  if (!('metric' in value) || split === null) return { split, order: [] };
  return { split, order: metricOf(loadCatalogue(), value.metric).values[split] ?? [] };
}

export function panelQueries(plan: MonitoringPlan, panel: Dashboard['panels'][number]): readonly SeriesQueries[] {
  return panel.series.map(({ signal, role }) => {
    const parts = splitOf(plan, signal);
    // Parts of a whole go by their own names.
    const title = panel.form === 'stacked' && parts.split !== null ? '' : plan.signals[signal].title;
    return { title, role, ...parts, queries: signalQueries(plan, signal) };
  });
}

/** For how long there are readings, in readings. */
export function readingsQuery(plan: MonitoringPlan): string {
  const longest = Math.max(...plan.objectives.map(({ periodSeconds }) => periodSeconds));
  return `max(count_over_time(up{${selectorOf(prometheusScope(plan))}}[${duration(longest)}]))`;
}

export interface BudgetQueries {
  /** What the rules have recorded. */
  readonly recorded: string;
  /** The same from the readings, for the first minute, in which nothing is recorded yet. */
  readonly counted: string;
  /** Burn rates, over the windows of the quickest alert. */
  readonly burn: readonly { readonly windowSeconds: number; readonly query: string }[];
}

export function budgetQueries(plan: MonitoringPlan, objective: Objective): BudgetQueries {
  const { bad, total, target, periodSeconds } = objective;
  const scope = prometheusScope(plan);
  const budget = Number((1 - target).toPrecision(12));
  const { shortSeconds, longSeconds } = burnPairs[0]!;
  return {
    recorded: `${budgetRecord(objective)}{${selectorOf(scope)}}`,
    counted: promql({ op: 'budgetLeft', bad, total, budget }, { scope, windowSeconds: periodSeconds }),
    burn: [shortSeconds, longSeconds].map((windowSeconds) => ({
      windowSeconds,
      query: `${promql({ op: 'ratio', of: bad, to: total }, { scope, windowSeconds })} / ${budget}`,
    })),
  };
}

/** What limits the endpoint: the strongest verdict, all that hold, and the figures of one. */
export function verdictQueries(plan: MonitoringPlan) {
  const selector = selectorOf(prometheusScope(plan));
  return {
    strongest: `${strongestRecord}{${selector}}`,
    holding: `${bottleneckRecord}{${selector}} == 1`,
    /** One value for each condition of the verdict, told apart by its place in `condition`. */
    figures: (id: string): string =>
      (verdicts.find((verdict) => verdict.id === id)?.when ?? [])
        .map(
          ({ figure }, place) => `label_replace(${figureRecord(figure)}{${selector}}, "condition", "${place}", "", "")`,
        )
        .join(' or '),
  };
}

/** By what a figure of drift is known, and its bins with where they end. */
export const driftLabels = ['reference', 'side', 'tensor', 'statistic'] as const;

export function driftQueries(plan: MonitoringPlan) {
  const selector = selectorOf(prometheusScope(plan));
  const record = (what: string): string => `${driftRecord(what)}{${selector}}`;
  return {
    bins: `max by (${driftLabels.join(', ')}, bin, upper) (onnx_reference_bin_ratio{${selector}})`,
    seen: record('count'),
    rows: record('rows'),
    psi: record('psi'),
    js: record('js'),
    ks: record('ks'),
    limit: record('limit'),
  } as const;
}

/** What is served, and what the server found at start. */
export function modelQueries(plan: MonitoringPlan) {
  const scope = prometheusScope(plan);
  const of = (id: SignalId): string => promql(plan.signals[id].value, { scope, windowSeconds: 4 * plan.scrapeSeconds });
  return {
    served: of('modelInfo'),
    canary: of('canarySqnr'),
    startSpeedup: `min(onnx_model_speedup_ratio{${selectorOf(scope)}, measured="start"})`,
  } as const;
}

/** Replicas that answer, to multiply a price with. */
export const replicasQuery = (plan: MonitoringPlan): string => `sum(up{${selectorOf(prometheusScope(plan))}})`;
