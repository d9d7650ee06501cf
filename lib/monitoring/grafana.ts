/** Monitoring, the emitter for Grafana over a Prometheus that reads our own server: the plan's dashboard, and what its rules record. */

import { DashboardBuilder, DatasourceVariableBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Panel, Series, Tile } from './dashboard.js';
import { verdictTimes, verdictWords } from './grafana-bottleneck.js';
import { driftPanels } from './grafana-drift.js';
import { columns, type Drawn, lines, placed, type Target, tile } from './grafana-panels.js';
import { instant, range, source } from './grafana-prometheus.js';
import type { MonitoringPlan } from './plan.js';
import { budgetRecord } from './prometheus-rules.js';
import { prometheusScope, promql, selectorOf } from './queries/prometheus.js';
import type { Unit } from './signals.js';

/** Grafana picks the multiple itself. */
const units: Readonly<Record<Unit, string>> = {
  'requests/s': 'reqps',
  requests: 'none',
  seconds: 's',
  bytes: 'bytes',
  cores: 'none',
  rows: 'none',
  share: 'percentunit',
  ratio: 'none',
  decibels: 'dB',
  flag: 'bool',
};

const windowSeconds = 300;
const tileHeight = 4;
const height = 8;

function targetOf(plan: MonitoringPlan, { signal }: Series | Tile, queried = range): Target {
  const { title, value } = plan.signals[signal];
  const by = 'by' in value ? (value.by ?? []) : [];
  const expression = promql(value, { scope: prometheusScope(plan), windowSeconds });
  return queried(expression, [title, ...by.map((label) => `{{${label}}}`)].join(' '));
}

const panelOf = (plan: MonitoringPlan, { title, help, series, form, threshold }: Panel): Drawn => ({
  ...{ title, help },
  unit: units[plan.signals[series[0]!.signal].unit],
  targets: series.map((each) => targetOf(plan, each)),
  stacked: form === 'stacked',
  ...(threshold && { limit: threshold.value }),
});

const tileOf = (plan: MonitoringPlan, each: Tile): Drawn => ({
  title: each.title,
  help: 'The last five minutes.',
  unit: units[plan.signals[each.signal].unit],
  targets: [targetOf(plan, each, instant)],
});

/** What is left of the budgets, as the rules record it. */
const budgets = (plan: MonitoringPlan): Drawn[] =>
  plan.objectives.map((objective) => ({
    title: `Error budget left: ${objective.title}`,
    help: `Of ${objective.periodSeconds / 86_400} days. Below 0 it is overspent. Recorded by the rules of this endpoint.`,
    unit: 'percentunit',
    targets: [instant(`${budgetRecord(objective)}{${selectorOf(prometheusScope(plan))}}`, 'left')],
  }));

/**
 * The dashboard's JSON, canonical: the same plan gives the same text. Its data source is chosen in Grafana.
 *
 * Budgets, drift and verdicts come from the rules of `prometheusRules`.
 */
export function grafanaDashboard(plan: MonitoringPlan): string {
  const tiles = plan.dashboard.tiles.map((each) => tile(source, tileOf(plan, each)));
  const left = budgets(plan).map((each) => tile(source, each));
  const drifts = driftPanels(plan).map((each) => lines(source, each));
  const panels = placed([
    ...tiles.map((panel) => ({ panel, w: Math.floor(columns / tiles.length), h: tileHeight })),
    ...left.map((panel) => ({ panel, w: Math.floor(columns / left.length), h: tileHeight })),
    { panel: verdictWords(plan), w: columns, h: tileHeight },
    ...plan.dashboard.panels.map((each) => ({ panel: lines(source, panelOf(plan, each)), w: each.width, h: height })),
    ...drifts.map((panel) => ({ panel, w: Math.floor(columns / drifts.length), h: height })),
    { panel: verdictTimes(plan), w: columns, h: height },
  ]);
  const dashboard = new DashboardBuilder(`Slipway: ${plan.model}`)
    .tags(['slipway'])
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .withVariable(new DatasourceVariableBuilder(source.name).label('Data source').type(source.type));
  for (const [index, { panel, ...gridPos }] of panels.entries()) {
    dashboard.withPanel(panel.id(index + 1).gridPos(gridPos));
  }
  return JSON.stringify(dashboard.build());
}
