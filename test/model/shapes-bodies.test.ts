/** Shapes through branches, loops, scans, sequences and functions. */

import { describe, expect, test } from 'vitest';
import type { GraphFunction } from '../../lib/model/graph.js';
import { inferShapes } from '../../lib/model/shapes/infer.js';
import { body, graph, inferredTexts, node, scalar, textOf } from './shapes-graphs.js';

const truth = scalar(1, 'bool');

describe('If', () => {
  const branch = (shape: number[]) =>
    body({ nodes: [node('Reshape', 'x target', 'r')], values: { target: shape }, outputs: { r: '' } });
  const either = (condition: string | typeof truth, one: number[], other: number[]) =>
    graph({
      values: { x: 'float32[2,6]', condition },
      nodes: [node('If', 'condition', 'y', { then_branch: branch(one), else_branch: branch(other) })],
    });

  test.each([
    ['bool[]', [3, 4], [3, 4], 'float32[3,4]'],
    ['bool[]', [3, 4], [3, 2, 2], 'float32'],
    ['bool[]', [3, 4], [6, 2], 'float32[?,?]'],
    ['bool[]', [3, 2, 2], [3, 4, 1], 'float32[3,?,?]'],
    [truth, [3, 4], [12], 'float32[3,4]'],
    [scalar(0, 'bool'), [3, 4], [12], 'float32[12]'],
  ])('by %j makes %j or %j', (condition, one, other, expected) => {
    expect(inferredTexts(either(condition, one, other)).y).toBe(expected);
  });

  test('both branches are shaped, the one not taken as well', () => {
    const [found] = inferShapes(either(truth, [3, 4], [12]), {}).nodes;
    expect(found?.bodies.map(({ outputs }) => textOf(outputs.r!))).toEqual(['float32[3,4]', 'float32[12]']);
    expect(found?.bodies[0]?.values.has('x')).toBe(false);
  });

  test('a branch may hand out a value of the graph around it', () => {
    const outer = body({ nodes: [], outputs: { x: '' } });
    const nodes = [node('If', 'condition', 'y', { then_branch: outer, else_branch: outer })];
    expect(inferredTexts(graph({ values: { x: 'int64[2]', condition: 'bool[]' }, nodes })).y).toBe('int64[2]');
  });
});

describe('Loop', () => {
  const step = (nodes: ReturnType<typeof node>[], outputs: string[]) =>
    body({
      values: { i: 'int64[]', keep: 'bool[]', state: '' },
      nodes,
      outputs: Object.fromEntries(outputs.map((name) => [name, ''])),
    });
  const loop = (
    trips: string | number | null,
    condition: string | typeof truth | null,
    inner: ReturnType<typeof step>,
  ) =>
    graph({
      values: { trips, condition, x: 'float32[2,3]' },
      nodes: [
        node('Loop', `${trips === null ? '-' : 'trips'} ${condition === null ? '-' : 'condition'} x`, 'y scan', {
          body: inner,
        }),
      ],
    });
  const steady = step(
    [node('Identity', 'keep', 'again'), node('Relu', 'state', 'next'), node('Shape', 'state', 's')],
    ['again', 'next', 's'],
  );
  const growing = step(
    [
      node('Identity', 'keep', 'again'),
      node('Concat', 'state state', 'next', { axis: 0 }),
      node('Identity', 'state', 's'),
    ],
    ['again', 'next', 's'],
  );
  const stopping = step(
    [node('Not', 'keep', 'again'), node('Relu', 'state', 'next'), node('Shape', 'state', 's')],
    ['again', 'next', 's'],
  );

  test.each([
    ['a known number of steps', loop(5, truth, steady), 'float32[2,3]', 'int64[5,2]'],
    ['no condition', loop(5, null, steady), 'float32[2,3]', 'int64[5,2]'],
    ['an unknown number of steps', loop('int64[]', truth, steady), 'float32[2,3]', 'int64[?,2]'],
    ['an unknown condition', loop(5, 'bool[]', steady), 'float32[2,3]', 'int64[?,2]'],
    ['a condition that the body changes', loop(5, truth, stopping), 'float32[2,3]', 'int64[?,2]'],
    ['a state that grows', loop(5, truth, growing), 'float32[?,3]', 'float32[5,?,3]'],
    ['no step at all', loop(0, truth, growing), 'float32[2,3]', 'float32[0,?,3]'],
    ['a condition that is false', loop(5, scalar(0, 'bool'), growing), 'float32[2,3]', 'float32[0,?,3]'],
  ])('with %s', (_, given, state, scan) => {
    expect(inferredTexts(given)).toEqual({ y: state, scan });
  });

  test('a state whose rank grows for ever is unknown', () => {
    const deeper = step(
      [node('Identity', 'keep', 'again'), node('Unsqueeze', 'state axis', 'next')],
      ['again', 'next'],
    );
    const given = graph({
      values: { trips: 3, x: 'float32[2]', axis: [0] },
      nodes: [node('Loop', 'trips - x', 'y', { body: deeper })],
    });
    expect(inferredTexts(given).y).toBe('float32');
  });

  test('values inside are those of every step', () => {
    const [found] = inferShapes(loop(5, truth, growing), {}).nodes;
    expect(textOf(found!.bodies[0]!.inputs.state!)).toBe('float32[?,3]');
    expect(textOf(found!.bodies[0]!.values.get('s')!)).toBe('float32[?,3]');
  });
});

