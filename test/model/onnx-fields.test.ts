/** The numbers that Slipway reads by are those of the onnx package. */

import { expect, test } from 'vitest';
import { dtypes } from '../../lib/model/dtypes.js';
import { attributeTypes, fields } from '../../lib/model/onnx-fields.js';
import facts from './fixtures/facts.json';

test.each(Object.entries(fields))('%s has the field numbers that the onnx package has', (message, numbers) => {
  const known = (facts.fields as Record<string, Record<string, number>>)[message];
  expect(known).toMatchObject(numbers);
});

test('every data type of the onnx package is known by its number', () => {
  const codes = Object.fromEntries(Object.entries(dtypes).map(([name, { code }]) => [name, code]));
  expect(codes).toEqual(facts.dataTypes);
});

test('every attribute type of the onnx package but undefined is held by a field', () => {
  const { UNDEFINED: _undefined, ...types } = facts.attributeTypes;
  expect(Object.keys(attributeTypes).map(Number).sort(byNumber)).toEqual(Object.values(types).sort(byNumber));
});

function byNumber(one: number, other: number): number {
  return one - other;
}
