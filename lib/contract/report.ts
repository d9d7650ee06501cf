/** Made from container/schema/report.schema.json by `npm run schema`; change it there. */

export type Sha256 = string;
/**
 * @minItems 2
 * @maxItems 2
 */
export type Interval = number[];

/**
 * What the optimizer tried, measured and decided. Written by container/optimizer; every other view of an optimization is drawn from it. Where a lock was replayed it repeats the lock's figures and adds `recheck`, so the same lock gives the same bytes; what depends on the building machine is in build.json.
 */
export interface ReportFile {
  schemaVersion: 1;
  mode: 'search' | 'replay';
  /**
   * One line for people, such as 'int8, 2.9x faster, 99.6 % agreement, 96 KB instead of 371 KB'.
   */
  verdict: string;
  model: {
    name: string;
    family: string;
    /**
     * Of the model file and its external data, in order.
     */
    sha256: string;
    /**
     * Of the file as given, external data included.
     */
    bytes: number;
    opset: number;
    irVersion: number;
    nodes: number;
    inputs: Tensor[];
    outputs: Tensor[];
  };
  /**
   * Null without samples: then inputs were made up and only speed was measured.
   */
  data: null | {
    sha256: Sha256;
    samples: number;
    calibrationSamples: number;
    evaluationSamples: number;
    labelsSha256: null | Sha256;
    /**
     * Of the Python file of the user's own metric.
     */
    metricSha256: null | Sha256;
  };
  /**
   * How likeness to fp32 was measured.
   */
  task: 'classification' | 'detection' | 'embedding' | 'generation' | 'regression';
  /**
   * The recipe.json that was followed, without `replay` (see recipe.schema.json).
   */
  recipe: {};
  /**
   * Versions of what decides bytes: python, onnxruntime, onnx, numpy.
   */
  tools: {
    [k: string]: string;
  };
  /**
   * Where speed was measured.
   */
  host: {
    architecture: string;
    cpu: string;
    instructionSet: 'x86-64-vnni' | 'x86-64' | 'arm64' | 'unknown';
    processors: number;
    /**
     * Used while timing.
     */
    threads: number;
    /**
     * False when this host's instruction set is not one of the target's, its processor is emulated, or it lacks the target's provider: then speed was measured but did not decide.
     */
    judgesSpeed: boolean;
    /**
     * The processor is emulated: speed says nothing.
     */
    emulated: boolean;
  };
  reference: {
    bytes: number;
    latencyMs: Latency;
    accuracy: null | number;
    /**
     * fp32 by the user's own metric.
     */
    task: null | {
      metric: string;
      value: number;
    };
  };
  candidates: CandidateResult[];
  winner: {
    /**
     * 'fp32' or a candidate's name.
     */
    name: string;
    precision: 'fp32' | 'fp16' | 'int8' | 'int4';
    /**
     * Null for fp32.
     */
    recipe: null | {};
    /**
     * fp32 latency divided by the winner's, paired; 1 for fp32; null where it could not be measured.
     */
    speedup: null | number;
    speedupInterval: null | Interval;
    /**
     * Share of evaluation samples with fp32's answer; 1 for fp32; null without samples or classes.
     */
    agreement: null | number;
    accuracy: null | number;
    sqnrDb: null | number;
    /**
     * Of the model.onnx that is served.
     */
    bytes: number;
    sha256: Sha256;
    /**
     * False: speed was not judged where it was built; the server measures it once at its start.
     */
    speedJudged: boolean;
  };
  /**
   * How the served model is to be opened.
   */
  session: {
    provider: 'cpu' | 'cuda' | 'tensorrt';
    intraOpThreads: number;
    /**
     * Level of the file; the server runs the rest at load.
     */
    graphOptimization: 'basic' | 'extended';
    /**
     * Session entries.
     */
    settings: {
      [k: string]: string;
    };
  };
  /**
   * What was measured again on replay. Null in a search.
   */
  recheck: null | {
    /**
     * Whether the same bytes came out as when the lock was written.
     */
    sha256Matches: boolean;
    agreement: null | number;
    accuracy: null | number;
    /**
     * The user's own metric; null without one.
     */
    metric: null | number;
    /**
     * Rounded to 0.1 dB.
     */
    sqnrDb: null | number;
  };
  canaries: {
    count: number;
    /**
     * Least signal to noise of the served model against fp32's canary answers, decibels; the server refuses to become ready below it.
     */
    minSqnrDb: number;
    /**
     * True when the inputs were made up, not taken from the user's samples.
     */
    synthetic: boolean;
  };
  /**
   * What repair found out: nodes of the repaired candidate, the one that hurts most first. Empty without repair.
   */
  sensitivity: {
    node: string;
    op: string;
    /**
     * Signal to noise of the model's worst output with this node alone quantized, or of the node's own output; the lower the more it hurts.
     */
    sqnrDb: number;
    excluded: boolean;
  }[];
  /**
   * Calibrated ranges of the winner, by tensor of the normalized graph. Null where it has none.
   */
  ranges: null | CalibratedRanges;
  /**
   * Weights of the winner that are no longer fp32, at most 64, the largest first.
   */
  tensors: {
    name: string;
    dtype: string;
    shape: number[];
    /**
     * Of fp32 values; one more than counts.
     */
    edges: number[];
    counts: number[];
    /**
     * Of the dequantized values against fp32.
     */
    sqnrDb: number;
  }[];
  /**
   * How the calibrated ranges settled: mean width of all ranges as a share of the final one, after so many samples. Empty without calibration.
   */
  convergence: {
    samples: number;
    width: number;
  }[];
  /**
   * How answers of the served model and inputs are spread on the evaluation samples, for the server to count in the same bins. Absent in reports of earlier versions.
   */
  drift?: {
    /**
     * Whose answers and inputs were counted.
     */
    samples: number;
    /**
     * Why nothing is watched.
     */
    reason: null | string;
    watched: WatchedFigure[];
    /**
     * What is not watched, in words.
     */
    notes: string[];
  };
  warnings: string[];
  notes: string[];
}
export interface Tensor {
  name: string;
  /**
   * numpy's name: float32, int64, uint8, bool, …; string for text.
   */
  dtype: string;
  shape: (number | string | null)[];
}
/**
 * Milliseconds of one run at batch 1.
 */
