/** Elements as numbers, and their names in requests. */

import { expect, test } from 'vitest';
import { SlipwayError } from '../../lib/errors.js';
import { numbersOf, oipDatatype, packedBytes } from '../../lib/model/dtypes.js';
import type { DType } from '../../lib/model/profile.js';

test.each([
  ['float32', 'FP32'],
  ['float64', 'FP64'],
  ['float16', 'FP16'],
  ['int64', 'INT64'],
  ['uint8', 'UINT8'],
  ['bool', 'BOOL'],
  ['string', 'BYTES'],
] as [DType, string][])('%s is %s in a request', (dtype, name) => {
  expect(oipDatatype(dtype)).toBe(name);
});

test.each(['complex64', 'bfloat16'] as const)('%s, which no request can carry, is refused with what to do', (dtype) => {
  expect(() => oipDatatype(dtype)).toThrow(SlipwayError);
  expect(() => oipDatatype(dtype)).toThrow(
    `No request can carry tensors of type ${dtype}. Cast from float32 or an integer inside the model.`,
  );
});

test.each([
  [0x3c00, 1],
  [0xc000, -2],
  [0x7bff, 65504],
  [0x0001, 2 ** -24],
  [0x03ff, 1023 * 2 ** -24],
  [0x8000, -0],
  [0x7c00, Number.POSITIVE_INFINITY],
  [0xfc00, Number.NEGATIVE_INFINITY],
  [0x7e00, Number.NaN],
])('the half float %i is %d', (bits, value) => {
  expect(numbersOf('float16', new Uint8Array(new Uint16Array([bits]).buffer))).toEqual([value]);
});

test('bfloat16 is the upper half of a float32', () => {
  expect(numbersOf('bfloat16', Uint8Array.of(0x49, 0x40, 0x80, 0xff))).toEqual([3.140625, Number.NEGATIVE_INFINITY]);
});

test('both byte orders are read', () => {
  expect(numbersOf('int32', Uint8Array.of(1, 0, 0, 0))).toEqual([1]);
  expect(numbersOf('int32', Uint8Array.of(0, 0, 0, 1), false)).toEqual([1]);
  expect(numbersOf('uint64', Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 2), false)).toEqual([258]);
});

test('elements below a byte are packed', () => {
  expect([
    packedBytes('int4', 3),
    packedBytes('uint2', 5),
    packedBytes('float6e2m3', 4),
    packedBytes('int64', 3),
  ]).toEqual([2, 2, 3, 24]);
  expect(numbersOf('int4', Uint8Array.of(1))).toBeNull();
});
