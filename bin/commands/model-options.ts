/** Options that every verb on a model shares, and the spec they make. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  type EndpointSpec,
  type GateSpec,
  type MetricSpec,
  Model,
  type OptimizationSpec,
  SlipwayError,
} from '../../lib/index.js';

export interface ModelOptions {
  readonly data?: string;
  readonly labels?: string;
  readonly dim: Readonly<Record<string, number>>;
  readonly precision: NonNullable<OptimizationSpec['precision']>;
  readonly goal?: NonNullable<OptimizationSpec['goal']>;
  readonly task?: NonNullable<OptimizationSpec['task']>;
  readonly metric?: Pick<MetricSpec, 'file' | 'function'>;
  readonly metricDirection?: NonNullable<MetricSpec['direction']>;
  readonly canaries?: NonNullable<OptimizationSpec['canaries']>;
  readonly hooks?: string;
  readonly requirements?: string;
  readonly name?: string;
}

/** What `withGateOptions` adds. */
export interface GateOptions {
  readonly minSpeedup?: number;
  readonly minShrink?: number;
  readonly maxAccuracyDrop?: number;
  readonly minAgreement?: number;
  readonly strict?: boolean;
  readonly repairTrials?: number;
  readonly onFailure?: 'fp32' | 'error';
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

/** A whole number from 0. */
function wholeNumberOrNone(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Give a whole number from 0.');
  return Number(text);
}

/** A plain decimal of at least 1, such as 1.2. */
function ratio(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text) || Number(text) < 1)
    throw new InvalidArgumentError('Give a number of at least 1, such as 1.2.');
  return Number(text);
}

/** A share as a decimal (0.01) or in percent (1%), 0 to 1. */
function share(text: string): number {
  const [, digits, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? [];
  const value = percent ? Number(digits) / 100 : Number(digits);
  if (!(value <= 1))
    throw new InvalidArgumentError('Give a share from 0 to 1, such as 0.01, or in percent, such as 1%.');
  return value;
}

/** `FILE.py:function`. A path may hold colons: the last one counts. */
function pythonFunction(text: string): Pick<MetricSpec, 'file' | 'function'> {
  const [, file, name] = /^(.+\.py):([A-Za-z_][A-Za-z0-9_]*)$/.exec(text) ?? [];
  if (!file || !name) throw new InvalidArgumentError('Give a Python file and a function in it, such as metric.py:f1.');
  return { file, function: name };
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
    .option('--labels <labels.npy>', 'integer class of each sample: label accuracy decides; or whatever --metric reads')
    .addOption(dimOption('size of a symbolic dimension; can be given again'))
    .addOption(
      new Option('--precision <precision>', 'auto takes the best that passes the gate')
        .choices(['auto', 'fp32', 'fp16', 'int8', 'int4'])
        .default('auto'),
    )
    .addOption(
      new Option(
        '--goal <goal>',
        'what the best is: the fastest, or the smallest that is no slower (default: speed)',
      ).choices(['speed', 'size']),
    )
    .addOption(
      new Option(
        '--task <task>',
        'what the answers are, for comparing them without labels (default: from the model)',
      ).choices(['auto', 'classification', 'detection', 'embedding', 'generation', 'regression']),
    )
    .addOption(
      new Option(
        '--metric <file:function>',
        'your own Python function(outputs, inputs, labels) decides instead of label accuracy',
      ).argParser(pythonFunction),
    )
    .addOption(
      new Option('--metric-direction <which>', 'which is better of your metric (default: higher)').choices([
        'higher',
        'lower',
      ]),
    )
    .addOption(
      new Option(
        '--canaries <source>',
        'inputs the server replays at its start; synthetic keeps your samples out of the image (default: samples)',
      ).choices(['samples', 'synthetic']),
    )
    .option(
      '--hooks <path>',
      'Python file with pre or post that the server runs, or a folder with hooks.py and what it needs',
    )
    .option('--requirements <file>', 'requirements.txt of packages that the hooks import')
    .option('--name <name>', "the model's name in every route (default: the file's name)");
}

/** Adds the bounds of the gate and what happens when nothing passes it. */
export function withGateOptions(command: Command): Command {
  return command
    .addOption(new Option('--min-speedup <ratio>', 'how much faster than fp32, least (default: 1.1)').argParser(ratio))
    .addOption(
      new Option(
        '--min-shrink <ratio>',
        'how much smaller than fp32, least; with --goal size (default: 1.5)',
      ).argParser(ratio),
    )
    .addOption(
      new Option(
        '--max-accuracy-drop <share>',
        'relative loss of accuracy or of your metric, most (default: 0.01)',
      ).argParser(share),
    )
    .addOption(
      new Option(
        '--min-agreement <share>',
        "share of samples with fp32's answer, least, where labels do not decide (default: 0.99)",
      ).argParser(share),
    )
    .option('--strict', 'labels that are too few to decide count as a failed gate')
    .addOption(
      new Option(
        '--repair-trials <n>',
        'tries at rescuing a candidate by keeping nodes in fp32, most; 0: none (default: 6)',
      ).argParser(wholeNumberOrNone),
    )
    .addOption(
      new Option('--on-failure <what>', 'when no candidate passes the gate').choices(['fp32', 'error']).default('fp32'),
    );
}

type Known<T> = { readonly [key in keyof T]: Exclude<T[key], undefined> };

/** Without the keys that have no value. */
function given<T extends object>(values: T): Partial<Known<T>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<Known<T>>;
}

/** What the options say about optimization. */
function optimizationOf(options: ModelOptions & GateOptions): OptimizationSpec {
  const { metric, metricDirection: direction, repairTrials: trials } = options;
  if (direction !== undefined && !metric)
    throw new SlipwayError(
      '--metric-direction says which is better of your metric. Give --metric too, or leave it out.',
    );
  const { minSpeedup, minShrink, maxAccuracyDrop, minAgreement, strict } = options;
  const gate: GateSpec = given({ minSpeedup, minShrink, maxAccuracyDrop, minAgreement, strict });
  const { precision, goal, task, canaries, onFailure } = options;
  return {
    ...given({ precision, goal, task, canaries, onFailure }),
    ...(Object.keys(gate).length > 0 && { gate }),
    ...(metric && { metric: { ...metric, ...given({ direction }) } }),
    ...(trials !== undefined && { repair: { trials } }),
  };
}

/**
 * The spec that the options describe; what they do not say is taken from `rest`.
 *
 * @param options - of `withModelOptions`, and of `withGateOptions` where the command has them
 */
export function specOf(
  model: string,
  options: ModelOptions & GateOptions,
  rest: Omit<EndpointSpec, 'model'> = {},
): EndpointSpec {
  const optimization = optimizationOf(options);
  const gate = { ...rest.optimization?.gate, ...optimization.gate };
  const serving = given({ hooks: options.hooks, requirements: options.requirements });
  return {
    ...rest,
    model: Model.fromOnnx(model, {
      ...(options.data !== undefined && { calibration: options.data }),
      ...(options.labels !== undefined && { labels: options.labels }),
      ...(options.name !== undefined && { name: options.name }),
      dims: options.dim,
    }),
    optimization: {
      ...rest.optimization,
      ...optimization,
      ...(Object.keys(gate).length > 0 && { gate }),
    },
    ...((rest.serving || Object.keys(serving).length > 0) && { serving: { ...rest.serving, ...serving } }),
  };
}
