/** Monitoring, the emitter for Azure Monitor: a dashboard as Grafana reads it, drawn from the plan, with what only Azure knows. */

import { DashboardBuilder, DatasourceVariableBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import * as text from '@grafana/grafana-foundation-sdk/text';
import { bottleneckText, bottleneckTitle } from '../bottleneck-platforms.js';
import type { Panel, Tile } from '../dashboard.js';
import { columns, type Drawn, lines, placed, tile } from '../grafana-panels.js';
import type { MonitoringPlan } from '../plan.js';
import { type AzureValue, azureValue } from '../queries/azure.js';
import { compute, grafanaUnits, source } from './grafana.js';
import { absent, loggedPanels, platformPanels } from './platform-panels.js';
import { type AzureShown, shareOf, sumTargets } from './shown.js';

const width = 8;
const height = 8;
const tileHeight = 4;

/** What every panel of the plan says of an endpoint is said with the machine of the first deployment. */
const said = (plan: MonitoringPlan, shown: AzureShown, signal: Panel['series'][number]['signal']): AzureValue | null =>
  azureValue(plan.signals[signal].value, shown.platform, shown.instances[0]!.machine);

function planned(plan: MonitoringPlan, panel: Panel, shown: AzureShown): Drawn[] {
  const values = panel.series.map(({ signal, role }) => ({
    ...{ title: plan.signals[signal].title, role },
    value: said(plan, shown, signal),
  }));
  const drawn = values.flatMap(({ title, value, role }) =>
    role === 'line' && value?.kind === 'sum' ? [{ title, value }] : [],
  );
  const [first] = drawn;
  if (!first) return [];
  const limits = values.flatMap(({ value }) => (value?.kind === 'constant' ? [value.value] : []));
  const limit = panel.threshold?.value ?? limits[0];
  return [
    {
      title: panel.title,
      help: panel.help,
      unit: grafanaUnits[first.value.unit],
      targets: drawn.flatMap((each) => sumTargets(each, shown)),
      stacked: panel.form === 'stacked' || first.value.metrics[0]!.by?.includes('statusCode') === true,
      ...(first.value.unit === 'percent'
        ? { most: 100 }
        : limit !== undefined && { limit: Number((limit / first.value.times).toPrecision(12)) }),
    },
  ];
}

function plannedTile(plan: MonitoringPlan, { title, signal }: Tile, shown: AzureShown): Drawn[] {
  const value = said(plan, shown, signal);
  if (value === null || value.kind === 'constant') return [];
  if (value.kind === 'ratio') return [shareOf(value, shown, title, 'Of the last minute.')];
  const targets = sumTargets({ title, value }, shown);
  const several = targets.length > 1 || value.metrics.some(({ by }) => by !== undefined);
  const adds = value.unit === 'requests/min';
  const isShare = plan.signals[signal].unit === 'share' && value.unit !== 'percent';
  return [
    {
      ...{ title, unit: isShare ? 'percentunit' : grafanaUnits[value.unit], targets },
      help: several && !adds ? 'The highest of all deployments and instances.' : 'The last value.',
      transformations: [
        ...(several ? [compute.join, compute.over(adds ? 'sum' : 'max', title)] : []),
        ...(isShare ? [compute.binary(title, '/', String(Math.round(1 / value.times)), title)] : []),
      ],
    },
  ];
}

/**
 * The dashboard's JSON, canonical: the same plan and the same ids give the same text.
 *
 * The model's name is its title alone: Grafana fills in `$…` wherever else it shows text.
 */
export function azureDashboard(plan: MonitoringPlan, shown: AzureShown): string {
  const tiles = plan.dashboard.tiles.flatMap((each) => plannedTile(plan, each, shown));
  const drawn = [
    ...plan.dashboard.panels.flatMap((panel) => planned(plan, panel, shown)),
    ...loggedPanels(shown),
    ...platformPanels(shown),
  ];
  const accelerated = shown.instances.some((each) => each.accelerated);
  const limits = new text.PanelBuilder().title(bottleneckTitle).content(bottleneckText(shown.platform, accelerated));
  const absentee = new text.PanelBuilder()
    .title('What is not shown')
    .content([...absent[shown.platform], ...shown.notes].map((line) => `- ${line}`).join('\n'));
  const tileWidth = Math.floor(columns / tiles.length);
  const panels = placed([
    ...tiles.map((each) => ({ panel: tile(source, each), w: tileWidth, h: tileHeight })),
    ...drawn.map((each) => ({ panel: lines(source, each), w: width, h: height })),
    { panel: limits, w: columns, h: height },
    { panel: absentee, w: columns, h: height },
  ]);
  const dashboard = new DashboardBuilder(`Slipway: ${plan.model}`)
    .tags(['slipway'])
    .time({ from: 'now-6h', to: 'now' })
    .refresh('1m')
    .withVariable(new DatasourceVariableBuilder(source.name).label('Data source').type(source.type));
  for (const [index, { panel, ...gridPos }] of panels.entries())
    dashboard.withPanel(panel.id(index + 1).gridPos(gridPos));
  return JSON.stringify(dashboard.build());
}
