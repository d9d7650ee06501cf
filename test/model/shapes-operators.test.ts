/** Shapes of every operator, as ONNX Runtime makes them or ONNX's own tests expect them; `?` where they depend on the data. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { rules } from '../../lib/model/shapes/table.js';
import { operatorCase, operatorOutputs } from './shapes-graphs.js';

const lines = readFileSync(join(__dirname, 'shapes-operators.txt'), 'utf8')
  .trim()
  .split('\n')
  .filter((line) => !line.startsWith('#'));

test.each(lines)('%s', (line) => {
  const given = operatorCase(line);
  expect(operatorOutputs(given)).toEqual(given.outputs);
});

test('every operator that has a rule is here, except those of sequences', () => {
  const seen = new Set(lines.map((line) => operatorCase(line).op));
  expect([...rules.keys()].filter((op) => !seen.has(op) && !/Sequence/.test(op))).toEqual([]);
});
