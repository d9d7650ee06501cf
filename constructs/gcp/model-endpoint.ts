/** A Cloud Run endpoint from one description: a plan in, resources out. */

import { Service, type ServiceArgs } from '@pulumi/gcp/cloudrunv2/service.js';
import { ServiceIamMember } from '@pulumi/gcp/cloudrunv2/serviceIamMember.js';
import type { AlertPolicy } from '@pulumi/gcp/monitoring/alertPolicy.js';
import type { Dashboard } from '@pulumi/gcp/monitoring/dashboard.js';
import type { Slo } from '@pulumi/gcp/monitoring/slo.js';
import type { Account } from '@pulumi/gcp/serviceaccount/account.js';
import * as pulumi from '@pulumi/pulumi';
import { type Check, type Problem, problemsOf } from '../../lib/errors.js';
import type { EndpointPlan } from '../../lib/plan.js';
import type { EndpointSpec } from '../../lib/spec.js';
import { variableName } from '../../lib/spec-problems.js';
import { planned } from '../pulumi/endpoint-plan.js';
import { requestCommand } from '../pulumi/request-command.js';
import { ContainerImage } from './container-image.js';
import { identity, modelFolder, type SecretReference } from './identity.js';
import { monitor } from './monitoring.js';
import {
  boundProblems,
  concurrency,
  containerOf,
  instances,
  placementOf,
  serviceNameProblems,
  type TrafficTarget,
  timeoutOf,
  trafficOf,
  trafficProblems,
} from './service.js';

/** A network that instances reach. */
export interface NetworkArgs {
  readonly network: pulumi.Input<string>;
  readonly subnetwork: pulumi.Input<string>;
  /** @default - none */
  readonly tags?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * `private-ranges`: what is addressed privately goes through the network. `all`: everything.
   *
   * @default 'private-ranges'
   */
  readonly egress?: 'private-ranges' | 'all';
}

/** An endpoint on Cloud Run. */
export interface ModelEndpointArgs extends EndpointSpec {
  /** The region, `europe-west4`; a plain value, since prices and machines depend on it. */
  readonly location: string;
  /** @default - the provider's */
  readonly project?: pulumi.Input<string>;
  /**
   * Name of the service: 1 to 49 lower-case letters, digits and hyphens. Another name is another service.
   *
   * @default - the component's name and some random digits
   */
  readonly serviceName?: string;
  /** @default ContainerImage.fromPlan() */
  readonly image?: ContainerImage;
  /**
   * E-mail of the account that the instances run as. What the model's bucket and the secrets need is granted to it.
   *
   * @default - a new account without any role
   */
  readonly serviceAccount?: pulumi.Input<string>;
  /**
   * Who may ask: `serviceAccount:…`, `user:…`, `group:…`. `allUsers` makes it public.
   *
   * @default - nobody but those whom the project lets
   */
  readonly invokers?: readonly pulumi.Input<string>[];
  /**
   * From where it can be reached: inside the project's networks, through a load balancer too, or from anywhere (by those who may ask).
   *
   * @default 'internal'
   */
  readonly ingress?: 'internal' | 'load-balancer' | 'all';
  /** @default - no network of yours */
  readonly network?: NetworkArgs;
  /**
   * Key of Cloud KMS for the image on the instances.
   *
   * @default - Google's own
   */
  readonly encryptionKey?: pulumi.Input<string>;
  /**
   * Secrets for hooks, by the name of their environment variable.
   *
   * @default - none
   */
  readonly secrets?: Readonly<Record<string, SecretReference>>;
  /**
   * Shares of the requests, for a blue/green rollout by revisions.
   *
   * @default - all to the newest revision
   */
  readonly traffic?: readonly TrafficTarget[];
  /**
   * Channels that are told when an alert goes off: full names of notification channels.
   *
   * @default - none: alerts are in the console alone
   */
  readonly notify?: readonly pulumi.Input<string>[];
  /**
   * Whether a dashboard is made.
   *
   * @default true
   */
  readonly dashboard?: boolean;
  /**
   * Changes the arguments of a child before it is made, by what it is.
   *
   * @default - none
   */
  readonly transform?: { readonly service?: (args: ServiceArgs) => ServiceArgs };
}

