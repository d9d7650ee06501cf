/** Step 2 of the road: memory that a run needs on its device and on the machine around it. */

import { amount, type Work } from '../../model/work.js';
import type { Device, Execution } from './device.js';
import { executed } from './kernel-costs.js';
import { bytesPerFloat } from './precision.js';

const gib = 2 ** 30;

/** Shares of what a device offers that may be planned with. */
const usable = 0.9;

/** How far allocations outgrow the tensors in them. */
const activationSlack = 1.1;

/**
 * What each provider adds, selection facts section 8. `fixed`: CUDA context and libraries, or the CPU process, GiB. `workspace`: scratch
 * of convolutions and products, GiB. `arena`: factor on weights and activations, with the arena growing as requested. `copies`: of the
 * weights while a session loads.
 */
const overheads = {
  cpu: { fixed: 0.3, workspace: 0, arena: 1, copies: 2 },
  cuda: { fixed: 0.6, workspace: 0, arena: 1.3, copies: 1 },
  tensorrt: { fixed: 0.6, workspace: 0.5, arena: 1, copies: 1 },
} as const satisfies Record<Execution['provider'], object>;

/** Runtime and server beside the device's own memory, GiB. */
const hostRuntime = 1;

/** Bytes of the activations that live at one time. 8-bit graphs keep floats between their 8-bit parts, except in TensorRT. */
function activationBytes(work: Work, { precision, provider, batch }: Execution): number {
  const size = precision === 'int8' && provider !== 'tensorrt' ? bytesPerFloat.fp32 : bytesPerFloat[precision];
  return size * amount(work.liveFloats, batch) + amount(work.liveOtherBytes, batch);
}

/** GiB of the device that a session needs while it runs such batches. */
export function deviceMemoryGiB(work: Work, execution: Execution): number {
  const { fixed, workspace, arena, copies } = overheads[execution.provider];
  const tensors = copies * executed(work, execution).weightBytes + activationSlack * activationBytes(work, execution);
  return fixed + workspace + (arena * tensors) / gib;
}

/** GiB of a machine's own memory that a model on its accelerator needs: the file, twice while it loads, and the runtime. */
export function hostMemoryGiB({ storedFloats, storedOtherBytes }: Work): number {
  return hostRuntime + (2 * (storedFloats * bytesPerFloat.fp32 + storedOtherBytes)) / gib;
}

/** GiB of an accelerator, or of the share of one, that may be planned with. */
export const usableMemoryGiB = ({ gpu, share }: Extract<Device, { kind: 'gpu' }>): number =>
  usable * gpu.usableGiB * share;
