/** Quota that a managed online endpoint needs, in words: without it the deployment fails after many minutes. */

import type { EndpointPlan } from '../../lib/plan.js';
import { platformFacts } from '../../lib/platforms.js';

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/**
 * Cores of a machine's family for so many instances.
 *
 * Azure keeps a fifth more for upgrades, whole instances, except on some machines (Azure Machine Learning, Manage resource quotas).
 */
export function quotaOf({ hardware }: EndpointPlan, instances: number): string {
  const { name, processors } = hardware.chosen;
  const { reservedShare, withoutReserve } = platformFacts('azure-ml');
  const kept = withoutReserve.includes(name) ? 0 : Math.ceil(instances * reservedShare);
  const reserve = kept === 0 ? '' : `, and ${kept} that Azure keeps for upgrades`;
  return `${name}: ${counted((instances + kept) * processors, 'core')} for ${counted(instances, 'instance')}${reserve}`;
}

/** What a subscription needs for so many replicas of a container app: accelerators by support request, processors as cores of an environment. */
export function replicaQuota({ hardware: { chosen } }: EndpointPlan, replicas: number): string {
  const { name, processors, accelerator, acceleratorCount, quota } = chosen;
  const each = accelerator === null ? processors : acceleratorCount;
  const what = counted(replicas * each, accelerator === null ? 'core' : 'accelerator');
  return `${name}: ${what} for ${counted(replicas, 'replica')}${quota === null ? '' : `; ${quota}`}`;
}
