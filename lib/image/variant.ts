/** Step 4 of the road: which of the images a plan needs, and whether it can be made at all. */

import { readFileSync } from 'node:fs';
import type { Problem } from '../errors.js';
import type { Machine } from '../hardware/machine.js';
import { packageFile } from '../package-root.js';
import type { EndpointPlan } from '../plan.js';

/** What executes the model inside the image. */
export type ImageVariant = 'cpu' | 'cuda12' | 'cuda13' | 'tensorrt';

/** As builders call an operating system and processor. */
export type ImagePlatform = 'linux/amd64' | 'linux/arm64';

/** An image of this kind. */
export interface Variant {
  readonly name: ImageVariant;
  /** The lock of its server: `container/locks/<lock>.txt`. */
  readonly lock: 'server' | 'server-cuda12' | 'server-cuda13';
  /** Whether the driver of an accelerator has to be found. */
  readonly gpu: boolean;
  readonly platform: ImagePlatform;
  /** Null where the user has to name one. */
  readonly baseImage: string | null;
}

const platforms: Readonly<Record<Machine['architecture'], ImagePlatform>> = {
  x86_64: 'linux/amd64',
  arm64: 'linux/arm64',
};

const slim = 'python:3.12-slim-bookworm';

/** Locks by CUDA's major version, and the processors that wheels of ONNX Runtime for them exist for. */
const cudaLocks: Readonly<
  Record<string, { readonly lock: Variant['lock']; readonly architectures: readonly Machine['architecture'][] }>
> = {
  '12': { lock: 'server-cuda12', architectures: ['x86_64'] },
  '13': { lock: 'server-cuda13', architectures: ['x86_64', 'arm64'] },
};

function lockedRuntime(lock: Variant['lock']): string {
  const text = readFileSync(packageFile('container', 'locks', `${lock}.txt`), 'utf8');
  return /^onnxruntime(?:-gpu)?==(\S+)/m.exec(text)?.[1] ?? 'none';
}

/** The image for the machines of a plan, or why there is none. */
export function variantOf({ hardware, platform }: EndpointPlan): Variant | Problem[] {
  const { provider, onnxruntime, cuda } = hardware.runtime;
  const { architecture } = hardware.chosen;
  const problem = (what: string): Problem[] => [{ where: 'hardware', what }];
  const other = hardware.fallbacks.find((machine) => machine.architecture !== architecture);
  if (other) {
    return problem(
      `'${hardware.chosen.name}' is ${architecture}, its fallback '${other.name}' is ${other.architecture}, and an image runs on one of them. Deny the fallback's type`,
    );
  }
  const common = { platform: platforms[architecture] };
  if (provider === 'cpu') {
    return withLock(onnxruntime, { ...common, name: 'cpu', lock: 'server', gpu: false, baseImage: slim }, problem);
  }
  const libraries = cudaLocks[cuda ?? ''];
  if (!libraries) {
    return problem(
      `'${hardware.chosen.name}' on ${platform} needs ONNX Runtime for CUDA ${cuda ?? '(unknown)'}; images are made for CUDA ${Object.keys(cudaLocks).join(' and ')}. Choose another machine, or the CPU`,
    );
  }
  if (!libraries.architectures.includes(architecture)) {
    return problem(
      `'${hardware.chosen.name}' is ${architecture}, and ONNX Runtime ${onnxruntime} for CUDA ${cuda} has wheels for ${libraries.architectures.join(', ')} only. Choose a machine of that kind, or the CPU`,
    );
  }
  return withLock(
    onnxruntime,
    {
      ...common,
      name: provider === 'tensorrt' ? 'tensorrt' : (`cuda${cuda}` as ImageVariant),
      lock: libraries.lock,
      gpu: true,
      baseImage: provider === 'tensorrt' ? null : slim,
    },
    problem,
  );
}

/** A lock pins a plan's runtime for a long time: an image of another version would not be what was planned. */
function withLock(planned: string, variant: Variant, problem: (what: string) => Problem[]): Variant | Problem[] {
  const locked = lockedRuntime(variant.lock);
  if (locked === planned) return variant;
  return problem(
    `the plan runs ONNX Runtime ${planned}, and the '${variant.name}' image of this version of Slipway holds ${locked}. Plan again with slipway plan --lock --update, or use the version of Slipway that made the lock`,
  );
}
