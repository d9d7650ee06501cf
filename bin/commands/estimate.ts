/** `slipway estimate`: how long one run takes on one device, from the model's graph alone. */

import { Command, Option } from 'commander';
import { type Problem, ProblemsError } from '../../lib/errors.js';
import { findGpu, findMachineType, gpus, machineTypes } from '../../lib/hardware/catalogue/tables.js';
import type { Device, Execution } from '../../lib/hardware/estimate/device.js';
import { usableMemoryGiB } from '../../lib/hardware/estimate/device-memory.js';
import type { Estimate } from '../../lib/hardware/estimate/estimate.js';
import { estimateRun } from '../../lib/hardware/estimate/estimate.js';
import { executable, executionProblem } from '../../lib/hardware/estimate/execution.js';
import { type Precision, type Provider, precisions, providers } from '../../lib/hardware/estimate/precision.js';
import { formsOf } from '../../lib/hardware/forms.js';
import { deviceOf, lanesOf, slowestCpu } from '../../lib/hardware/lanes.js';
import type { Machine } from '../../lib/hardware/machine.js';
import { machineOf } from '../../lib/hardware/offer.js';
import { bounds } from '../../lib/hardware/words/figures.js';
import { thisMachine } from '../../lib/local/machine.js';
import { describeModel } from '../../lib/model/model-file.js';
import { closest } from '../../lib/model/names.js';
import type { ModelProfile, Quantization } from '../../lib/model/profile.js';
import { platformIds } from '../../lib/platforms.js';
import { print, say } from '../terminal.js';
import { givenDims } from './model-dims.js';
import { dimOption, wholeNumber } from './model-options.js';

interface EstimateOptions {
  readonly accelerator?: string;
  readonly machine?: string;
  readonly precision?: Precision;
  readonly provider?: Provider;
  readonly batch?: number;
  readonly cores?: number;
  readonly dim: Readonly<Record<string, number>>;
  readonly json?: boolean;
}

const examples = `
Examples:
  $ slipway estimate resnet50.onnx --accelerator L4 --precision fp16 --provider tensorrt --batch 8
  $ slipway estimate bert.onnx --accelerator "Tesla T4" --dim sequence=128 --json
  $ slipway estimate fraud.onnx --machine ml.c7i.xlarge --precision int8
  $ slipway estimate fraud.onnx --cores 4                    # processors like this machine's

The time is the median of one run of the batch on one device: no HTTP, no queue, no transfer from host to device.
How it is estimated, and how far it is off: docs/hardware.md`;

/** What the options name. */
interface Asked {
  readonly device: Device;
  /** The machine that the device is of; this one around an accelerator that is named alone. */
  readonly machine: Machine;
  /** Memory that may be planned with; null where only processors are described, not a machine. */
  readonly usableGiB: number | null;
}

/** Why a machine type does not have so many cores, or nothing. */
function coresProblem(type: Machine, cores: number): Problem[] {
  const has = type.processors / slowestCpu(type).vcpusPerCore;
  if (cores <= has) return [];
  const most = has < 1 ? '' : `, or give at most ${Math.floor(has)}`;
  const what = `${cores} is given, ${type.name} has ${has} (${vcpusText(type.processors)}); leave it out${most}`;
  return [{ where: '--cores', what }];
}

