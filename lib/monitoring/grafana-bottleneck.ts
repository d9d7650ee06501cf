/** Monitoring, the verdicts on a Grafana dashboard: in words what limits the endpoint and what to do, and since when. */

import {
  TableCellDisplayMode,
  TableCellHeight,
  VisibilityMode,
  VizLegendOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import { type DynamicConfigValue, MappingType } from '@grafana/grafana-foundation-sdk/dashboard';
import * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline';
import * as table from '@grafana/grafana-foundation-sdk/table';
import { type Verdict, verdicts } from './bottleneck.js';
import { strongestRecord } from './bottleneck-rules.js';
import { datasourceOf } from './grafana-panels.js';
import { range, rows, source } from './grafana-prometheus.js';
import type { MonitoringPlan } from './plan.js';
import { prometheusScope, selectorOf } from './queries/prometheus.js';

const colors: Readonly<Record<Verdict['kind'], string>> = { limit: 'orange', waste: 'blue', none: 'green' };

/** Columns of the table: each says the verdict in words of another kind. */
const columns = [
  { label: 'verdict', title: 'What limits it', width: 280, say: ({ title }: Verdict) => title },
  { label: 'meaning', title: 'What that means', width: null, say: ({ meaning }: Verdict) => meaning },
  { label: 'action', title: 'What to do', width: null, say: ({ action }: Verdict) => action },
] as const;

const strongest = (plan: MonitoringPlan): string =>
  `max by (verdict) (${strongestRecord}{${selectorOf(prometheusScope(plan))}})`;

/** One row, with the verdict's name in every column. */
const named = (plan: MonitoringPlan): string =>
  columns.slice(1).reduce((query, { label }) => `label_join(${query}, "${label}", "", "verdict")`, strongest(plan));

const propertiesOf = ({ title, width, say }: (typeof columns)[number]): DynamicConfigValue[] => [
  { id: 'displayName', value: title },
  {
    id: 'mappings',
    value: [
      {
        type: MappingType.ValueToText,
        options: Object.fromEntries(
          verdicts.map((verdict, index) => [verdict.id, { text: say(verdict), color: colors[verdict.kind], index }]),
        ),
      },
    ],
  },
  width === null
    ? { id: 'custom.cellOptions', value: { type: TableCellDisplayMode.Auto, wrapText: true } }
    : { id: 'custom.cellOptions', value: { type: TableCellDisplayMode.ColorText, wrapText: true } },
  ...(width === null ? [] : [{ id: 'custom.width', value: width }]),
];

/** What limits the endpoint now, in words. */
export function verdictWords(plan: MonitoringPlan): table.PanelBuilder {
  const panel = new table.PanelBuilder()
    .title('What limits it')
    .description('The strongest verdict that holds, as the rules of this endpoint record it.')
    .datasource(datasourceOf(source))
    .noValue('Not known: the rules of this endpoint have recorded nothing')
    .cellHeight(TableCellHeight.Lg)
    .transformations([
      {
        id: 'organize',
        options: {
          excludeByName: { Time: true, Value: true },
          indexByName: Object.fromEntries(columns.map(({ label }, index) => [label, index])),
        },
      },
    ])
    .targets([rows(named(plan))('A')]);
  for (const column of columns) panel.overrideByName(column.label, propertiesOf(column));
  return panel;
}

/** Which verdict was the strongest, over time: a row for each that was. */
export function verdictTimes(plan: MonitoringPlan): statetimeline.PanelBuilder {
  const panel = new statetimeline.PanelBuilder()
    .title('What limited it')
    .description('Which verdict was the strongest, over time.')
    .datasource(datasourceOf(source))
    .showValue(VisibilityMode.Never)
    .legend(new VizLegendOptionsBuilder().showLegend(false))
    .targets([range(strongest(plan), '{{verdict}}')('A')]);
  for (const { id, title, kind } of verdicts) {
    panel.overrideByName(id, [
      { id: 'displayName', value: title },
      { id: 'color', value: { mode: 'fixed', fixedColor: colors[kind] } },
    ]);
  }
  return panel;
}
