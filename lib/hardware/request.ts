/** Step 2 of the road: what the user asks of the machine, against what there is. */

import type { Problem } from '../errors.js';
import { closest } from '../model/names.js';
import { platformIds } from '../platforms.js';
import { findGpu, gpus, regionsOf } from './catalogue/tables.js';
import type { AutoHardware, HardwareRequest } from './hardware.js';
import type { Machine } from './machine.js';
import type { Platform } from './platform.js';

/** Names in the request that the tables do not have, with the closest ones. */
export function requestProblems(request: HardwareRequest | undefined, platforms: readonly Platform[]): Problem[] {
  const offered = platforms.flatMap(({ machines, unavailable }) => [
    ...machines.map(({ name }) => name),
    ...unavailable.map(({ machine }) => machine),
  ]);
  const where = [...new Set(platforms.map(({ id }) => id))].join(', ');
  if (request?.choose === 'named') {
    const here = platforms.flatMap(({ machines, unpriced = [] }) => [...machines, ...unpriced].map(({ name }) => name));
    const missing = platforms
      .flatMap(({ unavailable }) => unavailable)
      .find(({ machine }) => isNamed(machine, request.machine));
    if (here.some((name) => isNamed(name, request.machine))) return [];
    if (missing && here.length > 0) {
      const similar = closest(missing.machine, here).join(', ');
      return [
        {
          where: 'hardware',
          what: `'${missing.machine}' ${missing.reason.startsWith('is ') ? missing.reason : `cannot be chosen: ${missing.reason}`}. There: ${similar}`,
        },
      ];
    }
    if (missing) return [];
    const there = closest(request.machine, offered).join(', ');
    return [{ where: 'hardware', what: `'${request.machine}' is not offered by ${where}. There: ${there}` }];
  }
  const patterns = (['allow', 'deny'] as const).flatMap((option) =>
    (request?.[option] ?? [])
      .filter((pattern) => !offered.some((name) => matches(name, pattern)))
      .map((pattern) => ({
        where: `hardware.${option}`,
        what: `'${pattern}' is no machine of ${where}. Similar: ${closest(pattern, offered).join(', ')}`,
      })),
  );
  const known = gpus().flatMap(({ id, name }) => [id, name]);
  const accelerators = (request?.accelerators ?? [])
    .filter((name) => name.toLowerCase() !== 'none' && findGpu(name) === undefined)
    .map((name) => ({
      where: 'hardware.accelerators',
      what: `'${name}' is no accelerator that the tables know. Similar: ${closest(name, known).join(', ')}`,
    }));
  const places = platformIds.flatMap(regionsOf);
  const regions = (request?.regions ?? [])
    .filter((region) => !places.includes(region))
    .map((region) => ({
      where: 'hardware.regions',
      what: `'${region}' is no region that the tables know. Similar: ${closest(region, places).join(', ')}`,
    }));
  return [...accelerators, ...patterns, ...regions];
}

/** Whether a machine is the one that is named, in any case. */
export const isNamed = (machine: string, name: string): boolean => machine.toLowerCase() === name.toLowerCase();

function matches(name: string, pattern: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 'i').test(name);
}

/** Why the user's own limits keep a machine out; null when they do not. */
export function outsideRequest(machine: Machine, region: string | null, request: AutoHardware): string | null {
  const { allow, deny, accelerators, regions } = request;
  const wanted = accelerators?.map((name) => findGpu(name)?.id ?? null);
  if (regions && region !== null && !regions.includes(region)) return `${region} is not among the regions asked for`;
  if (wanted && !wanted.includes(machine.accelerator)) {
    return `its accelerator is ${machine.accelerator ?? 'none'}, asked for ${accelerators?.join(' or ')}`;
  }
  if (allow && !allow.some((pattern) => matches(machine.name, pattern))) return 'is not among the machines allowed';
  const denied = deny?.find((pattern) => matches(machine.name, pattern));
  return denied === undefined ? null : `is denied by '${denied}'`;
}
