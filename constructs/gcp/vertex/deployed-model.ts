/** A model on machines of an endpoint, as a dynamic resource; only its counts change while it is there. */

import * as pulumi from '@pulumi/pulumi';
import { type Json, vertexApi } from './api.js';

/** What replicas are scaled on. */
export interface AutoscalingMetric {
  readonly metricName: string;
  /** Percent, 1 to 100. */
  readonly target: number;
}

/** A deployed model in the words of the API. */
export interface DeployedModelBody {
  /** Full name of the model. */
  readonly model: pulumi.Input<string>;
  readonly displayName: pulumi.Input<string>;
  /** E-mail of the account that the container runs as. */
  readonly serviceAccount?: pulumi.Input<string>;
  /** A line in Cloud Logging for each request. */
  readonly enableAccessLogging?: boolean;
  readonly disableContainerLogging?: boolean;
  readonly dedicatedResources: {
    readonly machineSpec: {
      readonly machineType: string;
      readonly acceleratorType?: string;
      readonly acceleratorCount?: number;
      readonly reservationAffinity?: {
        readonly reservationAffinityType: string;
        readonly key?: string;
        readonly values?: readonly string[];
      };
    };
    readonly spot?: boolean;
    readonly minReplicaCount: number;
    readonly maxReplicaCount: number;
    readonly autoscalingMetricSpecs: readonly AutoscalingMetric[];
  };
}

export interface VertexDeployedModelArgs {
  /** Full name of the endpoint. */
  readonly endpoint: pulumi.Input<string>;
  /** 1 to 10 digits; a deployment of another model or on another machine has another. */
  readonly deployedModelId: pulumi.Input<string>;
  readonly deployedModel: pulumi.Input<DeployedModelBody>;
  /**
   * Whether a timetable changes how many replicas there may be: then they are written with the deployment and left alone afterwards.
   *
   * @default false
   */
  readonly scheduled?: boolean;
  /** How long the deployment may take. */
  readonly waitSeconds: number;
}

/** The arguments once every value is there. */
interface State extends pulumi.Unwrap<VertexDeployedModelArgs> {}

// Of this file: Pulumi would look for one of a module by the module's path when it runs the methods.
const connect = vertexApi;

/** What is kept as the description has it, of one that is there. */
function kept({ dedicatedResources }: Json, scheduled = false) {
  const {
    minReplicaCount,
    maxReplicaCount,
    autoscalingMetricSpecs = [],
  } = dedicatedResources as State['deployedModel']['dedicatedResources'];
  const byName = autoscalingMetricSpecs
    .map(({ metricName, target }) => ({ metricName, target }))
    .sort((one, other) => (one.metricName < other.metricName ? -1 : 1));
  return { ...(!scheduled && { minReplicaCount, maxReplicaCount }), autoscalingMetricSpecs: byName };
}

/** One of an endpoint by its id; null where it, or the endpoint, is not there. */
function deployedIn(endpoint: Json | null, id: string): Json | null {
  return (endpoint?.deployedModels ?? []).find((each: Json) => each.id === id) ?? null;
}

/** The request that changes what may. */
function mutation({ deployedModelId, deployedModel, scheduled }: State) {
  const changed = kept(deployedModel, scheduled);
  return {
    deployedModel: { id: deployedModelId, dedicatedResources: changed },
    updateMask: Object.keys(changed)
      .map((field) => `dedicatedResources.${field}`)
      .join(','),
  };
}

export const deployedModelProvider: pulumi.dynamic.ResourceProvider<State, State> = {
  async diff(_id, olds, news) {
    const { isDeepStrictEqual: same } = process.getBuiltinModule('node:util');
    const replaces = (['endpoint', 'deployedModelId'] as const).filter((key) => olds[key] !== news[key]);
    // The engine asks with a text for what it does not know yet.
    const known = typeof news.deployedModel === 'object';
    const { scheduled } = news;
    const left =
      known &&
      scheduled === olds.scheduled &&
      same(kept(olds.deployedModel, scheduled), kept(news.deployedModel, scheduled));
    return { changes: replaces.length > 0 || !left, replaces, deleteBeforeReplace: false };
  },

  async create(inputs) {
    const { endpoint, deployedModelId, deployedModel, scheduled } = inputs;
    const { isDeepStrictEqual: same } = process.getBuiltinModule('node:util');
    const api = connect(endpoint, inputs.waitSeconds);
    // Without a split: requests move once every deployment is there.
    const found = await api.until(
      endpoint,
      async () => deployedIn(await api.get(endpoint), deployedModelId),
      async () => {
        const request = { deployedModel: { id: deployedModelId, ...deployedModel } };
        const begun = await api.run('POST', `${endpoint}:deployModel`, request);
        if (begun === null)
          throw new Error(`Vertex AI: there is no endpoint ${endpoint}, or no model ${deployedModel.model}`);
      },
    );
    if (!same(kept(found, scheduled), kept(deployedModel, scheduled))) {
      await api.run('POST', `${endpoint}:mutateDeployedModel`, mutation(inputs));
    }
    return { id: `${endpoint}/deployedModels/${deployedModelId}`, outs: inputs };
  },

  async read(id, props) {
    const { endpoint, deployedModelId, deployedModel, scheduled, waitSeconds } = props!;
    const found = deployedIn(await connect(endpoint, waitSeconds).get(endpoint), deployedModelId);
    if (!found) return {};
    const dedicatedResources = { ...deployedModel.dedicatedResources, ...kept(found, scheduled) };
    return { id, props: { ...props!, deployedModel: { ...deployedModel, dedicatedResources } } };
  },

  async update(_id, _olds, news) {
    const request = mutation(news);
    await connect(news.endpoint, news.waitSeconds).run('POST', `${news.endpoint}:mutateDeployedModel`, request);
    return { outs: news };
  },

  async delete(_id, { endpoint, deployedModelId, waitSeconds }) {
    const api = connect(endpoint, waitSeconds);
    await api.until(
      endpoint,
      async () => (deployedIn(await api.get(endpoint), deployedModelId) ? null : true),
      // Without a split, which would have to name what is left.
      () => api.run('POST', `${endpoint}:undeployModel`, { deployedModelId }),
    );
  },
};

/** A model on machines of an endpoint. */
export class VertexDeployedModel extends pulumi.dynamic.Resource {
  constructor(name: string, args: VertexDeployedModelArgs, options?: pulumi.CustomResourceOptions) {
    super(deployedModelProvider, name, { ...args }, options, 'slipway/gcp', 'VertexDeployedModel');
  }
}
