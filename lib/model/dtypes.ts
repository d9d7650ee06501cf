/** Step 1 of the road: the data types of tensors, as ONNX numbers them, as bytes and as the inference protocol calls them. */

import { SlipwayError } from '../errors.js';
import type { DType } from './profile.js';

interface DTypeFacts {
  /** ONNX's number for it. */
  readonly code: number;
  /** Bits of one element; 0 where elements differ in size. */
  readonly bits: number;
  readonly kind: 'float' | 'signed' | 'unsigned' | 'bool' | 'complex' | 'text' | 'none';
  /** Its name in the Open Inference Protocol; none where the server cannot carry it. */
  readonly oip?: string;
}

/** Everything Slipway knows of a data type. */
export const dtypes: Readonly<Record<DType, DTypeFacts>> = {
  undefined: { code: 0, bits: 0, kind: 'none' },
  float32: { code: 1, bits: 32, kind: 'float', oip: 'FP32' },
  uint8: { code: 2, bits: 8, kind: 'unsigned', oip: 'UINT8' },
  int8: { code: 3, bits: 8, kind: 'signed', oip: 'INT8' },
  uint16: { code: 4, bits: 16, kind: 'unsigned', oip: 'UINT16' },
  int16: { code: 5, bits: 16, kind: 'signed', oip: 'INT16' },
  int32: { code: 6, bits: 32, kind: 'signed', oip: 'INT32' },
  int64: { code: 7, bits: 64, kind: 'signed', oip: 'INT64' },
  string: { code: 8, bits: 0, kind: 'text', oip: 'BYTES' },
  bool: { code: 9, bits: 8, kind: 'bool', oip: 'BOOL' },
  float16: { code: 10, bits: 16, kind: 'float', oip: 'FP16' },
  float64: { code: 11, bits: 64, kind: 'float', oip: 'FP64' },
  uint32: { code: 12, bits: 32, kind: 'unsigned', oip: 'UINT32' },
  uint64: { code: 13, bits: 64, kind: 'unsigned', oip: 'UINT64' },
  complex64: { code: 14, bits: 64, kind: 'complex' },
  complex128: { code: 15, bits: 128, kind: 'complex' },
  bfloat16: { code: 16, bits: 16, kind: 'float' },
  float8e4m3fn: { code: 17, bits: 8, kind: 'float' },
  float8e4m3fnuz: { code: 18, bits: 8, kind: 'float' },
  float8e5m2: { code: 19, bits: 8, kind: 'float' },
  float8e5m2fnuz: { code: 20, bits: 8, kind: 'float' },
  uint4: { code: 21, bits: 4, kind: 'unsigned' },
  int4: { code: 22, bits: 4, kind: 'signed' },
  float4e2m1: { code: 23, bits: 4, kind: 'float' },
  float8e8m0: { code: 24, bits: 8, kind: 'float' },
  uint2: { code: 25, bits: 2, kind: 'unsigned' },
  int2: { code: 26, bits: 2, kind: 'signed' },
  float6e2m3: { code: 27, bits: 6, kind: 'float' },
  float6e3m2: { code: 28, bits: 6, kind: 'float' },
};

const byCode = new Map(Object.entries(dtypes).map(([name, { code }]) => [code, name as DType]));

/** The data type that ONNX numbers so, if there is one. */
export function dtypeOfCode(code: number): DType | undefined {
  return byCode.get(code);
}

/** Bytes of `elements` packed elements; 0 for text, whose elements differ in size. */
export function packedBytes(dtype: DType, elements: number): number {
  return Math.ceil((elements * dtypes[dtype].bits) / 8);
}

/** Whether elements of this type are learned numbers: floats, or integers of at most 8 bits. */
export function holdsWeights(dtype: DType): boolean {
  const { kind, bits } = dtypes[dtype];
  return kind === 'float' || kind === 'complex' || ((kind === 'signed' || kind === 'unsigned') && bits <= 8);
}

/** The type's name in the Open Inference Protocol: `FP32`, `INT64`, `BYTES`, …. Throws `SlipwayError` for types that no request can carry. */
export function oipDatatype(dtype: DType): string {
  const { oip } = dtypes[dtype];
  if (oip === undefined)
    throw new SlipwayError(
      `No request can carry tensors of type ${dtype}. Cast from float32 or an integer inside the model.`,
    );
  return oip;
}

type ReadElement = (view: DataView, at: number, littleEndian: boolean) => number;

const readers: Partial<Record<DType, ReadElement>> = {
  float32: (view, at, little) => view.getFloat32(at, little),
  float64: (view, at, little) => view.getFloat64(at, little),
  float16: (view, at, little) => halfToNumber(view.getUint16(at, little)),
  bfloat16: (view, at, little) => singleToNumber(view.getUint16(at, little)),
  int8: (view, at) => view.getInt8(at),
  int16: (view, at, little) => view.getInt16(at, little),
  int32: (view, at, little) => view.getInt32(at, little),
  int64: (view, at, little) => Number(view.getBigInt64(at, little)),
  uint8: (view, at) => view.getUint8(at),
  uint16: (view, at, little) => view.getUint16(at, little),
  uint32: (view, at, little) => view.getUint32(at, little),
  uint64: (view, at, little) => Number(view.getBigUint64(at, little)),
  bool: (view, at) => (view.getUint8(at) === 0 ? 0 : 1),
};

/**
 * The elements of a buffer as numbers; null for types that are no plain numbers (text, complex, below 8 bits).
 * 64-bit integers beyond 2^53 are rounded.
 */
export function numbersOf(dtype: DType, bytes: Uint8Array, littleEndian = true): number[] | null {
  const read = readers[dtype];
  if (read === undefined) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = dtypes[dtype].bits / 8;
  return Array.from({ length: Math.floor(bytes.byteLength / width) }, (_, index) =>
    read(view, index * width, littleEndian),
  );
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function singleToNumber(upperBits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint16(0, upperBits);
  return view.getFloat32(0);
}
