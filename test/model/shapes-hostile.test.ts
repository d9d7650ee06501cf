/** Shape inference of graphs that make no sense: it answers all the same, and only with sizes that can be. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Attribute, GraphBody, Node, Tensor } from '../../lib/model/graph.js';
import type { DType } from '../../lib/model/profile.js';
import type { Shaped, ShapedBody } from '../../lib/model/shaped.js';
import { inferShapes } from '../../lib/model/shapes/infer.js';
import { flowRules, rules } from '../../lib/model/shapes/table.js';
import { body, graph, inferredTexts, info, node, tensor } from './shapes-graphs.js';

const ops = [...rules.keys(), ...flowRules.keys(), 'vendor:Op'];

/** Every attribute that a rule asks for by name, and one that none does. */
const attributeNames = [
  ...['N', 'allowzero', 'auto_pad', 'axes', 'axis', 'batch_dims', 'bits', 'block_size', 'blocksize', 'body', 'cast_to'],
  ...['cats_int64s', 'ceil_mode', 'channels', 'channels_last', 'classlabels_ints', 'constructor', 'dilations', 'dim'],
  ...['direction', 'dtype', 'else_branch', 'end', 'ends', 'equation', 'fmod', 'gather_axis', 'group', 'hidden_size'],
  ...[
    'inputdimensions',
    'inverse',
    'k',
    'keep_aspect_ratio_policy',
    'keepdims',
    'kernel_shape',
    'kv_num_heads',
    'layout',
  ],
  ...['max', 'max_map', 'min', 'n_targets', 'new_axis', 'ngram_indexes', 'noop_with_empty_axes', 'num_heads'],
  ...['num_scan_inputs', 'onesided', 'output_dtype', 'output_height', 'output_padding', 'output_shape', 'pads'],
  ...[
    'past_present_share_buffer',
    'perm',
    'pooled_shape',
    'q_num_heads',
    'qkv_hidden_sizes',
    'reduction',
    'sample_size',
  ],
  ...[
    'scales',
    'scan_input_axes',
    'scan_output_axes',
    'shape',
    'size',
    'split',
    'stash_type',
    'start',
    'starts',
    'step',
  ],
  ...[
    'strides',
    'targets',
    'then_branch',
    'to',
    'transA',
    'transB',
    'transBatchA',
    'value',
    'value_floats',
    'value_ints',
  ],
];

const odd = fc.oneof(
  fc.integer({ min: -3, max: 9 }),
  fc.constantFrom(2 ** 31, 2 ** 53, -(2 ** 63), 2 ** 63, 0.5, Number.NaN, Number.POSITIVE_INFINITY),
);
const dims = fc.array(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom(2 ** 31, 2 ** 53 - 1)), {
  maxLength: 6,
});
const dtypes = fc.constantFrom<DType>('float32', 'int64', 'bool', 'float16', 'uint8', 'string', 'undefined');

const stored: fc.Arbitrary<Tensor> = fc.oneof(
  fc
    .tuple(dtypes, fc.array(odd, { maxLength: 6 }))
    .map(([dtype, values]) => tensor('', dtype, [values.length], values)),
  fc.tuple(dtypes, odd).map(([dtype, value]) => tensor('', dtype, [], [value])),
  fc.tuple(dtypes, dims).map(([dtype, shape]) => tensor('', dtype, shape)),
);

const names = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', '', 'missing', '__proto__');

const attribute: fc.Arbitrary<Attribute> = fc.oneof(
  odd.map((value): Attribute => ({ type: 'int', value })),
  odd.map((value): Attribute => ({ type: 'float', value })),
  fc.array(odd, { maxLength: 6 }).map((values): Attribute => ({ type: 'ints', values })),
  fc.array(odd, { maxLength: 6 }).map((values): Attribute => ({ type: 'floats', values })),
  fc
    .constantFrom(
      'SAME_UPPER',
      'VALID',
      'bidirectional',
      'ij,jk->ik',
      '...i->i...',
      'i...j...',
      ',',
      'none',
      'not_larger',
    )
    .map((value): Attribute => ({ type: 'string', value })),
  stored.map((value): Attribute => ({ type: 'tensors', values: [value] })),
  fc.constantFrom<Attribute>(
    { type: 'ints', values: null },
    { type: 'string', value: null },
    { type: 'reference', name: 'axis' },
    { type: 'graphs', values: [] },
    { type: 'tensors', values: [] },
    { type: 'other' },
  ),
  fc.constant<Attribute>({
    type: 'graphs',
    values: [
      body({
        values: { i: '', s: '' },
        nodes: [node('Add', 'i s', 'o'), node('Shape', 'a', 'p')],
        outputs: { o: '', p: '' },
      }),
    ],
  }),
);

const attributes = fc
  .array(fc.tuple(fc.constantFrom(...attributeNames), attribute), { maxLength: 8 })
  .map((entries) => Object.fromEntries(entries));

/** An input of any kind: fed, stored, or a sequence made of others. */
const fed = fc.oneof(
  stored.map((value) => ({ value })),
  fc
    .tuple(dtypes, dims)
    .map(([dtype, shape]) => ({ text: `${dtype}[${shape.map((dim) => (dim === 5 ? '?' : dim)).join(',')}]` })),
  fc.constantFrom({ text: '' }, { text: 'float32' }),
);

