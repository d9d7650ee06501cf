/** Step 1 of the road: shapes of operators that run graphs: branches, loops and scans. */

import { axisOf } from './dims.js';
import { alike, asTensor, either, settled } from './merge.js';
import {
  type Call,
  type FlowRule,
  has,
  input,
  int,
  ints,
  type Known,
  type Outcome,
  type ShapedRun,
  scalar,
  unknown,
} from './rule.js';

/** Runs of a loop's body until nothing more is lost; after that the states are taken to be unknown. */
const ROUNDS = 8;

/** Both branches may run unless the condition is known. */
const branches: FlowRule = (call, run) => {
  const condition = scalar(call, 0);
  const [one, other] = [run('then_branch', []), run('else_branch', [])];
  const bodies = [one, other].flatMap((each) => (each === null ? [] : [each.body]));
  const taken = condition === null ? null : condition !== 0 ? one : other;
  if (taken !== null) return { outcomes: taken.results, bodies };
  const pairs = one?.results.map((result, at) => either(result, other?.results[at] ?? unknown));
  return { outcomes: pairs ?? [], bodies };
};

interface Fixed {
  /** What holds for the states before every run of the body. */
  readonly states: readonly Known[];
  readonly last: ShapedRun;
}

/** What holds for the states of a loop in all its runs. The body's first results are the next states. */
function fixedPoint(initial: readonly Known[], run: (states: readonly Known[]) => ShapedRun | null): Fixed | null {
  let states = initial;
  for (let round = 0; round <= ROUNDS; round += 1) {
    const last = run(states);
    if (last === null) return null;
    const next = states.map((state, at) => either(state, last.results[at] ?? unknown));
    if (round === ROUNDS || states.every((state, at) => alike(state, next[at]!))) return { states, last };
    states = round === ROUNDS - 1 ? states.map(() => unknown) : next;
  }
  return null;
}

/** What the states are at the end: where nothing is known of the number of runs, there may have been none. */
function finalStates(
  initial: readonly Known[],
  { states, last }: Fixed,
  first: number,
  trips: number | null,
): readonly Outcome[] {
  if (trips === 0) return initial.slice(first);
  return states.slice(first).map((state, at) => {
    const result = last.results[first + at] ?? unknown;
    return trips === null ? either(state, result) : result;
  });
}

/** Results of every run, stacked along an axis. */
function stacked({ dtype, shape }: Known, trips: number | null, axisGiven: number): Outcome {
  const axis = shape && axisOf(axisGiven, shape.length + 1);
  return { dtype, shape: shape && axis !== null ? shape.toSpliced(axis, 0, trips) : null };
}

const truth: Known = { ...unknown, dtype: 'bool', shape: [], values: [1], constant: true };
const counter: Known = { ...unknown, dtype: 'int64', shape: [] };

const loop: FlowRule = (call, run) => {
  const condition = has(call, 1) ? input(call, 1) : truth;
  const initial = [condition, ...call.inputs.slice(2).map((each) => each ?? unknown)];
  const fixed = fixedPoint(initial, (states) => run('body', [counter, ...states]));
  if (fixed === null) return { outcomes: [], bodies: [] };
  const { results, body } = fixed.last;
  const trips = tripCount(call, condition, results[0] ?? unknown);
  const scans = results.slice(initial.length).map((each) => stacked(each, trips, 0));
  return { outcomes: [...finalStates(initial, fixed, 1, trips), ...scans], bodies: [body] };
};

/** As many as asked for, where the condition is true before every run. */
function tripCount(call: Call, before: Known, after: Known): number | null {
  const most = has(call, 0) ? scalar(call, 0) : null;
  if (before.values?.[0] === 0 || (most !== null && most <= 0)) return 0;
  return before.values?.[0] === 1 && after.values?.[0] === 1 ? most : null;
}

const scan: FlowRule = (call, run) => {
  const scanned = int(call, 'num_scan_inputs', 0);
  const first = call.inputs.length - scanned;
  // Before operator set 9 every input had a batch axis in front.
  if (call.version < 9 || scanned < 1 || first < 0) return { outcomes: [], bodies: [] };
  const axes = ints(call, 'scan_input_axes');
  const slices = call.inputs.slice(first).map((each, at) => sliceOf(each ?? unknown, axes?.[at] ?? 0));
  const trips = slices.find(({ length }) => length !== null)?.length ?? null;
  const initial = call.inputs.slice(0, first).map((each) => each ?? unknown);
  const fixed = fixedPoint(initial, (states) => run('body', [...states, ...slices.map(({ value }) => value)]));
  if (fixed === null) return { outcomes: [], bodies: [] };
  const places = ints(call, 'scan_output_axes');
  const scans = fixed.last.results.slice(first).map((each, at) => stacked(each, trips, places?.[at] ?? 0));
  return { outcomes: [...finalStates(initial, fixed, 0, trips), ...scans], bodies: [fixed.last.body] };
};

/** One slice of a value that is scanned, and how many there are. */
function sliceOf({ dtype, shape }: Known, axisGiven: number): { value: Known; length: number | null } {
  const axis = shape && axisOf(axisGiven, shape.length);
  if (shape === null || axis === null) return { value: settled({ dtype, shape: null }, false), length: null };
  return { value: settled({ dtype, shape: shape.toSpliced(axis, 1) }, false), length: shape[axis]! };
}

const sequenceMap: FlowRule = (call, run) => {
  const elements = call.inputs.map((each) =>
    each?.sequence ? { ...(each.sequence.element ?? unknown), values: null } : each,
  );
  const found = run('body', elements);
  if (found === null) return { outcomes: [], bodies: [] };
  const length = input(call, 0).sequence?.length ?? null;
  const outcomes = found.results.map((element) => ({
    dtype: element.dtype,
    shape: null,
    sequence: { length, element: { ...asTensor(element), values: null }, items: null },
  }));
  return { outcomes, bodies: [found.body] };
};

export const controlFlow: Readonly<Record<string, FlowRule>> = {
  If: branches,
  Loop: loop,
  Scan: scan,
  SequenceMap: sequenceMap,
};
