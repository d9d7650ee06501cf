/** Step 1 of the road: NumPy arrays on disk: what their headers say, and their first row. */

import { SlipwayError } from '../errors.js';
import { numbersOf } from './dtypes.js';
import type { ByteSource } from './npz.js';
import type { DType } from './profile.js';

/** An array's header. */
export interface NpyHeader {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The first axis varies fastest in the file. */
  readonly fortranOrder: boolean;
  readonly littleEndian: boolean;
  readonly itemBytes: number;
  /** Text as 4-byte code points rather than bytes. */
  readonly unicode: boolean;
  /** Byte at which the elements start. */
  readonly dataStart: number;
}

/** One element as JSON has it. */
export type Scalar = number | boolean | string;

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
const LONGEST_HEADER = 1 << 20;
/** Arrays in Fortran order have to be read whole for one row. */
const LARGEST_FORTRAN = 256 << 20;

/** NumPy's letter and size of each type that a model may take. */
const dtypeOfLetters: Readonly<Record<string, DType>> = {
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  b1: 'bool',
  c8: 'complex64',
  c16: 'complex128',
};

export function isNpy(source: ByteSource): boolean {
  return source.read(0, MAGIC.length).equals(MAGIC);
}

/**
 * Reads a header of format 1, 2 or 3.
 *
 * @param what - the array, as a message names it
 */
export function readNpyHeader(source: ByteSource, what: string): NpyHeader {
  const damaged = (reason: string) => new SlipwayError(`${what} is damaged: ${reason}. Save it again.`);
  if (!isNpy(source)) throw new SlipwayError(`${what} is no NumPy array. Save it with np.save or np.savez.`);
  const version = source.read(6, 1)[0] ?? 0;
  if (version < 1 || version > 3) throw damaged(`its format ${version} is none of 1, 2, 3`);
  const lengthBytes = version === 1 ? 2 : 4;
  const lengthField = source.read(8, lengthBytes);
  if (lengthField.length < lengthBytes) throw damaged('it ends within its header');
  const length = lengthField.readUIntLE(0, lengthBytes);
  if (length > LONGEST_HEADER) throw damaged(`its header claims ${length} bytes`);
  const text = source.read(8 + lengthBytes, length);
  if (text.length < length) throw damaged('it ends within its header');
  const parsed = parseDictionary(text.toString('utf8'));
  if (parsed === null) throw damaged('its header cannot be read');
  const type = parseType(parsed.descr, what);
  const dataStart = 8 + lengthBytes + length;
  const bytes = dataStart + product(parsed.shape) * type.itemBytes;
  if (bytes !== source.bytes) throw damaged(`it has ${source.bytes} bytes, its shape and type take ${bytes}`);
  return { ...type, shape: parsed.shape, fortranOrder: parsed.fortranOrder, dataStart };
}

