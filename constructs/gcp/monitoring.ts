/** Objectives, alert policies and dashboard of a Cloud Run service, from its monitoring plan. */

import type { Service } from '@pulumi/gcp/cloudrunv2/service.js';
import { AlertPolicy } from '@pulumi/gcp/monitoring/alertPolicy.js';
import { Dashboard } from '@pulumi/gcp/monitoring/dashboard.js';
import { GenericService } from '@pulumi/gcp/monitoring/genericService.js';
import { Slo } from '@pulumi/gcp/monitoring/slo.js';
import * as pulumi from '@pulumi/pulumi';
import {
  type CloudRunAlert,
  type CloudRunSlo,
  cloudRunDashboard,
  cloudRunMonitoring,
} from '../../lib/monitoring/cloud-run.js';
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

/** Stands for the service's name until it is known; no name of a service has these characters. */
const placeholder = '@SERVICE@';

/** A text of the plan with the service's own name. */
const named = (text: string, service: Service): pulumi.Output<string> =>
  service.name.apply((name) => text.replaceAll(placeholder, name));

/** Makes what watches a service. */
export function monitor(
  name: string,
  { monitoring, hardware }: EndpointPlan,
  service: Service,
  { parent, project, notify, dashboard }: MonitorOptions,
): Monitored {
  const inside = { parent };
  const place = project === undefined ? {} : { project };
  const plan = cloudRunMonitoring(monitoring, placeholder);
  const watched = new GenericService(
    name,
    {
      serviceId: idOf(`${name}-${pulumi.getStack()}`, 63),
      displayName: `Endpoint ${monitoring.model}`,
      basicService: {
        serviceType: 'CLOUD_RUN',
        serviceLabels: { service_name: service.name, location: service.location },
      },
      ...place,
    },
    inside,
  );
  const slos = new Map(plan.slos.map((slo) => [slo.id, sloOf(name, slo, watched, service, place, inside)]));
  const alerts = plan.alerts.map((alert) => alertOf(name, alert, slos, service, { ...place, notify }, inside));
  const { processors, price } = hardware.chosen;
  const body = cloudRunDashboard(monitoring, placeholder, { processors, usdPerHour: price?.usdPerHour ?? null });
  return {
    slos: [...slos.values()],
    alerts,
    dashboard: dashboard ? new Dashboard(name, { dashboardJson: named(body, service), ...place }, inside) : null,
  };
}

type Place = { readonly project?: pulumi.Input<string> };

function sloOf(
  name: string,
  { id, displayName, goal, rollingPeriodDays, goodTotalRatio, distributionCut }: CloudRunSlo,
  watched: GenericService,
  service: Service,
  place: Place,
  options: pulumi.CustomResourceOptions,
): Slo {
  return new Slo(
    `${name}-${id}`,
    {
      service: watched.serviceId,
      sloId: id,
      displayName,
      goal,
      rollingPeriodDays,
      requestBasedSli: {
        ...(goodTotalRatio && {
          goodTotalRatio: {
            totalServiceFilter: named(goodTotalRatio.totalServiceFilter, service),
            badServiceFilter: named(goodTotalRatio.badServiceFilter, service),
          },
        }),
        ...(distributionCut && {
          distributionCut: {
            distributionFilter: named(distributionCut.distributionFilter, service),
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
  { name: alert, severity, documentation, conditions }: CloudRunAlert,
  slos: ReadonlyMap<string, Slo>,
  service: Service,
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
      conditions: conditions.map(({ displayName, filter, slo, thresholdValue, durationSeconds, sumOverSeconds }) => ({
        displayName,
        conditionThreshold: {
          filter: slo ? slos.get(slo)!.name.apply((full) => filter.replace('SLO', full)) : named(filter, service),
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
      })),
      ...place,
    },
    options,
  );
}
