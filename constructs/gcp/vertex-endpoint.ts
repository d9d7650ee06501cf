/** A Vertex AI endpoint from one description: a plan in, resources out. */

import type { Job } from '@pulumi/gcp/cloudscheduler/job.js';
import type { AlertPolicy } from '@pulumi/gcp/monitoring/alertPolicy.js';
import type { Dashboard } from '@pulumi/gcp/monitoring/dashboard.js';
import type { Slo } from '@pulumi/gcp/monitoring/slo.js';
import type { Account } from '@pulumi/gcp/serviceaccount/account.js';
import { AiEndpoint, type AiEndpointArgs } from '@pulumi/gcp/vertex/aiEndpoint.js';
import type { AiEndpointIamMember } from '@pulumi/gcp/vertex/aiEndpointIamMember.js';
import * as pulumi from '@pulumi/pulumi';
import { descriptionOf, partOf } from '../../lib/description.js';
import type { EndpointPlan } from '../../lib/plan.js';
import { type Plans, plannedDeployments } from '../pulumi/endpoint-plan.js';
import { requestCommand } from '../pulumi/request-command.js';
import { ContainerImage } from './container-image.js';
import { costLabel, costLabelOf, type Guarded } from './cost-guards.js';
import { identity, secretVersion } from './identity.js';
import { timetable } from './schedules.js';
import { idOf } from './service.js';
import {
  type AskedVertexEndpoint,
  existingVertexEndpoint,
  invokeGrants,
  urlOf,
  type VertexEndpointReference,
} from './vertex/access.js';
import { type Deployed, deploy, route } from './vertex/deployment.js';
import { isDedicated, isPrivate, type VertexEndpointArgs } from './vertex/endpoint-args.js';
import { ownProblems } from './vertex/endpoint-problems.js';
import { guardVertex, monitorVertex } from './vertex/monitoring.js';
import { scheduledDeployment } from './vertex/scheduled-deployment.js';
import { boundsOf, inferenceSeconds } from './vertex/serving.js';
import type { VertexTraffic } from './vertex/traffic.js';

/** The resources behind an endpoint. */
export interface VertexEndpointResources {
  readonly endpoint: AiEndpoint;
  /** The first one and the further ones. */
  readonly deployments: readonly Deployed[];
  readonly traffic: VertexTraffic;
  /** Null where one was given. */
  readonly serviceAccount: Account | null;
  /** One for each of `schedules`. */
  readonly schedules: readonly Job[];
  readonly slos: readonly Slo[];
  readonly alerts: readonly AlertPolicy[];
  /** Null with `dashboard: false`. */
  readonly dashboard: Dashboard | null;
  /** Null with `monitoring: { idleHours: 0 }`. */
  readonly idleAlert: AlertPolicy | null;
  /** Null without `monitoring.budget`. */
  readonly budget: Guarded | null;
}

const tokenCommand = 'gcloud auth print-access-token';

/**
 * A Vertex AI endpoint: model, machine, image, account, shares of requests, scaling and monitoring from one description.
 *
 * Another image or machine is deployed beside the old one, then takes the requests, then the old one goes: that needs quota for both.
 *
 * Cost: that of its replicas at any time, at least one; Vertex AI does not scale to zero, `ModelEndpoint` on Cloud Run does.
 * `plan.hardware.explain()` says why this machine.
 *
 * @throws InputPropertiesError in the preview, with everything that is wrong at once
 */
export class VertexEndpoint extends pulumi.ComponentResource implements AskedVertexEndpoint {
  /** What `:predict` and `:rawPredict` are put behind, or `/invoke` and a route of the server; callers send an access token. */
  readonly url: pulumi.Output<string>;
  readonly predictUrl: pulumi.Output<string>;
  readonly endpointName: pulumi.Output<string>;
  readonly serviceAccountEmail: pulumi.Output<string>;
  /** What Private Service Connect connects to; empty without. */
  readonly serviceAttachment: pulumi.Output<string>;
  /** Of the image that the first deployment serves. */
  readonly image: pulumi.Output<string>;
  /** What the replicas of all deployments cost in 730 hours, USD. Null where no price is known. */
  readonly monthlyUsd: pulumi.Output<number | null>;
  /** Date of the prices. */
  readonly priceDate: pulumi.Output<string | null>;
  /** Asks the endpoint once, with the caller's own identity. */
  readonly request: pulumi.Output<string>;
  /** Everything that was decided for the first deployment. */
  readonly plan: EndpointPlan;
  /** The same for further ones. */
  readonly furtherPlans: Readonly<Record<string, EndpointPlan>>;
  readonly resources: VertexEndpointResources;
  /** Lets `member` ask, and do nothing else; `serviceAccount:caller@project.iam.gserviceaccount.com`. */
  readonly grantInvoke: (name: string, member: pulumi.Input<string>) => AiEndpointIamMember;

