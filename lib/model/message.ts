/** Step 1 of the road: describes a protobuf message by the fields wanted of it, and reads it into an object. */

import type { Field, Span, Wire } from './wire.js';

/** Reads a field's value. A message is read as a field, too. */
export type Read<T> = (wire: Wire, field: Field) => T;

/** One property of the object: the field's number, the value without it, and how each occurrence changes the value. */
interface Slot<T> {
  readonly number: number;
  readonly start: () => T;
  readonly put: (held: T, wire: Wire, field: Field) => T;
}

/** A field of which the last occurrence counts. */
export function one<T>(number: number, read: Read<T>): Slot<T | null>;
export function one<T>(number: number, read: Read<T>, absent: T): Slot<T>;
export function one<T>(number: number, read: Read<T>, absent: T | null = null): Slot<T | null> {
  return { number, start: () => absent, put: (_held, wire, field) => read(wire, field) };
}

/** A repeated field. */
export function many<T>(number: number, read: Read<T>): Slot<T[]> {
  return { number, start: () => [], put: (held, wire, field) => append(held, [read(wire, field)]) };
}

/** A repeated field of numbers of which each occurrence may pack several; `read` gives null when it packs too many to keep. */
export function packed(number: number, read: Read<number[] | null>, most: number): Slot<number[] | null> {
  return {
    number,
    start: () => [],
    put: (held, wire, field) => {
      const more = held && read(wire, field);
      return more && held && held.length + more.length <= most ? append(held, more) : null;
    },
  };
}

function append<T>(held: T[], more: readonly T[]): T[] {
  for (const item of more) held.push(item);
  return held;
}

// biome-ignore lint/suspicious/noExplicitAny: slots of different types share one object
type Slots = Readonly<Record<string, Slot<any>>>;

/** A reader of messages with these fields; all others are skipped. */
export function message<S extends Slots>(slots: S): Read<{ [K in keyof S]: S[K] extends Slot<infer T> ? T : never }> {
  const entries = Object.entries(slots);
  const byNumber = new Map(entries.map(([key, slot]) => [slot.number, { key, put: slot.put }]));
  return (wire, holder) => {
    const object: Record<string, unknown> = {};
    for (const [key, slot] of entries) object[key] = slot.start();
    wire.eachField(holder, (field) => {
      const slot = byNumber.get(field.number);
      if (slot !== undefined) object[slot.key] = slot.put(object[slot.key], wire, field);
    });
    return object as { [K in keyof S]: S[K] extends Slot<infer T> ? T : never };
  };
}

export const int: Read<number> = (wire, field) => wire.int(field);
export const float: Read<number> = (wire, field) => wire.float(field);
export const text: Read<string> = (wire, field) => wire.text(field);
/** Where the field's bytes lie. */
export const span: Read<Span> = (_wire, { start, end }) => ({ start, end });

/** Integers, unless the field is so long that it packs more than `most`. */
export function ints(most: number): Read<number[] | null> {
  return (wire, field) => (field.end - field.start > most * 10 ? null : wire.ints(field));
}

/** Floats of `width` bytes, unless the field packs more than `most`. */
export function floats(width: 4 | 8, most: number): Read<number[] | null> {
  return (wire, field) => (field.end - field.start > most * width ? null : wire.floats(field, width));
}
