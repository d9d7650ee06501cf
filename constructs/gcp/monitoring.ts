/** Objectives, alert policies and dashboard of an endpoint in Cloud Monitoring, from its monitoring plan. */

import type { Service } from '@pulumi/gcp/cloudrunv2/service.js';
import { AlertPolicy } from '@pulumi/gcp/monitoring/alertPolicy.js';
import { Dashboard } from '@pulumi/gcp/monitoring/dashboard.js';
import { GenericService } from '@pulumi/gcp/monitoring/genericService.js';
import { Slo } from '@pulumi/gcp/monitoring/slo.js';
import * as pulumi from '@pulumi/pulumi';
import type {
  CloudAlert,
  CloudMonitoring,
  CloudSlo,
  FilterCondition,
  QueryCondition,
} from '../../lib/monitoring/cloud-monitoring.js';
import { cloudRunDashboard, cloudRunMonitoring } from '../../lib/monitoring/cloud-run.js';
import type { EndpointPlan } from '../../lib/plan.js';
import { idOf } from './service.js';

export interface MonitorOptions {
  readonly parent: pulumi.Resource;
  readonly project: pulumi.Input<string> | undefined;
  readonly notify: readonly pulumi.Input<string>[];
  readonly dashboard: boolean;
}

export interface Monitored {
  readonly slos: readonly Slo[];
  readonly alerts: readonly AlertPolicy[];
  readonly dashboard: Dashboard | null;
}

/** What is watched, as data with placeholders. */
export interface Watched {
  readonly plan: CloudMonitoring;
  readonly dashboardJson: string;
  /** Of the service in Cloud Monitoring that objectives belong to. */
  readonly serviceId: pulumi.Output<string>;
  /** Puts the endpoint's own names into a text. */
  readonly named: (text: string) => pulumi.Output<string>;
}

/** Where a service of Cloud Monitoring is, and what it is called. */
export const monitoredService = (
  name: string,
  { monitoring }: EndpointPlan,
  project: pulumi.Input<string> | undefined,
) => ({
  serviceId: idOf(`${name}-${pulumi.getStack()}`, 63),
  displayName: `Endpoint ${monitoring.model}`,
  ...(project !== undefined && { project }),
});

/** Makes what watches an endpoint. */
export function watch(name: string, watched: Watched, options: MonitorOptions): Monitored {
  const { parent, project, notify, dashboard } = options;
  const { plan, dashboardJson, named } = watched;
  const place = project === undefined ? {} : { project };
  const inside = { parent };
  const slos = new Map(plan.slos.map((slo) => [slo.id, sloOf(name, slo, watched, place, inside)]));
  return {
    slos: [...slos.values()],
    alerts: plan.alerts.map((alert) => alertOf(name, alert, slos, named, { ...place, notify }, inside)),
    dashboard: dashboard ? new Dashboard(name, { dashboardJson: named(dashboardJson), ...place }, inside) : null,
  };
}

/** Stands for the service's name until it is known; no name of a service has these characters. */
export const placeholder = '@SERVICE@';

/** Makes what watches a Cloud Run service. */
export function monitor(name: string, plan: EndpointPlan, service: Service, options: MonitorOptions): Monitored {
  const { monitoring, hardware } = plan;
  const { processors, accelerator, price } = hardware.chosen;
  const generic = new GenericService(
    name,
    {
      ...monitoredService(name, plan, options.project),
      basicService: {
        serviceType: 'CLOUD_RUN',
        serviceLabels: { service_name: service.name, location: service.location },
      },
    },
    { parent: options.parent },
  );
  return watch(
    name,
    {
      plan: cloudRunMonitoring(monitoring, placeholder),
      dashboardJson: cloudRunDashboard(monitoring, placeholder, {
        processors,
        accelerated: accelerator !== null,
        usdPerHour: price?.usdPerHour ?? null,
      }),
      serviceId: generic.serviceId,
      named: (text) => service.name.apply((own) => text.replaceAll(placeholder, own)),
    },
    options,
  );
}

type Place = { readonly project?: pulumi.Input<string> };

function sloOf(
  name: string,
  { id, displayName, goal, rollingPeriodDays, goodTotalRatio, distributionCut }: CloudSlo,
  { serviceId, named }: Watched,
  place: Place,
  options: pulumi.CustomResourceOptions,
): Slo {
  return new Slo(
    `${name}-${id}`,
    {
      service: serviceId,
      sloId: id,
      displayName,
      goal,
      rollingPeriodDays,
      requestBasedSli: {
        ...(goodTotalRatio && {
          goodTotalRatio: {
            totalServiceFilter: named(goodTotalRatio.totalServiceFilter),
            badServiceFilter: named(goodTotalRatio.badServiceFilter),
          },
        }),
        ...(distributionCut && {
          distributionCut: {
            distributionFilter: named(distributionCut.distributionFilter),
            range: distributionCut.range,
          },
        }),
      },
      ...place,
    },
    options,
  );
}

function alertOf(
  name: string,
  { name: alert, severity, documentation, conditions }: CloudAlert,
  slos: ReadonlyMap<string, Slo>,
  named: Watched['named'],
  { notify, ...place }: Place & { readonly notify: readonly pulumi.Input<string>[] },
  options: pulumi.CustomResourceOptions,
): AlertPolicy {
  return new AlertPolicy(
    `${name}-${alert.toLowerCase()}`,
    {
      displayName: `${name}: ${alert}`,
      combiner: 'AND',
      severity,
      documentation: { content: documentation, mimeType: 'text/markdown' },
      notificationChannels: [...notify],
      conditions: conditions.map((condition) =>
        'query' in condition ? queryCondition(condition, named) : filterCondition(condition, slos, named),
      ),
      ...place,
    },
    options,
  );
}

const queryCondition = ({ displayName, query, durationSeconds }: QueryCondition, named: Watched['named']) => ({
  displayName,
  conditionPrometheusQueryLanguage: { query: named(query), duration: `${durationSeconds}s`, evaluationInterval: '60s' },
});

const filterCondition = (
  { displayName, filter, slo, thresholdValue, durationSeconds, sumOverSeconds }: FilterCondition,
  slos: ReadonlyMap<string, Slo>,
  named: Watched['named'],
) => ({
  displayName,
  conditionThreshold: {
    filter: slo ? slos.get(slo)!.name.apply((full) => filter.replace('SLO', full)) : named(filter),
    comparison: 'COMPARISON_GT',
    thresholdValue,
    duration: `${durationSeconds}s`,
    ...(sumOverSeconds !== null && {
      aggregations: [
        { alignmentPeriod: `${sumOverSeconds}s`, perSeriesAligner: 'ALIGN_DELTA', crossSeriesReducer: 'REDUCE_SUM' },
      ],
    }),
  },
});
