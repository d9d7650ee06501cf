/** The places an endpoint can run: what each can do, and where it stops. */

import { readFileSync } from 'node:fs';
import type { RecipeFile } from './contract/recipe.js';
import { once, readTable } from './hardware/catalogue/csv.js';
import type { Machine } from './hardware/machine.js';
import { packageFile } from './package-root.js';

export type PlatformId = RecipeFile['target']['platform'];

/** Limits and abilities of a platform, an entry of `data/platforms/platforms.json`; null where no source gives a figure. */
export interface PlatformFacts {
  readonly id: PlatformId;
  /** The vendor's own name. */
  readonly name: string;
  /** Of one request and its answer, bytes. */
  readonly maxRequestBytes: number | null;
  readonly maxResponseBytes: number | null;
  /** How long a request may take, seconds: unless set otherwise, and at most. */
  readonly requestTimeoutSeconds: { readonly default: number | null; readonly max: number | null };
  /** Requests that an instance gets at once unless set otherwise. */
  readonly defaultConcurrency: number | null;
  /** Of one endpoint, in each direction, bytes a second, and requests a second. */
  readonly bandwidthBytesPerSecond: number | null;
  readonly requestsPerSecond: number | null;
  /** Instances of one deployment, while it is not scaled to zero. */
  readonly minInstances: number;
  readonly maxInstances: number | null;
  /** Whether an endpoint as Slipway makes it costs nothing while nobody asks. */
  readonly scaleToZero: boolean;
  readonly scaleToZeroHow: string;
  /** Machines that stay on although the platform scales to zero, by name. */
  readonly alwaysOn: readonly string[];
  /** How a new version takes over. */
  readonly updateStrategy: string;
  /** What quota to ask for before the first deployment. */
  readonly quota: string | null;
  readonly architectures: readonly Machine['architecture'][];
  /** Where the platform's prices are known best; null on `local`. */
  readonly referenceRegion: string | null;
  readonly maxImageBytes: number | null;
  readonly maxModelBytes: number | null;
  /** Share of processors that the platform keeps for upgrades beyond the ones in use, and machines without it, by name. */
  readonly reservedShare: number;
  readonly withoutReserve: readonly string[];
  /** Where each fact comes from: the vendor's document, or `unverified`. By field. */
  readonly sources: Readonly<Record<string, string>>;
}

type Entry = Omit<PlatformFacts, 'id'>;

const entries = once(
  () =>
    JSON.parse(readFileSync(packageFile('data', 'platforms', 'platforms.json'), 'utf8')) as Record<PlatformId, Entry>,
);

/** Every platform, this machine first. */
export const platformIds: readonly PlatformId[] = [
  'local',
  'aws-sagemaker',
  'azure-ml',
  'azure-container-apps',
  'gcp-cloud-run',
  'gcp-vertex',
];

/** What a platform can do, and where it stops. */
export function platformFacts(id: PlatformId): PlatformFacts {
  return { id, ...entries()[id] };
}

/** What executes the model on an accelerator of a platform, or on its processors: a row of `data/platforms/runtimes.csv`. */
export interface Runtime {
  /** Version of ONNX Runtime: of `onnxruntime`, on accelerators of `onnxruntime-gpu`. */
  readonly onnxruntime: string;
  /** Major version of CUDA that the wheel is built for; null on processors. */
  readonly cuda: string | null;
  /** Major version of NVIDIA's driver on the machine; null where it is not known. */
  readonly driver: string | null;
  /** SageMaker's `inferenceAmiVersion` that brings this driver. */
  readonly inferenceAmiVersion: string | null;
  /** Whether the vendor documents the driver. */
  readonly verified: boolean;
  readonly note: string | null;
}

const runtimes = once(
  () =>
    new Map(
      readTable('platforms/runtimes.csv', (cells) => {
        const runtime: Runtime = {
          onnxruntime: cells.text('onnxruntime'),
          cuda: cells.textOrNull('cuda'),
          driver: cells.textOrNull('driver'),
          inferenceAmiVersion: cells.textOrNull('inference_ami'),
          verified: cells.text('verified') === 'true',
          note: cells.textOrNull('note'),
        };
        return [`${cells.text('platform')}|${cells.textOrNull('accelerator') ?? ''}`, runtime] as const;
      }),
    ),
);

/**
 * The runtime that fits the driver and the accelerator.
 *
 * @param accelerator - key of `gpus.csv`; null for the processors
 */
export function runtimeFor(platform: PlatformId, accelerator: string | null): Runtime {
  const runtime = runtimes().get(`${platform}|${accelerator ?? ''}`);
  if (!runtime) throw new Error(`data/platforms/runtimes.csv: no ONNX Runtime for ${accelerator} on ${platform}`);
  return runtime;
}
