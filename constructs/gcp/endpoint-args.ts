/** What a user may ask of an endpoint on Cloud Run, and what is wrong with it. */

import type { ServiceArgs } from '@pulumi/gcp/cloudrunv2/service.js';
import type * as pulumi from '@pulumi/pulumi';
import { type Check, type Problem, problemsOf } from '../../lib/errors.js';
import type { EndpointSpec } from '../../lib/spec.js';
import { notifyProblems } from '../pulumi/notify.js';
import type { ScalingSchedule } from '../pulumi/schedules.js';
import type { ContainerImage } from './container-image.js';
import { type BudgetArgs, budgetProblems } from './cost-guards.js';
import { type SecretReference, secretProblems } from './identity.js';
import { timetableProblems } from './schedules.js';
import { boundProblems, serviceNameProblems, type TrafficTarget, trafficProblems } from './service.js';

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
export interface ModelEndpointArgs extends EndpointSpec, Omit<BudgetArgs, 'monitoring'> {
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
   * Times at which the bounds change. From then on jobs of Cloud Scheduler write them: a changed `scaling` comes into force at the next
   * time of the timetable, not with `pulumi up`.
   *
   * @default - none
   */
  readonly schedules?: readonly ScalingSchedule[];
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
   * Whether a second container reads the server's own metrics (stages, queue, batches, drift) into Google Cloud Managed Service for
   * Prometheus, for the rules and the dashboard of `slipway monitor`. It takes a processor and 512 MiB of each instance more. A given
   * `serviceAccount` needs the role `roles/monitoring.metricWriter`.
   *
   * @default false
   */
  readonly prometheus?: boolean;
  /**
   * Changes the arguments of a child before it is made, by what it is.
   *
   * @default - none
   */
  readonly transform?: { readonly service?: (args: ServiceArgs) => ServiceArgs };
}

export const ingresses = {
  internal: 'INGRESS_TRAFFIC_INTERNAL_ONLY',
  'load-balancer': 'INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER',
  all: 'INGRESS_TRAFFIC_ALL',
} as const;

const reserved = new Set(['PORT', 'K_SERVICE', 'K_REVISION', 'K_CONFIGURATION']);

/** What is wrong with an endpoint on Cloud Run besides its description. */
export function ownProblems(args: ModelEndpointArgs): Problem[] {
  const { environment = {}, secrets = {}, ingress, invokers = [] } = args;
  const names = [...Object.keys(environment), ...Object.keys(secrets)];
  const checks: readonly Check[] = [
    [
      ingress !== undefined && !(ingress in ingresses),
      'ingress',
      `'${ingress}' is given; allowed: ${Object.keys(ingresses).join(', ')}`,
    ],
    ...names
      .filter((name) => reserved.has(name))
      .map((name) => [true, 'environment', `${name} is Cloud Run's own. Leave it out`] as const),
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
    ...timetableProblems(args.schedules ?? [], args.scaling?.toZero ?? false),
    ...budgetProblems(args),
    ...notifyProblems('gcp', args.notify),
    ...secretProblems(secrets, environment),
    ...problemsOf(checks),
  ];
}
