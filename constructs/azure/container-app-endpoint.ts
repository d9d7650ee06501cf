/** An Azure container app from one description: a plan in, resources out. */

import { ContainerApp, type ContainerAppArgs } from '@pulumi/azure-native/app/containerApp.js';
import type { ContainerAppsAuthConfig } from '@pulumi/azure-native/app/containerAppsAuthConfig.js';
import * as pulumi from '@pulumi/pulumi';
import type { EndpointPlan } from '../../lib/plan.js';
import { planned } from '../pulumi/endpoint-plan.js';
import { requestCommand } from '../pulumi/request-command.js';
import { authenticated, tokenCommand } from './container-apps/authentication.js';
import { port, probesOf, replicasOf, resourcesOf, scaleOf, secretName } from './container-apps/container-app.js';
import { type ContainerAppEndpointArgs, ownProblems } from './container-apps/container-app-args.js';
import {
  addressOf,
  type ContainerAppAddress,
  type ContainerAppReference,
  existingContainerApp,
} from './container-apps/existing-container-app.js';
import { type BoundEnvironment, boundEnvironment } from './container-apps/managed-environment.js';
import { trafficOf } from './container-apps/revisions.js';
import { type BoundImage, ContainerImage } from './container-image.js';
import { type Foundation, foundation, grantSecrets, secretUrl } from './foundation.js';
import { type Monitored, monitor } from './monitoring.js';
import { replicaQuota } from './quota.js';
import { builtInRole, grant } from './roles.js';

/** The resources behind an endpoint. */
export interface ContainerAppEndpointResources {
  readonly app: ContainerApp;
  /** What was made to stand on. */
  readonly foundation: Foundation;
  readonly environment: BoundEnvironment;
  /** Null where nobody is asked for a token. */
  readonly authentication: ContainerAppsAuthConfig | null;
  readonly monitored: Monitored;
}

/**
 * An endpoint on Azure Container Apps: environment with the machine's profile, identity, image, probes, scaling and shares of requests from
 * one description.
 *
 * Container Apps ask nobody for a token by themselves: whoever reaches the app may use it. Unless asked otherwise only apps of the same
 * environment reach it; `authentication` and `allowedAddresses` are what there is for more.
 *
 * Cost: that of its replicas while they run; `scaling: { toZero: true }` stops the last one, except on the environment's own nodes
 * (`NC24-A100` and larger), which are paid for while they are there. `plan.hardware.explain()` says why this machine.
 *
 * @throws InputPropertiesError in the preview, with everything that is wrong at once
 */
export class ContainerAppEndpoint extends pulumi.ComponentResource implements ContainerAppAddress {
  /** Address of the app. */
  readonly url: pulumi.Output<string>;
  readonly appName: pulumi.Output<string>;
  /** Name of the newest revision, for `traffic`. */
  readonly revision: pulumi.Output<string>;
  readonly resourceGroupName: pulumi.Output<string>;
  /** Object id of the identity that the app runs as. */
  readonly principalId: pulumi.Output<string>;
  /** Of the image that is served. */
  readonly image: pulumi.Output<string>;
  /** What its replicas cost in 730 hours, USD; of one that scales to zero, if it never did. Null where no price is known. */
  readonly monthlyUsd: pulumi.Output<number | null>;
  /** Date of the prices. */
  readonly priceDate: pulumi.Output<string | null>;
  /** Accelerators or cores that the subscription needs as quota in the region. */
  readonly quota: pulumi.Output<readonly string[]>;
  /** Asks the endpoint once, from where it can be reached; with the caller's own identity where a token is needed. */
  readonly request: pulumi.Output<string>;
  /** Everything that was decided. */
  readonly plan: EndpointPlan;
  readonly resources: ContainerAppEndpointResources;

