/** Made from container/schema/report.schema.json by `npm run schema`; change it there. */

export type Sha256 = string;

/**
 * What the optimizer tried, measured and decided. Written by container/optimizer; every other view of an optimization is drawn from it.
 */
export interface ReportFile {
  schemaVersion: 1;
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
  };
  /**
   * The recipe.json that was followed, whole (see recipe.schema.json).
   */
  recipe: {};
  /**
   * Versions of what decides bytes: python, onnxruntime, onnx, numpy.
   */
  tools: {
    [k: string]: string;
  };
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
     * False when this host's instruction set is not one of the target's: then speed was measured but did not decide.
     */
    judgesSpeed: boolean;
  };
  reference: {
    bytes: number;
    latencyMs: Latency;
    accuracy: null | number;
  };
  candidates: CandidateResult[];
  winner: {
    /**
     * 'fp32' or a candidate's name.
     */
    name: string;
    precision: 'fp32' | 'fp16' | 'int8' | 'int4';
    /**
     * fp32 latency divided by the winner's, paired; 1 for fp32; null where it could not be measured.
     */
    speedup: null | number;
    /**
     * Share of evaluation samples with fp32's answer; 1 for fp32; null without samples or classes.
     */
    agreement: null | number;
    accuracy: null | number;
    /**
     * Of the model.onnx that is served.
     */
    bytes: number;
    sha256: Sha256;
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
  warnings: string[];
  notes: string[];
  /**
   * What ran, in order, and how long.
   */
  stages: {
    name: string;
    seconds: number;
  }[];
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
  seconds: number;
  peakMemoryBytes: null | number;
  /**
   * Retries that were needed to make it, in order.
   */
  ladder: string[];
}
