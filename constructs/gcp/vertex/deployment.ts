/**
 * A model on a Vertex AI endpoint, and the shares of requests: all that @pulumi/gcp has no resource for. What is beside this file and
 * talks to the API is used from here alone, so that resources of the provider can take its place.
 */

import { createHash } from 'node:crypto';
import * as pulumi from '@pulumi/pulumi';
import type { EndpointPlan } from '../../../lib/plan.js';
import type { EndpointSpec } from '../../../lib/spec.js';
import { idOf } from '../service.js';
import { type DeployedModelBody, VertexDeployedModel } from './deployed-model.js';
import type { VertexEndpointArgs } from './endpoint-args.js';
import { type ModelBody, VertexModel } from './model.js';
import {
  autoscaling,
  boundsOf,
  containerSpec,
  deploymentSeconds,
  machineSpec,
  uploadSeconds,
  usualUtilization,
} from './serving.js';
import { VertexTraffic } from './traffic.js';

/** What a deployment is made from. */
export interface DeploymentParts {
  /** In the endpoint: `main`, or the name of a further one. */
  readonly role: string;
  readonly plan: EndpointPlan;
  readonly description: EndpointSpec;
  /** With its digest where it is built here. */
  readonly image: pulumi.Output<string>;
  /** Full names of versions by variable; null without any. */
  readonly secrets: pulumi.Output<Readonly<Record<string, string>>> | null;
  /** Whether a timetable changes its bounds. */
  readonly scheduled: boolean;
}

/** Where it is made. */
export interface DeploymentPlace {
  /** Of the endpoint's component. */
  readonly name: string;
  readonly parent: pulumi.Resource;
  /** `projects/PROJECT/locations/LOCATION`. */
  readonly location: pulumi.Output<string>;
  /** Full name of the endpoint. */
  readonly endpoint: pulumi.Output<string>;
  readonly serviceAccount: pulumi.Output<string>;
  readonly labels: Readonly<Record<string, string>>;
  /** What has to be there before a container starts. */
  readonly after: readonly pulumi.Resource[];
}

export interface Deployed {
  readonly role: string;
  readonly model: VertexModel;
  readonly deployedModel: VertexDeployedModel;
  /** Of the deployed model: another image or machine has another. */
  readonly id: pulumi.Output<string>;
}

type Options = Pick<
  VertexEndpointArgs,
  'accessLog' | 'encryptionKey' | 'network' | 'routes' | 'spot' | 'transform' | 'utilization'
>;

const digestOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');

/** 10 digits, the first of them no 0. */
const digits = (value: unknown): string =>
  String((BigInt(`0x${digestOf(value).slice(0, 16)}`) % 9_000_000_000n) + 1_000_000_000n);

/** What names a model: what of it cannot change, and whose it is. */
const modelIdOf = (called: string, body: ModelBody): pulumi.Output<string> =>
  pulumi.output(body).apply(({ displayName, description, labels, ...fixed }) => {
    const digest = digestOf([pulumi.getProject(), called, fixed]).slice(0, 12);
    return `${idOf(`${called}-${pulumi.getStack()}`, 50)}-${digest}`;
  });

/** What names a deployed model: everything of it but its counts. */
const deployedModelIdOf = (role: string, body: DeployedModelBody): pulumi.Output<string> =>
  pulumi.output(body).apply(({ dedicatedResources, ...fixed }) => {
    const { minReplicaCount, maxReplicaCount, autoscalingMetricSpecs, ...machine } = dedicatedResources;
    return digits([role, fixed, machine]);
  });

/**
 * Uploads and deploys. Another image or machine is made beside the old one, which goes once requests have moved; in a peered network,
 * which takes one at a time, the old one goes first.
 */
export function deploy(parts: DeploymentParts, place: DeploymentPlace, options: Options): Deployed {
  const { role, plan, description, image, secrets, scheduled } = parts;
  const { parent, endpoint, after } = place;
  const called = role === 'main' ? place.name : `${place.name}-${role}`;
  const { encryptionKey, transform = {}, spot = false, accessLog = false } = options;
  const spec = containerSpec(plan, description, options.routes ?? 'predict');
  const made: ModelBody = {
    displayName: role === 'main' ? plan.name : `${plan.name} (${role})`,
    ...(Object.keys(place.labels).length > 0 && { labels: place.labels }),
    ...(plan.source.uri !== undefined && { artifactUri: plan.source.uri }),
    ...(encryptionKey !== undefined && { encryptionSpec: { kmsKeyName: encryptionKey } }),
    containerSpec: {
      imageUri: image,
      ...spec,
      // Vertex AI hands over no secrets: the server reads them as the endpoint's account.
      ...(secrets && { env: [...(spec.env ?? []), { name: 'SLIPWAY_SECRETS', value: pulumi.jsonStringify(secrets) }] }),
    },
  };
  const body = transform.model?.(made) ?? made;
  const model = new VertexModel(
    called,
    {
      parent: place.location,
      modelId: modelIdOf(called, body),
      model: body,
      waitSeconds: uploadSeconds(plan),
    },
    { parent },
  );
  const { min, max } = boundsOf(plan, description.scaling);
  const given: DeployedModelBody = {
    model: model.id,
    displayName: made.displayName,
    serviceAccount: place.serviceAccount,
    ...(accessLog && { enableAccessLogging: true }),
    dedicatedResources: {
      machineSpec: machineSpec(plan),
      ...(spot && { spot }),
      minReplicaCount: min,
      maxReplicaCount: max,
      autoscalingMetricSpecs: autoscaling(plan, options.utilization ?? usualUtilization),
    },
  };
  const deployedBody = transform.deployedModel?.(given) ?? given;
  const id = deployedModelIdOf(role, deployedBody);
  const deployedModel = new VertexDeployedModel(
    called,
    {
      endpoint,
      deployedModelId: id,
      deployedModel: deployedBody,
      ...(scheduled && { scheduled }),
      // Machines have to be found before the deployment's own time begins.
      waitSeconds: deploymentSeconds(plan) + 900,
    },
    { parent, dependsOn: [...after], ...(options.network !== undefined && { deleteBeforeReplace: true }) },
  );
  return { role, model, deployedModel, id };
}

/** Moves requests once every deployment is there; the rest of the shares is the first one's. */
export function route(
  { name, parent, endpoint }: Pick<DeploymentPlace, 'name' | 'parent' | 'endpoint'>,
  deployed: readonly Deployed[],
  shares: Readonly<Record<string, { readonly percent?: number }>>,
  inferenceSeconds: number | null,
): VertexTraffic {
  const rest = 100 - Object.values(shares).reduce((sum, { percent = 0 }) => sum + percent, 0);
  const split = pulumi.all(deployed.map(({ role, id }) => id.apply((each) => [role, each] as const))).apply((ids) => {
    const entries = ids.map(([role, id]) => [id, role === 'main' ? rest : (shares[role]?.percent ?? 0)] as const);
    return Object.fromEntries(entries.filter(([, percent]) => percent > 0));
  });
  return new VertexTraffic(
    name,
    { endpoint, split, waitSeconds: 1800, ...(inferenceSeconds !== null && { inferenceSeconds }) },
    { parent, dependsOn: deployed.map(({ deployedModel }) => deployedModel) },
  );
}
