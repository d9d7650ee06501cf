/** Step 2 of the road: the forms in which a model can be executed, and what executes it. */

/** `tf32`: float32 in memory, products rounded to 10 bits of mantissa by tensor cores. */
export const precisions = ['fp32', 'tf32', 'fp16', 'bf16', 'int8', 'fp8'] as const;
export type Precision = (typeof precisions)[number];

/** ONNX Runtime's execution providers that Slipway can estimate. */
export const providers = ['cpu', 'cuda', 'tensorrt'] as const;
export type Provider = (typeof providers)[number];

/** Bytes of one float of the model in this precision. */
export const bytesPerFloat: Readonly<Record<Precision, number>> = {
  fp32: 4,
  tf32: 4,
  fp16: 2,
  bf16: 2,
  int8: 1,
  fp8: 1,
};