export interface Latency {
  p50: number;
  p95: number;
}
export interface CandidateResult {
  name: string;
  precision: 'fp16' | 'int8' | 'int4';
  /**
   * As tried, with `excludeNodes`.
   */
  recipe: {};
  origin: 'recipe' | 'repair';
  /**
   * rejected: measured and refused by the gate. failed: could not be made or run.
   */
  status: 'passed' | 'rejected' | 'failed';
  /**
   * Why it was refused or failed, both numbers in each.
   */
  reasons: string[];
  warnings: string[];
  bytes: null | number;
  latencyMs: null | Latency;
  speedup: null | number;
  /**
   * 95 % interval of the median ratio.
   */
  speedupInterval: null | Interval;
  /**
   * Against fp32 on the evaluation samples; null where it could not be measured.
   */
  fidelity: null | {
    agreement: null | number;
    sqnrDb: number;
    cosineMin: number;
    cosineMean: number;
    maxAbsError: number;
    nonFinite: number;
  };
  accuracy: null | {
    value: number;
    /**
     * Relative to fp32; negative when the candidate is better.
     */
    drop: number;
    errorRatio: null | number;
    decided: 'pass' | 'fail' | 'inconclusive';
  };
  /**
   * The user's own metric.
   */
  metric: null | {
    name: string;
    value: number;
    /**
     * Relative to fp32; negative when better.
     */
    drop: number;
    decided: 'pass' | 'fail' | 'inconclusive';
  };
  /**
   * The same model with its fused 8-bit kernels against the unfused float emulation, on this host: far below 40 dB its products saturate. Null where there is nothing to fuse.
   */
  saturationDb: null | number;
  seconds: number;
  peakMemoryBytes: null | number;
  /**
   * Retries that were needed to make it, in order.
   */
  ladder: string[];
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
export interface WatchedFigure {
  side: 'output' | 'input';
  /**
   * Name of the output or input.
   */
  tensor: string;
  /**
   * The one value of a row that is looked at. Null: all of it.
   */
  column: null | number;
  /**
   * Of each row. class: of scores the top one, of words and whole numbers themselves. confidence: probability of the top class. norm, mean, deviation: of at most 1024 values. length: characters, or numbers other than 0. size: how many values there are.
   */
  statistic: 'class' | 'confidence' | 'value' | 'norm' | 'mean' | 'deviation' | 'length' | 'size';
  /**
   * Rising; a bin takes what is above the edge before it and up to its own. Null for categories.
   */
  edges: null | number[];
  /**
   * Null for ranges.
   */
  categories: null | string[];
  /**
   * Samples in each bin: one more than edges and one for what is no number, or one more than categories, for all others.
   */
  counts: number[];
}
