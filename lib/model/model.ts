/** The model a user names: where it is and what Slipway may measure with. */

import { basename } from 'node:path';

/** A model on this machine. Paths are relative to the working directory. */
export interface ModelSource {
  readonly path: string;
  /** Where the model itself lies, when it is not on this machine; `path` is then its profile. */
  readonly uri?: string;
  /** The model's name in every route. */
  readonly name?: string;
  /** `.npz` of samples: keys are input names, the first axis is the sample. */
  readonly calibration?: string;
  /** `.npy` of integer class ids, one for each sample, compared with the argmax of the first float output; anything, samples first, where a metric of the user's own reads it. */
  readonly labels?: string;
  /** Sizes of symbolic dimensions, by name, each at least 1. */
  readonly dims?: Readonly<Record<string, number>>;
  /** Where the lock lies, if not beside the model. */
  readonly lock?: string;
}

/** Options of `Model.fromOnnx`. */
export interface OnnxOptions {
  /**
   * Samples: an `.npz` whose keys are input names and whose first axis is the sample.
   *
   * @default - none: the model is served in fp32, since nothing can show that a smaller form is as good
   */
  readonly calibration?: string;
  /**
   * Labels: an `.npy` of integer class ids, one for each sample, compared with the argmax of the first float output. With a metric of
   * your own (`optimization.metric`) they may be any numbers, samples first.
   *
   * @default - none: fp32's own answers are the yardstick
   */
  readonly labels?: string;
  /**
   * Sizes of symbolic dimensions other than the batch, by name.
   *
   * @default - the samples' shapes
   */
  readonly dims?: Readonly<Record<string, number>>;
  /**
   * The lock: machines that `slipway plan --lock` pinned.
   *
   * @default - `NAME.slipway-lock.json` beside the model, where there is one
   */
  readonly lock?: string;
  /**
   * The model's name in every route: letters, digits, `.`, `_`, `-`, at most 63.
   *
   * Changing it changes the URL of the endpoint.
   *
   * @default - the file's name without `.onnx`
   */
  readonly name?: string;
}

/** Options of `Model.fromProfile`. */
export interface ProfileOptions extends Omit<OnnxOptions, 'dims'> {
  /** Where the model file lies: `s3://…`, `gs://…`, `https://…`. */
  readonly uri: string;
}

/** Where a model comes from. */
export const Model = {
  /** A model file on this machine, its external data beside it. */
  fromOnnx(path: string, options: OnnxOptions = {}): ModelSource {
    return { path, ...options };
  },
  /** A model that is elsewhere, by the profile that `slipway inspect --profile` wrote of it. */
  fromProfile(path: string, options: ProfileOptions): ModelSource {
    return { path, ...options };
  },
};

/** The model's name in every route: the given one, else the file's stem with characters that a route cannot have as dashes. */
export function endpointName(source: ModelSource): string {
  if (source.name) return source.name;
  const stem = basename(source.path).replace(/\.(onnx|profile\.json)$/i, '');
  return (
    stem
      .replace(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 63) || 'model'
  );
}
