/** Monitoring, the parts of a Grafana dashboard over Prometheus: its data source, and queries as the plugin reads them. */

import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import { datasourceOf, type Target } from './grafana-panels.js';

export const source = { name: 'source', type: 'prometheus' } as const;

/** Grafana fills in `$…` wherever it stands, in a name too; PromQL reads this escape as the same character. */
const literal = (expression: string): string => expression.replaceAll('$', '\\x24');

const built = (refId: string, expression: string): prometheus.DataqueryBuilder =>
  new prometheus.DataqueryBuilder().refId(refId).datasource(datasourceOf(source)).expr(literal(expression));

/** Series over time. */
export const range =
  (expression: string, legend: string): Target =>
  (refId) =>
    built(refId, expression).legendFormat(legend).range();

/** Values of now. */
export const instant =
  (expression: string, legend: string): Target =>
  (refId) =>
    built(refId, expression).legendFormat(legend).instant();

/** Series of now as rows, with a column for each label, `Time` and `Value`. */
export const rows =
  (expression: string): Target =>
  (refId) =>
    built(refId, expression).format(prometheus.PromQueryFormat.Table).instant();
