/** Alerts of Azure Monitor, from rules that are data. */

import { MetricAlert } from '@pulumi/azure-native/monitor/metricAlert.js';
import { ScheduledQueryRule } from '@pulumi/azure-native/monitor/scheduledQueryRule.js';
import type * as pulumi from '@pulumi/pulumi';
import { logCriterion, metricCriteria } from '../../lib/monitoring/azure/criteria.js';
import type { AzureLogRule, AzureMetricRule } from '../../lib/monitoring/azure/rules.js';

/** What alerts of one endpoint have in common. */
export interface AlertPlace {
  /** Of the endpoint's component. */
  readonly name: string;
  /** Of the model. */
  readonly title: string;
  readonly resourceGroupName: pulumi.Input<string>;
  readonly location: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Action groups. */
  readonly told: readonly pulumi.Input<string>[];
}

/**
 * An alert on metrics of one resource.
 *
 * @param role - of the deployment that it is about; null for the whole endpoint
 */
export function metricAlert(
  rule: AzureMetricRule,
  id: pulumi.Input<string>,
  role: string | null,
  { name, resourceGroupName, tags, told }: AlertPlace,
  options: pulumi.CustomResourceOptions,
): MetricAlert {
  const { severity, description, windowSize, evaluationFrequency } = rule;
  return new MetricAlert(
    [name, ...(role === null ? [] : [role]), rule.name.toLowerCase()].join('-'),
    {
      ...{ resourceGroupName, location: 'global', tags: { ...tags }, enabled: true, autoMitigate: true },
      ...{ severity, description, windowSize, evaluationFrequency },
      scopes: [id],
      criteria: {
        odataType: 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria',
        allOf: metricCriteria(rule),
      },
      actions: told.map((actionGroupId) => ({ actionGroupId })),
    },
    options,
  );
}

/** An alert that fires when its query on a workspace has a row. */
export function logAlert(
  rule: Omit<AzureLogRule, 'query'> & { readonly query: pulumi.Input<string> },
  workspaceId: pulumi.Input<string>,
  { name, title, resourceGroupName, location, tags, told }: AlertPlace,
  options: pulumi.CustomResourceOptions,
): ScheduledQueryRule {
  const { severity, description, windowSize, evaluationFrequency, queryTimeRange, query } = rule;
  return new ScheduledQueryRule(
    `${name}-${rule.name.toLowerCase()}`,
    {
      ...{ resourceGroupName, location, tags: { ...tags }, kind: 'LogAlert', enabled: true, autoMitigate: true },
      ...{ severity, description, windowSize, evaluationFrequency, overrideQueryTimeRange: queryTimeRange },
      displayName: `${title}: ${rule.name}`,
      scopes: [workspaceId],
      // The table is there only after the first row.
      skipQueryValidation: true,
      criteria: { allOf: [logCriterion(query)] },
      actions: { actionGroups: [...told] },
    },
    options,
  );
}
