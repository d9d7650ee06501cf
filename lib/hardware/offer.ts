/** Step 2 of the road: what a cloud platform offers in a region, with its prices. */

import { type Problem, ProblemsError } from '../errors.js';
import { closest } from '../model/names.js';
import { type PlatformId, platformFacts, platformIds } from '../platforms.js';
import type { Rejection } from './candidate.js';
import type { Cpu, MachineType } from './catalogue/catalogue.js';
import { cpus, machineTypes, priceOf, regionsOf } from './catalogue/tables.js';
import type { InstructionSet, Machine, Price } from './machine.js';
import type { Platform } from './platform.js';
import { type SageMakerMode, serverlessMachines } from './sagemaker.js';

/** Options of `cloud`. */
export interface CloudOptions {
  /**
   * The cloud's own name of the region, such as `eu-west-1`, `westeurope`, `europe-west4`.
   *
   * @default - the region that the platform's prices are best known in
   */
  readonly region?: string;
  /**
   * Only the machine types that most regions offer, for a place that is not known yet; their prices are the region's. No type of
   * SageMaker's is offered in every region.
   *
   * @default false
   */
  readonly everywhere?: boolean;
  /**
   * A kind of SageMaker endpoint that is no plain real-time one.
   *
   * @default - a plain one
   */
  readonly mode?: SageMakerMode;
}

const unknownPrice = 'its price is not known; it is taken where it is named';

/** The least able first. */
const order: readonly InstructionSet[] = ['unknown', 'x86-64', 'x86-64-vnni', 'arm64'];

function leastAble(processors: readonly Cpu[]): InstructionSet {
  return order.find((set) => processors.some(({ instructionSet }) => instructionSet === set)) ?? 'unknown';
}

/** The price in the region; where only that of the reference region is known, that one, and it says so. */
function priceIn(type: MachineType, region: string): Price | null {
  const own = priceOf(type, region);
  const reference = platformFacts(type.platform).referenceRegion;
  if (own !== null || reference === null) return own;
  const price = priceOf(type, reference);
  return price === null ? null : { ...price, region: reference };
}

/** A machine type as one an endpoint can run on; without a region, without a price. */
export function machineOf(type: MachineType, region: string | null): Machine {
  const processors = cpus().filter(({ id }) => type.cpus.includes(id));
  return {
    name: type.name,
    architecture: type.architecture,
    instructionSet: leastAble(processors),
    cpu: processors.map(({ name }) => name).join(' or ') || 'unknown',
    cpus: type.cpus,
    processors: type.vcpus,
    memoryBytes: type.memoryGiB * 2 ** 30,
    accelerator: type.accelerator,
    acceleratorCount: type.acceleratorCount,
    price: region === null ? null : priceIn(type, region),
    quota: type.quota,
  };
}

const clouds: readonly PlatformId[] = platformIds.filter((id) => id !== 'local');

/** Why this is no cloud platform; null when it is one. */
function cloudProblem(id: string): Problem | null {
  if (clouds.some((known) => known === id)) return null;
  const names = `Platforms: ${clouds.join(', ')}`;
  const what = id === 'local' ? `'local' is this machine, not a cloud; give local()` : `'${id}' is no platform`;
  return { where: 'platform', what: `${what}. ${names}` };
}

/** Why nothing is known of a region, or nothing. */
export function regionProblem(platform: PlatformId, region: string): Problem | null {
  const known = regionsOf(platform);
  if (known.includes(region)) return null;
  const names = closest(region, known).join(', ');
  return { where: 'region', what: `'${region}' is no region of ${platform} that the tables know. Similar: ${names}` };
}

/**
 * A cloud platform in one region: the machines that it offers there. Where the price is known in the reference region only, that one
 * is taken and noted; machines without any are left out, with that reason, unless the user names one.
 *
 * @throws ProblemsError for a platform that is no cloud, and for a region that the tables do not know
 */
export function cloud(id: Exclude<PlatformId, 'local'>, options: CloudOptions = {}): Platform {
  const refused = cloudProblem(id);
  const region = options.region ?? (refused === null ? platformFacts(id).referenceRegion : null) ?? '';
  const problem = refused ?? regionProblem(id, region);
  if (problem !== null) throw new ProblemsError(`Platform ${id} cannot be used`, [problem]);
  const { mode } = options;
  if (mode === 'serverless') return { id, region, machines: serverlessMachines(), unavailable: [], mode };
  const offered: Machine[] = [];
  const widest = Math.max(...machineTypes(id).map(({ regions }) => regions?.length ?? 0));
  const unavailable: Rejection[] = [];
  const unpriced: Machine[] = [];
  for (const type of machineTypes(id)) {
    const machine = machineOf(type, region);
    const reason =
      type.regions !== null && !type.regions.includes(region)
        ? `is not offered in ${region}`
        : options.everywhere && type.regions !== null && type.regions.length < widest
          ? `is offered in ${type.regions.length} of ${regionsOf(id).length} regions, and the region is not known`
          : machine.price === null
            ? unknownPrice
            : null;
    if (reason === null) offered.push(machine);
    else unavailable.push({ platform: id, region, machine: type.name, reason });
    if (reason === unknownPrice) unpriced.push(machine);
  }
  return { id, region, machines: offered, unavailable, unpriced, mode };
}
