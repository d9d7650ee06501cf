/** Made from container/schema/recipe.schema.json by `npm run schema`; change it there. */

export type CandidateRecipe = StaticRecipe | DynamicRecipe | Float16Recipe | WeightsRecipe;
export type Sha256 = string;

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
     * Processors the endpoint may use.
     */
    threads: number;
    /**
     * Threads inside one run, as served; the speed gate times with as many, or with what the building machine has.
     */
    intraOpThreads: number;
  };
  /**
   * What the user asked for. auto: the best candidate that passes the gate, fp32 otherwise.
   */
  precision: 'auto' | 'fp32' | 'fp16' | 'int8' | 'int4';
  /**
   * speed: the fastest that passes wins, and it must be faster than fp32 by gate.minSpeedup. size: the smallest that passes wins; it must be smaller than fp32 by gate.minShrink and no slower than fp32.
   */
  goal: 'speed' | 'size';
  /**
   * What the answers are, which decides how likeness to fp32 is measured where labels do not decide. auto: from the model's family and outputs. classification: the top class. detection: boxes matched by intersection over union. embedding: the same ten nearest neighbours. generation: the same next tokens. regression: signal to noise alone.
   */
  task: 'auto' | 'classification' | 'detection' | 'embedding' | 'generation' | 'regression';
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
     * fp32's bytes divided by the candidate's, least; asked only where the goal is size.
     */
    minShrink: number;
    /**
     * Relative loss of label accuracy, most: (fp32 - candidate) / fp32.
     */
    maxAccuracyDrop: number;
    /**
     * Candidate's error rate divided by fp32's, most; counts only where the paired 95 % interval resolves it.
     */
    maxErrorRatio: number;
    /**
     * Share of samples that keep fp32's answer, least, where no labels decide: top class, matched boxes, nearest neighbours or tokens, by the task.
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
    metric: null | {
      /**
       * A function of the user's Python file (--metric FILE): function(outputs, inputs, labels) gives one number, or one for each sample. It decides in the place of label accuracy.
       */
      function: string;
      /**
       * Which is better.
       */
      direction: 'higher' | 'lower';
      /**
       * Relative loss against fp32, most.
       */
      maxDrop: number;
    };
  };
  /**
   * When candidates fail on accuracy alone, nodes that hurt the most stay in fp32.
   */
  repair: {
    /**
     * Candidates made with more and more nodes left out, most. 0: no repair.
     */
    trials: number;
    /**
     * Of the nodes that could be quantized, most that are left out.
     */
    maxExcludedShare: number;
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
   * Inputs kept with fp32's answers, replayed by the server before it is ready.
   */
  canaries: {
    count: number;
    /**
     * synthetic: made up within the ranges of the samples, so that no sample leaves the build.
     */
    source: 'samples' | 'synthetic';
  };
  seed: number;
  /**
   * From the lock: make this one form again instead of searching. Null: search.
   */
  replay: null | ReplayRecipe;
}
/**
 * 8 bits with calibrated ranges, as QDQ nodes.
 */
export interface StaticRecipe {
  name: string;
  precision: 'int8';
  method: 'static';
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
  calibration: 'minmax' | 'percentile' | 'entropy';
  /**
   * Where Q and DQ nodes stand. tensorrt: symmetric, a pair of its own for every consumer, weights too.
   */
  placement: 'cpu' | 'tensorrt';
  /**
   * Names of nodes of the normalized graph that stay in fp32.
   */
  excludeNodes: string[];
}
/**
 * 8 bits with ranges taken at run time; no calibration.
 */
export interface DynamicRecipe {
  name: string;
  precision: 'int8';
  method: 'dynamic';
  weightType: 'uint8' | 'int8';
  perChannel: boolean;
  /**
   * 7-bit weights, right on CPUs whose 8-bit products saturate.
   */
  reduceRange: boolean;
  opTypes: string[];
  /**
   * Names of nodes of the normalized graph that stay in fp32.
   */
  excludeNodes: string[];
}
/**
 * 16-bit floats; inputs and outputs keep their types.
 */
export interface Float16Recipe {
  name: string;
  precision: 'fp16';
  method: 'float16';
  /**
   * Operators that stay in fp32, beside those that have no 16-bit kernel.
   */
  keepOpTypes: string[];
  /**
   * Nodes with an input, output or weight beyond this on the calibration samples stay in fp32. Null: none for this reason.
   */
  maxAbs: null | number;
  /**
   * Names of nodes of the normalized graph that stay in fp32.
   */
  excludeNodes: string[];
}
/**
 * Weights of MatMul in few bits, in blocks (MatMulNBits); activations stay in floats.
 */
export interface WeightsRecipe {
  name: string;
  precision: 'int4' | 'int8';
  method: 'weights';
  blockSize: 16 | 32 | 64 | 128 | 256;
  symmetric: boolean;
  /**
   * ONNX Runtime's: what the product is computed in. 0: whatever the kernel prefers; 1: fp32; 4: 8 bits.
   */
  accuracyLevel: 0 | 1 | 2 | 3 | 4;
  /**
   * Of the last MatMul, which gives the scores of tokens.
   */
  headPrecision: 'int4' | 'int8' | 'fp32';
  /**
   * Names of nodes of the normalized graph that stay in fp32.
   */
  excludeNodes: string[];
}
export interface ReplayRecipe {
  modelSha256: Sha256;
  dataSha256: null | Sha256;
  labelsSha256: null | Sha256;
  metricSha256: null | Sha256;
  /**
   * Versions of what decides bytes; all but python must be the same.
   */
  tools: {
    [k: string]: string;
  };
  /**
   * The winner with the nodes it leaves out. Null: fp32.
   */
  candidate: null | CandidateRecipe;
  /**
   * Null where the candidate has no calibrated ranges.
   */
  ranges: null | CalibratedRanges;
  /**
   * Of the model.onnx that must come out.
   */
  sha256: string;
  /**
   * What the search measured, repeated in the report: `host`, `reference`, `candidates`, `winner`, `sensitivity`, `drift`, `verdict`, `warnings` and `notes` of report.json.
   */
  measured: {};
}
/**
 * By tensor of the normalized graph: least and greatest value, each exactly a 32-bit float.
 */
export interface CalibratedRanges {
  /**
   * @minItems 2
   * @maxItems 2
   */
  [k: string]: number[];
}
