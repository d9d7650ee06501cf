/** Step 4 of the road: how the server is to run the model (serving.json). */

import type { ServingFile } from '../contract/serving.js';
import type { Provider } from '../hardware/estimate/precision.js';
import type { MonitoringSpec, ServingSpec } from '../spec.js';
import { hookEntry } from './hook-files.js';

/** Files of an optimized model, beside serving.json. */
export const optimizedFiles = { model: 'model.onnx', canaries: 'canaries.npz', report: 'report.json' } as const;

/** fp32's file beside the served one, written where speed could not be judged at build time. */
export const referenceFile = 'reference.onnx';

/** Time one call of a hook may take, unless the user says otherwise. */
export const hookSeconds = 5;

/** What serving.json is made from. */
export interface ServingInput {
  readonly name: string;
  readonly serving?: ServingSpec | undefined;
  readonly dims: Readonly<Record<string, number>>;
  /** The model's file and what stands beside it; a bare model has neither canaries nor report. */
  readonly files: { readonly model: string; readonly canaries: string | null; readonly report: string | null };
  /** @default 'cpu' */
  readonly provider?: Provider;
  /**
   * What is counted for drift, where the report has it.
   *
   * @default 'all'
   */
  readonly drift?: 'all' | 'outputs' | 'off';
}

/** What the server counts for what was asked. */
export const countedFor = (drift: MonitoringSpec['drift']): 'all' | 'outputs' | 'off' =>
  drift === false ? 'off' : (drift?.watch ?? 'all');

/** The serving configuration of one model; the defaults are those of `ServingSpec`. */
export function planServing({
  name,
  serving,
  dims,
  files,
  provider = 'cpu',
  drift = 'all',
}: ServingInput): ServingFile {
  return {
    schemaVersion: 1,
    model: {
      name,
      version: '1',
      file: files.model,
      canaries: files.canaries,
      report: files.report,
      reference: files.report === null ? null : referenceFile,
      dims: { ...dims },
    },
    provider: { name: provider, options: {} },
    hooks:
      serving?.hooks === undefined
        ? null
        : { file: hookEntry(serving.hooks), seconds: serving.hookSeconds ?? hookSeconds },
    threads: { workers: serving?.workers ?? null, intraOp: serving?.intraOpThreads ?? null, decoders: null },
    batching: { maxBatch: serving?.maxBatch ?? null },
    drift,
    limits: {
      bodyBytes: serving?.maxBodyBytes ?? 25 * 2 ** 20,
      headerBytes: 16 * 2 ** 10,
      headers: 100,
      jsonDepth: 64,
      queue: serving?.maxQueue ?? 1024,
      requestSeconds: serving?.timeoutSeconds ?? 60,
      connections: 4096,
    },
    warmupRuns: 10,
    drainSeconds: 8,
  };
}
