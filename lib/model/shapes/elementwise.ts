/** Step 1 of the road: shapes of operators that work element by element. */

import { dtypeOfCode, dtypes } from '../dtypes.js';
import type { DType } from '../profile.js';
import { broadcast, known } from './dims.js';
import { type Call, dims, dtype, each, has, input, int, like, type Rule, type Rules, rulesOf, same } from './rule.js';
import { combine, whereKnown } from './values.js';

type Compute = (...numbers: number[]) => number;
/** Arithmetic that has to know whether it is integers'. */
type Arithmetic = (a: number, b: number, whole: boolean) => number;

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const up = value - floor > 0.5 || (value - floor === 0.5 && floor % 2 !== 0);
  return up ? floor + 1 : floor;
}

const unary: Record<string, Compute> = {
  Abs: Math.abs,
  Ceil: Math.ceil,
  Exp: Math.exp,
  Floor: Math.floor,
  Log: Math.log,
  Neg: (value) => -value,
  Reciprocal: (value) => 1 / value,
  Relu: (value) => Math.max(0, value),
  Round: roundHalfToEven,
  Sign: Math.sign,
  Sqrt: Math.sqrt,
};

/** Operators whose numbers no shape is made of. */
const plain = [
  ...['Acos', 'Acosh', 'Asin', 'Asinh', 'Atan', 'Atanh', 'BitwiseNot', 'Celu', 'Cos', 'Cosh', 'CumProd', 'CumSum'],
  ...['Elu', 'Erf', 'Gelu', 'HardSigmoid', 'HardSwish', 'Hardmax', 'LRN', 'LeakyRelu', 'LogSoftmax'],
  ...['LpNormalization', 'MeanVarianceNormalization', 'Mish', 'PRelu', 'ReverseSequence', 'Scatter'],
  ...['ScatterElements', 'ScatterND', 'Selu', 'Shrink', 'Sigmoid', 'Sin', 'Sinh', 'Softmax', 'Softplus'],
  ...['Softsign', 'Swish', 'Tan', 'Tanh', 'TensorScatter', 'ThresholdedRelu', 'Trilu'],
];

const arithmetic: Record<string, Arithmetic> = {
  Add: (a, b) => a + b,
  Div: (a, b, whole) => (whole ? Math.trunc(a / b) : a / b),
  Mul: (a, b) => a * b,
  Pow: (a, b) => a ** b,
  Sub: (a, b) => a - b,
};

const comparisons: Record<string, Compute> = {
  And: (a, b) => Number(a !== 0 && b !== 0),
  Equal: (a, b) => Number(a === b),
  Greater: (a, b) => Number(a > b),
  GreaterOrEqual: (a, b) => Number(a >= b),
  Less: (a, b) => Number(a < b),
  LessOrEqual: (a, b) => Number(a <= b),
  Or: (a, b) => Number(a !== 0 || b !== 0),
  Xor: (a, b) => Number((a !== 0) !== (b !== 0)),
};

const tests: Record<string, Compute> = {
  IsInf: (value) => Number(Math.abs(value) === Number.POSITIVE_INFINITY),
  IsNaN: (value) => Number(Number.isNaN(value)),
  Not: (value) => Number(value === 0),
};

