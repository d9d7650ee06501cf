/** What a user may ask of a Vertex AI endpoint. */

import type { AiEndpointArgs } from '@pulumi/gcp/vertex/aiEndpoint.js';
import type * as pulumi from '@pulumi/pulumi';
import type { EndpointSpec } from '../../../lib/spec.js';
import type { ScalingSchedule } from '../../pulumi/schedules.js';
import type { ContainerImage } from '../container-image.js';
import type { BudgetArgs } from '../cost-guards.js';
import type { SecretReference } from '../identity.js';
import type { DeployedModelBody } from './deployed-model.js';
import type { ModelBody } from './model.js';
import type { Routes } from './serving.js';

/** A further deployment of the same endpoint. What it does not say is as the endpoint's own description says it. */
export interface VertexDeploymentArgs
  extends Partial<
    Pick<
      EndpointSpec,
      'model' | 'objective' | 'hardware' | 'optimization' | 'scaling' | 'serving' | 'environment' | 'measurements'
    >
  > {
  /** @default ContainerImage.fromPlan() */
  readonly image?: ContainerImage;
  /**
   * Percent of the requests, whole, 0 to 100.
   *
   * @default 0
   */
  readonly percent?: number;
}

/** Who may connect to an endpoint by Private Service Connect. */
export interface PrivateServiceConnectArgs {
  /** Projects that may. */
  readonly projects: readonly pulumi.Input<string>[];
  /**
   * Networks in which Google makes the connection itself: full names, `projects/PROJECT/global/networks/NETWORK`.
   *
   * @default - none: you connect to `serviceAttachment`
   */
  readonly networks?: readonly { readonly project: pulumi.Input<string>; readonly network: pulumi.Input<string> }[];
}

/** Requests and answers kept in BigQuery. */
export interface RequestLogArgs {
  /** `bq://PROJECT`, `bq://PROJECT.DATASET` or `bq://PROJECT.DATASET.TABLE`. */
  readonly table: pulumi.Input<string>;
  /**
   * Share of the requests that is kept, above 0, at most 1.
   *
   * @default 1
   */
  readonly share?: number;
}

/** A Vertex AI endpoint. */
export interface VertexEndpointArgs extends EndpointSpec, Omit<BudgetArgs, 'monitoring'> {
  /** The region, `europe-west4`; a plain value, since prices and machines depend on it. */
  readonly location: string;
  /** @default - the provider's */
  readonly project?: pulumi.Input<string>;
  /**
   * Secrets for hooks, by the name of their environment variable. The server reads them when it starts, as the endpoint's account.
   *
   * @default - none
   */
  readonly secrets?: Readonly<Record<string, SecretReference>>;
  /**
   * Id of the endpoint: 1 to 63 lower-case letters, digits and hyphens, a letter first, or a number of at most 9 digits. Another id is
   * another endpoint.
   *
   * @default - the component's name and the stack's
   */
  readonly endpointName?: string;
  /** @default ContainerImage.fromPlan() */
  readonly image?: ContainerImage;
  /**
   * Further deployments by name, each with its share of the requests; the rest of the requests is the first deployment's.
   *
   * @default - none: all requests to the one described
   */
  readonly deployments?: Readonly<Record<string, VertexDeploymentArgs>>;
  /**
   * E-mail of the account that containers run as. What the model's bucket needs is granted to it; who runs `pulumi up` has to be allowed
   * to act as it.
   *
   * @default - a new account without any role
   */
  readonly serviceAccount?: pulumi.Input<string>;
  /**
   * Who may ask: `serviceAccount:…`, `user:…`, `group:…`.
   *
   * @default - nobody but those whom the project lets
   */
  readonly invokers?: readonly pulumi.Input<string>[];
  /**
   * Percent of busy processors, or of the time in which accelerators work, that scaling steers to, whole, 1 to 100. Vertex AI cannot
   * scale on requests in flight, so that `scaling.target` is refused.
   *
   * @default 60
   */
  readonly utilization?: number;
  /**
   * Times at which the bounds of the first deployment change. From then on jobs of Cloud Scheduler write them: a changed `scaling` comes
   * into force at the next time of the timetable, not with `pulumi up`. Another image or machine starts with the bounds of `scaling`.
   *
   * @default - none
   */
  readonly schedules?: readonly ScalingSchedule[];
  /**
   * Machines that are cheaper and may be taken away at any time. A change is another deployment.
   *
   * @default false
   */
  readonly spot?: boolean;
  /**
   * `predict`: one route, `:predict` with `instances` or `:rawPredict` with any body of the server. `invoke`: every route of the server
   * below `/invoke`, and no `:predict`; not where the endpoint is shared or in a peered network. A change is another deployment.
   *
   * @default 'predict'
   */
  readonly routes?: Routes;
  /**
   * Whether the endpoint has an address of its own: bodies up to 10 MB and an hour for a request, but no VPC Service Controls. A shared
   * one takes 1.5 MB and 60 s.
   *
   * @default - true without `network` and `privateServiceConnect`
   */
  readonly dedicated?: boolean;
  /**
   * Reached by Private Service Connect alone. A change is another endpoint.
   *
   * @default - reached from anywhere by those who may ask
   */
  readonly privateServiceConnect?: PrivateServiceConnectArgs;
  /**
   * Reached from this peered network alone, `projects/NUMBER/global/networks/NETWORK`, which has private services access. Such an
   * endpoint has one deployment at a time: a new one waits until the old one is gone. A change is another endpoint.
   *
   * @default - reached from anywhere by those who may ask
   */
  readonly network?: pulumi.Input<string>;
  /**
   * Key of Cloud KMS for endpoint and model, which Vertex AI's service agent may use. A change is another endpoint.
   *
   * @default - Google's own
   */
  readonly encryptionKey?: pulumi.Input<string>;
  /**
   * Requests and answers in BigQuery; not of private endpoints.
   *
   * @default - none
   */
  readonly requestLog?: RequestLogArgs;
  /**
   * A line in Cloud Logging for each request. A change is another deployment.
   *
   * @default false
   */
  readonly accessLog?: boolean;
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
   * Changes the arguments of a child before it is made, by what it is; `model` and `deployedModel` are in the words of Vertex AI's API and
   * asked for every deployment.
   *
   * @default - none
   */
  readonly transform?: {
    readonly endpoint?: (args: AiEndpointArgs) => AiEndpointArgs;
    readonly model?: (body: ModelBody) => ModelBody;
    readonly deployedModel?: (body: DeployedModelBody) => DeployedModelBody;
  };
}

/** Whether requests come through a private network. */
export const isPrivate = ({ network, privateServiceConnect }: VertexEndpointArgs): boolean =>
  network !== undefined || privateServiceConnect !== undefined;

/** Whether the endpoint has an address of its own. */
export const isDedicated = (args: VertexEndpointArgs): boolean => args.dedicated ?? !isPrivate(args);