/** The resources behind an endpoint. */
export interface ModelEndpointResources {
  readonly service: Service;
  /** Null where one was given. */
  readonly serviceAccount: Account | null;
  readonly slos: readonly Slo[];
  readonly alerts: readonly AlertPolicy[];
  /** Null with `dashboard: false`. */
  readonly dashboard: Dashboard | null;
}

const ingresses = {
  internal: 'INGRESS_TRAFFIC_INTERNAL_ONLY',
  'load-balancer': 'INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER',
  all: 'INGRESS_TRAFFIC_ALL',
} as const;

const egresses = { 'private-ranges': 'PRIVATE_RANGES_ONLY', all: 'ALL_TRAFFIC' } as const;

/**
 * An endpoint on Cloud Run: service with its machine or accelerator, image, account, invokers, probes and bounds from one description.
 *
 * Cost: that of its instances while they run; `scaling: { toZero: true }` stops the last one. `plan.hardware.explain()` says why this
 * machine.
 *
 * @throws InputPropertiesError in the preview, with everything that is wrong at once
 */
export class ModelEndpoint extends pulumi.ComponentResource {
  /** Address of the service; callers send an ID token for it. */
  readonly url: pulumi.Output<string>;
  readonly serviceName: pulumi.Output<string>;
  readonly serviceAccountEmail: pulumi.Output<string>;
  /** Of the image that is served. */
  readonly image: pulumi.Output<string>;
  /** What its instances cost in 730 hours, USD; of one that scales to zero, if it never did. Null where no price is known. */
  readonly monthlyUsd: pulumi.Output<number | null>;
  /** Date of the prices. */
  readonly priceDate: pulumi.Output<string | null>;
  /** Asks the endpoint once, with the caller's own identity. */
  readonly request: pulumi.Output<string>;
  /** Everything that was decided. */
  readonly plan: EndpointPlan;
  readonly resources: ModelEndpointResources;

  constructor(name: string, args: ModelEndpointArgs, options?: pulumi.ComponentResourceOptions) {
    const plan = planned(args, 'gcp-cloud-run', ownProblems(args));
    super('slipway:gcp:ModelEndpoint', name, {}, options);
    this.plan = plan;
    const inside = { parent: this };
    const project = args.project === undefined ? {} : { project: args.project };

    const { email, account, granted } = identity(name, [plan], {
      ...{ parent: this, project: args.project, given: args.serviceAccount },
      secrets: args.secrets ?? {},
    });
    this.serviceAccountEmail = email;

    const { reference } = (args.image ?? ContainerImage.fromPlan()).bind(
      { parent: this, name, location: args.location, project: args.project },
      plan,
    );
    this.image = reference;

    const service = new Service(name, serviceArgs(args, plan, this.serviceAccountEmail, reference), {
      ...inside,
      // Instances read the model and the secrets when they start.
      dependsOn: [...granted],
    });
    for (const [index, invoker] of (args.invokers ?? []).entries()) {
      new ServiceIamMember(
        `${name}-invoker-${index + 1}`,
        { name: service.name, location: args.location, role: 'roles/run.invoker', member: invoker, ...project },
        inside,
      );
    }

    const monitoring = monitor(name, plan, service, {
      ...{ parent: this, project: args.project, notify: args.notify ?? [] },
      dashboard: args.dashboard ?? true,
    });
    this.resources = { service, serviceAccount: account, ...monitoring };
    this.url = service.uri;
    this.serviceName = service.name;
    const { candidate } = plan.hardware;
    this.monthlyUsd = pulumi.output(candidate.monthlyUsd);
    this.priceDate = pulumi.output(candidate.priceDate);
    this.request = requestCommand(
      plan,
      pulumi.interpolate`${service.uri}/v2/models/${plan.serving.model.name}/infer`,
      'gcloud auth print-identity-token',
    );
    this.registerOutputs({
      url: this.url,
      serviceName: this.serviceName,
      serviceAccountEmail: this.serviceAccountEmail,
      image: this.image,
      monthlyUsd: this.monthlyUsd,
      priceDate: this.priceDate,
      request: this.request,
    });
  }

