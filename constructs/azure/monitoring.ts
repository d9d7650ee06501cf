/** Alerts, dashboard, log and budget of an endpoint on Azure, from its monitoring plan. */

import type { Budget } from '@pulumi/azure-native/consumption/budget.js';
import { Dashboard } from '@pulumi/azure-native/dashboard/dashboard.js';
import { DashboardDefinition } from '@pulumi/azure-native/dashboard/dashboardDefinition.js';
import { ActionGroup } from '@pulumi/azure-native/monitor/actionGroup.js';
import { DiagnosticSetting } from '@pulumi/azure-native/monitor/diagnosticSetting.js';
import type { MetricAlert } from '@pulumi/azure-native/monitor/metricAlert.js';
import type { ScheduledQueryRule } from '@pulumi/azure-native/monitor/scheduledQueryRule.js';
import * as pulumi from '@pulumi/pulumi';
import { azureMonitoring } from '../../lib/monitoring/azure/alerts.js';
import type { AzurePlatform } from '../../lib/monitoring/queries/azure.js';
import { trafficLog } from '../../lib/monitoring/queries/traffic-log.js';
import type { EndpointPlan } from '../../lib/plan.js';
import type { MonitoringSpec } from '../../lib/spec.js';
import { budgetOf } from './cost-guards.js';
import { logAlert, metricAlert } from './monitor-alerts.js';

/** Who is told, and what is drawn. */
export interface WatchedArgs {
  /**
   * Action groups that are told when an alert goes off: full resource ids.
   *
   * @default - none: alerts are in the portal alone
   */
  readonly notify?: readonly pulumi.Input<string>[];
  /**
   * Addresses that are told of alerts, too.
   *
   * @default - none
   */
  readonly emails?: readonly string[];
  /**
   * Whether a dashboard is made.
   *
   * @default true
   */
  readonly dashboard?: boolean;
}

/** What instances are made of: a deployment of an endpoint, or a container app itself. */
export interface MonitoredInstances {
  /** What it is called on the dashboard and in names of alerts, `main`. */
  readonly role: string;
  /** Full resource id. */
  readonly id: pulumi.Output<string>;
  readonly plan: EndpointPlan;
}

export interface MonitorOptions {
  readonly parent: pulumi.Resource;
  readonly platform: AzurePlatform;
  readonly resourceGroupName: pulumi.Input<string>;
  readonly location: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Full resource id of the endpoint or the container app. */
  readonly id: pulumi.Output<string>;
  /** Deployments, the first one first; of a container app the app alone. */
  readonly instances: readonly [MonitoredInstances, ...MonitoredInstances[]];
  /** Full resource id of a Log Analytics workspace for the log of requests; null without one. Container apps log no requests. */
  readonly logs: pulumi.Output<string> | null;
  /** Full resource ids of action groups. */
  readonly notify: readonly pulumi.Input<string>[];
  /** Addresses that are told of alerts, too. */
  readonly emails: readonly string[];
  readonly dashboard: boolean;
  /** Whether there may be no instance. */
  readonly toZero: boolean;
  readonly asked: MonitoringSpec | undefined;
}

export interface Monitored {
  readonly alerts: readonly (MetricAlert | ScheduledQueryRule)[];
  /** Null where no address is given. */
  readonly actionGroup: ActionGroup | null;
  /** Sends the log of requests to the workspace; null without one. */
  readonly diagnostics: DiagnosticSetting | null;
  readonly dashboard: Dashboard | null;
  readonly definition: DashboardDefinition | null;
  /** Null where none is asked for. */
  readonly budget: Budget | null;
  /** What is not watched, in words. */
  readonly notes: readonly string[];
}

/** Stand for names in queries until they are known; no name has these characters. */
const placeholders = { workspace: '@WORKSPACE@', endpoint: '@ENDPOINT@' } as const;

/** The workspace and the endpoint in `/subscriptions/S/resourceGroups/G/providers/P/workspaces/WORKSPACE/onlineEndpoints/ENDPOINT`. */
const loggedAs = (id: string) => ({ workspace: id.split('/')[8] ?? '', endpoint: id.split('/')[10] ?? '' });

/** Times what the plan's replicas carry: scaling may add replicas, and an alert must not stop at what was planned. */
const headroom = 4;

/** Digits that Pulumi adds to a name, and the most that a dashboard's has. */
const [added, longest] = [8, 30];

