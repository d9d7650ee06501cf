/** Step 1 of the road: what Slipway knows of a model, read from its graph without loading its weights. */

/** A size: a number, the name of a symbolic dimension, or null when the graph says nothing. */
export type Dim = number | string | null;

/** numpy's names; `string` for text, `bfloat16` and the floats of 8 bits and fewer as ONNX calls them. */
export type DType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'bool'
  | 'string'
  | 'complex64'
  | 'complex128'
  | 'float8e4m3fn'
  | 'float8e4m3fnuz'
  | 'float8e5m2'
  | 'float8e5m2fnuz'
  | 'float8e8m0'
  | 'float4e2m1'
  | 'float6e2m3'
  | 'float6e3m2'
  | 'int4'
  | 'uint4'
  | 'int2'
  | 'uint2'
  | 'undefined';

/** An input or output of the graph. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: DType;
  /** Outermost first; null as a whole when the rank is unknown. */
  readonly shape: readonly Dim[] | null;
  /** For outputs that are no tensors (a sequence of maps from a classic classifier): what they are instead. */
  readonly kind: 'tensor' | 'sequence' | 'map' | 'optional' | 'sparse';
}

/** What kind of network the graph is; decides the recipe. */
export type Family = 'cnn' | 'vit' | 'encoder' | 'decoder' | 'detector' | 'recurrent' | 'mlp' | 'classic' | 'other';

/** How the weights are already reduced, if they are. */
export type Quantization = 'none' | 'qdq' | 'qoperator' | 'dynamic' | 'weight-only' | 'float16';

/** A file beside the model that holds weights. */
export interface ExternalFile {
  /** Relative to the model's folder, as the model names it. */
  readonly location: string;
  readonly bytes: number;
}

/** All that later steps may ask about a model. JSON-serialisable. */
export interface ModelProfile {
  readonly schemaVersion: 1;
  /** Bytes of the file itself, without external data. */
  readonly fileBytes: number;
  readonly irVersion: number;
  /** Version of the default domain `ai.onnx`; null when the model imports only others. */
  readonly opset: number | null;
  /** Every imported domain and its version; the default domain is `ai.onnx`. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly producer: string;
  readonly family: Family;
  /**
   * Elements of all initializers and constants that are floats or integers of at most 8 bits (quantized weights).
   * Packed weights count as what they unpack to; numbers in attributes, such as those of trees, do not count.
   */
  readonly parameters: number;
  /** Bytes of all initializers and constants, external ones included. */
  readonly weightBytes: number;
  readonly weightBytesByDtype: Readonly<Partial<Record<DType, number>>>;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** Names of symbolic dimensions over all inputs, in order of appearance. */
  readonly symbolicDims: readonly string[];
  /** The first symbolic dimension of every input, where all inputs have the same one first; null otherwise. */
  readonly batchDim: string | null;
  /** How often each operator occurs, subgraphs and functions included: `Conv`, or `domain:Op` outside `ai.onnx`. */
  readonly ops: Readonly<Record<string, number>>;
  readonly nodes: number;
  readonly quantization: Quantization;
  /** Operators outside the domains that ONNX Runtime ships and the model's own functions, as `domain:Op`, sorted. */
  readonly customOps: readonly string[];
  readonly externalData: readonly ExternalFile[];
}

/** Bytes of the model's files. */
export const modelBytes = ({ fileBytes, externalData }: ModelProfile): number =>
  fileBytes + externalData.reduce((sum, { bytes }) => sum + bytes, 0);

/** Seconds that reading its files may add to a start: two minutes for each GB. */
export const loadSeconds = (profile: ModelProfile): number => Math.ceil((modelBytes(profile) / 1e9) * 120);
