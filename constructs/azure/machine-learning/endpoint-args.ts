/** What a user may ask of a managed online endpoint, and what is wrong with it. */

import type { OnlineDeploymentArgs } from '@pulumi/azure-native/machinelearningservices/onlineDeployment.js';
import type { OnlineEndpointArgs } from '@pulumi/azure-native/machinelearningservices/onlineEndpoint.js';
import type { ScheduleArgs } from '@pulumi/azure-native/machinelearningservices/schedule.js';
import type * as pulumi from '@pulumi/pulumi';
import { type Problem, problemsOf } from '../../../lib/errors.js';
import type { EndpointSpec } from '../../../lib/spec.js';
import { notifyProblems } from '../../pulumi/notify.js';
import { type ScalingSchedule, scheduleProblems } from '../../pulumi/schedules.js';
import type { ContainerImage } from '../container-image.js';
import { budgetProblems } from '../cost-guards.js';
import { type FoundationArgs, variableProblems } from '../foundation.js';
import type { WatchedArgs } from '../monitoring.js';
import type { PrincipalType } from '../roles.js';
import { boundProblems, zoneProblems } from './autoscale.js';
import { type DataCaptureArgs, dataCaptureProblems } from './data-capture.js';
import { type Shares, shareProblems } from './traffic.js';
import type { EncryptionKey, WorkspaceReference } from './workspace.js';

/** A further deployment of the same endpoint. What it does not say is as the endpoint's own description says it. */
export interface DeploymentArgs
  extends Shares,
    Partial<
      Pick<
        EndpointSpec,
        'model' | 'objective' | 'hardware' | 'optimization' | 'scaling' | 'serving' | 'environment' | 'measurements'
      >
    > {
  /** @default ContainerImage.fromPlan() */
  readonly image?: ContainerImage;
}

/** Somebody who may ask. */
export interface Invoker {
  /** Object id in Entra ID. */
  readonly principalId: pulumi.Input<string>;
  /** @default 'ServicePrincipal' */
  readonly principalType?: PrincipalType;
}

/** A managed online endpoint of Azure Machine Learning. */
export interface ModelEndpointArgs extends EndpointSpec, FoundationArgs, WatchedArgs {
  /**
   * Workspace that the endpoint lies in.
   *
   * @default - a new one with its storage account, vault and logs
   */
  readonly workspace?: WorkspaceReference;
  /**
   * Name of the endpoint, one in its region: 3 to 32 letters, digits and single hyphens, a letter first. Another name is another endpoint.
   *
   * @default - the component's name and 8 random digits
   */
  readonly endpointName?: string;
  /** @default ContainerImage.fromPlan() */
  readonly image?: ContainerImage;
  /**
   * Further deployments by name, each with its share of the requests; the rest of the requests is the first deployment's.
   *
   * @default - none: all requests to the one described
   */
  readonly deployments?: Readonly<Record<string, DeploymentArgs>>;
  /**
   * Who may ask, besides those who may by a role on the resource group.
   *
   * @default - nobody
   */
  readonly invokers?: readonly Invoker[];
  /**
   * From where it can be reached: through private endpoints of the workspace, or from anywhere. Every caller needs a token either way.
   *
   * @default 'internal'
   */
  readonly ingress?: 'internal' | 'all';
  /**
   * Times at which the bounds change.
   *
   * @default - none
   */
  readonly schedules?: readonly ScalingSchedule[];
  /**
   * Requests and answers that are kept in the workspace's storage, as they came.
   *
   * @default - none
   */
  readonly dataCapture?: DataCaptureArgs;
  /**
   * Your key for what a new workspace stores.
   *
   * @default - Microsoft's own
   */
  readonly encryptionKey?: EncryptionKey;
  /**
   * Changes the arguments of a child before it is made, by what it is; `deployment` is asked for every deployment.
   *
   * @default - none
   */
  readonly transform?: {
    readonly endpoint?: (args: OnlineEndpointArgs) => OnlineEndpointArgs;
    readonly deployment?: (args: OnlineDeploymentArgs) => OnlineDeploymentArgs;
    readonly driftMonitor?: (args: ScheduleArgs) => ScheduleArgs;
  };
}

/** Digits that Pulumi adds to a name. */
const added = 8;

function nameProblems(name: string, endpointName: string | undefined): Problem[] {
  const text = endpointName ?? `${name}${'0'.repeat(added)}`;
  if (/^[A-Za-z](-?[A-Za-z0-9]){2,31}$/.test(text) && text.length <= 32) return [];
  const rule = '3 to 32 letters, digits and single hyphens, a letter first';
  return [
    endpointName === undefined
      ? {
          where: 'endpointName',
          what: `the component's name '${name}' with the ${added} digits that Pulumi adds is no name for an endpoint: ${rule}. Give endpointName, or a shorter name to the component`,
        }
      : { where: 'endpointName', what: `'${endpointName}' is no name for an endpoint. Give ${rule}` },
  ];
}

const stores = /^(azureml:\/\/|https:\/\/[a-z0-9]+\.blob\.core\.windows\.net\/)/;

/** What is wrong with one deployment's own options; `at` stands before their names. */
const deploymentProblems = (at: string, { model, serving, scaling }: Partial<EndpointSpec>): Problem[] =>
  [
    ...problemsOf([
      [
        (serving?.timeoutSeconds ?? 0) > 170,
        'serving.timeoutSeconds',
        `${serving?.timeoutSeconds} is given; Azure ends a request after 180 s. Give at most 170`,
      ],
      [
        model?.uri !== undefined && !stores.test(model.uri),
        'model',
        `'${model?.uri}' cannot be read by Azure Machine Learning. Give a folder of a datastore, azureml://…, or of Blob Storage, https://ACCOUNT.blob.core.windows.net/CONTAINER/FOLDER`,
      ],
    ]),
    ...boundProblems(scaling),
  ].map(({ where, what }) => ({ where: `${at}${where}`, what }));

/** What is wrong with a managed online endpoint besides its description. */
export function ownProblems(name: string, args: ModelEndpointArgs): Problem[] {
  const { deployments = {}, schedules = [], ingress, workspace, encryptionKey } = args;
  return [
    ...nameProblems(name, args.endpointName),
    ...deploymentProblems('', args),
    ...Object.entries(deployments).flatMap(([role, each]) => [
      ...problemsOf([
        [
          !/^[A-Za-z][A-Za-z0-9-]{1,21}$/.test(role) || role === 'main',
          'deployments',
          `'${role}' is no name for a further deployment. Give 2 to 22 letters, digits and hyphens, a letter first, and not 'main'`,
        ],
      ]),
      ...deploymentProblems(`deployments.${role}.`, each),
    ]),
    ...shareProblems(deployments),
    ...scheduleProblems(schedules, 1),
    ...zoneProblems(schedules),
    ...dataCaptureProblems(args.dataCapture),
    ...variableProblems(args),
    ...budgetProblems(args.monitoring, args.notify ?? [], args.emails ?? []),
    ...notifyProblems('azure', args.notify, args.emails),
    ...problemsOf([
      [
        ingress !== undefined && !['internal', 'all'].includes(ingress),
        'ingress',
        `'${ingress}' is given; allowed: internal, all`,
      ],
      [
        workspace !== undefined && args.resourceGroupName === undefined,
        'resourceGroupName',
        'is missing: a workspace is given, and the endpoint lies in its resource group. Give its name',
      ],
      [
        workspace !== undefined && encryptionKey !== undefined,
        'encryptionKey',
        'the workspace is yours, and its key was chosen when it was made. Leave it out',
      ],
    ]),
  ];
}
