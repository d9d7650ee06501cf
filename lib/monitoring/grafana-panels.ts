/** Monitoring, the parts of a Grafana dashboard that do not depend on where its data comes from: lines, tiles, and their places. */

import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
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

/** A query of a panel, without its letter. */
export type Target = (refId: string) => Builder<Dataquery>;

/** The variable of a dashboard that holds its data source. */
export interface Source {
  readonly name: string;
  /** Id of Grafana's plugin. */
  readonly type: string;
}

export const datasourceOf = ({ name, type }: Source) => ({ type, uid: `\${${name}}` });

export interface Drawn {
  readonly title: string;
  readonly help: string;
  /** Of Grafana. */
  readonly unit: string;
  readonly targets: readonly Target[];
  readonly transformations?: readonly DataTransformerConfig[];
  /** In `unit`. */
  readonly limit?: number;
  readonly stacked?: boolean;
  readonly most?: number;
}

/** A value that the lines are seen against. */
const lineAt = (value: number): ThresholdsConfigBuilder =>
  new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([
    { color: 'transparent', value: null },
    { color: 'red', value },
  ]);

/** A, B, …, Z, AA: as Grafana names queries. */
const letters = (index: number): string =>
  `${index >= 26 ? letters(Math.floor(index / 26) - 1) : ''}${String.fromCharCode(65 + (index % 26))}`;

const queries = (targets: readonly Target[]): Builder<Dataquery>[] =>
  targets.map((target, index) => target(letters(index)));

/** Lines over time. */
export function lines(source: Source, drawn: Drawn) {
  const { title, help, unit, targets, transformations = [], limit, stacked, most } = drawn;
  const panel = new timeseries.PanelBuilder()
    .title(title)
    .description(help)
    .datasource(datasourceOf(source))
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
export const tile = (source: Source, { title, help, unit, targets, transformations = [] }: Drawn) =>
  new stat.PanelBuilder()
    .title(title)
    .description(help)
    .datasource(datasourceOf(source))
    .unit(unit)
    .noValue('–')
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .transformations([...transformations])
    .targets(queries(targets));

/** Columns of a dashboard. */
export const columns = 24;

/** From left to right, in rows as high as their highest. */
export function placed<Sized extends { readonly w: number; readonly h: number }>(
  panels: readonly Sized[],
): readonly (Sized & { readonly x: number; readonly y: number })[] {
  let [x, y, row] = [0, 0, 0];
  return panels.map((panel) => {
    if (x + panel.w > columns) [x, y, row] = [0, y + row, 0];
    const at = { ...panel, x, y };
    [x, row] = [x + panel.w, Math.max(row, panel.h)];
    return at;
  });
}
