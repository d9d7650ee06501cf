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
import type { DataTransformerConfig } from '@grafana/grafana-foundation-sdk/dashboard';
import { datasourceOf, type Target } from '../grafana-panels.js';
import { type AzureFilter, type AzureMetric, type AzureUnit, azureNamespaces } from '../queries/azure.js';

/** The variable that holds the data source: Azure's own is there wherever the dashboard is opened. */
export const source = { name: 'source', type: 'grafana-azure-monitor-datasource' } as const;
const datasource = datasourceOf(source);

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
