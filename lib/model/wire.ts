/** Step 1 of the road: the protobuf fields of a file, read through a small window, so that a file of any size costs little memory. */

import { type Long, Reader } from 'protobufjs/minimal.js';
import { type OpenFile, readAt } from './regular-file.js';

/** A range of bytes of the file. */
export interface Span {
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
}

/** One field of a message: its number, how it is stored, and where its value lies. */
export interface Field extends Span {
  readonly number: number;
  readonly wire: WireType;
}

/** How a field is stored. */
export const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
export type WireType = (typeof WireType)[keyof typeof WireType];

/** The bytes are no protobuf message, or not all of it. */
export class WireFault extends Error {
  /**
   * @param reason - what is wrong, for the end of a sentence
   * @param at - byte of the file
   * @param truncated - the message would go on after the file's end
   */
  constructor(
    reason: string,
    readonly at: number,
    readonly truncated = false,
  ) {
    super(reason);
  }
}

/** What a message may contain at most before it is refused, so that a hostile file cannot fill the memory. */
const LIMITS = { depth: 100, messages: 1_000_000, fields: 20_000_000, textBytes: 128 << 20 };

const WINDOW_BYTES = 64 << 10;
/** Read after a jump, which is often over one weight to the next. */
const AFTER_JUMP_BYTES = 4 << 10;
/** A tag or a length is never longer, nor a number. */
const LONGEST_VARINT = 10;

/** Longest text that `text` returns, bytes. */
export const LONGEST_TEXT = WINDOW_BYTES;

/** An open file of protobuf fields. */
export interface Wire {
  /** Bytes of the file. */
  readonly size: number;
  /** Calls `visit` for every field of the message that lies there; values are skipped, not read. Throws `WireFault`. */
  eachField(message: Field, visit: (field: Field) => void): void;
  /** The field's value as a signed 64-bit integer, rounded beyond 2^53. */
  int(field: Field): number;
  /** The field's value as a 32-bit or 64-bit float. */
  float(field: Field): number;
  /** The field's value as UTF-8 text of at most `LONGEST_TEXT` bytes. */
  text(field: Field): string;
  /** The integers of a repeated field, one or packed. */
  ints(field: Field): number[];
  /** The floats of a repeated field, one or packed; `width` is 4 or 8 bytes. */
  floats(field: Field, width: 4 | 8): number[];
  /** A copy of the bytes. */
  bytes(span: Span): Buffer;
}

