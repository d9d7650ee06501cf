/** `slipway plan`: which machine the model needs, on every platform, for how much, and why. */

import { Command, Option } from 'commander';
import { type Problem, ProblemsError, SlipwayError } from '../../lib/errors.js';
import { catalogueDate, regionsOf } from '../../lib/hardware/catalogue/tables.js';
import type { Provider } from '../../lib/hardware/estimate/precision.js';
import type { HardwareLimits } from '../../lib/hardware/hardware.js';
import { readMeasurements, unusedMeasurements } from '../../lib/hardware/measured.js';
import { cloud } from '../../lib/hardware/offer.js';
import type { Platform } from '../../lib/hardware/platform.js';
import { type Ranking, rankMachines, type Selection } from '../../lib/hardware/rank.js';
import { requestProblems } from '../../lib/hardware/request.js';
import { advise } from '../../lib/hardware/words/advice.js';
import { candidateTable, rejectionLines } from '../../lib/hardware/words/explain.js';
import { platformAnswers } from '../../lib/hardware/words/platform-answers.js';
import { local } from '../../lib/local/machine.js';
import { endpointName } from '../../lib/model/model.js';
import { type DescribedModel, describeModel } from '../../lib/model/model-file.js';
import { closest } from '../../lib/model/names.js';
import { boundDims, checkSamples } from '../../lib/model/sample-checks.js';
import { readSamples, type SamplesInfo } from '../../lib/model/samples.js';
import { servingProblems } from '../../lib/model/serving-problems.js';
import { amount, kernelCount } from '../../lib/model/work.js';
import { type PlatformId, platformIds } from '../../lib/platforms.js';
import type { EndpointSpec } from '../../lib/spec.js';
import { specProblems } from '../../lib/spec-problems.js';
import { print, say, wrapped } from '../terminal.js';
import { givenDims } from './model-dims.js';
import { dimOption, wholeNumber } from './model-options.js';
import { gathered, gatheredOf, withMachineOptions, withObjectiveOptions } from './place-options.js';
import { checkLockOptions, type LockOptions, tellLock } from './plan-lock.js';

interface PlanOptions extends LockOptions {
  readonly platform?: readonly PlatformId[];
  readonly region?: readonly string[];
  readonly p99Ms?: number;
  readonly rps?: number;
  readonly maxMonthlyUsd?: number;
  readonly minimize?: 'cost' | 'latency';
  readonly payload?: 'json' | 'binary';
  readonly data?: string;
  readonly dim: Readonly<Record<string, number>>;
  readonly precision?: 'auto' | 'fp32' | 'fp16' | 'int8';
  readonly provider?: readonly Provider[];
  readonly accelerator?: readonly string[];
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly minReplicas?: number;
  readonly maxReplicas?: number;
  readonly scaleToZero?: boolean;
  readonly measurements?: string;
  readonly top: number;
  readonly json?: boolean;
}

const examples = `
Examples:
  $ slipway plan fraud.onnx --p99-ms 50 --rps 200
  $ slipway plan bert.onnx --dim sequence=128 --platform aws-sagemaker --region eu-west-1 --p99-ms 20 --rps 50 --json
  $ slipway plan resnet50.onnx --data samples.npz --accelerator l4 --accelerator t4 --minimize latency
  $ slipway plan fraud.onnx --platform gcp-cloud-run --rps 20 --lock     # pinned; committed beside the model
  $ slipway plan fraud.onnx --measurements my.csv                        # your own times win over estimates

Nothing is asked of any cloud: machines and prices are tables of this package, whose date is shown.
How Slipway chooses: docs/hardware.md`;

/** The spec that the options describe, with nothing that was not given. */
function specOf(path: string, options: PlanOptions, rows: number | null): EndpointSpec {
  const limits: HardwareLimits = {
    ...(options.accelerator && { accelerators: options.accelerator }),
    ...(options.allow && { allow: options.allow }),
    ...(options.deny && { deny: options.deny }),
    ...(options.provider && { providers: options.provider }),
  };
  return {
    model: { path },
    objective: {
      ...(options.p99Ms !== undefined && { p99Ms: options.p99Ms }),
      requestsPerSecond: options.rps ?? 1,
      ...(options.maxMonthlyUsd !== undefined && { maxMonthlyUsd: options.maxMonthlyUsd }),
      minimize: options.minimize ?? 'cost',
      payload: { rows: rows ?? 1, encoding: options.payload ?? 'json' },
    },
    hardware: { choose: 'auto', ...limits },
    optimization: { precision: options.precision ?? 'auto' },
    scaling: {
      ...(options.minReplicas !== undefined && { min: options.minReplicas }),
      ...(options.maxReplicas !== undefined && { max: options.maxReplicas }),
      ...(options.scaleToZero && { toZero: true }),
    },
  };
}