const variadic: Record<string, Compute> = {
  Max: Math.max,
  Mean: (...values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  Min: Math.min,
  Sum: (...values) => values.reduce((sum, value) => sum + value, 0),
};

function isWhole(type: DType): boolean {
  return dtypes[type].kind === 'signed' || dtypes[type].kind === 'unsigned';
}

const computedUnary =
  (compute: Compute): Rule =>
  (call) => [{ ...like(call), values: combine([input(call, 0)], dims(call, 0), whereKnown(compute)) }];

/** The shape to which all inputs from `first` on are broadcast. */
function broadcastInputs({ inputs }: Call, first = 0, last = inputs.length): (number | null)[] | null {
  const shapes = inputs.slice(first, last).map((each) => each?.shape ?? null);
  const shape = shapes.length === 0 ? null : broadcast(shapes);
  return shape && [...shape];
}

/** Inputs broadcast to each other, with the type of the first. */
export const broadcasting: Rule = (call) => [{ dtype: dtype(call, 0, 1), shape: broadcastInputs(call) }];

const computedBinary =
  (compute: Arithmetic): Rule =>
  (call) => {
    const type = dtype(call, 0, 1);
    const whole = isWhole(type);
    const shape = broadcastInputs(call, 0, 2);
    const values = combine(
      [input(call, 0), input(call, 1)],
      shape,
      whereKnown((a, b) => compute(a!, b!, whole)),
    );
    return [{ dtype: type, shape, values }];
  };

const compared =
  (compute: Compute): Rule =>
  (call) => {
    const shape = broadcastInputs(call);
    return [
      {
        dtype: 'bool',
        shape,
        values: combine(
          call.inputs.map((_, at) => input(call, at)),
          shape,
          whereKnown(compute),
        ),
      },
    ];
  };

const tested =
  (compute: Compute): Rule =>
  (call) => [
    { dtype: 'bool', shape: dims(call, 0), values: combine([input(call, 0)], dims(call, 0), whereKnown(compute)) },
  ];

const computedVariadic =
  (compute: Compute): Rule =>
  (call) => {
    const shape = broadcastInputs(call);
    const values = combine(
      call.inputs.map((_, at) => input(call, at)),
      shape,
      whereKnown(compute),
    );
    return [{ dtype: dtype(call, 0, 1), shape, values }];
  };

const mod: Rule = (call) => {
  const likeC = int(call, 'fmod', 0) === 1;
  return computedBinary((a, b) => (likeC ? a % b : a - b * Math.floor(a / b)))(call);
};

const where: Rule = (call) => {
  const shape = broadcastInputs(call, 0, 3);
  const choose = (condition: number | null, one: number | null, other: number | null) => {
    if (condition === null) return one === other ? one : null;
    return condition === 0 ? other : one;
  };
  const values = combine([input(call, 0), input(call, 1), input(call, 2)], shape, (...[condition, one, other]) =>
    choose(condition!, one!, other!),
  );
  return [{ dtype: dtype(call, 1, 2), shape, values }];
};

/** The element itself; a conversion from a float drops its fraction. */
function converted(call: Call, type: DType) {
  const { shape, values, stored } = input(call, 0);
  const whole = isWhole(type);
  return [
    {
      dtype: type,
      shape,
      stored,
      values: values?.map((value) => known((each) => (whole ? Math.trunc(each) : each), value)),
    },
  ];
}

function castType(call: Call): DType {
  return dtypeOfCode(int(call, 'to', 0)) ?? 'undefined';
}

const cast: Rule = (call) => converted(call, castType(call));

const clip: Rule = (call) => {
  const limit = (index: number, name: string, absent: number) => {
    if (has(call, index)) return input(call, index).values?.[0] ?? null;
    const { attributes } = call.node;
    return attributes[name]?.type === 'float' ? attributes[name].value : absent;
  };
  const least = limit(1, 'min', Number.NEGATIVE_INFINITY);
  const most = limit(2, 'max', Number.POSITIVE_INFINITY);
  const values = combine([input(call, 0)], dims(call, 0), (value) =>
    known((each, low, high) => Math.min(Math.max(each!, low!), high!), value!, least, most),
  );
  return [{ ...like(call), values }];
};

export const elementwise: Rules = {
  ...each(same, plain),
  ...rulesOf(unary, computedUnary),
  ...rulesOf(arithmetic, computedBinary),
  ...rulesOf(comparisons, compared),
  ...rulesOf(tests, tested),
  ...rulesOf(variadic, computedVariadic),
  ...each(broadcasting, ['BitShift', 'BitwiseAnd', 'BitwiseOr', 'BitwiseXor', 'StringConcat']),
  BitCast: (call) => [{ dtype: castType(call), shape: dims(call, 0) }],
  Cast: cast,
  CastLike: (call) => converted(call, dtype(call, 1)),
  Clip: clip,
  Mod: mod,
  RegexFullMatch: (call) => [{ dtype: 'bool', shape: dims(call, 0) }],
  Where: where,
};