interface Dictionary {
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

/** The Python dictionary of the header; a `descr` that is a list comes back as it is written. */
function parseDictionary(text: string): Dictionary | null {
  const descr = /(['"])descr\1\s*:\s*(?:(['"])(.*?)\2|(\[))/.exec(text);
  const order = /(['"])fortran_order\1\s*:\s*(True|False)/.exec(text);
  const shape = /(['"])shape\1\s*:\s*\(([\d\sL,]*)\)/.exec(text);
  if (!text.startsWith('{') || !descr || !order || !shape) return null;
  const sizes = shape[2]!
    .split(',')
    .map((size) => size.trim().replace(/L$/, ''))
    .filter((size) => size !== '');
  const sane = sizes.every((size) => /^\d+$/.test(size)) && Number.isSafeInteger(product(sizes.map(Number)) * 1024);
  if (!sane) return null;
  return { descr: descr[3] ?? '[', fortranOrder: order[2] === 'True', shape: sizes.map(Number) };
}

type ItemType = Pick<NpyHeader, 'dtype' | 'littleEndian' | 'itemBytes' | 'unicode'>;

function parseType(descr: string, what: string): ItemType {
  const [, order = '', letter = '', size = ''] = /^([<>|=]?)([a-zA-Z])(\d*)$/.exec(descr) ?? [];
  const littleEndian = order !== '>';
  if (letter === 'O') {
    throw new SlipwayError(
      `${what} holds Python objects, which Slipway never unpickles. Save numbers, or text with .astype(str), in a rectangular array.`,
    );
  }
  if (letter === 'U') return { dtype: 'string', littleEndian, itemBytes: 4 * Number(size), unicode: true };
  if (letter === 'S') return { dtype: 'string', littleEndian, itemBytes: Number(size), unicode: false };
  const dtype = dtypeOfLetters[letter + size];
  if (dtype !== undefined) return { dtype, littleEndian, itemBytes: Number(size), unicode: false };
  throw new SlipwayError(
    `${what} is of NumPy's type ${descr === '[' ? 'record' : `'${descr}'`}, which no model takes. Save integers, floats, booleans or text.`,
  );
}

/** The elements of the first row in C order. The array has at least one axis and one row. */
export function firstRow(source: ByteSource, header: NpyHeader, what: string): Scalar[] {
  const [rows = 0, ...rest] = header.shape;
  const count = product(rest);
  const { itemBytes, dataStart } = header;
  const row =
    header.fortranOrder && rest.length > 0
      ? fortranRow(source, header, rows, rest, what)
      : source.read(dataStart, count * itemBytes);
  if (row.length < count * itemBytes)
    throw new SlipwayError(`${what} is damaged: it ends within its first row. Save it again.`);
  return scalars(row, count, header);
}

function fortranRow(
  source: ByteSource,
  header: NpyHeader,
  rows: number,
  rest: readonly number[],
  what: string,
): Buffer {
  const { itemBytes, dataStart } = header;
  const count = product(rest);
  if (rows * count * itemBytes > LARGEST_FORTRAN) {
    throw new SlipwayError(`${what} is large and in Fortran order. Save it with np.ascontiguousarray.`);
  }
  const all = source.read(dataStart, rows * count * itemBytes);
  if (all.length < rows * count * itemBytes) return Buffer.alloc(0);
  const row = Buffer.alloc(count * itemBytes);
  for (let at = 0; at < count; at += 1) {
    const from = fortranIndex(at, rest) * rows * itemBytes;
    all.copy(row, at * itemBytes, from, from + itemBytes);
  }
  return row;
}

/** Where the element with this C index lies in Fortran order. */
function fortranIndex(index: number, shape: readonly number[]): number {
  let left = index;
  let stride = product(shape);
  return [...shape].reverse().reduce((sum, size) => {
    const coordinate = left % size;
    left = Math.floor(left / size);
    stride /= size;
    return sum + coordinate * stride;
  }, 0);
}

function scalars(row: Buffer, count: number, header: NpyHeader): Scalar[] {
  const { dtype, littleEndian, itemBytes, unicode } = header;
  if (dtype === 'string') {
    const decode = unicode ? unicodeText : byteText;
    return Array.from({ length: count }, (_, index) =>
      decode(row.subarray(index * itemBytes, (index + 1) * itemBytes), littleEndian),
    );
  }
  const values = numbersOf(dtype, row, littleEndian);
  if (values === null) throw new SlipwayError(`Samples of type ${dtype} cannot be sent as JSON. Save real numbers.`);
  if (dtype === 'bool') return values.map((value) => value !== 0);
  return dtype === 'float32' || dtype === 'float16' ? values.map(shortest) : values;
}

/** NumPy pads text with zeros. */
function unicodeText(item: Buffer, littleEndian: boolean): string {
  const points = Array.from({ length: item.length / 4 }, (_, index) =>
    littleEndian ? item.readUInt32LE(4 * index) : item.readUInt32BE(4 * index),
  );
  return points
    .map((point) => (point > 0x10ffff ? '\ufffd' : String.fromCodePoint(point)))
    .join('')
    .replace(/\0+$/, '');
}

function byteText(item: Buffer): string {
  return item.toString('utf8').replace(/\0+$/, '');
}

/** The shortest decimal of at least 6 digits that is the same 32-bit float; 9 are always enough. */
function shortest(value: number): number {
  const digits = [6, 7, 8, 9].find((count) => Math.fround(Number(value.toPrecision(count))) === value);
  return digits === undefined ? value : Number(value.toPrecision(digits));
}

export function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}
