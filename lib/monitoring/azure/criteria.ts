/** Monitoring, what alerts of Azure Monitor look for, as its API has it. */

import { type AzureFilter, type AzureMetric, azureNamespaces } from '../queries/azure.js';
import type { AzureMetricRule } from './rules.js';

const dimension = (filter: AzureFilter) => {
  if ('equals' in filter) return { name: filter.label, operator: 'Include', values: [filter.equals] };
  if ('startsWith' in filter) return { name: filter.label, operator: 'StartsWith', values: [filter.startsWith] };
  return { name: filter.label, operator: 'Exclude', values: [filter.isNot] };
};

/** Every value of a dimension that a metric is split by is watched apart from the others. */
const dimensionsOf = ({ where = [], by = [] }: AzureMetric) => [
  ...where.map(dimension),
  ...by.map((name) => ({ name, operator: 'Include', values: ['*'] })),
];

/** Conditions of an alert on metrics; all have to hold. */
export const metricCriteria = (rule: AzureMetricRule) =>
  rule.all.map(({ metric, is, than }, index) => {
    const dimensions = dimensionsOf(metric);
    return {
      criterionType: 'StaticThresholdCriterion' as const,
      name: `condition-${index + 1}`,
      metricNamespace: azureNamespaces[metric.of],
      metricName: metric.name,
      timeAggregation: metric.aggregation,
      operator: is,
      threshold: than,
      ...(dimensions.length > 0 && { dimensions }),
      // Some metrics are there only after the first request.
      skipMetricValidation: true,
    };
  });

/** The condition of an alert on a log: its query has a row. */
export const logCriterion = <Query>(query: Query) => ({
  criterionType: 'StaticThresholdCriterion' as const,
  query,
  timeAggregation: 'Count' as const,
  operator: 'GreaterThan' as const,
  threshold: 0,
  failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 },
});
