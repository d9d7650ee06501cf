/** Objectives, alert policies, dashboard and guards of cost of a Vertex AI endpoint. */

import type { AlertPolicy } from '@pulumi/gcp/monitoring/alertPolicy.js';
import { CustomService } from '@pulumi/gcp/monitoring/customService.js';
import * as pulumi from '@pulumi/pulumi';
import { idleQuery } from '../../../lib/monitoring/queries/idle.js';
import { vertexIdle } from '../../../lib/monitoring/queries/vertex.js';
import { vertexDashboard, vertexMonitoring } from '../../../lib/monitoring/vertex.js';
import type { EndpointPlan } from '../../../lib/plan.js';
import { budget, type Guarded, idleAlert } from '../cost-guards.js';
import { type Monitored, type MonitorOptions, monitoredService, watch } from '../monitoring.js';
import type { VertexEndpointArgs } from './endpoint-args.js';

/** What is watched. */
export interface WatchedVertexEndpoint {
  /** Its id. */
  readonly endpoint: pulumi.Output<string>;
  readonly isPrivate: boolean;
  /** With the id of the deployed model. */
  readonly deployments: readonly { readonly plan: EndpointPlan; readonly id: pulumi.Output<string> }[];
}

/** Stand for names until they are known; no name of an endpoint has these characters. */
const placeholder = '@ENDPOINT@';
const deploymentPlaceholder = (index: number): string => `@DEPLOYMENT-${index}@`;

/** Makes what watches an endpoint. */
export function monitorVertex(
  name: string,
  plan: EndpointPlan,
  { endpoint, isPrivate, deployments }: WatchedVertexEndpoint,
  options: MonitorOptions,
): Monitored {
  const watched = {
    ...{ id: placeholder, isPrivate },
    deployments: deployments.map(({ plan: { hardware } }, index) => ({
      id: deploymentPlaceholder(index),
      memoryBytes: hardware.chosen.memoryBytes,
      accelerator: hardware.chosen.accelerator,
      usdPerHour: hardware.chosen.price?.usdPerHour ?? null,
    })),
  };
  const service = new CustomService(name, monitoredService(name, plan, options.project), { parent: options.parent });
  const ids = deployments.map(({ id }) => id);
  return watch(
    name,
    {
      plan: vertexMonitoring(plan.monitoring, watched),
      dashboardJson: vertexDashboard(plan.monitoring, watched),
      serviceId: service.serviceId,
      named: (text) => {
        const whole = endpoint.apply((own) => text.replaceAll(placeholder, own));
        // Alerts name no deployment, and stay as they are when one takes the place of another.
        if (!ids.some((_, index) => text.includes(deploymentPlaceholder(index)))) return whole;
        return pulumi
          .all([whole, ...ids])
          .apply(([filled, ...own]) =>
            own.reduce((so, id, index) => so.replaceAll(deploymentPlaceholder(index), id), filled!),
          );
      },
    },
    options,
  );
}

/** What tells of cost: when nobody asks, and when it is more than planned. */
export function guardVertex(
  name: string,
  { monitoring = {}, billingAccount }: VertexEndpointArgs,
  endpoint: pulumi.Output<string>,
  watched: { readonly monthlyUsd: number | null; readonly isPrivate: boolean },
  place: MonitorOptions,
): { readonly idleAlert: AlertPolicy | null; readonly budget: Guarded | null } {
  const { monthlyUsd, isPrivate } = watched;
  const hours = monitoring.idleHours ?? 24;
  const guard = {
    ...{ hours, monthlyUsd },
    query: endpoint.apply((own) => idleQuery(vertexIdle({ endpoint: own, isPrivate }), hours)),
    advice: 'Destroy the stack, or serve the model on Cloud Run, which can scale to zero.',
  };
  return {
    idleAlert: hours === 0 ? null : idleAlert(name, guard, place),
    budget: monitoring.budget ? budget(name, monitoring.budget, billingAccount!, monthlyUsd, place) : null,
  };
}