function nodeOf(op: string, inputs: readonly string[], given: Node['attributes'], outputs: readonly string[]): Node {
  const [name = '', domain = 'ai.onnx'] = op.split(':').reverse();
  return { name: '', op: name, domain, overload: '', inputs, outputs, attributes: given };
}

function everyValue({ nodes, values }: ShapedBody): Shaped[] {
  return [...values.values(), ...nodes.flatMap(({ outputs, bodies }) => [...outputs, ...bodies.flatMap(everyValue)])];
}

function problems({ shape, values }: Shaped): string[] {
  const sizes = (shape ?? []).filter((dim) => dim !== null);
  const wrong = sizes.filter((dim) => !Number.isSafeInteger(dim) || dim < 0).map((dim) => `size ${dim}`);
  const count = values && shape && !shape.includes(null) ? sizes.reduce((product, dim) => product * dim, 1) : null;
  const consistent = values === null || (count === values.length && count <= 1024);
  return consistent ? wrong : [...wrong, `${values?.length} elements of [${shape}]`];
}

function mainOf(inputs: readonly ({ value: Tensor } | { text: string })[], nodes: readonly Node[]): GraphBody {
  const named = inputs.map((input, at) => ['abcd'[at]!, input] as const);
  return {
    ...body({ nodes }),
    inputs: named.flatMap(([name, input]) => ('text' in input ? [info(name, input.text)] : [])),
    initializers: named.flatMap(([name, input]) => ('value' in input ? [{ ...input.value, name }] : [])),
  };
}

test.each(ops)('%s with inputs and attributes that it does not expect', (op) => {
  const made = fc.record({
    inputs: fc.array(fed, { minLength: 4, maxLength: 4 }),
    wires: fc.array(names, { maxLength: 9 }),
    given: attributes,
    version: fc.constantFrom(1, 9, 11, 13, 18, 23),
  });
  fc.assert(
    fc.property(made, ({ inputs, wires, given, version }) => {
      const pair = nodeOf('SequenceConstruct', ['a', 'b'], {}, ['e']);
      const main = mainOf(inputs, [pair, nodeOf(op, wires, given, ['f', 'g', '', 'h'])]);
      const whole = { ...graph({ nodes: [] }, { 'ai.onnx': version, 'com.microsoft': 1 }), main };
      expect(everyValue(inferShapes(whole, { constructor: 1 })).flatMap(problems)).toEqual([]);
    }),
    { numRuns: 60, seed: 7 },
  );
});

test('chains of operators, in no order, with circles', () => {
  const step = fc.tuple(fc.constantFrom(...ops), fc.array(names, { maxLength: 5 }), attributes, names);
  const made = fc.tuple(fc.array(fed, { minLength: 4, maxLength: 4 }), fc.array(step, { maxLength: 30 }));
  fc.assert(
    fc.property(made, ([inputs, steps]) => {
      const main = mainOf(
        inputs,
        steps.map(([op, wires, given, output]) => nodeOf(op, wires, given, [output])),
      );
      const whole = { ...graph({ nodes: [] }), main };
      expect(everyValue(inferShapes(whole, {})).flatMap(problems)).toEqual([]);
    }),
    { numRuns: 300, seed: 7 },
  );
});

test('a node that uses what comes later', () => {
  const nodes = [node('Relu', 'b', 'a'), node('Relu', 'a', 'b'), node('Relu', 'x', 'c')];
  expect(inferredTexts(graph({ values: { x: 'float32[2]' }, nodes }))).toEqual({
    a: 'undefined',
    b: 'undefined',
    c: 'float32[2]',
  });
});

test('shapes that grow with every node stay small', () => {
  const axes = Array.from({ length: 40 }, (_, axis) => axis);
  const nodes = Array.from({ length: 30 }, (_, at) => node('Unsqueeze', `y${at} axes`, `y${at + 1}`));
  const found = inferShapes(graph({ values: { y0: 'float32[2]', axes }, nodes }), {});
  expect([...found.values.values()].map(({ shape }) => shape?.length ?? null).slice(2, 5)).toEqual([41, null, null]);
});

test('loops in loops in loops end', () => {
  const nest = (depth: number): GraphBody =>
    body({
      values: { [`i${depth}`]: 'int64[]', [`k${depth}`]: 'bool[]', [`s${depth}`]: '' },
      nodes: [
        depth === 0
          ? node('Concat', 's0 s0', 'n0', { axis: 0 })
          : node('Loop', `- - s${depth}`, `n${depth}`, { body: nest(depth - 1) }),
        node('Identity', `k${depth}`, `a${depth}`),
      ],
      outputs: { [`a${depth}`]: '', [`n${depth}`]: '' },
    });
  const given = graph({ values: { x: 'float32[2]' }, nodes: [node('Loop', '- - x', 'y', { body: nest(30) })] });
  expect(['float32', 'float32[?]', 'undefined']).toContain(inferredTexts(given).y);
});
