/** Monitoring, Azure Monitor without Pulumi: bodies that its own API takes, for an endpoint that is made elsewhere. */

import type { EndpointPlan } from '../../plan.js';
import type { AzurePlatform } from '../queries/azure.js';
import { azureMonitoring } from './alerts.js';
import { logCriterion, metricCriteria } from './criteria.js';
import { azureDashboard } from './dashboard.js';
import type { AzureLogRule, AzureMetricRule } from './rules.js';

/** What Azure's API takes: `Microsoft.Insights/metricAlerts`, `scheduledQueryRules`, and a dashboard that Grafana imports. */
export interface AzureDocument {
  readonly dashboard: object;
  readonly metricAlerts: readonly object[];
  readonly scheduledQueryRules: readonly object[];
  /** What could not be watched, and what stands in the document for something of the user's, in words. */
  readonly notes: readonly string[];
}

const group = '/subscriptions/SUBSCRIPTION/resourceGroups/GROUP';
const logs = `${group}/providers/Microsoft.OperationalInsights/workspaces/LOGS`;

/** The resource of a model's name, with words in the place of what only the user knows. */
const placeholder: Readonly<Record<AzurePlatform, (name: string) => string>> = {
  'azure-ml': (name) =>
    `${group}/providers/Microsoft.MachineLearningServices/workspaces/WORKSPACE/onlineEndpoints/${name}`,
  'azure-container-apps': (name) => `${group}/providers/Microsoft.App/containerApps/${name}`,
};

const deployment = 'main';

const common = ({ description, severity, windowSize, evaluationFrequency }: AzureMetricRule | AzureLogRule) => ({
  ...{ description, severity, windowSize, evaluationFrequency },
  enabled: true,
  autoMitigate: true,
});

const metricBody = (rule: AzureMetricRule, name: string, scope: string): object => ({
  name: `${name}-${rule.name}`,
  location: 'global',
  properties: {
    ...common(rule),
    scopes: [scope],
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria',
      allOf: metricCriteria(rule),
    },
    actions: [],
  },
});

const logBody = (rule: AzureLogRule, name: string, location: string): object => ({
  name: `${name}-${rule.name}`,
  location,
  kind: 'LogAlert',
  properties: {
    ...common(rule),
    displayName: `${name}: ${rule.name}`,
    scopes: [logs],
    overrideQueryTimeRange: rule.queryTimeRange,
    skipQueryValidation: true,
    criteria: { allOf: [logCriterion(rule.query)] },
    actions: { actionGroups: [] },
  },
});

/**
 * Everything that Azure Monitor can watch of an endpoint with one deployment, `main`, or of a container app. The same input gives the
 * same document.
 *
 * @param endpoint - full resource id; null for one with words in the place of what only the user knows
 */
export function azureDocument(
  { name, monitoring, hardware }: EndpointPlan,
  platform: AzurePlatform,
  location: string,
  endpoint: string | null,
): AzureDocument {
  const id = endpoint ?? placeholder[platform](name);
  const { chosen, candidate } = hardware;
  const parts = id.split('/');
  const called = parts.at(-1)!;
  const log = platform === 'azure-ml' ? { workspace: parts[8] ?? '', endpoint: called } : null;
  const { rules, notes } = azureMonitoring(monitoring, {
    ...{ platform, log, machine: chosen },
    mostPerSecond: 4 * candidate.throughputPerSecond,
    toZero: false,
    idleHours: 24,
    monthlyUsd: candidate.monthlyUsd,
  });
  const instances = platform === 'azure-ml' ? `${id}/deployments/${deployment}` : id;
  const scopeOf = (rule: AzureMetricRule): string => (rule.all[0]!.metric.of === 'deployment' ? instances : id);
  const dashboard = azureDashboard(monitoring, {
    ...{ platform, id, location, notes },
    instances: [
      {
        ...{ name: deployment, id: instances, machine: chosen, accelerated: chosen.accelerator !== null },
        usdPerHour: chosen.price?.usdPerHour ?? null,
      },
    ],
    log: log && { ...log, workspaceId: logs },
  });
  return {
    dashboard: JSON.parse(dashboard) as object,
    metricAlerts: rules.flatMap((rule) => (rule.kind === 'metric' ? [metricBody(rule, called, scopeOf(rule))] : [])),
    scheduledQueryRules: rules.flatMap((rule) => (rule.kind === 'log' ? [logBody(rule, called, location)] : [])),
    notes: [
      ...notes,
      ...(endpoint === null
        ? ['SUBSCRIPTION, GROUP and WORKSPACE stand for yours; give the full resource id with --endpoint']
        : []),
      ...(log ? ['LOGS stands for the Log Analytics workspace that the log of requests goes to'] : []),
    ],
  };
}
