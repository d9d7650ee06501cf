/** Step 1 of the road: shapes of sequences of tensors, and of values that may be absent. */

import { dtypeOfCode } from '../dtypes.js';
import { axisOf, known, size, sum, withDim } from './dims.js';
import { asTensor, either, sequenceOf, settled } from './merge.js';
import { joined, partsAlong } from './pieces.js';
import {
  type Call,
  input,
  int,
  type Known,
  MOST_ELEMENTS,
  type Outcome,
  type Rule,
  type Rules,
  type Sequence,
  scalar,
  unknown,
} from './rule.js';

function asOutcome(sequence: Sequence | null, dtype: Known['dtype']): Outcome {
  return { dtype: sequence?.element?.dtype ?? dtype, shape: null, sequence };
}

const construct: Rule = (call) => [asOutcome(sequenceOf(call.inputs.map((_, at) => input(call, at))), 'undefined')];

const empty: Rule = (call) => [asOutcome(sequenceOf([]), dtypeOfCode(int(call, 'dtype', 1)) ?? 'undefined')];

/** The place that an input names in a sequence of this length. */
function place(call: Call, index: number, length: number | null): number | null {
  return length === null ? null : axisOf(scalar(call, index), length);
}

const elementAt: Rule = (call) => {
  const { sequence, dtype } = input(call, 0);
  const found = place(call, 1, sequence?.length ?? null);
  const item = (found === null ? null : sequence?.items?.[found]) ?? sequence?.element ?? null;
  return [item ?? { dtype, shape: null }];
};

const insert: Rule = (call) => {
  const { sequence, dtype } = input(call, 0);
  const item = asTensor(input(call, 1));
  if (sequence === null) return [{ dtype, shape: null }];
  const { length, element, items } = sequence;
  const index = call.inputs.length < 3 ? length : scalar(call, 2);
  const found = length === null || index === null ? null : axisOf(index, length + 1);
  const grown =
    items !== null && found !== null && items.length < MOST_ELEMENTS ? items.toSpliced(found, 0, item) : null;
  const both = element === null ? item : either(element, item);
  return [asOutcome({ length: sum([length, 1]), element: both, items: grown }, dtype)];
};

const erase: Rule = (call) => {
  const { sequence, dtype } = input(call, 0);
  if (sequence === null) return [{ dtype, shape: null }];
  const { length, element, items } = sequence;
  const found = call.inputs.length < 2 ? (length === null ? null : length - 1) : place(call, 1, length);
  const rest = items !== null && found !== null ? items.toSpliced(found, 1) : null;
  return [asOutcome({ length: size(known((each) => each! - 1, length)), element, items: rest }, dtype)];
};

const lengthOf: Rule = (call) => {
  const length = input(call, 0).sequence?.length ?? null;
  return [{ dtype: 'int64', shape: [], values: [length] }];
};

/** Parts of a tensor: as long as a list says, or all of one length but the last. Parts of one element lose the axis unless it is kept. */
const splitToSequence: Rule = (call) => {
  const value = input(call, 0);
  const axis = value.shape && axisOf(int(call, 'axis', 0), value.shape.length);
  const split = input(call, 1);
  const given = (call.inputs[1] ?? null) !== null;
  const dim = axis === null ? null : value.shape![axis]!;
  const lone = !given && int(call, 'keepdims', 1) === 0;
  if (value.shape === null || axis === null)
    return [{ dtype: value.dtype, shape: null, sequence: openSequence(unknown, null) }];
  const sizes = given
    ? split.shape?.length === 1
      ? (split.values?.map(size) ?? null)
      : chunks(dim, scalar(call, 1))
    : chunks(dim, 1);
  if (sizes === null) {
    const shape = withDim(value.shape, axis, given ? null : 1);
    const part = settled({ dtype: value.dtype, shape: lone ? shape.toSpliced(axis, 1) : shape }, false);
    return [asOutcome(openSequence(part, given ? (split.shape?.[0] ?? null) : dim), value.dtype)];
  }
  const parts = partsAlong(value, axis, sizes).map((part) =>
    settled(lone ? { dtype: part.dtype, shape: part.shape!.toSpliced(axis, 1) } : part, false),
  );
  return [asOutcome(sequenceOf(parts), value.dtype)];
};

function openSequence(element: Known, length: number | null): Sequence {
  return { length, element, items: null };
}

/** Lengths of parts of `step` elements; null when they are unknown or too many. */
function chunks(dim: number | null, step: number | null): (number | null)[] | null {
  if (dim === null || step === null || step < 1 || dim / step > MOST_ELEMENTS) return null;
  return Array.from({ length: Math.ceil(dim / step) }, (_, at) => Math.min(step, dim - at * step));
}

const concatFromSequence: Rule = (call) => {
  const { sequence, dtype } = input(call, 0);
  const fresh = int(call, 'new_axis', 0) === 1;
  const axis = int(call, 'axis', 0);
  if (sequence === null || sequence.element === null) return [{ dtype, shape: null }];
  const { element, items, length } = sequence;
  if (element.shape === null) return [{ dtype: element.dtype, shape: null }];
  const rank = element.shape.length + (fresh ? 1 : 0);
  const front = axisOf(axis, rank);
  if (front === null) return [{ dtype: element.dtype, shape: null }];
  if (fresh) return [{ dtype: element.dtype, shape: element.shape.toSpliced(front, 0, length) }];
  if (items !== null && items.length > 0) return [joined(items, axis)];
  const along = known((count, each) => count! * each!, length, element.shape[front]!);
  return [{ dtype: element.dtype, shape: withDim(element.shape, front, size(along)) }];
};

/** Whether an optional value is there is known where it is left out. */
const hasElement: Rule = (call) => [
  { dtype: 'bool', shape: [], values: call.inputs.length === 0 || call.inputs[0] === null ? [0] : null },
];

const optional: Rule = (call) => {
  const { dtype, shape, values, sequence } = input(call, 0);
  return [{ dtype, shape, values, sequence }];
};

export const sequences: Rules = {
  ConcatFromSequence: concatFromSequence,
  Optional: optional,
  OptionalGetElement: optional,
  OptionalHasElement: hasElement,
  SequenceAt: elementAt,
  SequenceConstruct: construct,
  SequenceEmpty: empty,
  SequenceErase: erase,
  SequenceInsert: insert,
  SequenceLength: lengthOf,
  SplitToSequence: splitToSequence,
};
