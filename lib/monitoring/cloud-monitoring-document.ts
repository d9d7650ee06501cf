/** Monitoring, Cloud Monitoring without Pulumi: bodies that its own API takes, for an endpoint that is made elsewhere. */

import type { CloudAlert, CloudMonitoring, CloudSlo, FilterCondition, QueryCondition } from './cloud-monitoring.js';

/** What `dashboards.create`, `services.serviceLevelObjectives.create` and `alertPolicies.create` take. */
export interface CloudMonitoringDocument {
  readonly dashboard: object;
  readonly serviceLevelObjectives: readonly object[];
  readonly alertPolicies: readonly object[];
  /** What could not be watched, in words. */
  readonly notes: readonly string[];
}

const sloBody = (
  service: string,
  { id, displayName, goal, rollingPeriodDays, goodTotalRatio, distributionCut }: CloudSlo,
) => ({
  name: `${service}/serviceLevelObjectives/${id}`,
  displayName,
  goal,
  rollingPeriod: `${rollingPeriodDays * 86_400}s`,
  serviceLevelIndicator: {
    requestBased: {
      ...(goodTotalRatio && { goodTotalRatio }),
      ...(distributionCut && { distributionCut }),
    },
  },
});

function conditionBody(service: string, condition: FilterCondition | QueryCondition): object {
  const { displayName, durationSeconds } = condition;
  if ('query' in condition) {
    return {
      displayName,
      conditionPrometheusQueryLanguage: {
        query: condition.query,
        duration: `${durationSeconds}s`,
        evaluationInterval: '60s',
      },
    };
  }
  const { filter, slo, thresholdValue, sumOverSeconds } = condition;
  return {
    displayName,
    conditionThreshold: {
      filter: slo === null ? filter : filter.replace('SLO', `${service}/serviceLevelObjectives/${slo}`),
      comparison: 'COMPARISON_GT',
      thresholdValue,
      duration: `${durationSeconds}s`,
      ...(sumOverSeconds !== null && {
        aggregations: [
          {
            alignmentPeriod: `${sumOverSeconds}s`,
            perSeriesAligner: 'ALIGN_DELTA',
            crossSeriesReducer: 'REDUCE_SUM',
          },
        ],
      }),
    },
  };
}

const policyBody = (
  endpoint: string,
  service: string,
  { name, severity, documentation, conditions }: CloudAlert,
): object => ({
  displayName: `${endpoint}: ${name}`,
  combiner: 'AND',
  severity,
  documentation: { content: documentation, mimeType: 'text/markdown' },
  conditions: conditions.map((condition) => conditionBody(service, condition)),
});

/**
 * Everything that Cloud Monitoring can watch of an endpoint. The same input gives the same document.
 *
 * @param service - full name of the service in Cloud Monitoring that the objectives belong to, `projects/P/services/S`
 * @param dashboard - its JSON
 */
export const cloudMonitoringDocument = (
  endpoint: string,
  service: string,
  { slos, alerts, notes }: CloudMonitoring,
  dashboard: string,
): CloudMonitoringDocument => ({
  dashboard: JSON.parse(dashboard) as object,
  serviceLevelObjectives: slos.map((slo) => sloBody(service, slo)),
  alertPolicies: alerts.map((alert) => policyBody(endpoint, service, alert)),
  notes,
});
