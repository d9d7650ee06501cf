/** Step 1 of the road: what is known of a value that may be one of two. */

import type { DType, TensorInfo } from '../profile.js';
import { bothShapes, eitherShape, size, sum } from './dims.js';
import { type Known, MOST_AXES, MOST_ELEMENTS, type Outcome, type Sequence, unknown } from './rule.js';
import { fewElements, representable } from './values.js';

/** What holds for both values. */
export function either(one: Known, other: Known): Known {
  const shape = eitherShape(one.shape, other.shape);
  return {
    dtype: eitherType(one.dtype, other.dtype),
    shape,
    values: eitherValues(one, other, shape),
    stored: one.stored === other.stored ? one.stored : null,
    constant: one.constant && other.constant,
    sequence: one.sequence && other.sequence && eitherSequence(one.sequence, other.sequence),
  };
}

function eitherType(one: DType, other: DType): DType {
  if (one === 'undefined') return other;
  return other === 'undefined' || one === other ? one : 'undefined';
}

function eitherValues(one: Known, other: Known, shape: Known['shape']): Known['values'] {
  if (one.values === null || other.values === null || fewElements(shape) === null) return null;
  return one.values.map((value, at) => (value === other.values![at] ? value : null));
}

function eitherSequence(one: Sequence, other: Sequence): Sequence {
  const element = one.element && other.element ? either(one.element, other.element) : (one.element ?? other.element);
  const length = one.length === other.length ? one.length : null;
  const pairs = length !== null && one.items !== null && other.items !== null;
  return { length, element, items: pairs ? one.items!.map((item, at) => either(item, other.items![at]!)) : null };
}

/** A sequence of these tensors. It can hold no other sequences. */
export function sequenceOf(given: readonly Known[]): Sequence {
  const items = given.map(asTensor);
  const element = items.length === 0 ? null : items.reduce((all, item) => either(all, item));
  return { length: items.length, element, items: items.length <= MOST_ELEMENTS ? items : null };
}

/** The value, if it is a tensor. */
export function asTensor(value: Known): Known {
  return value.sequence === null ? value : unknown;
}

/** Whether nothing more is known of one than of the other. */
export function alike(one: Known, other: Known): boolean {
  return (
    one.dtype === other.dtype &&
    sameList(one.shape, other.shape) &&
    sameList(one.values, other.values) &&
    one.stored === other.stored &&
    one.constant === other.constant &&
    alikeSequences(one.sequence, other.sequence)
  );
}

function alikeSequences(one: Sequence | null, other: Sequence | null): boolean {
  if (one === null || other === null) return one === other;
  const elements = one.element && other.element ? alike(one.element, other.element) : one.element === other.element;
  return elements && one.length === other.length && (one.items === null) === (other.items === null);
}

function sameList(one: readonly (number | null)[] | null, other: readonly (number | null)[] | null): boolean {
  if (one === null || other === null) return one === other;
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at += 1) if (!Object.is(one[at], other[at])) return false;
  return true;
}

/** An answer of a rule with its sizes and elements checked: what cannot be is unknown. */
export function settled(outcome: Outcome, constant: boolean): Known {
  const { dtype, stored = null, sequence = null } = outcome;
  const shape = outcome.shape && outcome.shape.length <= MOST_AXES ? mapped(outcome.shape, size) : null;
  const count = outcome.values ? fewElements(shape) : null;
  const values =
    count === outcome.values?.length ? mapped(outcome.values!, (each) => representable(dtype, each)) : null;
  return { dtype, shape, values, stored, constant, sequence };
}

/** The list itself where nothing in it changes. */
function mapped(
  list: readonly (number | null)[],
  change: (each: number | null) => number | null,
): readonly (number | null)[] {
  for (const each of list) if (!Object.is(each, change(each))) return list.map(change);
  return list;
}

/** Fills what is unknown of a value from what the file says of it. */
export function filled(value: Known, info: TensorInfo | undefined, sizes: ReadonlyMap<string, number>): Known {
  if (info === undefined || (value.dtype !== 'undefined' && value.shape?.includes(null) === false)) return value;
  const dtype = value.dtype === 'undefined' ? info.dtype : value.dtype;
  const declared = info.shape?.map((dim) => (typeof dim === 'string' ? boundSize(dim, sizes) : size(dim))) ?? null;
  const tensor =
    value.sequence === null && (info.kind === 'tensor' || info.kind === 'optional' || info.kind === 'sparse');
  return { ...value, dtype, shape: tensor ? bothShapes(value.shape, declared) : value.shape };
}

/** The size of a symbolic dimension; exporters name some by a sum, such as `past + sequence`. */
function boundSize(name: string, sizes: ReadonlyMap<string, number>): number | null {
  const whole = sizes.get(name);
  if (whole !== undefined) return whole;
  const parts = name.split('+').map((part) => part.trim());
  return sum(parts.map((part) => sizes.get(part) ?? (/^\d{1,15}$/.test(part) ? Number(part) : null)));
}