/** The fields of an open file. */
export function openWire(file: OpenFile): Wire {
  const { size } = file;
  const window = Buffer.allocUnsafe(WINDOW_BYTES);
  const reader = Reader.create(window);
  let base = 0;
  let filled = 0;
  let depth = 0;
  const spent = { messages: 0, fields: 0, textBytes: 0 };

  /** Puts the reader on a byte, with `need` bytes behind it as far as the message goes. */
  function seek(at: number, end: number, need = 2 * LONGEST_VARINT): void {
    const last = Math.min(at + need, end);
    if (at < base || last > base + filled) {
      const onward = at >= base && at <= base + filled;
      base = at;
      filled = readAt(file, window.subarray(0, Math.max(need, onward ? WINDOW_BYTES : AFTER_JUMP_BYTES)), at);
      if (last > base + filled) throw new WireFault('the file became shorter while it was read', at, true);
    }
    reader.pos = at - base;
    reader.len = Math.min(filled, end - base);
  }

  function fault(reason: string, at: number, end: number): WireFault {
    return new WireFault(reason, at, end >= size);
  }

  function spend(what: keyof typeof spent, amount: number, at: number): void {
    spent[what] += amount;
    if (spent[what] > LIMITS[what])
      throw new WireFault(`it describes a graph with more than ${LIMITS[what]} ${what}`, at);
  }

  /** Runs a read of protobufjs, whose errors say what is wrong with the bytes. */
  function reading<T>(at: number, end: number, what: string, read: () => T): T {
    try {
      return read();
    } catch {
      throw fault(`${what} cannot be read`, at, end);
    }
  }

  function field(at: number, end: number): Field {
    seek(at, end);
    const tag = reading(at, end, 'a field', () => reader.tag());
    const number = tag >>> 3;
    const wire = tag & 7;
    if (number === 0) throw new WireFault('field 0 does not exist', at);
    const start = base + reader.pos;
    if (wire === WireType.varint) {
      reading(start, end, 'a number', () => reader.skip());
      const stop = base + reader.pos;
      if (stop - start > LONGEST_VARINT) throw new WireFault(`a number is longer than ${LONGEST_VARINT} bytes`, start);
      return { number, wire, start, end: stop };
    }
    if (wire === WireType.bytes) {
      const length = reading(start, end, 'a length', () => reader.size());
      return within({ number, wire, start: base + reader.pos, end: base + reader.pos + length }, end);
    }
    if (wire === WireType.fixed32) return within({ number, wire, start, end: start + 4 }, end);
    if (wire === WireType.fixed64) return within({ number, wire, start, end: start + 8 }, end);
    throw new WireFault(`a field is of the unknown kind ${wire}`, at);
  }

  function within(found: Field, end: number): Field {
    if (found.end <= end) return found;
    throw fault(
      `field ${found.number} claims ${found.end - found.start} bytes of which ${end - found.start} are there`,
      found.start,
      end,
    );
  }

  function requireKind(found: Field, wire: WireType): void {
    if (found.wire !== wire)
      throw new WireFault(`field ${found.number} is of the wrong kind ${found.wire}`, found.start);
  }

  function varint(at: number, end: number): { value: number; end: number } {
    seek(at, end);
    const value = reading(at, end, 'a number', () => reader.int64() as Long | number);
    return { value: toNumber(value), end: base + reader.pos };
  }

  function fixed(at: number, width: 4 | 8): number {
    seek(at, at + width);
    return width === 4 ? reader.float() : reader.double();
  }

  return {
    size,
    eachField(message, visit) {
      requireKind(message, WireType.bytes);
      spend('messages', 1, message.start);
      depth += 1;
      if (depth > LIMITS.depth)
        throw new WireFault(`graphs and types are nested more than ${LIMITS.depth} deep`, message.start);
      for (let at = message.start; at < message.end; ) {
        spend('fields', 1, at);
        const found = field(at, message.end);
        visit(found);
        at = found.end;
      }
      depth -= 1;
    },
    int(found) {
      requireKind(found, WireType.varint);
      return varint(found.start, found.end).value;
    },
    float(found) {
      if (found.wire === WireType.fixed64) return fixed(found.start, 8);
      requireKind(found, WireType.fixed32);
      return fixed(found.start, 4);
    },
    text(found) {
      requireKind(found, WireType.bytes);
      const length = found.end - found.start;
      if (length > LONGEST_TEXT) throw new WireFault(`a name has ${length} bytes`, found.start);
      spend('textBytes', length, found.start);
      seek(found.start, found.end, length);
      return window.toString('utf8', found.start - base, found.end - base);
    },
    ints(found) {
      if (found.wire !== WireType.bytes) return [this.int(found)];
      const values: number[] = [];
      for (let at = found.start; at < found.end; ) {
        const next = varint(at, found.end);
        values.push(next.value);
        at = next.end;
      }
      return values;
    },
    floats(found, width) {
      if (found.wire !== WireType.bytes) return [this.float(found)];
      const count = (found.end - found.start) / width;
      if (!Number.isInteger(count)) throw new WireFault(`field ${found.number} ends within a number`, found.end);
      return Array.from({ length: count }, (_, index) => fixed(found.start + index * width, width));
    },
    bytes(span) {
      const copy = Buffer.alloc(span.end - span.start);
      if (readAt(file, copy, span.start) < copy.length)
        throw new WireFault('the file became shorter while it was read', span.start, true);
      return copy;
    },
  };
}

function toNumber(value: Long | number): number {
  return typeof value === 'number' ? value : value.high * 2 ** 32 + (value.low >>> 0);
}