test('a scan takes slices and stacks results, along the axes it names', () => {
  const inner = body({
    values: { sum: '', slice: '' },
    nodes: [node('Add', 'sum slice', 'next'), node('MatMul', 'slice w', 'out')],
    outputs: { next: '', out: '' },
  });
  const attributes = { body: inner, num_scan_inputs: 1, scan_input_axes: [1], scan_output_axes: [-1] };
  const nodes = [node('Scan', 'start x', 'sum stacked', attributes)];
  const values = { start: 'float32[2,4]', x: 'float32[2,7,4]', w: 'float32[4,5]' };
  expect(inferredTexts(graph({ values, nodes }))).toEqual({ sum: 'float32[2,4]', stacked: 'float32[2,5,7]' });
});

describe('sequences', () => {
  const values = {
    x: 'float32[2,6]',
    z: 'float32[3,6]',
    one: 1,
    last: -1,
    sizes: [1, 2, 3],
    three: 3,
    which: 'int64[]',
  };
  const shapes = (...nodes: ReturnType<typeof node>[]) => inferredTexts(graph({ values, nodes })).y;

  test.each([
    ['an item', 'float32[3,6]', [node('SequenceConstruct', 'x z', 's'), node('SequenceAt', 's one', 'y')]],
    ['any item', 'float32[?,6]', [node('SequenceConstruct', 'x z', 's'), node('SequenceAt', 's which', 'y')]],
    [
      'joined',
      'float32[5,6]',
      [node('SequenceConstruct', 'x z', 's'), node('ConcatFromSequence', 's', 'y', { axis: 0 })],
    ],
    [
      'stacked',
      'float32[2,2,6]',
      [node('SequenceConstruct', 'x x', 's'), node('ConcatFromSequence', 's', 'y', { axis: 0, new_axis: 1 })],
    ],
    ['counted', 'int64[]', [node('SequenceConstruct', 'x z', 's'), node('SequenceLength', 's', 'y')]],
    [
      'split by sizes',
      'float32[2,3]',
      [node('SplitToSequence', 'x sizes', 's', { axis: 1 }), node('SequenceAt', 's last', 'y')],
    ],
    [
      'split evenly',
      'float32[2,3]',
      [node('SplitToSequence', 'x three', 's', { axis: 1 }), node('SequenceAt', 's which', 'y')],
    ],
    [
      'split into ones',
      'float32[2,1]',
      [node('SplitToSequence', 'x', 's', { axis: 1 }), node('SequenceAt', 's which', 'y')],
    ],
    [
      'unbound',
      'float32[2]',
      [node('SplitToSequence', 'x', 's', { axis: 1, keepdims: 0 }), node('SequenceAt', 's which', 'y')],
    ],
    [
      'filled',
      'float32[3,6]',
      [node('SequenceEmpty', '', 'e'), node('SequenceInsert', 'e z', 's'), node('SequenceAt', 's last', 'y')],
    ],
    [
      'cut',
      'float32[3,6]',
      [node('SequenceConstruct', 'z x', 's'), node('SequenceErase', 's', 'e'), node('ConcatFromSequence', 'e', 'y')],
    ],
    ['empty', 'float32', [node('SequenceEmpty', '', 'e', { dtype: 1 }), node('SequenceAt', 'e last', 'y')]],
    ['optional', 'float32[2,6]', [node('Optional', 'x', 'o'), node('OptionalGetElement', 'o', 'y')]],
  ])('%s', (_, expected, nodes) => {
    expect(shapes(...nodes)).toBe(expected);
  });

  test('mapped', () => {
    const inner = body({ values: { item: '' }, nodes: [node('Transpose', 'item', 't')], outputs: { t: '' } });
    const nodes = [
      node('SequenceConstruct', 'x z', 's'),
      node('SequenceMap', 's', 'm', { body: inner }),
      node('SequenceAt', 'm one', 'y'),
    ];
    expect(shapes(...nodes)).toBe('float32[6,?]');
  });
});

