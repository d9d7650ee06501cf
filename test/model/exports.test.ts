/** Shapes of real exporters' graphs against onnx, and against runs of ONNX Runtime where onnx does not know them. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Graph } from '../../lib/model/graph.js';
import { readGraph } from '../../lib/model/read.js';
import type { Shaped, ShapedBody } from '../../lib/model/shaped.js';
import { inferShapes } from '../../lib/model/shapes/infer.js';

type Told = readonly [dtype: string, shape: readonly (number | null)[] | null];

/** What `exports/make.py` wrote of a model. */
interface Expected {
  readonly exporter: string;
  readonly sizes: Readonly<Record<string, number>>;
  /** What onnx infers, by the value's name. */
  readonly values: Readonly<Record<string, Told>>;
  /** What a run made of the values that onnx knows not or only in part. */
  readonly ran: Readonly<Record<string, Told>>;
}

const folder = join(__dirname, 'exports');
const models: [string, Expected][] = Object.entries(JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')));

/** Operators whose results are as long as the data says. */
const dependOnData = new Set(['NonMaxSuppression', 'NonZero', 'ConstantOfShape', 'Expand', 'If']);

/** Operators whose results have no shape. */
const noTensors = /^(ZipMap|Sequence.*|SplitToSequence)$/;

/** The graph with its inputs as all that the file says of shapes. */
function bare({ main, ...graph }: Graph): Graph {
  const outputs = main.outputs.map((info) => ({ ...info, dtype: 'undefined' as const, shape: null }));
  return { ...graph, main: { ...main, values: [], outputs } };
}

function shaped(name: string, { sizes }: Expected): ShapedBody {
  return inferShapes(bare(readGraph(join(folder, `${name}.onnx`))), sizes);
}

/** Where the inferred value is not what was told, or lacks a size that was told. */
function difference(name: string, found: Shaped | undefined, [dtype, shape]: Told): string[] {
  const dims = found?.shape ?? null;
  const typed = dtype === 'undefined' || dtype === '' || found?.dtype === dtype;
  const sized =
    shape === null || (dims?.length === shape.length && shape.every((dim, at) => dim === null || dim === dims[at]));
  return typed && sized
    ? []
    : [`${name}: ${found?.dtype} ${JSON.stringify(dims)} instead of ${dtype} ${JSON.stringify(shape)}`];
}

/** As `difference`, where less may be known than was told. */
function contradiction(name: string, found: Shaped | undefined, [dtype, shape]: Told): string[] {
  const dims = found?.shape ?? null;
  return difference(name, found, [
    dtype,
    dims === null ? null : (shape?.map((dim, at) => (dims[at] === null ? null : dim)) ?? null),
  ]);
}

function everyNode({ nodes }: ShapedBody): ShapedBody['nodes'] {
  return nodes.flatMap((node) => [node, ...node.bodies.flatMap(everyNode)]);
}

const open = (value: Shaped | null) => value !== null && (value.shape?.includes(null) ?? true);

test('there are at least 60 models, of every exporter', () => {
  expect(models.length).toBeGreaterThanOrEqual(60);
  const exporters = models.map(([, { exporter }]) => exporter);
  for (const name of ['dynamo', 'TorchScript', 'skl2onnx', 'quantize_static QDQ', 'QOperator', 'MatMulNBits'])
    expect(exporters.filter((exporter) => exporter.includes(name))).not.toEqual([]);
});

describe.each(models)('%s', (name, expected) => {
  const body = shaped(name, expected);

  test('every size that onnx knows is the same', () => {
    const told = Object.entries(expected.values);
    expect(told.flatMap(([value, each]) => difference(value, body.values.get(value), each))).toEqual([]);
  });

  test('no run contradicts', () => {
    const told = Object.entries(expected.ran);
    expect(told.flatMap(([value, each]) => contradiction(value, body.values.get(value), each))).toEqual([]);
  });

  test('what stays unknown begins where the data decides', () => {
    const first = everyNode(body).filter(({ node, inputs, outputs }) => {
      return !noTensors.test(node.op) && outputs.some(open) && !inputs.some(open);
    });
    expect(first.map(({ node }) => node.op).filter((op) => !dependOnData.has(op))).toEqual([]);
  });
});

test('of the values of all models, 19 in 20 are known whole', () => {
  const values = models.flatMap(([name, expected]) => [...shaped(name, expected).values.values()]);
  expect(values.filter((value) => !open(value)).length / values.length).toBeGreaterThan(0.95);
});
