/** A managed online endpoint of Azure Machine Learning from one description: a plan in, resources out. */

import type { RoleAssignment } from '@pulumi/azure-native/authorization/roleAssignment.js';
import {
  OnlineEndpoint,
  type OnlineEndpointArgs,
} from '@pulumi/azure-native/machinelearningservices/onlineEndpoint.js';
import type { Schedule } from '@pulumi/azure-native/machinelearningservices/schedule.js';
import * as pulumi from '@pulumi/pulumi';
import { descriptionOf, partOf } from '../../lib/description.js';
import type { EndpointPlan } from '../../lib/plan.js';
import { plannedDeployments } from '../pulumi/endpoint-plan.js';
import { requestCommand } from '../pulumi/request-command.js';
import { type Foundation, foundation } from './foundation.js';
import { boundsOf } from './machine-learning/autoscale.js';
import { driftMonitor } from './machine-learning/data-capture.js';
import { type Deployed, deploy } from './machine-learning/deployment.js';
import { bindImages, type DeploymentImage } from './machine-learning/deployment-images.js';
import { type Invoker, type ModelEndpointArgs, ownProblems } from './machine-learning/endpoint-args.js';
import { type GrantInvoke, grantEndpoint, invokeGrants } from './machine-learning/endpoint-roles.js';
import { type Endpoint, type EndpointReference, existingEndpoint } from './machine-learning/existing-endpoint.js';
import { route } from './machine-learning/traffic.js';
import { type BoundWorkspace, givenWorkspace, newWorkspace } from './machine-learning/workspace.js';
import { type Monitored, type MonitoredInstances, monitor, plannedUsd } from './monitoring.js';
import { quotaOf } from './quota.js';

/** The resources behind an endpoint. */
export interface ModelEndpointResources {
  readonly endpoint: OnlineEndpoint;
  /** The first one and the further ones. */
  readonly deployments: readonly Deployed[];
  /** What was made to stand on. */
  readonly foundation: Foundation;
  readonly workspace: BoundWorkspace;
  readonly monitored: Monitored;
  /** Null without `dataCapture.monitor`. */
  readonly driftMonitor: Schedule | null;
}

const tokenCommand = 'az account get-access-token --resource https://ml.azure.com --query accessToken --output tsv';

/**
 * A managed online endpoint of Azure Machine Learning: workspace, identity, image, deployments, probes, limits and scaling from one
 * description.
 *
 * Another image or machine is deployed beside the old one, then takes the requests, then the old one goes: that needs quota for both.
 *
 * Cost: that of its instances at any time, at least one; Azure Machine Learning does not scale to zero, `ContainerAppEndpoint` does.
 * `plan.hardware.explain()` says why this machine.
 *
 * @throws InputPropertiesError in the preview, with everything that is wrong at once
 */
export class ModelEndpoint extends pulumi.ComponentResource implements Endpoint {
  /** Where requests go; callers send a token of Entra ID for `https://ml.azure.com`. */
  readonly url: pulumi.Output<string>;
  readonly endpointName: pulumi.Output<string>;
  readonly resourceGroupName: pulumi.Output<string>;
  readonly workspaceName: pulumi.Output<string>;
  /** Object id of the identity that the endpoint runs as. */
  readonly principalId: pulumi.Output<string>;
  /** Of the image that the first deployment serves. */
  readonly image: pulumi.Output<string>;
  /** What the instances of all deployments cost in 730 hours, USD. Null where no price is known. */
  readonly monthlyUsd: pulumi.Output<number | null>;
  /** Date of the prices. */
  readonly priceDate: pulumi.Output<string | null>;
  /** Cores of each machine family that the subscription needs as quota in the region, with what Azure keeps for upgrades. */
  readonly quota: pulumi.Output<readonly string[]>;
  /** Asks the endpoint once, with the caller's own identity. */
  readonly request: pulumi.Output<string>;
  /** Everything that was decided for the first deployment. */
  readonly plan: EndpointPlan;
  /** The same for further ones. */
  readonly furtherPlans: Readonly<Record<string, EndpointPlan>>;
  readonly resources: ModelEndpointResources;
  private readonly invokers: GrantInvoke;