describe('functions', () => {
  const made = (name: string, nodes: GraphFunction['nodes'], given: Partial<GraphFunction> = {}): GraphFunction => ({
    domain: 'own',
    name,
    overload: '',
    inputs: ['a'],
    outputs: ['b'],
    nodes,
    opsets: { 'ai.onnx': 20, own: 1 },
    ...given,
  });
  const called = (functions: GraphFunction[], nodes = [node('own:F', 'x', 'y')]) =>
    graph({ values: { x: 'float32[2,3]' }, nodes }, { 'ai.onnx': 20, own: 1 }, functions);

  test('are written out, and keep their values apart', () => {
    const twice = made('F', [node('own:G', 'a', 't'), node('own:G', 't', 'b')]);
    const inner = made('G', [node('Transpose', 'a', 't'), node('Relu', 't', 'b')]);
    const found = inferShapes(called([twice, inner]), {});
    expect(found.nodes.map(({ node }) => [node.op, ...node.inputs, ...node.outputs])).toEqual([
      ['Transpose', 'x', 'y/1/t/2/t'],
      ['Relu', 'y/1/t/2/t', 'y/1/t'],
      ['Transpose', 'y/1/t', 'y/3/t'],
      ['Relu', 'y/3/t', 'y'],
    ]);
    expect(textOf(found.values.get('y')!)).toBe('float32[2,3]');
  });

  test('take attributes of the call, in graphs inside them, too', () => {
    const inner = body({ nodes: [node('Concat', 'a a', 'c', { axis: { reference: 'along' } })], outputs: { c: '' } });
    const f = made('F', [
      node('Constant', '', 'yes', { value: { tensor: truth } }),
      node('If', 'yes', 'b', { then_branch: inner, else_branch: inner }),
    ]);
    expect(inferredTexts(called([f], [node('own:F', 'x', 'y', { along: 1 })])).y).toBe('float32[2,6]');
    expect(inferredTexts(called([f])).y).toBe('float32');
  });

  test('use the operator sets that they import', () => {
    const dropout = (version: number) => made('F', [node('Dropout', 'a', 'd b')], { opsets: { 'ai.onnx': version } });
    expect([inferredTexts(called([dropout(9)])).y, inferredTexts(called([dropout(10)])).y]).toEqual([
      'float32[2,3]',
      'bool[2,3]',
    ]);
  });

  test('may pass an input on', () => {
    expect(inferredTexts(called([made('F', [], { outputs: ['a'] })])).y).toBe('float32[2,3]');
  });

  test('may be called without an optional input', () => {
    const clip = made('F', [node('Clip', 'a low high', 'b')], { inputs: ['a', 'low', 'high'] });
    expect(inferredTexts(called([clip])).y).toBe('float32[2,3]');
  });

  test('that call themselves end', () => {
    expect(inferredTexts(called([made('F', [node('own:F', 'a', 'b')])])).y).toBe('undefined');
  });

  test('that double at every level end', () => {
    const doubling = Array.from({ length: 40 }, (_, level) => {
      const next = `own:F${level + 1}`;
      return made(`F${level}`, [node(next, 'a', 't'), node(next, 't', 'b')]);
    });
    const given = called([...doubling, made('F40', [node('Relu', 'a', 'b')])], [node('own:F0', 'x', 'y')]);
    expect(inferShapes(given, {}).nodes.length).toBeLessThan(500_000);
  });
});

test('what no rule knows is taken from what the file says', () => {
  const given = graph({
    values: { x: 'float32[batch,?]', i: 'int64[?]' },
    nodes: [
      node('vendor:Op', 'x', 'a'),
      node('Relu', 'a', 'b'),
      node('Gather', 'x i', 'c', { axis: 1 }),
      node('Relu', 'x', 'd'),
    ],
    declared: { a: 'float32[batch,7,other]', c: 'int32[9,5]', d: 'float32[1,2,3]' },
    outputs: { b: 'float64[batch,7,9]' },
  });
  expect(inferredTexts(given, { batch: 2 })).toEqual({
    a: 'float32[2,7,?]',
    b: 'float32[2,7,9]',
    c: 'float32[2,5]',
    d: 'float32[2,?]',
  });
});