/** Letters, digits and hyphens, a letter first. */
const dashboardName = (name: string): string =>
  name
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^[^A-Za-z]+/, '')
    .slice(0, longest - added) || 'endpoint';

/** Of all instances in 730 hours; null where the price of one is not known. */
export function plannedUsd(instances: readonly MonitoredInstances[]): number | null {
  const each = instances.map(({ plan }) => plan.hardware.candidate.monthlyUsd);
  return each.includes(null) ? null : each.reduce<number>((sum, usd) => sum + (usd ?? 0), 0);
}

/** Makes what watches an endpoint. */
export function monitor(name: string, options: MonitorOptions): Monitored {
  const { parent, platform, resourceGroupName, location, tags, id, instances, logs, emails, asked = {} } = options;
  const [{ plan: first }] = instances;
  const inside = { parent };
  const log = platform === 'azure-ml' && logs ? logs : null;
  const monthlyUsd = plannedUsd(instances);
  const { rules, notes } = azureMonitoring(first.monitoring, {
    platform,
    log: log && placeholders,
    machine: first.hardware.chosen,
    mostPerSecond: headroom * sum(instances.map(({ plan }) => plan.hardware.candidate.throughputPerSecond)),
    toZero: options.toZero,
    idleHours: asked.idleHours ?? 24,
    monthlyUsd,
  });

  const actionGroup =
    emails.length > 0
      ? new ActionGroup(
          name,
          {
            ...{ resourceGroupName, tags: { ...tags }, location: 'Global', enabled: true },
            groupShortName: name.slice(0, 12),
            emailReceivers: emails.map((emailAddress, index) => ({
              ...{ name: `email-${index + 1}`, emailAddress, useCommonAlertSchema: true },
            })),
          },
          inside,
        )
      : null;
  const told = [...options.notify, ...(actionGroup ? [actionGroup.id] : [])];
  const place = { name, resourceGroupName, location, tags, told, title: first.monitoring.model };
  const alerts = rules.flatMap((rule): (MetricAlert | ScheduledQueryRule)[] => {
    if (rule.kind === 'log') {
      const query = id.apply((full) =>
        rule.query
          .replaceAll(placeholders.workspace, loggedAs(full).workspace)
          .replaceAll(placeholders.endpoint, loggedAs(full).endpoint),
      );
      return [logAlert({ ...rule, query }, log!, place, inside)];
    }
    return rule.all[0]!.metric.of === 'deployment'
      ? instances.map((each) => metricAlert(rule, each.id, each.role, place, inside))
      : [metricAlert(rule, id, null, place, inside)];
  });

  const dashboard = options.dashboard
    ? new Dashboard(dashboardName(name), { resourceGroupName, location, tags: { ...tags } }, inside)
    : null;
  return {
    alerts,
    actionGroup,
    diagnostics: log
      ? new DiagnosticSetting(
          name,
          { resourceUri: id, workspaceId: log, logs: [{ category: trafficLog, enabled: true }] },
          inside,
        )
      : null,
    dashboard,
    definition: dashboard
      ? new DashboardDefinition(
          name,
          {
            resourceGroupName,
            dashboardName: dashboard.name,
            definitionName: 'default',
            properties: { serializedData: drawn(options, notes) },
          },
          inside,
        )
      : null,
    budget: asked.budget ? budgetOf(name, asked.budget, { platform, id, monthlyUsd, told }, inside) : null,
    notes,
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

/** The dashboard's text, once the resources have their ids. What draws it is loaded for that alone. */
function drawn(
  { platform, id, location, instances, logs }: MonitorOptions,
  notes: readonly string[],
): pulumi.Output<string> {
  return pulumi
    .all([id, pulumi.all(instances.map((each) => each.id)), logs])
    .apply(async ([full, ids, workspaceId]) => {
      const { azureDashboard } = await import('../../lib/monitoring/azure/dashboard.js');
      const isLogged = platform === 'azure-ml' && workspaceId !== null;
      return azureDashboard(instances[0].plan.monitoring, {
        ...{ platform, id: full, location, notes },
        instances: instances.map(({ role, plan }, index) => ({
          name: role,
          id: ids[index]!,
          machine: plan.hardware.chosen,
          accelerated: plan.hardware.chosen.accelerator !== null,
          usdPerHour: plan.hardware.chosen.price?.usdPerHour ?? null,
        })),
        log: isLogged ? { ...loggedAs(full), workspaceId } : null,
      });
    });
}
