/** Any message comes back as it was written, and no bytes make the reader hang or break. */

import fc from 'fast-check';
import { Writer } from 'protobufjs/minimal.js';
import { describe, expect, test } from 'vitest';
import { withFile } from '../../lib/model/regular-file.js';
import { type Field, openWire, type Wire, WireFault, WireType } from '../../lib/model/wire.js';
import { file } from './scratch.js';

type Written =
  | { readonly kind: 'int'; readonly number: number; readonly value: bigint }
  | { readonly kind: 'float' | 'double'; readonly number: number; readonly value: number }
  | { readonly kind: 'text'; readonly number: number; readonly value: string }
  | { readonly kind: 'message'; readonly number: number; readonly value: readonly Written[] };

const number = fc.integer({ min: 1, max: 2 ** 29 - 1 });
const { message } = fc.letrec<{ message: Written[]; field: Written }>((tie) => ({
  message: fc.array(tie('field'), { maxLength: 6, depthIdentifier: 'message' }),
  field: fc.oneof(
    { depthIdentifier: 'message', maxDepth: 4 },
    fc.record({ kind: fc.constant('int'), number, value: fc.bigInt({ min: -(2n ** 53n), max: 2n ** 53n }) }),
    fc.record({ kind: fc.constant('float'), number, value: fc.float({ noNaN: true }) }),
    fc.record({ kind: fc.constant('double'), number, value: fc.double({ noNaN: true }) }),
    fc.record({ kind: fc.constant('text'), number, value: fc.string({ unit: 'grapheme' }) }),
    fc.record({ kind: fc.constant('message'), number, value: tie('message') }),
  ) as fc.Arbitrary<Written>,
}));

function write(fields: readonly Written[], writer = Writer.create()): Writer {
  for (const { kind, number: at, value } of fields) {
    if (kind === 'int') writer.uint32((at << 3) >>> 0).int64(value.toString());
    if (kind === 'float') writer.uint32(((at << 3) | 5) >>> 0).float(value);
    if (kind === 'double') writer.uint32(((at << 3) | 1) >>> 0).double(value);
    if (kind === 'text') writer.uint32(((at << 3) | 2) >>> 0).string(value);
    if (kind === 'message') writer.uint32(((at << 3) | 2) >>> 0).bytes(write(value).finish());
  }
  return writer;
}

/** Reads a message back by the kinds that were written. */
function readBack(wire: Wire, span: Field, fields: readonly Written[]): Written[] {
  const found: Written[] = [];
  wire.eachField(span, (field) => {
    const { kind, value } = fields[found.length]!;
    const at = { number: field.number };
    if (kind === 'int') found.push({ kind, ...at, value: BigInt(wire.int(field)) });
    if (kind === 'float' || kind === 'double') found.push({ kind, ...at, value: wire.float(field) });
    if (kind === 'text') found.push({ kind, ...at, value: wire.text(field) });
    if (kind === 'message') found.push({ kind, ...at, value: readBack(wire, field, value) });
  });
  return found;
}

const reading = <T>(bytes: Uint8Array, use: (wire: Wire) => T): T =>
  withFile(file(bytes), (open) => use(openWire(open)));
const whole = (wire: Wire): Field => ({ number: 0, wire: WireType.bytes, start: 0, end: wire.size });
const fieldsOf = (bytes: Uint8Array): Field[] =>
  reading(bytes, (wire) => {
    const found: Field[] = [];
    wire.eachField(whole(wire), (field) => found.push(field));
    return found;
  });

describe('what was written', () => {
  test('any message comes back', () => {
    fc.assert(
      fc.property(message, (fields) => {
        expect(reading(write(fields).finish(), (wire) => readBack(wire, whole(wire), fields))).toEqual(fields);
      }),
      { numRuns: 150 },
    );
  });

  test('packed integers and floats come back, however long the list', () => {
    const ints = Array.from({ length: 30_000 }, (_, index) => (index % 2 ? -index : index * 2 ** 20));
    const floats = Array.from({ length: 30_000 }, (_, index) => index / 4);
    const writer = Writer.create().uint32(10).fork();
    for (const value of ints) writer.int64(value);
    writer.ldelim().uint32(18).fork();
    for (const value of floats) writer.float(value);
    const bytes = writer.ldelim().finish();
    reading(bytes, (wire) => {
      const [first, second] = fieldsOf(bytes);
      expect(wire.ints(first!)).toEqual(ints);
      expect(wire.floats(second!, 4)).toEqual(floats);
    });
  });

  test('text that lies across the window is read', () => {
    const bytes = write([
      { kind: 'text', number: 1, value: 'a'.repeat(60_000) },
      { kind: 'text', number: 2, value: 'ü'.repeat(10_000) },
    ]).finish();
    reading(bytes, (wire) => {
      expect(fieldsOf(bytes).map((field) => wire.text(field))).toEqual(['a'.repeat(60_000), 'ü'.repeat(10_000)]);
    });
  });
});

describe('bytes that are no message', () => {
  const faultOf = (bytes: Uint8Array): WireFault => {
    try {
      fieldsOf(bytes);
    } catch (error) {
      if (error instanceof WireFault) return error;
      throw error;
    }
    throw new Error('no fault was found');
  };

  test('any bytes are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const found = (() => {
          try {
            return fieldsOf(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(WireFault);
            return [];
          }
        })();
        for (const { start, end } of found) expect(start <= end && end <= bytes.length).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('a message that is cut within a field is known to be truncated', () => {
    const bytes = write([{ kind: 'text', number: 1, value: 'abcdef' }]).finish();
    for (let length = 1; length < bytes.length; length += 1) {
      expect(faultOf(bytes.subarray(0, length)).truncated).toBe(true);
    }
  });

  test.each([
    ['a field of number 0', [0x00], 'field 0 does not exist'],
    ['the start of a group', [0x0b], 'a field is of the unknown kind 3'],
    ['the end of a group', [0x0c], 'a field is of the unknown kind 4'],
    ['the unknown kind 7', [0x0f], 'a field is of the unknown kind 7'],
    ['a number of eleven bytes', [0x08, ...Array(10).fill(0x80), 0x01], 'a number is longer than 10 bytes'],
    ['a tag without an end', Array(12).fill(0xff), 'a field cannot be read'],
    ['a length of 4 GB', [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], 'a length cannot be read'],
    ['a length past the end', [0x0a, 0x05, 0x01], 'field 1 claims 5 bytes of which 1 are there'],
    ['half a double', [0x09, 1, 2, 3, 4], 'field 1 claims 8 bytes of which 4 are there'],
  ])('%s is refused', (_name, bytes, reason) => {
    expect(faultOf(Uint8Array.from(bytes)).message).toBe(reason);
  });

  test('a number is no message', () => {
    const bytes = Uint8Array.of(0x08, 0x0a);
    reading(bytes, (wire) => {
      expect(() => wire.eachField(fieldsOf(bytes)[0]!, () => {})).toThrow('field 1 is of the wrong kind 0');
    });
  });

  test('a length inside a message must not reach outside it', () => {
    const inner = Uint8Array.of(0x0a, 0x05, 0x01);
    const bytes = Uint8Array.of(0x0a, inner.length, ...inner, 0x10, 1, 0x10, 1, 0x10, 1);
    reading(bytes, (wire) => {
      const [field] = fieldsOf(bytes);
      expect(() => wire.eachField(field!, () => {})).toThrow('field 1 claims 5 bytes of which 1 are there');
    });
  });
});