/** The platforms asked for, each in the regions asked for that it has; without regions, in the one its prices are best known in. */
function placesOf(options: PlanOptions): { platforms: Platform[]; problems: Problem[] } {
  const ids = [...new Set(options.platform ?? platformIds)];
  const regions = [...new Set(options.region ?? [])];
  const clouds = ids.filter((id) => id !== 'local');
  const everywhere = [...new Set(clouds.flatMap(regionsOf))];
  const problems = regions
    .filter((region) => clouds.length > 0 && !everywhere.includes(region))
    .map((region) => ({
      where: '--region',
      what: `'${region}' is no region of ${clouds.join(', ')} that the tables know. Similar: ${closest(region, everywhere).join(', ')}`,
    }));
  if (regions.length > 0 && clouds.length === 0) {
    problems.push({ where: '--region', what: 'this machine has no region; leave it out, or name a cloud platform' });
  }
  const platforms = ids.flatMap((id) => {
    if (id === 'local') return regions.length > 0 ? [] : [local()];
    if (regions.length === 0) return [cloud(id)];
    return regions.filter((region) => regionsOf(id).includes(region)).map((region) => cloud(id, { region }));
  });
  return { platforms, problems };
}

/** Platforms that were left out for want of a region. */
function leftOut(options: PlanOptions, platforms: readonly Platform[]): PlatformId[] {
  const asked = options.platform ?? (options.region ? platformIds.filter((id) => id !== 'local') : []);
  return asked.filter((id) => !platforms.some((platform) => platform.id === id));
}

/** What a problem of the spec is called on the command line. */
const flags: Readonly<Record<string, string>> = {
  'objective.p99Ms': '--p99-ms',
  'objective.requestsPerSecond': '--rps',
  'objective.maxMonthlyUsd': '--max-monthly-usd',
  'objective.payload.rows': '--dim',
  'hardware.accelerators': '--accelerator',
  'hardware.providers': '--provider',
  'hardware.allow': '--allow',
  'hardware.deny': '--deny',
  'optimization.precision': '--precision',
  scaling: '--min-replicas, --max-replicas',
  'scaling.min': '--min-replicas',
  'scaling.max': '--max-replicas',
};

const asFlag = ({ where, what }: Problem): Problem => ({ where: flags[where] ?? where, what });

function samplesOf(model: DescribedModel, path: string | undefined): { samples?: SamplesInfo; problems: Problem[] } {
  if (path === undefined) return { problems: [] };
  const samples = readSamples(path);
  return { samples, problems: checkSamples(model.profile, samples) };
}

function modelFacts({ name, profile, work }: Selection) {
  return {
    name,
    family: profile.family,
    parameters: profile.parameters,
    weightBytes: profile.weightBytes,
    gflopPerRow: Number((amount(work.flops, 1) / 1e9).toPrecision(4)),
    kernels: kernelCount(work),
    dims: work.dims,
  };
}

function report(selection: Selection, platforms: readonly Platform[], ranking: Ranking, options: PlanOptions): void {
  const advice = advise(selection, platforms, ranking);
  const answers = platformAnswers(selection, platforms, ranking);
  const candidates = ranking.ranked.map(({ candidate }) => candidate);
  if (options.json) {
    const { objective } = selection;
    const [chosen = null] = candidates;
    const { rejected } = ranking;
    const model = modelFacts(selection);
    print(
      JSON.stringify(
        { model, objective, catalogueDate: catalogueDate(), chosen, candidates, rejected, advice, platforms: answers },
        null,
        2,
      ),
    );
    return;
  }
  for (const line of advice) print(wrapped(line, 2));
  if (candidates.length > 0) {
    print('');
    for (const line of candidateTable(candidates, options.top, process.stdout.columns)) print(line);
    if (candidates.length > options.top) print(`and ${candidates.length - options.top} more (--top N, --json)`);
  }
  for (const answer of answers) {
    print('');
    print(answer.region === null ? answer.platform : `${answer.platform} in ${answer.region}`);
    print(wrapped(`  size         ${answer.size}`, 15));
    print(wrapped(`  data         ${answer.data}`, 15));
    print(wrapped(`  performance  ${answer.performance}`, 15));
    print(wrapped(`  cost         ${answer.cost}`, 15));
  }
  if (ranking.rejected.length > 0) {
    print('');
    print('Not in question:');
    for (const line of rejectionLines(ranking.rejected)) print(wrapped(`  ${line}`, 6));
  }
  print('');
  print(`Machines and prices of ${catalogueDate()}. Estimates from the graph alone, nothing was run: docs/hardware.md`);
}

