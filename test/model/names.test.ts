/** A misspelt name is answered with what was meant. */

import { expect, test } from 'vitest';
import { closest } from '../../lib/model/names.js';

test('the most similar name comes first', () => {
  expect(closest('inputids', ['token_type_ids', 'attention_mask', 'input_ids'])).toEqual([
    'input_ids',
    'token_type_ids',
    'attention_mask',
  ]);
  expect(closest('IMAGE', ['pixels', 'image'])[0]).toBe('image');
});

test('at most five names are given', () => {
  expect(closest('x', ['a', 'b', 'c', 'd', 'e', 'f'])).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(closest('x', [])).toEqual([]);
});
