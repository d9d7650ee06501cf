/** One deployment of a managed online endpoint: environment, machine, probes and limits from a plan. */

import { createHash } from 'node:crypto';
import { EnvironmentVersion } from '@pulumi/azure-native/machinelearningservices/environmentVersion.js';
import { ModelVersion } from '@pulumi/azure-native/machinelearningservices/modelVersion.js';
import {
  OnlineDeployment,
  type OnlineDeploymentArgs,
} from '@pulumi/azure-native/machinelearningservices/onlineDeployment.js';
import type { OnlineEndpoint } from '@pulumi/azure-native/machinelearningservices/onlineEndpoint.js';
import { AutoscaleSetting } from '@pulumi/azure-native/monitor/autoscaleSetting.js';
import * as pulumi from '@pulumi/pulumi';
import { withWaiting } from '../../../lib/hardware/concurrency.js';
import { loadSeconds } from '../../../lib/model/profile.js';
import type { EndpointPlan } from '../../../lib/plan.js';
import type { EndpointSpec } from '../../../lib/spec.js';
import type { ScalingSchedule } from '../../pulumi/schedules.js';
import { type Foundation, type SecretReference, secretUrl } from '../foundation.js';
import { boundsOf, profiles } from './autoscale.js';
import { collector, type DataCaptureArgs } from './data-capture.js';

/** What a deployment is made from. */
export interface DeploymentParts {
  /** In the endpoint: `main`, or the name of a further one. */
  readonly role: string;
  readonly plan: EndpointPlan;
  readonly description: EndpointSpec;
  /** With its digest where it is built here. */
  readonly image: pulumi.Output<string>;
  readonly secrets: Readonly<Record<string, SecretReference>>;
  readonly schedules: readonly ScalingSchedule[];
  readonly dataCapture: DataCaptureArgs | undefined;
  readonly transform: ((args: OnlineDeploymentArgs) => OnlineDeploymentArgs) | undefined;
}

/** Where it is made. */
export interface DeploymentPlace {
  /** Of the endpoint's component. */
  readonly name: string;
  readonly parent: pulumi.Resource;
  readonly location: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly foundation: Foundation;
  readonly workspaceName: pulumi.Output<string>;
  readonly endpoint: OnlineEndpoint;
  /** What has to be there first: roles, since the image is pulled while the deployment is made. */
  readonly after: readonly pulumi.Resource[];
}

export interface Deployed {
  readonly role: string;
  readonly deployment: OnlineDeployment;
  /** Name of the deployment at Azure: another image or machine has another. */
  readonly deploymentName: pulumi.Output<string>;
  /** Null where the number of instances is fixed. */
  readonly autoscale: AutoscaleSetting | null;
}

const port = 8080;
const seconds = (count: number): string => `PT${count}S`;

/** Azure ends a request after 180 s, and after 5 s unless told otherwise. */
const longestSeconds = 180;

export const timeoutSeconds = ({ serving }: EndpointSpec): number =>
  Math.min(longestSeconds, Math.ceil((serving?.timeoutSeconds ?? 60) + 10));

/** Azure waits 300 s for a container unless told otherwise; the model's files are read on top. */
function probes(plan: EndpointPlan) {
  const period = 10;
  const settings = (failureThreshold: number) => ({
    initialDelay: seconds(10),
    period: seconds(period),
    timeout: seconds(5),
    successThreshold: 1,
    failureThreshold,
  });
  return {
    startupProbe: settings(Math.ceil((300 + loadSeconds(plan.profile)) / period)),
    livenessProbe: settings(30),
    readinessProbe: settings(30),
  };
}

/** What names what is served: the same image on the same machine is the same deployment. */
const nameOf = (
  role: string,
  { hardware, source }: EndpointPlan,
  image: pulumi.Output<string>,
): pulumi.Output<string> =>
  image.apply((reference) => {
    const served = JSON.stringify([reference, hardware.chosen.name, source.uri ?? null]);
    return `${role}-${createHash('sha256').update(served).digest('hex').slice(0, 8)}`;
  });