  constructor(name: string, args: ContainerAppEndpointArgs, options?: pulumi.ComponentResourceOptions) {
    const plan = planned(args, 'azure-container-apps', ownProblems(name, args));
    super('slipway:azure:ContainerAppEndpoint', name, {}, options);
    this.plan = plan;
    const { location, tags = {}, secrets = {}, schedules = [], authentication } = args;
    const inside = { parent: this };
    const base = foundation(name, args, this);
    const { resourceGroupName, identity } = base;
    const replicas = replicasOf(plan, args.scaling, schedules);
    const environment = boundEnvironment(name, args, {
      ...{ parent: this, location, tags, foundation: base, replicas },
      machine: plan.hardware.chosen.name,
      transform: args.transform?.environment,
    });
    const bound = (args.image ?? ContainerImage.fromPlan()).bind(
      { parent: this, name, resourceGroupName, location, tags, registry: null },
      plan,
    );
    const granted = [...grantPull(name, bound, base, this), ...grantSecrets(name, secrets, base, this)];
    const appArgs: ContainerAppArgs = {
      ...{ resourceGroupName, location, tags: { ...tags } },
      ...(args.appName !== undefined && { containerAppName: args.appName }),
      environmentId: environment.id,
      workloadProfileName: environment.profile,
      identity: { type: 'UserAssigned', userAssignedIdentities: [identity.id] },
      configuration: configurationOf(args, bound, base),
      template: templateOf(args, plan, bound),
    };
    const app = new ContainerApp(name, args.transform?.app?.(appArgs) ?? appArgs, {
      ...inside,
      // The image is pulled and secrets are read while the app is made.
      dependsOn: granted,
      replaceOnChanges: ['environmentId'],
      deleteBeforeReplace: args.appName !== undefined,
    });
    this.resources = {
      ...{ app, foundation: base, environment },
      authentication: authentication
        ? authenticated(name, app, authentication, base, args.transform?.authentication, inside)
        : null,
      monitored: monitor(name, {
        ...{ parent: this, platform: 'azure-container-apps', resourceGroupName, location, tags, id: app.id },
        instances: [{ role: 'main', id: app.id, plan }],
        logs: null,
        notify: args.notify ?? [],
        emails: args.emails ?? [],
        dashboard: args.dashboard ?? true,
        toZero: args.scaling?.toZero ?? false,
        asked: args.monitoring,
      }),
    };
    const { url, appName, revision } = addressOf(app);
    const { candidate } = plan.hardware;
    const infer = pulumi.interpolate`${url}/v2/models/${plan.serving.model.name}/infer`;
    this.url = url;
    this.appName = appName;
    this.revision = revision;
    this.resourceGroupName = resourceGroupName;
    this.principalId = identity.principalId;
    this.image = bound.reference;
    this.monthlyUsd = pulumi.output(candidate.monthlyUsd);
    this.priceDate = pulumi.output(candidate.priceDate);
    this.quota = pulumi.output([replicaQuota(plan, replicas.max)]);
    this.request = pulumi
      .output(authentication?.clientId)
      .apply((clientId) => requestCommand(plan, infer, clientId === undefined ? null : tokenCommand(clientId)));
    this.registerOutputs({
      ...{ url, appName, revision, resourceGroupName },
      principalId: this.principalId,
      image: this.image,
      monthlyUsd: this.monthlyUsd,
      priceDate: this.priceDate,
      quota: this.quota,
      request: this.request,
    });
  }

  /** An app that was made elsewhere, to be asked. */
  static get(
    name: string,
    reference: ContainerAppReference,
    options?: pulumi.CustomResourceOptions,
  ): ContainerAppAddress {
    return existingContainerApp(name, reference, options);
  }
}

/** Lets the identity pull the image, where it is known from which registry. */
const grantPull = (
  name: string,
  { source }: BoundImage,
  { subscriptionId, identity: { principalId } }: Foundation,
  parent: pulumi.Resource,
): pulumi.Resource[] =>
  source
    ? [
        grant(
          `${name}-pull`,
          { role: builtInRole('pullImages', subscriptionId), scope: source.id, principalId },
          { parent },
        ),
      ]
    : [];

/** What counts for all revisions. */
function configurationOf(
  { appName, ingress, traffic, allowedAddresses, secrets = {} }: ContainerAppEndpointArgs,
  { source }: BoundImage,
  { identity: { id: identity } }: Foundation,
) {
  return {
    activeRevisionsMode: traffic ? 'Multiple' : 'Single',
    ingress: {
      external: ingress === 'network' || ingress === 'all',
      allowInsecure: false,
      targetPort: port,
      transport: 'http',
      ...(traffic && { traffic: trafficOf(traffic, appName) }),
      ...(allowedAddresses && {
        ipSecurityRestrictions: allowedAddresses.map((ipAddressRange, index) => ({
          ...{ name: `range-${index + 1}`, ipAddressRange, action: 'Allow' },
        })),
      }),
    },
    ...(source && { registries: [{ server: source.loginServer, identity }] }),
    ...(Object.keys(secrets).length > 0 && {
      secrets: Object.entries(secrets).map(([variable, secret]) => ({
        ...{ name: secretName(variable), keyVaultUrl: secretUrl(secret), identity },
      })),
    }),
  };
}

/** What makes a revision. */
function templateOf(args: ContainerAppEndpointArgs, plan: EndpointPlan, { reference: image }: BoundImage) {
  const { environment = {}, secrets = {}, schedules = [], revisionSuffix, idleSeconds = 300 } = args;
  const env = [
    ...Object.entries(environment).map(([variable, value]) => ({ name: variable, value })),
    ...Object.keys(secrets).map((variable) => ({ name: variable, secretRef: secretName(variable) })),
  ];
  return {
    ...(revisionSuffix !== undefined && { revisionSuffix }),
    containers: [
      {
        ...{ name: 'server', image, resources: resourcesOf(plan), probes: probesOf(plan) },
        ...(env.length > 0 && { env }),
      },
    ],
    scale: scaleOf(plan, args, schedules, idleSeconds),
  };
}
