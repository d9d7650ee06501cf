/** Made from container/schema/serving.schema.json by `npm run schema`; change it there. */

/**
 * How the server runs one model. Written by lib/image, read by container/server. Paths are relative to the folder of this file.
 */
export interface ServingFile {
  schemaVersion: 1;
  model: {
    name: string;
    version: string;
    file: string;
    /**
     * canaries.npz: 'input:<name>' and 'expected:<name>' arrays, samples on the first axis.
     */
    canaries: null | string;
    /**
     * report.json, for the model's verdict and the canaries' tolerance.
     */
    report: null | string;
    /**
     * fp32's file, where speed could not be judged at build time: the server times both once at its start and tells the ratio. Taken only where the file is there.
     */
    reference: null | string;
    dims: {
      [k: string]: number;
    };
  };
  /**
   * Execution provider. The server refuses to start when it is not there: a GPU endpoint must not run on the CPU.
   */
  provider: {
    name: 'cpu' | 'cuda' | 'tensorrt';
    /**
     * Provider options, by ONNX Runtime's names.
     */
    options: {
      [k: string]: string;
    };
  };
  /**
   * The user's own code around the model, loaded once.
   */
  hooks: null | {
    /**
     * Python file with `pre` and `post`, either or both.
     */
    file: string;
    /**
     * Time one call may take, most.
     */
    seconds: number;
  };
  threads: {
    /**
     * Runs at a time. Null: one per processor the process may use.
     */
    workers: null | number;
    /**
     * Threads inside one run. Null: processors divided by workers.
     */
    intraOp: null | number;
    /**
     * Processes that decode large JSON bodies. Null: one per processor; 0: none.
     */
    decoders: null | number;
  };
  batching: {
    /**
     * Rows in one run, most. Null: learned at warm-up. 1: no batching.
     */
    maxBatch: null | number;
  };
  /**
   * What of the report's `drift` is counted. Absent: all.
   */
  drift?: 'all' | 'outputs' | 'off';
  limits: {
    bodyBytes: number;
    headerBytes: number;
    headers: number;
    jsonDepth: number;
    /**
     * Requests waiting or running, most; further ones get 503 with Retry-After.
     */
    queue: number;
    /**
     * From the first byte to the answer, most.
     */
    requestSeconds: number;
    connections: number;
  };
  warmupRuns: number;
  /**
   * Time for requests in flight after SIGTERM, most.
   */
  drainSeconds: number;
}