/** The model's files where they stay in a store of Azure: registered under what they are. */
function registered(
  name: string,
  { plan }: DeploymentParts,
  { foundation: { resourceGroupName }, workspaceName }: DeploymentPlace,
  options: pulumi.CustomResourceOptions,
): ModelVersion | null {
  const { uri } = plan.source;
  if (uri === undefined) return null;
  return new ModelVersion(
    name,
    {
      resourceGroupName,
      workspaceName,
      name: plan.name,
      version: createHash('sha256').update(uri).digest('hex').slice(0, 12),
      properties: { modelUri: uri, modelType: 'custom_model' },
    },
    options,
  );
}

/** What has a name of its own for each content is made beside the old one; for given names the provider deletes first. */
const beside = { deleteBeforeReplace: false };

/** Makes a deployment, with what scales it. Another image or machine is made beside the old one, which goes once requests have moved. */
export function deploy(parts: DeploymentParts, place: DeploymentPlace): Deployed {
  const { role, plan, description, image, secrets, schedules } = parts;
  const { parent, location, tags, endpoint, workspaceName, after } = place;
  const { resourceGroupName } = place.foundation;
  const name = role === 'main' ? place.name : `${place.name}-${role}`;
  const inside = { parent };
  const deploymentName = nameOf(role, plan, image);
  const route = (path: string) => ({ path, port });
  const environment = new EnvironmentVersion(
    name,
    {
      ...{ resourceGroupName, workspaceName },
      name: pulumi.interpolate`${endpoint.name}-${role}`,
      version: image.apply((reference) => createHash('sha256').update(reference).digest('hex').slice(0, 12)),
      properties: {
        image,
        osType: 'Linux',
        inferenceConfig: {
          livenessRoute: route('/v2/health/live'),
          readinessRoute: route('/v2/health/ready'),
          scoringRoute: route('/invocations'),
        },
      },
    },
    { ...inside, ...beside },
  );
  const model = registered(name, parts, place, { ...inside, ...beside });
  const bounds = boundsOf(plan, description.scaling);
  const scales = bounds.min !== bounds.max || schedules.length > 0;
  const args: OnlineDeploymentArgs = {
    ...{ resourceGroupName, workspaceName, location, tags: { ...tags } },
    endpointName: endpoint.name,
    deploymentName,
    sku: { name: 'Default', tier: 'Standard', capacity: bounds.min },
    properties: {
      endpointComputeType: 'Managed',
      instanceType: plan.hardware.chosen.name,
      environmentId: environment.id,
      environmentVariables: {
        ...description.environment,
        ...Object.fromEntries(
          Object.entries(secrets).map(([variable, secret]) => [
            variable,
            pulumi.interpolate`keyvaultref:${secretUrl(secret)}`,
          ]),
        ),
      },
      ...(model && { model: model.id }),
      requestSettings: {
        requestTimeout: seconds(timeoutSeconds(description)),
        maxConcurrentRequestsPerInstance: withWaiting(plan.hardware),
      },
      ...probes(plan),
      scaleSettings: { scaleType: 'Default' },
      egressPublicNetworkAccess: 'Enabled',
      appInsightsEnabled: true,
      ...(parts.dataCapture && { dataCollector: collector(parts.dataCapture) }),
    },
  };
  const deployment = new OnlineDeployment(name, parts.transform?.(args) ?? args, {
    parent,
    dependsOn: [...after],
    ...beside,
    // Azure refuses to delete what takes requests; with the endpoint, its deployments go.
    deletedWith: endpoint,
    ...(scales && { ignoreChanges: ['sku.capacity'] }),
  });
  const autoscale = scales
    ? new AutoscaleSetting(
        name,
        {
          ...{ resourceGroupName, location, tags: { ...tags } },
          enabled: true,
          targetResourceUri: deployment.id,
          profiles: profiles(plan, bounds, schedules, deployment.id),
        },
        inside,
      )
    : null;
  return { role, deployment, deploymentName: deployment.name, autoscale };
}
