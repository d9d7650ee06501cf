/** Step 4 of the road: what an image says of itself. */

import { readFileSync } from 'node:fs';
import type { ReportFile } from '../contract/report.js';
import { packageFile } from '../package-root.js';
import type { EndpointPlan } from '../plan.js';
import type { Variant } from './variant.js';

export type Labels = Readonly<Record<string, string>>;

/** Slipway's own labels begin with this. */
export const labelPrefix = 'dev.slipway';

/** Version of this package. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version;
}

/** What is known before anything is built. */
export function planLabels(
  plan: EndpointPlan,
  variant: Variant,
  { baseImage, sourceDateEpoch }: { readonly baseImage: string; readonly sourceDateEpoch: number | null },
): Labels {
  return {
    'org.opencontainers.image.title': plan.name,
    'org.opencontainers.image.version': plan.serving.model.version,
    'org.opencontainers.image.description': `The model '${plan.name}' as an endpoint for ${plan.platform}`,
    'org.opencontainers.image.base.name': baseImage,
    ...(sourceDateEpoch !== null && {
      'org.opencontainers.image.created': new Date(sourceDateEpoch * 1000).toISOString().replace('.000Z', 'Z'),
    }),
    [`${labelPrefix}.version`]: packageVersion(),
    [`${labelPrefix}.platform`]: plan.platform,
    [`${labelPrefix}.variant`]: variant.name,
    [`${labelPrefix}.onnxruntime`]: plan.hardware.runtime.onnxruntime,
  };
}

/** What the gate decided while the image was built. */
export function verdictLabels({ verdict, mode, winner }: ReportFile): Labels {
  const figures = { speedup: winner.speedup, agreement: winner.agreement, accuracy: winner.accuracy };
  return {
    [`${labelPrefix}.verdict`]: verdict,
    [`${labelPrefix}.mode`]: mode,
    [`${labelPrefix}.precision`]: winner.precision,
    [`${labelPrefix}.candidate`]: winner.name,
    [`${labelPrefix}.model.sha256`]: winner.sha256,
    [`${labelPrefix}.model.bytes`]: String(winner.bytes),
    ...Object.fromEntries(
      Object.entries(figures).flatMap(([name, value]) =>
        value === null || value === undefined ? [] : [[`${labelPrefix}.${name}`, String(value)]],
      ),
    ),
  };
}