  constructor(name: string, args: VertexEndpointArgs, options?: pulumi.ComponentResourceOptions) {
    const { project, deployments: further = {}, schedules = [], notify = [] } = args;
    const plans = plannedDeployments(args, 'gcp-vertex', ownProblems(args), further);
    super('slipway:gcp:VertexEndpoint', name, {}, options);
    this.plan = plans.main;
    this.furtherPlans = plans.further;
    const all = [plans.main, ...Object.values(plans.further)] as const;
    const labels = { ...args.tags, [costLabel]: costLabelOf(name) };

    const {
      email,
      name: runsAs,
      account,
      granted,
    } = identity(name, all, {
      ...{ parent: this, project, given: args.serviceAccount },
      secrets: args.secrets ?? {},
    });
    const given = endpointArgs(name, args, labels);
    const endpoint = new AiEndpoint(name, args.transform?.endpoint?.(given) ?? given, {
      parent: this,
      // Two endpoints cannot have the same id.
      deleteBeforeReplace: true,
    });
    const location = pulumi.interpolate`projects/${endpoint.project}/locations/${args.location}`;
    const place = {
      name,
      parent: this,
      location,
      endpoint: pulumi.interpolate`${location}/endpoints/${endpoint.name}`,
    };
    const secrets = args.secrets
      ? pulumi.all(
          Object.fromEntries(
            Object.entries(args.secrets).map(([variable, each]) => [
              variable,
              secretVersion(each, project ?? endpoint.project),
            ]),
          ),
        )
      : null;
    const images = bindImages(name, args, plans, this);
    const deployed = images.map(({ role, plan, image }) =>
      deploy(
        {
          ...{ role, plan, image, secrets, scheduled: role === 'main' && schedules.length > 0 },
          description: { ...descriptionOf(args), ...partOf(further[role] ?? {}) },
        },
        { ...place, serviceAccount: email, labels, after: granted },
        args,
      ),
    );
    const traffic = route(place, deployed, further, isPeeredOrShared(args) ? null : inferenceSeconds(args));
    const target = scheduledDeployment({ parent: this, endpoint, runsAs, id: deployed[0]!.id });
    const usual = boundsOf(plans.main, args.scaling);
    const jobs = timetable(name, target, schedules, { parent: this, project, location: args.location, usual });

    const monthlyUsd = sumOf(all.map(({ hardware }) => hardware.candidate.monthlyUsd));
    const monitored = { parent: this, project, notify, dashboard: args.dashboard ?? true };
    const watched = {
      ...{ endpoint: endpoint.name, isPrivate: isPrivate(args) },
      deployments: deployed.map(({ id }, index) => ({ id, plan: all[index]! })),
    };
    this.resources = {
      ...{ endpoint, deployments: deployed, traffic, serviceAccount: account, schedules: jobs },
      ...monitorVertex(name, plans.main, watched, monitored),
      ...guardVertex(name, args, endpoint.name, { monthlyUsd, isPrivate: isPrivate(args) }, monitored),
    };
    this.url = addressOf(args, place.endpoint, endpoint, traffic);
    this.predictUrl = pulumi.interpolate`${this.url}:predict`;
    this.endpointName = endpoint.name;
    this.serviceAccountEmail = email;
    this.serviceAttachment = traffic.serviceAttachment;
    this.image = images[0]!.image;
    this.monthlyUsd = pulumi.output(monthlyUsd);
    this.priceDate = pulumi.output(plans.main.hardware.candidate.priceDate);
    const path = args.routes === 'invoke' ? `/invoke/v2/models/${plans.main.serving.model.name}/infer` : rawPath(args);
    this.request = requestCommand(plans.main, pulumi.interpolate`${this.url}${path}`, tokenCommand);
    this.grantInvoke = invokeGrants(name, endpoint, { parent: this });
    for (const [index, invoker] of (args.invokers ?? []).entries()) {
      this.grantInvoke(`${name}-invoker-${index + 1}`, invoker);
    }
    this.registerOutputs({
      url: this.url,
      predictUrl: this.predictUrl,
      endpointName: this.endpointName,
      serviceAccountEmail: email,
      serviceAttachment: this.serviceAttachment,
      image: this.image,
      monthlyUsd: this.monthlyUsd,
      priceDate: this.priceDate,
      request: this.request,
    });
  }

