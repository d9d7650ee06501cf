/** Step 2 of the road: what is SageMaker's own: kinds of endpoint whose limits differ, sizes of a serverless one, disks of machines. */

import { readFileSync } from 'node:fs';
import { packageFile } from '../package-root.js';
import { type PlatformFacts, platformFacts } from '../platforms.js';
import { once } from './catalogue/csv.js';
import type { Machine } from './machine.js';

/** Kinds of endpoint that are not plain real-time ones. */
export type SageMakerMode = 'scale-to-zero' | 'async' | 'serverless';

interface SageMakerFile {
  readonly localStorageFamilies: readonly string[];
  readonly localStoragePattern: string;
  readonly modes: Readonly<Record<SageMakerMode, Partial<PlatformFacts>>>;
  readonly serverless: {
    readonly memoryMb: readonly number[];
    readonly mbPerProcessor: number;
    readonly usdPerGbSecond: number;
    readonly priceDate: string;
  };
}

const file = once(
  () => JSON.parse(readFileSync(packageFile('data', 'platforms', 'sagemaker.json'), 'utf8')) as SageMakerFile,
);

/** Limits and abilities of a kind of endpoint. */
export function modeFacts(mode: SageMakerMode): PlatformFacts {
  return { ...platformFacts('aws-sagemaker'), ...file().modes[mode] };
}

/** Whether a machine type such as `ml.g5.xlarge` has disks of its own, for which SageMaker refuses a key and a volume size. */
export function hasLocalStorage(machineType: string): boolean {
  const family = machineType.replace(/^ml\./, '').split('.')[0]!;
  const { localStorageFamilies, localStoragePattern } = file();
  return localStorageFamilies.includes(family) || new RegExp(localStoragePattern).test(family);
}

/** The sizes of a serverless endpoint, as machines that are paid for while they work; the processor is not known. */
export function serverlessMachines(): readonly Machine[] {
  const { memoryMb, mbPerProcessor, usdPerGbSecond, priceDate } = file().serverless;
  return memoryMb.map((mb) => ({
    name: `serverless ${mb} MB`,
    architecture: 'x86_64',
    instructionSet: 'unknown',
    cpu: 'unknown',
    cpus: [],
    processors: Math.max(1, Math.floor((100 * mb) / mbPerProcessor) / 100),
    memoryBytes: mb * 2 ** 20,
    accelerator: null,
    acceleratorCount: 0,
    price: { usdPerHour: usdPerGbSecond * (mb / 1024) * 3600, kind: 'unverified', date: priceDate },
    quota: null,
  }));
}

/** Memory of a serverless endpoint, MB, from its plan's machine. */
export const serverlessMemoryMb = ({ memoryBytes }: Pick<Machine, 'memoryBytes'>): number => memoryBytes / 2 ** 20;

/** The sizes that a serverless endpoint may have, MB. */
export const serverlessSizesMb = (): readonly number[] => file().serverless.memoryMb;
