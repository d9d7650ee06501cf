/** Options that every verb on a model shares, and the spec they make. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import { type EndpointSpec, Model } from '../../lib/index.js';

export interface ModelOptions {
  readonly data?: string;
  readonly labels?: string;
  readonly dim: Readonly<Record<string, number>>;
  readonly precision: 'auto' | 'fp32' | 'int8';
  readonly name?: string;
}

/** `name=size`, added to those given earlier. */
function dimension(text: string, earlier: Readonly<Record<string, number>>): Record<string, number> {
  const [, name, size] = /^(.+)=([1-9]\d*)$/.exec(text) ?? [];
  if (!name || !size) throw new InvalidArgumentError('Give name=size with a whole size from 1, such as sequence=128.');
  if (Object.hasOwn(earlier, name)) throw new InvalidArgumentError(`${name} is given twice. Give it one size.`);
  return { ...earlier, [name]: Number(size) };
}

/** `--dim name=size`, which can be given again. */
export const dimOption = (description: string): Option =>
  new Option('--dim <name=size>', description).argParser(dimension).default({}, 'none');

/** A whole number from 1. */
export function wholeNumber(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('Give a whole number from 1.');
  return Number(text);
}

/** A port from 0 (any free one) to 65535. */
export function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65535)
    throw new InvalidArgumentError('Give a port from 1 to 65535, or 0 for any free one.');
  return value;
}

/** Adds the argument and options of a model that is to be optimized. */
export function withModelOptions(command: Command): Command {
  return command
    .argument('<model>', 'the model, an .onnx file')
    .option('--data <samples.npz>', 'samples: keys are input names, the first axis is the sample')
    .option('--labels <labels.npy>', 'integer class of each sample; label accuracy joins the gate')
    .addOption(dimOption('size of a symbolic dimension; can be given again'))
    .addOption(
      new Option('--precision <precision>', 'auto takes the fastest that passes the gate')
        .choices(['auto', 'fp32', 'int8'])
        .default('auto'),
    )
    .option('--name <name>', "the model's name in every route (default: the file's name)");
}

/** The spec that the options describe. */
export function specOf(model: string, options: ModelOptions, rest: Omit<EndpointSpec, 'model'> = {}): EndpointSpec {
  return {
    ...rest,
    model: Model.fromOnnx(model, {
      ...(options.data !== undefined && { calibration: options.data }),
      ...(options.labels !== undefined && { labels: options.labels }),
      ...(options.name !== undefined && { name: options.name }),
      dims: options.dim,
    }),
    optimization: { ...rest.optimization, precision: options.precision },
  };
}
