/** Made from container/schema/recipe.schema.json by `npm run schema`; change it there. */

/**
 * What the optimizer is to try and by which rule it decides. Written by lib/optimization, read by container/optimizer. Holds no path and no time, so the same spec gives the same bytes.
 */
export interface RecipeFile {
  schemaVersion: 1;
  model: {
    /**
     * The model's name in every route.
     */
    name: string;
    family: 'cnn' | 'vit' | 'encoder' | 'decoder' | 'detector' | 'recurrent' | 'mlp' | 'classic' | 'other';
    /**
     * Sizes bound to symbolic dimensions, by name. The batch dimension may be left out.
     */
    dims: {
      [k: string]: number;
    };
  };
  /**
   * Where the result may run: every machine of the plan, fallbacks included.
   */
  target: {
    platform: 'local' | 'aws-sagemaker' | 'azure-ml' | 'azure-container-apps' | 'gcp-cloud-run' | 'gcp-vertex';
    /**
     * @minItems 1
     */
    machines: string[];
    /**
     * x86-64-vnni: 8-bit dot products without saturation (AVX-512 VNNI or AVX-VNNI). x86-64: known not to have them.
     *
     * @minItems 1
     */
    instructionSets: ('x86-64-vnni' | 'x86-64' | 'arm64' | 'unknown')[];
    provider: 'cpu' | 'cuda' | 'tensorrt';
    /**
     * Processors the endpoint may use; the speed gate runs with at most as many.
     */
    threads: number;
  };
  /**
   * What the user asked for. auto: the fastest candidate that passes the gate, fp32 otherwise.
   */
  precision: 'auto' | 'fp32' | 'fp16' | 'int8';
  /**
   * Tried in this order. Empty: fp32 is served as it is, with a reason in `notes`.
   */
  candidates: CandidateRecipe[];
  /**
   * Why candidates were left out; repeated in the report.
   */
  notes: string[];
  gate: {
    /**
     * fp32 latency divided by the candidate's, least.
     */
    minSpeedup: number;
    /**
     * Relative loss of label accuracy, most: (fp32 - candidate) / fp32.
     */
    maxAccuracyDrop: number;
    /**
     * Candidate's error rate divided by fp32's, most; counts only where the paired 95 % interval resolves it.
     */
    maxErrorRatio: number;
    /**
     * Share of samples with fp32's top-1 class, least, where no labels decide.
     */
    minAgreement: number;
    /**
     * Signal to quantization noise over the worst float output, decibels, least, where no labels decide.
     */
    minSqnrDb: number;
    warnSqnrDb: number;
    warnCosine: number;
    /**
     * Labels that are too few to decide count as a failed gate.
     */
    strict: boolean;
  };
  /**
   * When no candidate passes: serve fp32, or fail the build.
   */
  onFailure: 'fp32' | 'error';
  bake: {
    /**
     * Never higher: layout passes bind the file to the building CPU.
     */
    graphOptimization: 'basic' | 'extended';
  };
  limits: {
    candidateSeconds: number;
    candidateMemoryBytes: number;
    modelBytes: number;
    nodes: number;
  };
  /**
   * Samples kept with fp32's answers, replayed by the server before it is ready.
   */
  canaries: number;
  seed: number;
}
export interface CandidateRecipe {
  name: string;
  precision: 'int8';
  /**
   * static: calibrated activation ranges, QDQ nodes. dynamic: ranges at run time, no calibration data.
   */
  method: 'static' | 'dynamic';
  activationType: 'uint8' | 'int8';
  weightType: 'uint8' | 'int8';
  perChannel: boolean;
  /**
   * 7-bit weights, right on CPUs whose 8-bit products saturate.
   */
  reduceRange: boolean;
  /**
   * Operators to quantize. Empty: every operator that can be.
   */
  opTypes: string[];
  calibration: 'minmax' | 'percentile' | 'entropy' | 'none';
  excludeNodes?: string[];
}
