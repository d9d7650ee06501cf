/** Machine types whose disks are their own: SageMaker refuses a key and a volume size for them. */

import { readFileSync } from 'node:fs';
import { once } from '../../lib/hardware/catalogue/csv.js';
import { packageFile } from '../../lib/package-root.js';

interface StorageFacts {
  readonly localStorageFamilies: readonly string[];
  readonly localStoragePattern: string;
}

const facts = once(
  () => JSON.parse(readFileSync(packageFile('data', 'platforms', 'sagemaker.json'), 'utf8')) as StorageFacts,
);

/** Whether a machine type such as `ml.g5.xlarge` has local storage. */
export function hasLocalStorage(machineType: string): boolean {
  const family = machineType.replace(/^ml\./, '').split('.')[0]!;
  const { localStorageFamilies, localStoragePattern } = facts();
  return localStorageFamilies.includes(family) || new RegExp(localStoragePattern).test(family);
}