  /** Lets `member` ask, such as `serviceAccount:caller@project.iam.gserviceaccount.com`. */
  grantInvoke(name: string, member: pulumi.Input<string>): ServiceIamMember {
    const { service } = this.resources;
    return new ServiceIamMember(
      name,
      { name: service.name, location: service.location, project: service.project, role: 'roles/run.invoker', member },
      { parent: this },
    );
  }
}

const mounted = '/opt/slipway/model';

function serviceArgs(
  args: ModelEndpointArgs,
  plan: EndpointPlan,
  serviceAccount: pulumi.Output<string>,
  image: pulumi.Output<string>,
): ServiceArgs {
  const { network, environment = {}, secrets = {}, tags, project, serviceName, encryptionKey } = args;
  const stored = modelFolder(plan);
  const made: ServiceArgs = {
    location: args.location,
    ...(project !== undefined && { project }),
    ...(serviceName !== undefined && { name: serviceName }),
    description: `Model ${plan.name}, by Slipway`,
    ingress: ingresses[args.ingress ?? 'internal'],
    // Pulumi's own protection is the one that users know; this one would refuse `pulumi destroy`.
    deletionProtection: false,
    ...(tags && { labels: { ...tags } }),
    // Of the service alone: the template's own bounds drift.
    scaling: instances(plan, args.scaling),
    traffics: trafficOf(args.traffic),
    template: {
      serviceAccount,
      timeout: timeoutOf(args),
      executionEnvironment: 'EXECUTION_ENVIRONMENT_GEN2',
      maxInstanceRequestConcurrency: concurrency(plan),
      ...placementOf(plan),
      ...(encryptionKey !== undefined && { encryptionKey }),
      ...(network && {
        vpcAccess: {
          egress: egresses[network.egress ?? 'private-ranges'],
          networkInterfaces: [
            {
              network: network.network,
              subnetwork: network.subnetwork,
              ...(network.tags !== undefined && { tags: network.tags }),
            },
          ],
        },
      }),
      containers: [
        {
          image,
          ...containerOf(plan),
          envs: [
            ...Object.entries(environment).map(([variable, value]) => ({ name: variable, value })),
            ...Object.entries(secrets).map(([variable, { secret, version = 'latest' }]) => ({
              name: variable,
              valueSource: { secretKeyRef: { secret, version } },
            })),
          ],
          ...(stored && {
            volumeMounts: [{ name: 'model', mountPath: mounted, ...(stored.folder && { subPath: stored.folder }) }],
          }),
        },
      ],
      ...(stored && { volumes: [{ name: 'model', gcs: { bucket: stored.bucket, readOnly: true } }] }),
    },
  };
  return args.transform?.service?.(made) ?? made;
}

const reserved = new Set(['PORT', 'K_SERVICE', 'K_REVISION', 'K_CONFIGURATION']);

function ownProblems(args: ModelEndpointArgs): Problem[] {
  const { environment = {}, secrets = {}, ingress, invokers = [] } = args;
  const names = [...Object.keys(environment), ...Object.keys(secrets)];
  const twice = Object.keys(secrets).filter((name) => name in environment);
  const checks: readonly Check[] = [
    [
      ingress !== undefined && !(ingress in ingresses),
      'ingress',
      `'${ingress}' is given; allowed: ${Object.keys(ingresses).join(', ')}`,
    ],
    ...names
      .filter((name) => reserved.has(name))
      .map((name) => [true, 'environment', `${name} is Cloud Run's own. Leave it out`] as const),
    ...Object.keys(secrets)
      .filter((name) => !variableName.test(name))
      .map(
        (name) =>
          [true, 'secrets', `'${name}' cannot be the name of a variable; allowed: letters, digits and '_'`] as const,
      ),
    ...twice.map((name) => [true, `secrets.${name}`, 'there is an environment variable of this name, too'] as const),
    [
      invokers.some((member) => member === 'allUsers') && ingress === undefined,
      'ingress',
      "allUsers may ask, but only inside the project's networks. Give ingress: 'all', or leave allUsers out",
    ],
  ];
  return [
    ...serviceNameProblems(args.serviceName),
    ...trafficProblems(args.traffic),
    ...boundProblems(args),
    ...problemsOf(checks),
  ];
}