function plan(argument: string | undefined, given: PlanOptions): void {
  const { path, options } = withoutModelAsLock(argument, given);
  checkLockOptions(options);
  const model = describeModel({ path });
  const { samples, problems } = samplesOf(model, options.data);
  const seen = samples ? boundDims(model.profile, samples, {}).dims : {};
  const sizes = givenDims(model, options.dim, seen);
  const spec = specOf(path, options, sizes.batch);
  const places = placesOf(options);
  const found = [
    ...[...specProblems(spec), ...requestProblems(spec.hardware, places.platforms)].map(asFlag),
    ...places.problems,
    ...sizes.problems,
    ...servingProblems(model.profile),
    ...problems,
  ];
  if (found.length > 0) throw new ProblemsError('The model cannot be planned', found);
  const name = endpointName({ path });
  const measurements = options.measurements === undefined ? [] : readMeasurements(options.measurements);
  const selection: Selection = {
    name,
    profile: model.profile,
    work: model.work(sizes.dims),
    samples: samples !== undefined,
    objective: spec.objective,
    scaling: spec.scaling,
    precision: spec.optimization?.precision,
    request: spec.hardware,
    measurements,
  };
  const ranking = rankMachines(selection, places.platforms);
  report(selection, places.platforms, ranking, options);
  if (ranking.ranked.length === 0) process.exitCode = 1;
  for (const id of leftOut(options, places.platforms))
    say(`Left out: ${id}, which has no region ${options.region?.join(' or ')}.`);
  for (const warning of unusedMeasurements(name, measurements)) say(`Warning: ${warning}`);
  if (selection.work.unknownOps.length > 0) {
    say(
      `Warning: of ${selection.work.unknownOps.join(', ')} only the bytes are known, or how often it runs is not; times may be longer.`,
    );
  }
  if (!tellLock(path, selection, places.platforms, ranking, options)) process.exitCode = 1;
}

/** `--lock MODEL` reads as a lock's path, since that is optional: a model is no lock. */
function withoutModelAsLock(
  argument: string | undefined,
  options: PlanOptions,
): { path: string; options: PlanOptions } {
  if (argument !== undefined) return { path: argument, options };
  if (typeof options.lock === 'string' && /\.(onnx|profile\.json)$/i.test(options.lock)) {
    return { path: options.lock, options: { ...options, lock: true } };
  }
  throw new SlipwayError('No model is given. Give an .onnx file, or a .profile.json: slipway plan fraud.onnx');
}

export function planCommand(): Command {
  const command = new Command('plan')
    .description('choose the machine from the model: ranked over every platform, with latency, cost and the reasons')
    .argument('[model]', 'an .onnx file, or a .profile.json that slipway inspect --profile wrote');
  return withMachineOptions(withObjectiveOptions(command))
    .option('--platform <id>', `${platformIds.join(', ')}; can be given again (default: all)`, gatheredOf(platformIds))
    .option(
      '--region <region>',
      "a cloud's own name; can be given again (default: where prices are known best)",
      gathered,
    )
    .option(
      '--data <samples.npz>',
      'samples: they give dimensions their sizes, and let int8 and fp16 come into question',
    )
    .addOption(dimOption('size of a symbolic dimension in one request; can be given again'))
    .addOption(
      new Option('--precision <precision>', 'auto takes smaller ones only with samples').choices([
        'auto',
        'fp32',
        'fp16',
        'int8',
      ]),
    )
    .option('--scale-to-zero', 'only platforms that cost nothing while nobody asks')
    .option(
      '--measurements <table.csv>',
      'times that you measured: model,machine,accelerator,precision,provider,batch,latency_ms',
    )
    .option(
      '--lock [path]',
      'pin the best machine of each platform and region (default: NAME.slipway-lock.json beside the model)',
    )
    .option('--update', 'with --lock: choose anew what is pinned already')
    .option('--top <count>', 'machines to show', wholeNumber, 10)
    .option('--json', 'print JSON on standard output')
    .addHelpText('after', examples)
    .action(plan);
}
