/** Shapes for several batches at once are those for each alone. */

import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import type { Graph } from '../../lib/model/graph.js';
import { readGraph } from '../../lib/model/read.js';
import { inferEach, inferShapes } from '../../lib/model/shapes/infer.js';
import { batchDims } from '../../lib/model/work/batch.js';
import { node } from './shapes-graphs.js';
import { body, graphOf, inputsOf, tensor } from './work-graph.js';

const folder = join(__dirname, 'exports');
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.onnx'))
  .map((name) => basename(name, '.onnx'));

const sizesOf = (graph: Graph) => {
  const { inputs, symbolicDims } = inputsOf(graph);
  const rows = batchDims(inputs);
  const others = symbolicDims.filter((name) => !rows.includes(name)).map((name, at) => [name, 16 + at]);
  return [1, 2, 4].map((batch) => Object.fromEntries([...others, ...rows.map((name) => [name, batch])]));
};

test.each(names)('%s', (name) => {
  const graph = readGraph(join(folder, `${name}.onnx`));
  const bindings = sizesOf(graph);
  const together = inferEach(graph, bindings);
  const apart = bindings.map((sizes) => inferShapes(graph, sizes));
  expect(together.map((each, at) => isDeepStrictEqual(each, apart[at]))).toEqual([true, true, true]);
});

test('nodes that no batch changes are the same', () => {
  const nodes = [node('Relu', 'x', 'a'), node('Relu', 'w', 'b')];
  const main = body(nodes, [tensor('x', ['batch', 4]), tensor('w', [3])], ['a', 'b']);
  const [one, two] = inferEach(graphOf(main), [{ batch: 1 }, { batch: 2 }]);
  expect(one!.nodes.map((each, at) => each === two!.nodes[at])).toEqual([false, true]);
});

test('what the file says by a symbolic size is read for every batch', () => {
  const unknown = node('example.org:Unknown', 'w', 'y');
  const main = { ...body([unknown], [tensor('w', [3])], []), outputs: [tensor('y', ['batch', 3])] };
  const bodies = inferEach(graphOf(main), [{ batch: 1 }, { batch: 2 }]);
  expect(bodies.map(({ outputs }) => outputs.y?.shape)).toEqual([
    [1, 3],
    [2, 3],
  ]);
});
