/** Shares of an endpoint's requests, as a dynamic resource: a step of its own once every deployment is there. */

import * as pulumi from '@pulumi/pulumi';
import { type Json, vertexApi } from './api.js';

export interface VertexTrafficArgs {
  /** Full name of the endpoint. */
  readonly endpoint: pulumi.Input<string>;
  /** Percent by id of the deployed model; 100 together. */
  readonly split: pulumi.Input<Readonly<Record<string, number>>>;
  /**
   * How long a request may take, seconds; of a dedicated endpoint.
   *
   * @default - as the endpoint has it
   */
  readonly inferenceSeconds?: number;
  /** How long a change may take. */
  readonly waitSeconds: number;
}

/** What an endpoint says of itself once something is deployed. */
interface Addresses {
  /** Of a dedicated endpoint; empty otherwise. */
  readonly dns: string;
  /** Where a peered network asks; empty otherwise. */
  readonly privateUri: string;
  /** What Private Service Connect connects to; empty otherwise. */
  readonly serviceAttachment: string;
  /** Of the connection that Google made itself; empty otherwise. */
  readonly connectedAddress: string;
}

interface Given extends pulumi.Unwrap<VertexTrafficArgs> {}
interface State extends Given, Addresses {}

// Of this file: Pulumi would look for one of a module by the module's path when it runs the methods.
const connect = vertexApi;

function addresses({ dedicatedEndpointDns, deployedModels = [], privateServiceConnectConfig }: Json): Addresses {
  const { predictHttpUri, serviceAttachment } = deployedModels[0]?.privateEndpoints ?? {};
  return {
    dns: dedicatedEndpointDns ?? '',
    privateUri: predictHttpUri ?? '',
    serviceAttachment: serviceAttachment ?? '',
    connectedAddress: privateServiceConnectConfig?.pscAutomationConfigs?.[0]?.ipAddress ?? '',
  };
}

/** Moves requests, and says where they go in. */
async function route(inputs: Given): Promise<State> {
  const { endpoint, split, inferenceSeconds, waitSeconds } = inputs;
  const api = connect(endpoint, waitSeconds);
  const found = await api.patch(endpoint, ['trafficSplit'], { trafficSplit: split });
  if (!found) throw new Error(`Vertex AI: there is no endpoint ${endpoint}`);
  const inferenceTimeout = `${inferenceSeconds}s`;
  if (inferenceSeconds !== undefined && found.clientConnectionConfig?.inferenceTimeout !== inferenceTimeout) {
    await api.run('POST', `${endpoint}:update`, { endpoint: { clientConnectionConfig: { inferenceTimeout } } });
  }
  return { ...inputs, ...addresses((await api.get(endpoint)) ?? {}) };
}

export const trafficProvider: pulumi.dynamic.ResourceProvider<Given, State> = {
  async diff(_id, olds, news) {
    const { isDeepStrictEqual: same } = process.getBuiltinModule('node:util');
    const replaces = olds.endpoint === news.endpoint ? [] : ['endpoint'];
    const kept = same(olds.split, news.split) && olds.inferenceSeconds === news.inferenceSeconds;
    return { changes: replaces.length > 0 || !kept, replaces, deleteBeforeReplace: false };
  },

  async create(inputs) {
    return { id: `${inputs.endpoint}/trafficSplit`, outs: await route(inputs) };
  },

  async read(id, props) {
    const found = await connect(props!.endpoint, props!.waitSeconds).get(props!.endpoint);
    if (!found) return {};
    return { id, props: { ...props!, ...addresses(found), split: found.trafficSplit ?? {} } };
  },

  async update(_id, _olds, news) {
    return { outs: await route(news) };
  },

  /** No requests any more: a deployed model that gets some cannot be undeployed. */
  async delete(_id, { endpoint, waitSeconds }) {
    await connect(endpoint, waitSeconds).patch(endpoint, ['trafficSplit'], { trafficSplit: {} });
  },
};

/** Shares of an endpoint's requests. */
export class VertexTraffic extends pulumi.dynamic.Resource {
  declare readonly dns: pulumi.Output<string>;
  declare readonly privateUri: pulumi.Output<string>;
  declare readonly serviceAttachment: pulumi.Output<string>;
  declare readonly connectedAddress: pulumi.Output<string>;

  constructor(name: string, args: VertexTrafficArgs, options?: pulumi.CustomResourceOptions) {
    const outputs = {
      dns: undefined,
      privateUri: undefined,
      serviceAttachment: undefined,
      connectedAddress: undefined,
    };
    super(trafficProvider, name, { ...args, ...outputs }, options, 'slipway/gcp', 'VertexTraffic');
  }
}
