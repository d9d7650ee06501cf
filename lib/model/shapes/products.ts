/** Step 1 of the road: shapes of matrix products. */

import { dtypeOfCode } from '../dtypes.js';
import type { DType } from '../profile.js';
import { broadcast, size, unknownDims } from './dims.js';
import { type Call, type Dims, dims, dtype, each, input, int, MOST_AXES, type Rule, type Rules, text } from './rule.js';

/** Numpy's matrix product: a vector in front is a row, one behind a column, and loses that axis again. */
function productShape(one: Dims | null, other: Dims | null): Dims | null {
  if (one === null || other === null || one.length === 0 || other.length === 0) return null;
  const batch = broadcast([one.slice(0, -2), other.slice(0, -2)])!;
  const row = one.length === 1 ? [] : [one.at(-2)!];
  const column = other.length === 1 ? [] : [other.at(-1)!];
  return [...batch, ...row, ...column];
}

const matMul =
  (first: number, second: number, type: (call: Call) => DType): Rule =>
  (call) => [{ dtype: type(call), shape: productShape(dims(call, first), dims(call, second)) }];

/** A factor as its flags say it is to be read. */
function turned(shape: Dims | null, transposed: boolean, batchInside: boolean): Dims | null {
  if (shape === null || shape.length < 2) return shape;
  const moved = batchInside && shape.length > 2 ? [...shape.slice(1, -1), shape[0]!, shape.at(-1)!] : shape;
  return transposed ? [...moved.slice(0, -2), moved.at(-1)!, moved.at(-2)!] : moved;
}

const fusedMatMul: Rule = (call) => {
  const flag = (name: string) => int(call, name, 0) !== 0;
  const one = turned(dims(call, 0), flag('transA'), flag('transBatchA'));
  const other = turned(dims(call, 1), flag('transB'), flag('transBatchB'));
  return [{ dtype: dtype(call, 0), shape: productShape(one, other) }];
};

/** A product of two matrices, given as those inputs. */
const gemm =
  (first: number, second: number, type: (call: Call) => DType): Rule =>
  (call) => {
    const [one, other] = [dims(call, first), dims(call, second)];
    const rows = (int(call, 'transA', 0) !== 0 ? one?.[1] : one?.[0]) ?? null;
    const columns = (int(call, 'transB', 0) !== 0 ? other?.[0] : other?.[1]) ?? null;
    return [{ dtype: type(call), shape: [rows, columns] }];
  };

/** The weights are packed; an attribute says how many columns they have. */
const packedMatMul: Rule = (call) => {
  const from = dims(call, 0);
  const columns = size(int(call, 'N', -1));
  return [{ dtype: dtype(call, 0), shape: from && from.length > 0 ? [...from.slice(0, -1), columns] : null }];
};

/** Labels of an operand's axes, one each; `...` stands for those that have none. */
function labelsOf(term: string, rank: number | null): string[] | null {
  if (term.length > MOST_AXES) return null;
  const parts = term.split('...');
  const named = parts.join('').length;
  if (parts.length > 2 || rank === null) return parts.length === 1 ? [...term] : null;
  if (parts.length === 1) return named === rank ? [...term] : null;
  const hidden = Array.from({ length: Math.max(0, rank - named) }, (_, at) => `.${rank - named - at}`);
  return named + hidden.length === rank ? [...parts[0]!, ...hidden, ...parts[1]!] : null;
}

/** The labels of the result when the equation does not name them: those that occur once, in order of the alphabet. */
function impliedLabels(terms: readonly (readonly string[])[]): string[] {
  const all = terms.flat();
  const hidden = [...new Set(all.filter((label) => label.startsWith('.')))].sort(
    (a, b) => Number(b.slice(1)) - Number(a.slice(1)),
  );
  const once = all.filter((label) => !label.startsWith('.') && all.indexOf(label) === all.lastIndexOf(label));
  return [...hidden, ...once.sort()];
}

const einsum: Rule = (call) => {
  const [left = '', right] = text(call, 'equation', '').replaceAll(' ', '').split('->');
  const terms = left.split(',').map((term, at) => labelsOf(term, dims(call, at)?.length ?? null));
  const type = dtype(call, 0, 1);
  if (terms.length !== call.inputs.length || terms.some((term) => term === null)) return [{ dtype: type, shape: null }];
  const sizes = new Map<string, number | null>();
  for (const [at, term] of terms.entries()) {
    for (const [axis, label] of term!.entries()) {
      const [dim] = broadcast([[sizes.has(label) ? sizes.get(label)! : 1], [dims(call, at)?.[axis] ?? null]])!;
      sizes.set(label, dim!);
    }
  }
  const hidden = impliedLabels(terms.map((term) => term!)).filter((label) => label.startsWith('.'));
  const result = right === undefined ? impliedLabels(terms.map((term) => term!)) : expandLabels(right, hidden);
  return [{ dtype: type, shape: result.map((label) => sizes.get(label) ?? null) }];
};

function expandLabels(term: string, hidden: readonly string[]): string[] {
  const [before = '', after] = term.split('...');
  return after === undefined ? [...before] : [...before, ...hidden, ...after];
}

const det: Rule = (call) => {
  const from = dims(call, 0);
  return [{ dtype: dtype(call, 0), shape: from && from.length >= 2 ? from.slice(0, -2) : null }];
};

/** Distances of every row to every row. */
const distances: Rule = (call) => [
  { dtype: dtype(call, 0), shape: [dims(call, 0)?.[0] ?? null, dims(call, 1)?.[0] ?? null] },
];

/** The shape of the weights before they were packed is an input. */
const fp4MatMul: Rule = (call) => {
  const weights = input(call, 2).values;
  return [{ dtype: dtype(call, 0), shape: productShape(dims(call, 0), weights?.map(size) ?? unknownDims(2)) }];
};

const ofFirst = (call: Call): DType => dtype(call, 0, 1);
const gemmFloat8 = gemm(0, 1, (call) => dtypeOfCode(int(call, 'dtype', 1)) ?? 'undefined');

export const products: Rules = {
  ...each(fusedMatMul, [
    'com.microsoft:FusedMatMul',
    'com.microsoft:FusedMatMulActivation',
    'com.microsoft:TransposeMatMul',
  ]),
  ...each(matMul(0, 1, ofFirst), ['MatMul', 'com.microsoft:GemmFastGelu', 'com.microsoft:SparseToDenseMatMul']),
  ...each(packedMatMul, ['com.microsoft:MatMulNBits', 'com.microsoft:MatMulBnb4']),
  ...each(gemm(0, 1, ofFirst), ['Gemm', 'com.microsoft:FusedGemm']),
  Det: det,
  Einsum: einsum,
  MatMulInteger: matMul(0, 1, () => 'int32'),
  QLinearMatMul: matMul(0, 3, (call) => dtype(call, 7, 0)),
  'com.microsoft:CDist': distances,
  'com.microsoft:DynamicQuantizeMatMul': matMul(0, 1, ofFirst),
  'com.microsoft:GemmFloat8': gemmFloat8,
  'com.microsoft:MatMulFpQ4': fp4MatMul,
  'com.microsoft:MatMulInteger16': matMul(0, 1, () => 'int32'),
  'com.microsoft:MatMulIntegerToFloat': matMul(0, 1, (call) => dtype(call, 2)),
  'com.microsoft:QGemm': gemm(0, 3, (call) => (call.inputs[8] ? dtype(call, 8) : 'float32')),
};
