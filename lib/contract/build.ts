/** Made from container/schema/build.schema.json by `npm run schema`; change it there. */

/**
 * What one run of the optimizer took on its machine: everything that differs from build to build of the same lock. Nothing is decided from it.
 */
export interface BuildFile {
  schemaVersion: 1;
  mode: 'search' | 'replay';
  host: {
    architecture: string;
    cpu: string;
    instructionSet: string;
    processors: number;
    emulated: boolean;
  };
  tools: {
    [k: string]: string;
  };
  /**
   * What ran, in order, and how long.
   */
  stages: {
    name: string;
    seconds: number;
  }[];
  /**
   * Of the largest of its processes.
   */
  peakMemoryBytes: null | number;
  /**
   * fp32 and the served model on this machine; null where it was not timed.
   */
  latencyMs: null | {
    reference: Latency;
    served: Latency;
  };
  /**
   * On this machine, also where it decides nothing.
   */
  speedup: null | number;
  /**
   * Candidates taken over from an interrupted run.
   */
  resumed: number;
}
/**
 * Milliseconds of one run at batch 1.
 */
export interface Latency {
  p50: number;
  p95: number;
}
