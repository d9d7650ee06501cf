/** `slipway optimize`: try, measure, decide; the result in a folder that `slipway serve` takes, the decision in the lock. */

import { accessSync, constants } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Command } from 'commander';
import type { ReportFile } from '../../lib/contract/report.js';
import { GateFailedError, type Platform, SlipwayError } from '../../lib/index.js';
import { local, targetMachine } from '../../lib/local/machine.js';
import { optimizeInto } from '../../lib/local/optimizer.js';
import { bar } from '../../lib/local/progress-bar.js';
import { pythonEnvironment } from '../../lib/local/python.js';
import { quoted } from '../../lib/local/sample.js';
import { lockPath, writeLock } from '../../lib/lock/lock-file.js';
import { lockedFrom, targetOf } from '../../lib/lock/optimization.js';
import { type EndpointPlan, planEndpoint } from '../../lib/plan.js';
import { candidateTable } from '../../lib/report/summary.js';
import { commandAs, type LeftOut } from '../command-line.js';
import { interruptible, print, say, showSteps } from '../terminal.js';
import { type GateOptions, type ModelOptions, specOf, withGateOptions, withModelOptions } from './model-options.js';
import { objectiveOf, type PlaceOptions, placeOf, refuseChoosing, withPlaceOptions } from './place-options.js';

interface OptimizeOptions extends ModelOptions, GateOptions, PlaceOptions {
  readonly out: string;
  readonly target?: string;
  /** A path; true: beside the model; false: none. */
  readonly lock: string | boolean;
  readonly update?: boolean;
  readonly cache: boolean;
  readonly json?: boolean;
}

const examples = `
Examples:
  $ slipway optimize fraud.onnx --data samples.npz --labels labels.npy --out build/
  $ slipway optimize fraud.onnx --data samples.npz --out build/ --target ml.c7i.xlarge
  $ slipway optimize fraud.onnx --data samples.npz --out build/ --platform aws-sagemaker --region eu-west-1 --p99-ms 20 --rps 50
  $ slipway optimize fraud.onnx --data samples.npz --out build/ --metric f1.py:f1 --on-failure error
  $ slipway optimize fraud.onnx --data samples.npz --out build/ --update     # search again although a lock is there
  $ slipway serve build/

The decision is kept in NAME.slipway-lock.json beside the model; commit it. With it, optimize and the image build make that one form
again. Exit status: 0 done, 1 refused or failed, 3 the gate failed. Details: docs/optimizer.md`;

/** Where the model is to run: the machines of a plan, or one machine of this platform. */
function targetPlatform(options: OptimizeOptions): Platform {
  if (options.target === undefined) return placeOf(options);
  if (options.platform !== 'local') {
    throw new SlipwayError(
      `--target ${options.target} and --platform ${options.platform} both say where it will run. Give one of them.`,
    );
  }
  refuseChoosing(options, '--target names one');
  return local(targetMachine(options.target));
}

function writable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Keeps the decision of a search, and says where. */
function keepDecision(report: ReportFile, plan: EndpointPlan, { lock, out }: OptimizeOptions): void {
  const target = targetOf(plan.recipe.target);
  if (plan.recipe.replay !== null) {
    const same = report.recheck?.sha256Matches ? 'the same bytes' : 'other bytes, accuracy judged again';
    say(`Lock: ${target} of ${lockPath(plan.source)} made again (${same}); --update searches anew`);
    return;
  }
  if (lock === false) return;
  const beside = lockPath(plan.source);
  const there = typeof lock === 'string' || writable(dirname(beside));
  const path = there ? beside : join(out, basename(beside));
  writeLock(path, { optimizations: { [target]: lockedFrom(report) } });
  say(`Lock: ${path} (${target})${there ? '; commit it' : `; ${dirname(beside)} cannot be written`}`);
}

/** Options that `slipway build` does not have, and those of how this run went. */
const ownOptions: LeftOut = {
  '--out': 'value',
  '--target': 'value',
  '--update': 'flag',
  '--no-cache': 'flag',
  '--json': 'flag',
  '--debug': 'flag',
};

async function optimize(model: string, options: OptimizeOptions): Promise<void> {
  process.exitCode = await interruptible(async (signal) => {
    const platform = targetPlatform(options);
    if (typeof options.lock === 'string' && !writable(dirname(options.lock))) {
      throw new SlipwayError(
        `The lock '${options.lock}' cannot be kept: its folder is missing or cannot be written. Make it, or give another place with --lock.`,
      );
    }
    const given = specOf(model, options, options.platform === 'local' ? {} : objectiveOf(options));
    const spec = {
      ...given,
      model: { ...given.model, ...(typeof options.lock === 'string' && { lock: options.lock }) },
    };
    const replay = options.lock !== false && !options.update;
    const plan = await showSteps('Reading the model', async () => planEndpoint(spec, platform, { replay }));
    const environment = await showSteps('Python environment', (detail) =>
      pythonEnvironment('optimizer', { log: detail, signal }),
    );
    const title = plan.recipe.replay === null ? `Optimizing ${plan.name}` : `Making ${plan.name} again from its lock`;
    let report: ReportFile;
    try {
      report = await showSteps(title, (detail) =>
        optimizeInto(options.out, plan, {
          environment,
          signal,
          resume: options.cache,
          onProgress: (progress) => detail(bar(progress)),
        }),
      );
    } catch (error) {
      if (plan.recipe.replay !== null && error instanceof SlipwayError) {
        say(`The lock is ${lockPath(plan.source)}. To search again: ${commandAs('optimize', {}, ['--update'])}`);
      }
      if (!(error instanceof GateFailedError)) throw error;
      say(error.message);
      return 3;
    }
    say();
    for (const line of candidateTable(report)) say(`  ${line}`);
    for (const note of [...report.warnings, ...report.notes]) say(`  ${note}`);
    say();
    say(`${report.verdict}`);
    keepDecision(report, plan, options);
    say(`Look at it: slipway report ${quoted(options.out)} --open`);
    say(`Serve it: slipway serve ${quoted(options.out)}`);
    // A target says which processors, not which platform's machines have them.
    const where = options.target === undefined ? [] : ['--platform', 'PLATFORM'];
    const tag = ['--tag', `${plan.name.toLowerCase()}:1`];
    say(`Build the image: ${commandAs('build', ownOptions, [...where, ...tag])}`);
    if (options.json) print(JSON.stringify(report));
    return 0;
  });
}

export function optimizeCommand(): Command {
  return withPlaceOptions(withGateOptions(withModelOptions(new Command('optimize'))))
    .description('make the fastest form of a model that loses nothing, behind a gate on accuracy and speed')
    .requiredOption('--out <folder>', 'takes the model, its canaries, the report and its views, and serving.json')
    .option(
      '--target <machine>',
      "where it will run: 'local', an instruction set (x86-64-vnni, x86-64, arm64), or a machine type (default: this machine; " +
        '--platform takes all machines of the plan)',
    )
    .option('--lock <path>', 'where the decision is kept (default: NAME.slipway-lock.json beside the model)')
    .option('--no-lock', 'neither take the decision from a lock nor keep it in one')
    .option('--update', 'search again although a lock is there, and write it anew')
    .option('--no-cache', 'measure every candidate again, also those that an interrupted run finished')
    .option('--json', 'print the report as one line of JSON on standard output')
    .addHelpText('after', examples)
    .action(optimize);
}
