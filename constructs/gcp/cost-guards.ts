/** What an endpoint may cost without anyone noticing: an alert when nobody asks, a budget when it costs more than planned. */

import { Budget } from '@pulumi/gcp/billing/budget.js';
import { AlertPolicy } from '@pulumi/gcp/monitoring/alertPolicy.js';
import { NotificationChannel } from '@pulumi/gcp/monitoring/notificationChannel.js';
import * as pulumi from '@pulumi/pulumi';
import { type Problem, problemsOf } from '../../lib/errors.js';
import type { BudgetSpec, MonitoringSpec } from '../../lib/spec.js';
import { idOf } from './service.js';

/** Where guards are made, and who is told. */
export interface GuardPlace {
  readonly parent: pulumi.Resource;
  readonly project: pulumi.Input<string> | undefined;
  /** Full names of notification channels. */
  readonly notify: readonly pulumi.Input<string>[];
}

const usd = (amount: number): string => `$${amount.toFixed(2)}`;

export interface IdleAlertOptions {
  /** PromQL that has a value while nobody asks: `idleQuery` of lib/monitoring. */
  readonly query: pulumi.Input<string>;
  /** Whole, from 1. */
  readonly hours: number;
  /** What the machines cost in 730 hours; null where no price is known. */
  readonly monthlyUsd: number | null;
  /** What to do about it, a sentence. */
  readonly advice: string;
}

/** An alert when machines have run for so many hours on end and nobody has asked. */
export function idleAlert(
  name: string,
  { query, hours, monthlyUsd, advice }: IdleAlertOptions,
  { parent, project, notify }: GuardPlace,
): AlertPolicy {
  const cost = monthlyUsd === null ? '' : ` It costs ${usd(monthlyUsd / 730)} an hour, ${usd(monthlyUsd)} a month.`;
  return new AlertPolicy(
    `${name}-idle`,
    {
      displayName: `${name}: Idle`,
      combiner: 'OR',
      severity: 'WARNING',
      documentation: {
        content: `Nobody has asked the endpoint for ${hours} h.${cost} ${advice}`,
        mimeType: 'text/markdown',
      },
      notificationChannels: [...notify],
      conditions: [
        {
          displayName: `ran for ${hours} h, and no request came`,
          conditionPrometheusQueryLanguage: {
            query,
            duration: '0s',
            evaluationInterval: '300s',
            // The first request and the first instance are still to come.
            disableMetricValidation: true,
          },
        },
      ],
      ...(project !== undefined && { project }),
    },
    { parent },
  );
}

/** The label that the costs of one endpoint are told apart by. */
export const costLabel = 'slipway-endpoint';

/** Value of the label: of one endpoint in one stack of one project. */
export const costLabelOf = (name: string): string => idOf(`${name}-${pulumi.getProject()}-${pulumi.getStack()}`, 63);

/** A budget has so many channels, most. */
const mostChannels = 5;

/** What a budget needs besides its own options. */
export interface BudgetArgs {
  readonly monitoring?: MonitoringSpec;
  /**
   * Billing account that pays for the project, `012345-567890-ABCDEF`. A budget needs it, and the right to make budgets there.
   *
   * @default - none: there can be no budget
   */
  readonly billingAccount?: pulumi.Input<string>;
  readonly notify?: readonly pulumi.Input<string>[];
}

export function budgetProblems({ monitoring, billingAccount, notify = [] }: BudgetArgs): Problem[] {
  const wanted = monitoring?.budget;
  if (!wanted) return [];
  const channels = (wanted.emails?.length ?? 0) + notify.length;
  return problemsOf([
    [
      billingAccount === undefined,
      'billingAccount',
      "is missing: a budget is made in the account that pays. Give its id, as 'gcloud billing accounts list' shows it, or leave monitoring.budget out",
    ],
    [
      channels > mostChannels,
      'monitoring.budget.emails',
      `${channels} addresses and channels are to be told; a budget tells at most ${mostChannels}. Give a group's address`,
    ],
  ]);
}

/** A budget, and the channels that were made for its addresses. */
export interface Guarded {
  readonly budget: Budget;
  readonly channels: readonly NotificationChannel[];
}

/** Whole units and billionths: the amount is in the account's own currency. */
function amountOf(amount: number) {
  const billionths = Math.round(amount * 1e9);
  const nanos = billionths % 1e9;
  return { units: String(Math.floor(billionths / 1e9)), ...(nanos > 0 && { nanos }) };
}

/**
 * A budget over everything that carries the endpoint's label, told when the limit is passed and when it will be.
 *
 * @param plannedUsd - of the plan, 730 hours; null where no price is known
 */
export function budget(
  name: string,
  { monthlyUsd, emails = [] }: BudgetSpec,
  billingAccount: pulumi.Input<string>,
  plannedUsd: number | null,
  { parent, project, notify }: GuardPlace,
): Guarded {
  const inside = { parent };
  const channels = emails.map(
    (address, index) =>
      new NotificationChannel(
        `${name}-budget-${index + 1}`,
        {
          type: 'email',
          displayName: `${name}: budget, ${address}`,
          labels: { email_address: address },
          ...(project !== undefined && { project }),
        },
        inside,
      ),
  );
  const told = [...channels.map((channel) => channel.name), ...notify];
  const planned = plannedUsd === null ? undefined : Math.ceil(plannedUsd * 1.1);
  return {
    channels,
    budget: new Budget(
      name,
      {
        billingAccount,
        displayName: `Endpoint ${name}`.slice(0, 60),
        amount: { specifiedAmount: amountOf(monthlyUsd ?? planned ?? 100) },
        budgetFilter: { labels: { [costLabel]: costLabelOf(name) }, calendarPeriod: 'MONTH' },
        thresholdRules: ['CURRENT_SPEND', 'FORECASTED_SPEND'].map((spendBasis) => ({
          thresholdPercent: 1,
          spendBasis,
        })),
        ...(told.length > 0 && { allUpdatesRule: { monitoringNotificationChannels: told } }),
      },
      inside,
    ),
  };
}
