/** Machines that no test runs on. */

import type { InstructionSet, Machine } from '../lib/hardware/machine.js';

/** A machine with 4 processors and 8 GiB, changed where a test says so. */
export const machine = (instructionSet: InstructionSet, changes: Partial<Machine> = {}): Machine => ({
  name: `test-${instructionSet}`,
  architecture: instructionSet === 'arm64' ? 'arm64' : 'x86_64',
  instructionSet,
  cpu: 'test',
  processors: 4,
  memoryBytes: 8 * 2 ** 30,
  cpus: [],
  accelerator: null,
  acceleratorCount: 0,
  price: null,
  quota: null,
  ...changes,
});
