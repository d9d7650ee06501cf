/** Monitoring, the parts of a Grafana dashboard over Azure Monitor: queries as Grafana's plugin reads them, panels, and what panels compute. */

import {
  LogsQueryBuilder,
  MetricDimensionBuilder,
  MetricQueryBuilder,
  MonitorQueryBuilder,
  MonitorResourceBuilder,
  QueryType,
  ResultFormat,
} from '@grafana/grafana-foundation-sdk/azuremonitor';
import {
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  VizLegendOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  type DataTransformerConfig,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import { type AzureFilter, type AzureMetric, type AzureUnit, azureNamespaces } from '../queries/azure.js';

/** The variable that holds the data source: Azure's own is there wherever the dashboard is opened. */
export const source = { name: 'source', type: 'grafana-azure-monitor-datasource' } as const;
const datasource = { type: source.type, uid: `\${${source.name}}` };

/** Grafana's units for what Azure counts in; it picks the multiple itself. */
export const grafanaUnits: Readonly<Record<AzureUnit, string>> = {
  'requests/min': 'reqpm',
  milliseconds: 'ms',
  percent: 'percent',
  nanocores: 'si:ncores',
  bytes: 'bytes',
  replicas: 'none',
};

/** A resource that has metrics. */
export interface Watched {
  /** Full resource id. */
  readonly id: string;
  readonly location: string;
}

/** A query of a panel, without its letter. */
export type Target = (refId: string) => MonitorQueryBuilder;

/** `/subscriptions/S/resourceGroups/G/providers/P/type/name/type/name`: the plugin takes its parts. */
function resourceOf({ id, location }: Watched, namespace: string): MonitorResourceBuilder {
  const parts = id.split('/');
  return new MonitorResourceBuilder()
    .subscription(parts[2] ?? '')
    .resourceGroup(parts[4] ?? '')
    .metricNamespace(namespace)
    .resourceName(parts.filter((_, index) => index >= 8 && index % 2 === 0).join('/'))
    .region(location);
}

function dimension(filter: AzureFilter): MetricDimensionBuilder {
  const [operator, value] =
    'equals' in filter
      ? ['eq', filter.equals]
      : 'startsWith' in filter
        ? ['sw', filter.startsWith]
        : ['ne', filter.isNot];
  return new MetricDimensionBuilder().dimension(filter.label).operator(operator!).filters([value!]);
}

/** A metric of a resource. Series of several values of a dimension are told apart by the values. */
export function metricTarget(metric: AzureMetric, watched: Watched, title: string): Target {
  const { name, aggregation, where = [], by = [], part } = metric;
  const namespace = azureNamespaces[metric.of];
  const alias = [title, ...(part === undefined ? [] : [part]), ...by.map((label) => `{{${label}}}`)].join(' ');
  return (refId) =>
    new MonitorQueryBuilder()
      .refId(refId)
      .datasource(datasource)
      .queryType(QueryType.Monitor)
      .subscription(watched.id.split('/')[2] ?? '')
      .azureMonitor(
        new MetricQueryBuilder()
          .resources([resourceOf(watched, namespace)])
          .metricNamespace(namespace)
          .metricName(name)
          .aggregation(aggregation)
          // Counts are by the minute, however long a time is shown.
          .timeGrain('PT1M')
          .dimensionFilters([
            ...where.map(dimension),
            ...by.map((label) => new MetricDimensionBuilder().dimension(label).operator('eq').filters([])),
          ])
          .alias(alias),
      );
}

/** A Kusto query on a Log Analytics workspace. */
export const logTarget =
  (query: string, workspaceId: string): Target =>
  (refId) =>
    new MonitorQueryBuilder()
      .refId(refId)
      .datasource(datasource)
      .queryType(QueryType.LogAnalytics)
      .azureLogAnalytics(
        new LogsQueryBuilder()
          .query(query)
          .resources([workspaceId])
          .resultFormat(ResultFormat.TimeSeries)
          .dashboardTime(true)
          .timeColumn('TimeGenerated'),
      );

/** What the browser computes from the series of a panel. */
export const compute = {
  /** One table of all series, by time. */
  join: { id: 'joinByField', options: { mode: 'outer' } },
  /** Of all series, and nothing else. */
  over: (reducer: 'sum' | 'max', alias: string): DataTransformerConfig => ({
    id: 'calculateField',
    options: { mode: 'reduceRow', reduce: { reducer }, alias, replaceFields: true },
  }),
  /** `right` is the name of a series, or a number. */
  binary: (left: string, operator: '/' | '*', right: string, alias: string): DataTransformerConfig => ({
    id: 'calculateField',
    options: { mode: 'binary', binary: { left, operator, right }, alias, replaceFields: true },
  }),
} as const;

/** A value that the lines are seen against. */
const lineAt = (value: number): ThresholdsConfigBuilder =>
  new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([
    { color: 'transparent', value: null },
    { color: 'red', value },
  ]);

export interface Drawn {
  readonly title: string;
  readonly help: string;
  readonly unit: string;
  readonly targets: readonly Target[];
  readonly transformations?: readonly DataTransformerConfig[];
  /** In `unit`. */
  readonly limit?: number;
  readonly stacked?: boolean;
  readonly most?: number;
}

/** A, B, …, Z, AA: as Grafana names queries. */
const letters = (index: number): string =>
  `${index >= 26 ? letters(Math.floor(index / 26) - 1) : ''}${String.fromCharCode(65 + (index % 26))}`;

const queries = (targets: readonly Target[]): MonitorQueryBuilder[] =>
  targets.map((target, index) => target(letters(index)));

/** Lines over time. */
export function lines({ title, help, unit, targets, transformations = [], limit, stacked, most }: Drawn) {
  const panel = new timeseries.PanelBuilder()
    .title(title)
    .description(help)
    .datasource(datasource)
    .unit(unit)
    .min(0)
    .legend(new VizLegendOptionsBuilder().showLegend(true))
    .transformations([...transformations])
    .targets(queries(targets));
  if (most !== undefined) panel.max(most);
  if (stacked) panel.fillOpacity(30).stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
  if (limit !== undefined) {
    panel
      .thresholds(lineAt(limit))
      .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
  }
  return panel;
}

/** The last value, large. */
export const tile = ({ title, help, unit, targets, transformations = [] }: Drawn) =>
  new stat.PanelBuilder()
    .title(title)
    .description(help)
    .datasource(datasource)
    .unit(unit)
    .noValue('–')
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .transformations([...transformations])
    .targets(queries(targets));