/** The device that the options name, or every reason why they name none. */
function asked(options: EstimateOptions): Asked | Problem[] {
  const { accelerator, machine, cores } = options;
  const provider = options.provider;
  const problems: Problem[] = [];
  const gpu = accelerator === undefined ? undefined : findGpu(accelerator);
  const type = machine === undefined || machine === 'local' ? undefined : findMachineType(machine);
  if (accelerator !== undefined && machine !== undefined) {
    problems.push({ where: '--accelerator, --machine', what: 'both name the device; give one of them' });
  }
  if (accelerator !== undefined && gpu === undefined) {
    const known = closest(
      accelerator,
      gpus().flatMap(({ id, name }) => [id, name]),
    ).join(', ');
    problems.push({ where: '--accelerator', what: `'${accelerator}' is in no table. Similar: ${known}` });
  }
  if (machine !== undefined && machine !== 'local' && type === undefined) {
    const known = closest(
      machine,
      platformIds.flatMap((id) => machineTypes(id).map(({ name }) => name)),
    ).join(', ');
    problems.push({ where: '--machine', what: `'${machine}' is in no table. Similar: ${known}` });
  }
  const named = type === undefined ? thisMachine() : machineOf(type, null);
  const onGpu = gpu !== undefined || (type !== undefined && type.accelerator !== null && provider !== 'cpu');
  if (gpu !== undefined && provider === 'cpu') {
    problems.push({ where: '--provider', what: `cpu does not run on ${gpu.name}; take cuda or tensorrt` });
  }
  if (!onGpu && provider !== undefined && provider !== 'cpu' && problems.length === 0) {
    const where = type === undefined ? 'this machine' : type.name;
    problems.push({
      where: '--provider',
      what: `${provider} needs an accelerator, and ${where} has none that Slipway knows; take cpu, or name one with --accelerator`,
    });
  }
  if (onGpu && cores !== undefined) {
    problems.push({ where: '--cores', what: 'cores are of processors; leave it out, or take --provider cpu' });
  } else if (type !== undefined && cores !== undefined) problems.push(...coresProblem(named, cores));
  if (problems.length > 0) return problems;
  if (gpu !== undefined) {
    const device = { kind: 'gpu', gpu, share: 1 } as const;
    const around = { ...named, accelerator: gpu.id, acceleratorCount: 1 };
    return { device, machine: around, usableGiB: usableMemoryGiB(device) };
  }
  const used = onGpu ? named : { ...named, accelerator: null };
  const device = deviceOf(used);
  const [lanes] = lanesOf('local')(used);
  const usableGiB = type === undefined && cores !== undefined ? null : lanes!.memoryGiB;
  if (device.kind === 'gpu' || cores === undefined) return { device, machine: used, usableGiB };
  const cpu = slowestCpu(named);
  return { device: { kind: 'cpu', cpu, vcpus: cores * cpu.vcpusPerCore }, machine: used, usableGiB };
}

/** How models are executed that are given in a smaller form. */
const formGiven: Readonly<Partial<Record<Quantization, Precision>>> = {
  qdq: 'int8',
  qoperator: 'int8',
  dynamic: 'int8',
  float16: 'fp16',
};

/** The model as it is, where the device can execute that; else as floats. */
function usualPrecision({ quantization }: ModelProfile, device: Device, provider: Provider): Precision {
  const form = formGiven[quantization] ?? 'fp32';
  return executable(device, provider).includes(form) ? form : 'fp32';
}

/** What keeps the device from running the model like that, or nothing. */
function refusal(profile: ModelProfile, { device, machine }: Asked, execution: Execution): Problem | null {
  const problem = executionProblem(device, execution);
  if (problem !== null) return { where: '--precision, --provider', what: problem };
  if (device.kind === 'cpu') return null;
  const limits = { precision: 'auto', providers: [execution.provider], samples: true } as const;
  const forms = formsOf(profile, machine, limits);
  if (typeof forms !== 'string') return null;
  return {
    where: '--accelerator, --machine',
    what: `${forms}. Name a machine without an accelerator, or this machine`,
  };
}

const figure = (value: number): string => (value < 100 ? value.toPrecision(3) : value.toFixed(0));

/** GiB to the hundredth, as far as that is of use. */
const gib = (value: number): string => value.toFixed(value < 100 ? 2 : 0);

const vcpusText = (vcpus: number): string => `${vcpus} vCPU${vcpus === 1 ? '' : 's'}`;

const nameOf = (device: Device): string =>
  device.kind === 'gpu' ? device.gpu.name : `${device.cpu.name}, ${vcpusText(device.vcpus)}`;