  /** An endpoint that was made elsewhere, to be asked and to let others ask. */
  static get(
    name: string,
    reference: VertexEndpointReference,
    options?: pulumi.CustomResourceOptions,
  ): AskedVertexEndpoint {
    return existingVertexEndpoint(name, reference, options);
  }
}

const isPeeredOrShared = ({ network, dedicated }: VertexEndpointArgs): boolean =>
  network !== undefined || dedicated === false;

/** A peered network reaches the container's own route; every other way knows the one that passes bodies as they are. */
const rawPath = ({ network }: VertexEndpointArgs): string => (network === undefined ? ':rawPredict' : ':predict');

function endpointArgs(
  name: string,
  args: VertexEndpointArgs,
  labels: Readonly<Record<string, string>>,
): AiEndpointArgs {
  const { location, project, network, privateServiceConnect, encryptionKey, requestLog } = args;
  return {
    name: args.endpointName ?? idOf(`${name}-${pulumi.getStack()}`, 63),
    displayName: `${name}-${pulumi.getStack()}`,
    description: `Endpoint ${name}, by Slipway`,
    location,
    region: location,
    labels,
    ...(project !== undefined && { project }),
    ...(isDedicated(args) && { dedicatedEndpointEnabled: true }),
    ...(network !== undefined && { network }),
    ...(encryptionKey !== undefined && { encryptionSpec: { kmsKeyName: encryptionKey } }),
    ...(privateServiceConnect && {
      privateServiceConnectConfig: {
        enablePrivateServiceConnect: true,
        projectAllowlists: [...privateServiceConnect.projects],
        ...(privateServiceConnect.networks && {
          pscAutomationConfigs: privateServiceConnect.networks.map((each) => ({
            projectId: each.project,
            network: each.network,
          })),
        }),
      },
    }),
    ...(requestLog && {
      predictRequestResponseLoggingConfig: {
        enabled: true,
        samplingRate: requestLog.share ?? 1,
        bigqueryDestination: { outputUri: requestLog.table },
      },
    }),
  };
}

interface DeploymentImage {
  readonly role: string;
  readonly plan: EndpointPlan;
  readonly image: pulumi.Output<string>;
}

/** Binds the image of each deployment; those that are built share one repository. */
function bindImages(
  name: string,
  { location, project, image, deployments = {} }: VertexEndpointArgs,
  { main, further }: Plans,
  parent: pulumi.Resource,
): readonly DeploymentImage[] {
  const first = (image ?? ContainerImage.fromPlan()).bind({ parent, name, location, project }, main);
  const shared = first.repository
    ? {
        repository: pulumi.interpolate`${location}-docker.pkg.dev/${first.repository.project}/${first.repository.repositoryId}`,
      }
    : {};
  return [
    { role: 'main', plan: main, image: first.reference },
    ...Object.entries(further).map(([role, plan]) => {
      const source = deployments[role]?.image ?? ContainerImage.fromPlan(shared);
      return { role, plan, image: source.bind({ parent, name: `${name}-${role}`, location, project }, plan).reference };
    }),
  ];
}

/** Vertex AI may know an endpoint's own address only once something is deployed, when the endpoint has long been made. */
function addressOf(
  args: VertexEndpointArgs,
  full: pulumi.Output<string>,
  { dedicatedEndpointDns }: AiEndpoint,
  traffic: VertexTraffic,
): pulumi.Output<string> {
  if (args.network !== undefined) return traffic.privateUri.apply((uri) => uri.replace(/:predict$/, ''));
  if (args.privateServiceConnect) {
    const { connectedAddress } = traffic;
    return pulumi.interpolate`http://${connectedAddress.apply((address) => address || 'ADDRESS')}/v1/${full}`;
  }
  const known = pulumi.output(dedicatedEndpointDns).apply((dns) => (dns || !isDedicated(args) ? dns : traffic.dns));
  return pulumi.all([full, known]).apply(([endpoint, dns]) => urlOf(endpoint, dns ?? ''));
}

/** Null where the price of one is not known. */
const sumOf = (each: readonly (number | null)[]): number | null =>
  each.includes(null) ? null : each.reduce<number>((sum, usd) => sum + (usd ?? 0), 0);
