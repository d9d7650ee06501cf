/** Options of a verb that plans for one place: the platform, what the endpoint has to reach there, and which machines come into question. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Provider, providers } from '../../lib/hardware/estimate/precision.js';
import { cloud, type EndpointSpec, local, type Platform, type PlatformId, SlipwayError } from '../../lib/index.js';
import { platformIds } from '../../lib/platforms.js';
import { wholeNumber } from './model-options.js';

export interface PlaceOptions {
  readonly platform: PlatformId;
  readonly region?: string;
  readonly p99Ms?: number;
  readonly rps?: number;
  readonly maxMonthlyUsd?: number;
  readonly minimize?: 'cost' | 'latency';
  readonly payload?: 'json' | 'binary';
  readonly provider?: readonly Provider[];
  readonly accelerator?: readonly string[];
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly minReplicas?: number;
  readonly maxReplicas?: number;
}

function above0(text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('Give a number above 0.');
  return value;
}

export const gathered = (text: string, earlier: readonly string[] = []): string[] => [...earlier, text];

/** The choices of an option that can be given again. */
export function gatheredOf<T extends string>(allowed: readonly T[]) {
  return (text: string, earlier: readonly T[] = []): T[] => {
    const value = allowed.find((name) => name === text);
    if (value === undefined) throw new InvalidArgumentError(`Allowed choices are ${allowed.join(', ')}.`);
    return [...earlier, value];
  };
}

/** What an endpoint has to reach. */
export const withObjectiveOptions = (command: Command): Command =>
  command
    .option('--p99-ms <ms>', '99th percentile of the time in the container, milliseconds', above0)
    .option('--rps <rate>', 'requests a second at the peak (default: 1)', above0)
    .option('--max-monthly-usd <usd>', 'what it may cost in 730 hours', above0)
    .addOption(new Option('--minimize <what>', 'which machine is best (default: cost)').choices(['cost', 'latency']))
    .addOption(new Option('--payload <encoding>', 'what requests carry (default: json)').choices(['json', 'binary']));

/** Which machines come into question, and how many. */
export const withMachineOptions = (command: Command): Command =>
  command
    .option(
      '--provider <provider>',
      `${providers.join(', ')}; can be given again (default: cpu and cuda)`,
      gatheredOf(providers),
    )
    .option('--accelerator <name>', 'by id or name, or none; can be given again', gathered)
    .option(
      '--allow <type>',
      'machine types that come into question, * for any characters; can be given again',
      gathered,
    )
    .option('--deny <type>', 'machine types that do not; can be given again', gathered)
    .option(
      '--min-replicas <count>',
      'machines at any time (default: 2, or 1 where the platform scales to zero)',
      wholeNumber,
    )
    .option('--max-replicas <count>', "machines at most (default: the platform's limit)", wholeNumber);

/** Adds the options of `PlaceOptions`. */
export function withPlaceOptions(command: Command): Command {
  command
    .addOption(new Option('--platform <id>', 'where it will run').choices([...platformIds]).default('local'))
    .option('--region <region>', "the cloud's own name (default: where prices are known best)");
  return withMachineOptions(withObjectiveOptions(command));
}

/** Flags of options that choose a machine, which this machine cannot take. */
const choosing: Readonly<Partial<Record<keyof PlaceOptions, string>>> = {
  region: '--region',
  p99Ms: '--p99-ms',
  rps: '--rps',
  maxMonthlyUsd: '--max-monthly-usd',
  minimize: '--minimize',
  payload: '--payload',
  provider: '--provider',
  accelerator: '--accelerator',
  allow: '--allow',
  deny: '--deny',
  minReplicas: '--min-replicas',
  maxReplicas: '--max-replicas',
};

/** Refuses options that would be ignored, since no machine is chosen. */
export function refuseChoosing(options: PlaceOptions, place: string): void {
  const given = Object.entries(choosing).flatMap(([key, flag]) =>
    options[key as keyof PlaceOptions] === undefined ? [] : [flag],
  );
  if (given.length === 0) return;
  throw new SlipwayError(
    `${given.join(', ')}: they choose a machine of a cloud, and ${place}. Name the cloud with --platform, or leave them out.`,
  );
}

/** The platform that the options name. */
export function placeOf(options: PlaceOptions): Platform {
  const { platform, region } = options;
  if (platform !== 'local') return cloud(platform, region === undefined ? {} : { region });
  refuseChoosing(options, 'this machine is the one there is');
  return local();
}

/** What the options say of the endpoint, with nothing that was not given. */
export function objectiveOf(options: PlaceOptions): Pick<EndpointSpec, 'objective' | 'hardware' | 'scaling'> {
  const { p99Ms, rps, maxMonthlyUsd, minimize, payload, minReplicas, maxReplicas } = options;
  return {
    objective: {
      ...(p99Ms !== undefined && { p99Ms }),
      ...(rps !== undefined && { requestsPerSecond: rps }),
      ...(maxMonthlyUsd !== undefined && { maxMonthlyUsd }),
      ...(minimize !== undefined && { minimize }),
      ...(payload !== undefined && { payload: { encoding: payload } }),
    },
    hardware: {
      choose: 'auto',
      ...(options.accelerator && { accelerators: options.accelerator }),
      ...(options.allow && { allow: options.allow }),
      ...(options.deny && { deny: options.deny }),
      ...(options.provider && { providers: options.provider }),
    },
    scaling: {
      ...(minReplicas !== undefined && { min: minReplicas }),
      ...(maxReplicas !== undefined && { max: maxReplicas }),
    },
  };
}