function lines({ device, usableGiB }: Asked, { precision, provider, batch }: Execution, estimate: Estimate): string[] {
  const { latencyMs, bandMs, throughputPerSecond, memoryGiB, boundBy, provenance } = estimate;
  return [
    `${nameOf(device)}, ${precision} by ${provider}, batch ${batch}`,
    `  latency     ${figure(latencyMs)} ms [${bandMs.map(figure).join(', ')}]`,
    `  throughput  ${figure(throughputPerSecond)} rows/s`,
    `  memory      ${figure(memoryGiB)} GiB${usableGiB === null ? '' : ` of ${gib(usableGiB)} usable`}`,
    `  bound by    ${bounds[boundBy]}`,
    `  constants   ${provenance}`,
  ];
}

function estimate(path: string, options: EstimateOptions): void {
  const found = asked(options);
  if (Array.isArray(found)) throw new ProblemsError('The device is not known', found);
  const { device, machine, usableGiB } = found;
  const model = describeModel({ path });
  const given = givenDims(model, options.dim);
  if (given.problems.length > 0) throw new ProblemsError('The sizes of a request are not known', given.problems);
  if (options.batch !== undefined && given.batch !== null && options.batch !== given.batch) {
    throw new ProblemsError('The batch is not known', [
      { where: '--batch', what: `${options.batch} is given, --dim gives ${given.batch}; leave one of them out` },
    ]);
  }
  const work = model.work(given.dims);
  const batch = options.batch ?? given.batch ?? 1;
  if (batch > 1 && !work.batched) {
    throw new ProblemsError('The batch cannot be chosen', [
      {
        where: '--batch',
        what: `${batch} is given, but no dimension of the inputs is symbolic; leave it out, or export the model with a symbolic batch`,
      },
    ]);
  }
  const provider = options.provider ?? (device.kind === 'gpu' ? 'cuda' : 'cpu');
  const precision = options.precision ?? usualPrecision(model.profile, device, provider);
  const execution: Execution = { precision, provider, batch };
  const problem = refusal(model.profile, found, execution);
  if (problem !== null) throw new ProblemsError('The model cannot run like that', [problem]);
  const run = estimateRun(work, device, execution);
  if (options.json) print(JSON.stringify(run, null, 2));
  else for (const line of lines(found, execution, run)) print(line);
  if (usableGiB !== null && run.memoryGiB > usableGiB) {
    const place = device.kind === 'gpu' ? device.gpu.name : machine.name === 'local' ? 'this machine' : machine.name;
    say(`Warning: needs ${gib(run.memoryGiB)} GiB, usable ${gib(usableGiB)} GiB on ${place}: does not fit.`);
  }
  if (work.unknownOps.length > 0) {
    say(
      `Warning: of ${work.unknownOps.join(', ')} only the bytes are known, or how often it runs is not; the time may be longer.`,
    );
  }
}

export function estimateCommand(): Command {
  return new Command('estimate')
    .description('estimate the time of one run on one device, from the graph alone')
    .argument('<model>', 'an .onnx file, or a .profile.json that slipway inspect --profile wrote')
    .option('--accelerator <name>', 'an accelerator by id or name, in any case: l4, "Tesla T4"')
    .option('--machine <type>', "a machine type by the platform's own name, or local", undefined)
    .addOption(
      new Option('--precision <precision>', 'how it is executed (default: as the model is)').choices(precisions),
    )
    .addOption(
      new Option('--provider <provider>', 'what executes it (default: cuda on accelerators)').choices(providers),
    )
    .option('--batch <rows>', 'rows in one run (default: 1)', wholeNumber)
    .option('--cores <cores>', "cores of the machine's processor (default: all of them)", wholeNumber)
    .addOption(dimOption('size of a symbolic dimension; can be given again'))
    .option('--json', 'print JSON on standard output')
    .addHelpText('after', examples)
    .action(estimate);
}
