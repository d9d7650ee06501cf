/** Step 1 of the road: tensors of an ONNX file: what they are and where their data lies, not the data. */

import { dtypeOfCode, dtypes, numbersOf, packedBytes } from './dtypes.js';
import type { ExternalRange, SparseTensor, Tensor } from './graph.js';
import { floats, int, ints, many, message, one, packed, type Read, span, text } from './message.js';
import { EXTERNAL, fields } from './onnx-fields.js';
import type { DType } from './profile.js';
import { type Field, type Wire, WireFault } from './wire.js';

/** Longest list of an attribute, and of dimensions, that is kept. */
export const LONGEST_LIST = 4096;
/** Most elements of a tensor whose values are kept. */
const SMALL = 1024;

const entryFields = message({
  key: one(fields.StringStringEntryProto.key, text, ''),
  value: one(fields.StringStringEntryProto.value, text, ''),
});
const entry: Read<[string, string]> = (wire, field) => {
  const { key, value } = entryFields(wire, field);
  return [key, value];
};

const at = fields.TensorProto;
const tensorFields = message({
  name: one(at.name, text, ''),
  code: one(at.data_type, int, 0),
  dims: packed(at.dims, ints(LONGEST_LIST), LONGEST_LIST),
  location: one(at.data_location, int, 0),
  external: many(at.external_data, entry),
  raw: one(at.raw_data, span),
  texts: many(at.string_data, (_wire, { start, end }) => end - start),
  int32s: packed(at.int32_data, ints(SMALL), SMALL),
  int64s: packed(at.int64_data, ints(SMALL), SMALL),
  uint64s: packed(at.uint64_data, ints(SMALL), SMALL),
  floats: packed(at.float_data, floats(4, SMALL), SMALL),
  doubles: packed(at.double_data, floats(8, SMALL), SMALL),
});
type TensorFields = ReturnType<typeof tensorFields>;

/** A tensor. Throws `WireFault` when its sizes contradict each other. */
export const tensor: Read<Tensor> = (wire, field) => {
  const found = tensorFields(wire, field);
  const dtype = dtypeOfCode(found.code);
  if (dtype === undefined || dtype === 'undefined') throw fault(field, found, `the unknown data type ${found.code}`);
  const dims = found.dims;
  if (dims === null || dims.some((dim) => dim < 0)) throw fault(field, found, 'a negative size');
  const elements = dims.reduce((product, dim) => product * dim, 1);
  if (!Number.isSafeInteger(elements * 16)) throw fault(field, found, `the impossible shape [${dims.join(', ')}]`);
  const bytes =
    dtype === 'string' ? found.texts.reduce((sum, length) => sum + length, 0) : packedBytes(dtype, elements);
  const described = { name: found.name, dtype, dims, elements, bytes };
  if (found.location === EXTERNAL) return { ...described, values: null, external: externalRange(field, found, bytes) };
  checkLength(field, found, dtype, elements);
  return { ...described, values: elements <= SMALL ? smallValues(wire, found, dtype) : null, external: null };
};

const sparseFields = message({
  values: one(fields.SparseTensorProto.values, tensor),
  indices: one(fields.SparseTensorProto.indices, tensor),
  dims: packed(fields.SparseTensorProto.dims, ints(LONGEST_LIST), LONGEST_LIST),
});

/** A sparse tensor. Throws `WireFault` when one of its parts is missing. */
export const sparseTensor: Read<SparseTensor> = (wire, field) => {
  const { values, indices, dims } = sparseFields(wire, field);
  if (values === null || indices === null || dims === null) {
    throw new WireFault('a sparse tensor lacks its values or their places', field.start);
  }
  return { values, indices, dims };
};

/** The lists that may hold elements when `raw_data` does not; several types share the list of 32-bit integers. */
function typedList(found: TensorFields, dtype: DType): readonly number[] | null {
  const { kind, bits } = dtypes[dtype];
  if (dtype === 'float64' || dtype === 'complex128') return found.doubles;
  if (dtype === 'float32' || dtype === 'complex64') return found.floats;
  if (dtype === 'int64') return found.int64s;
  return kind === 'unsigned' && bits >= 32 ? found.uint64s : found.int32s;
}

function checkLength(field: Field, found: TensorFields, dtype: DType, elements: number): void {
  const shape = `[${(found.dims ?? []).join(', ')}]`;
  if (dtype === 'string') {
    if (found.texts.length !== elements)
      throw fault(field, found, `${found.texts.length} texts for its shape ${shape}`);
    return;
  }
  const list = typedList(found, dtype);
  const given = found.raw === null ? list?.length : found.raw.end - found.raw.start;
  const wanted = found.raw === null ? storedNumbers(dtype, elements) : packedBytes(dtype, elements);
  // A list too long to keep is null: its numbers are not counted.
  if (given === undefined ? wanted > SMALL : given === wanted) return;
  const unit = found.raw === null ? 'numbers' : 'bytes';
  throw fault(field, found, `${given ?? `more than ${SMALL}`} ${unit} of data, but ${dtype} ${shape} takes ${wanted}`);
}

/** How many numbers of the typed list the elements take: two for a complex one, a byte at a time below 8 bits. */
function storedNumbers(dtype: DType, elements: number): number {
  if (dtypes[dtype].kind === 'complex') return 2 * elements;
  return dtypes[dtype].bits < 8 ? packedBytes(dtype, elements) : elements;
}

function smallValues(wire: Wire, found: TensorFields, dtype: DType): readonly number[] | null {
  if (found.raw !== null) return numbersOf(dtype, wire.bytes(found.raw));
  const { kind, bits } = dtypes[dtype];
  if (kind === 'complex' || kind === 'text' || bits < 8) return null;
  // Half floats and 8-bit floats lie in the list as their bits.
  const asBits = kind === 'float' && bits < 32;
  const list = typedList(found, dtype);
  if (!asBits || list === null) return list;
  return numbersOf(dtype, new Uint8Array(new Uint16Array(list).buffer));
}

function externalRange(field: Field, found: TensorFields, bytes: number): ExternalRange {
  const given = new Map(found.external);
  const location = given.get('location') ?? '';
  if (location === '') throw fault(field, found, 'data in another file, but does not say which');
  return { location, offset: count('offset', 0), length: count('length', bytes) };

  function count(key: string, absent: number): number {
    const value = given.get(key) ?? String(absent);
    if (!/^\d{1,15}$/.test(value))
      throw fault(field, found, `the ${key} '${value}' in its file, which is no number of bytes`);
    return Number(value);
  }
}

function fault(field: Field, found: TensorFields, what: string): WireFault {
  return new WireFault(`tensor '${found.name}' has ${what}`, field.start);
}