  constructor(name: string, args: ModelEndpointArgs, options?: pulumi.ComponentResourceOptions) {
    const { deployments: further = {}, tags = {}, location } = args;
    const plans = plannedDeployments(args, 'azure-ml', ownProblems(name, args), further);
    super('slipway:azure:ModelEndpoint', name, {}, options);
    this.plan = plans.main;
    this.furtherPlans = plans.further;
    const inside = { parent: this };
    const base = foundation(name, args, this);
    const { resourceGroupName, identity } = base;

    const images = bindImages(name, args, plans, base, this);
    const registry = images.find(({ bound }) => bound.registry)?.bound.registry ?? null;
    const publicAccess = args.ingress === 'all' ? 'Enabled' : 'Disabled';
    const workspace = args.workspace
      ? givenWorkspace(args.workspace)
      : newWorkspace(
          name,
          { location, tags, publicAccess, registry, encryptionKey: args.encryptionKey ?? null },
          base,
          this,
        );
    const properties = {
      authMode: 'AADToken',
      publicNetworkAccess: publicAccess,
    };
    const endpointArgs: OnlineEndpointArgs = {
      ...{ resourceGroupName, location, tags: { ...tags }, properties },
      workspaceName: workspace.name,
      ...(args.endpointName !== undefined && { endpointName: args.endpointName }),
      identity: { type: 'UserAssigned', userAssignedIdentities: [identity.id] },
    };
    const endpoint = new OnlineEndpoint(name, args.transform?.endpoint?.(endpointArgs) ?? endpointArgs, {
      ...inside,
      // The shares are written by a step of their own, after the deployments.
      ignoreChanges: ['properties.traffic', 'properties.mirrorTraffic'],
      replaceOnChanges: ['identity'],
      deleteBeforeReplace: args.endpointName !== undefined,
    });
    const after = grantEndpoint(name, args, images, workspace, base, this);
    const described = (role: string) => ({ ...descriptionOf(args), ...partOf(further[role] ?? {}) });
    const deployed = images.map(({ role, plan, bound }) =>
      deploy(
        {
          ...{ role, plan, image: bound.reference, schedules: role === 'main' ? (args.schedules ?? []) : [] },
          description: described(role),
          secrets: args.secrets ?? {},
          dataCapture: args.dataCapture,
          transform: args.transform?.deployment,
        },
        { name, parent: this, location, tags, foundation: base, workspaceName: workspace.name, endpoint, after },
      ),
    );
    route(
      name,
      { parent: this, resourceGroupName, workspaceName: workspace.name },
      { name: endpoint.name, location, tags, identity: identity.id, properties },
      deployed,
      further,
    );
    const drift = driftMonitor(
      name,
      args.dataCapture ?? {},
      {
        ...{ resourceGroupName, workspaceName: workspace.name, endpointName: endpoint.name },
        ...{ deploymentName: deployed[0]!.deploymentName, emails: args.emails ?? [] },
      },
      args.transform?.driftMonitor,
      inside,
    );
    const monitored = monitor(name, {
      ...{ parent: this, platform: 'azure-ml', resourceGroupName, location, tags, id: endpoint.id },
      instances: instancesOf(images, deployed),
      logs: workspace.logsId,
      notify: args.notify ?? [],
      emails: args.emails ?? [],
      dashboard: args.dashboard ?? true,
      toZero: false,
      asked: args.monitoring,
    });
    this.resources = { endpoint, deployments: deployed, foundation: base, workspace, monitored, driftMonitor: drift };
    this.url = endpoint.properties.apply(({ scoringUri }) => scoringUri);
    this.endpointName = endpoint.name;
    this.resourceGroupName = resourceGroupName;
    this.workspaceName = workspace.name;
    this.principalId = identity.principalId;
    this.image = images[0]!.bound.reference;
    this.monthlyUsd = pulumi.output(plannedUsd(instancesOf(images, deployed)));
    this.quota = pulumi.output(
      images.map(({ role, plan }) => quotaOf(plan, boundsOf(plan, described(role).scaling).max)),
    );
    this.priceDate = pulumi.output(plans.main.hardware.candidate.priceDate);
    this.request = requestCommand(plans.main, this.url, tokenCommand);
    const { subscriptionId } = base;
    this.invokers = invokeGrants({ id: endpoint.id, name: endpoint.name, resourceGroupName, subscriptionId }, this);
    for (const [index, invoker] of (args.invokers ?? []).entries()) {
      this.grantInvoke(`${name}-invoker-${index + 1}`, invoker);
    }
    this.registerOutputs({
      url: this.url,
      endpointName: this.endpointName,
      resourceGroupName,
      workspaceName: this.workspaceName,
      principalId: this.principalId,
      image: this.image,
      monthlyUsd: this.monthlyUsd,
      priceDate: this.priceDate,
      quota: this.quota,
      request: this.request,
    });
  }

  /** An endpoint that was made elsewhere, to be asked and to let others ask. */
  static get(name: string, reference: EndpointReference, options?: pulumi.CustomResourceOptions): Endpoint {
    return existingEndpoint(name, reference, options);
  }

  /** Lets somebody ask, and do nothing else. */
  grantInvoke(name: string, invoker: Invoker): RoleAssignment {
    return this.invokers(name, invoker);
  }
}

/** The deployments as monitoring sees them, the first one first. */
function instancesOf(
  images: readonly DeploymentImage[],
  deployed: readonly Deployed[],
): readonly [MonitoredInstances, ...MonitoredInstances[]] {
  const [first, ...others] = images.map(({ role, plan }, index) => ({
    role,
    plan,
    id: deployed[index]!.deployment.id,
  }));
  return [first!, ...others];
}
