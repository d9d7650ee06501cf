/** A budget that tells when an endpoint on Azure costs more than it should. */

import { Budget } from '@pulumi/azure-native/consumption/budget.js';
import * as pulumi from '@pulumi/pulumi';
import { type Problem, problemsOf } from '../../lib/errors.js';
import type { AzurePlatform } from '../../lib/monitoring/queries/azure.js';
import type { BudgetSpec, MonitoringSpec } from '../../lib/spec.js';

/** What is wrong with a budget besides its description. */
export const budgetProblems = (
  monitoring: MonitoringSpec | undefined,
  notify: readonly pulumi.Input<string>[],
  emails: readonly string[],
): Problem[] =>
  problemsOf([
    [
      monitoring?.budget && !monitoring.budget.emails && notify.length + emails.length === 0,
      'monitoring.budget',
      'nobody would be told. Give emails, or action groups in notify',
    ],
  ]);

export interface BudgetSubject {
  readonly platform: AzurePlatform;
  /** Full resource id of the endpoint or the container app. */
  readonly id: pulumi.Output<string>;
  /** What the plan says, 730 hours; null where no price is known. */
  readonly monthlyUsd: number | null;
  /** Action groups. */
  readonly told: readonly pulumi.Input<string>[];
}

/** Azure ML bills the workspace, and marks what it bills with the endpoint's name; a container app is billed itself. */
const costsOf = (platform: AzurePlatform, id: string) =>
  platform === 'azure-ml'
    ? { tags: { name: 'azuremlendpoint', operator: 'In', values: [id.split('/').at(-1)!] } }
    : { dimensions: { name: 'ResourceId', operator: 'In', values: [id] } };

const thisMonth = (now: Date): string =>
  new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth())).toISOString().replace('.000', '');

/** `/subscriptions/S/resourceGroups/G` of a resource in it. */
const groupOf = (id: string): string => id.split('/').slice(0, 5).join('/');

/** A budget over an endpoint alone, in the currency that the subscription is billed in. */
export function budgetOf(
  name: string,
  { monthlyUsd: limit, emails = [] }: BudgetSpec,
  { platform, id, monthlyUsd, told }: BudgetSubject,
  options: pulumi.CustomResourceOptions,
): Budget {
  const planned = monthlyUsd === null ? undefined : Math.ceil(monthlyUsd * 1.1);
  const notification = (thresholdType: 'Actual' | 'Forecasted') => ({
    ...{ enabled: true, operator: 'GreaterThan', threshold: 100, thresholdType },
    contactEmails: [...emails],
    contactGroups: [...told],
  });
  return new Budget(
    name,
    {
      scope: id.apply(groupOf),
      category: 'Cost',
      timeGrain: 'Monthly',
      amount: limit ?? planned ?? 100,
      filter: id.apply((full) => costsOf(platform, full)),
      // Azure takes no month that is over when the budget is made; later the month it was made in stays.
      timePeriod: { startDate: thisMonth(new Date()) },
      notifications: { Actual: notification('Actual'), Forecasted: notification('Forecasted') },
    },
    pulumi.mergeOptions(options, { ignoreChanges: ['timePeriod'] }),
  );
}
