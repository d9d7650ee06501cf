/** A model in Vertex AI's registry, as a dynamic resource: uploaded, and never changed but for its labels. */

import * as pulumi from '@pulumi/pulumi';
import { vertexApi } from './api.js';

/** Asks a container over HTTP whether it is well. */
export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: number };
  /** Vertex AI wants the timeout not to be shorter than the period. */
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
}

/** A model in the words of the API. */
export interface ModelBody {
  readonly displayName: pulumi.Input<string>;
  readonly description?: pulumi.Input<string>;
  readonly labels?: Readonly<Record<string, pulumi.Input<string>>>;
  /** `gs://BUCKET/FOLDER` with the model's files. */
  readonly artifactUri?: pulumi.Input<string>;
  readonly encryptionSpec?: { readonly kmsKeyName: pulumi.Input<string> };
  readonly containerSpec: {
    readonly imageUri: pulumi.Input<string>;
    readonly ports?: readonly { readonly containerPort: number }[];
    readonly env?: readonly { readonly name: string; readonly value: pulumi.Input<string> }[];
    readonly healthRoute?: string;
    /** This, or `invokeRoutePrefix`. */
    readonly predictRoute?: string;
    readonly invokeRoutePrefix?: '/*';
    /** `1800s`, most `7200s`. */
    readonly deploymentTimeout?: string;
    readonly sharedMemorySizeMb?: string;
    readonly startupProbe?: Probe;
    readonly healthProbe?: Probe;
    readonly livenessProbe?: Probe;
  };
}

export interface VertexModelArgs {
  /** `projects/PROJECT/locations/LOCATION`. */
  readonly parent: pulumi.Input<string>;
  /** Last part of its name; a model with another container has another. */
  readonly modelId: pulumi.Input<string>;
  readonly model: pulumi.Input<ModelBody>;
  /** How long the upload may take. */
  readonly waitSeconds: number;
}

/** The arguments once every value is there. */
interface State extends pulumi.Unwrap<VertexModelArgs> {}

// Of this file: Pulumi would look for one of a module by the module's path when it runs the methods.
const connect = vertexApi;

export const modelProvider: pulumi.dynamic.ResourceProvider<State, State> = {
  async diff(_id, olds, news) {
    const { isDeepStrictEqual: same } = process.getBuiltinModule('node:util');
    const replaces = (['parent', 'modelId'] as const).filter((key) => olds[key] !== news[key]);
    const kept = (['displayName', 'description', 'labels'] as const).every((key) =>
      same(olds.model[key], news.model[key]),
    );
    return { changes: replaces.length > 0 || !kept, replaces, deleteBeforeReplace: false };
  },

  async create(inputs) {
    const id = `${inputs.parent}/models/${inputs.modelId}`;
    const api = connect(id, inputs.waitSeconds);
    await api.until(
      id,
      () => api.get(id),
      async () => {
        const request = { modelId: inputs.modelId, model: inputs.model };
        const begun = await api.run('POST', `${inputs.parent}/models:upload`, request);
        if (begun === null) throw new Error(`Vertex AI: there is no ${inputs.parent}`);
      },
    );
    return { id, outs: inputs };
  },

  async read(id, props) {
    const api = connect(id, props!.waitSeconds);
    const found = await api.get(id);
    if (!found) return {};
    const { labels, description, ...model } = props!.model;
    const own = Object.entries((found.labels ?? {}) as Record<string, string>).filter(([key]) => key in (labels ?? {}));
    return {
      id,
      props: {
        ...props!,
        model: {
          ...model,
          displayName: found.displayName,
          ...(description !== undefined && { description: found.description }),
          ...(labels && { labels: Object.fromEntries(own) }),
        },
      },
    };
  },

  async update(id, _olds, news) {
    const { displayName, description, labels } = news.model;
    const changed = { displayName, description: description ?? '', labels: labels ?? {} };
    await connect(id, news.waitSeconds).patch(id, Object.keys(changed), changed);
    return { outs: news };
  },

  async delete(id, props) {
    const api = connect(id, props.waitSeconds);
    await api.until(
      id,
      async () => ((await api.get(id)) ? null : true),
      () => api.run('DELETE', id),
    );
  },
};

/** A model in Vertex AI's registry. */
export class VertexModel extends pulumi.dynamic.Resource {
  constructor(name: string, args: VertexModelArgs, options?: pulumi.CustomResourceOptions) {
    super(modelProvider, name, { ...args }, options, 'slipway/gcp', 'VertexModel');
  }
}
