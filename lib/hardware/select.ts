/** Step 2 of the road: which of a platform's machines serve the model, in which order. */

import type { Problem } from '../errors.js';
import type { ModelProfile } from '../model/profile.js';
import type { Platform } from '../platforms.js';
import type { HardwareRequest } from './hardware.js';
import type { HardwareChoice } from './machine.js';

/** Weights are held once by the session and once more while they are laid out at load. */
const copiesOfWeights = 2;
const runtimeBytes = 300 * 2 ** 20;

/** The choice, or every reason why there is none. */
export function selectHardware(
  profile: ModelProfile,
  platform: Platform,
  request: HardwareRequest = { choose: 'auto' },
): HardwareChoice | Problem[] {
  const asked = platform.machines.filter((machine) => request.choose === 'auto' || machine.name === request.machine);
  if (asked.length === 0) {
    const offered = platform.machines.map((machine) => machine.name).join(', ');
    const given = request.choose === 'named' ? `'${request.machine}'` : 'this request';
    return [{ where: 'hardware', what: `${given} is not offered by ${platform.id}. There: ${offered}` }];
  }
  const need = copiesOfWeights * profile.weightBytes + runtimeBytes;
  const [chosen, ...fallbacks] = asked.filter((machine) => need <= machine.memoryBytes);
  if (chosen) return { chosen, fallbacks };
  return asked.map((machine) => ({
    where: 'hardware',
    what: `'${machine.name}' has ${gib(machine.memoryBytes)} GiB of memory; the model needs about ${gib(need)}. Use a larger machine or a smaller model`,
  }));
}

const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(1);
