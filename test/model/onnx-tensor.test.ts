/** Tensors whose sizes contradict each other are refused by name. */

import { expect, test } from 'vitest';
import { readModel } from '../../lib/model/read.js';
import { encode, file, identityModel, refusal } from './scratch.js';

const tensor = (...fields: [number, number | string | Uint8Array][]) =>
  identityModel({ inGraph: [[5, encode([[8, 'w'], ...fields])]] });
test.each([
  [
    'raw data that is too short',
    tensor([1, 2], [1, 3], [2, 1], [9, new Uint8Array(23)]),
    '23 bytes of data, but float32 [2, 3] takes 24',
  ],
  ['no data', tensor([1, 3], [2, 7]), '0 numbers of data, but int64 [3] takes 3'],
  ['too many floats', tensor([1, 1], [2, 1], [4, new Uint8Array(8)]), '2 numbers of data, but float32 [1] takes 1'],
  [
    'a list too long for its shape',
    tensor([1, 1], [2, 7], [7, new Uint8Array(20_000)]),
    'more than 1024 numbers of data, but int64 [1] takes 1',
  ],
  ['the unknown type 99', tensor([1, 1], [2, 99]), 'the unknown data type 99'],
  ['no type', tensor([1, 1]), 'the unknown data type 0'],
  ['a negative size', tensor([1, -1], [2, 1]), 'a negative size'],
  [
    'an impossible size',
    tensor([1, 2 ** 40], [1, 2 ** 40], [2, 1]),
    'the impossible shape [1099511627776, 1099511627776]',
  ],
  ['too few texts', tensor([1, 2], [2, 8], [6, 'one']), '1 texts for its shape [2]'],
  ['external data nowhere', tensor([1, 2], [2, 1], [14, 1]), 'data in another file, but does not say which'],
  [
    'a negative offset',
    tensor(
      [1, 2],
      [2, 1],
      [14, 1],
      [
        13,
        encode([
          [1, 'location'],
          [2, 'w'],
        ]),
      ],
      [
        13,
        encode([
          [1, 'offset'],
          [2, '-4'],
        ]),
      ],
    ),
    "the offset '-4' in its file, which is no number of bytes",
  ],
])('a tensor with %s is refused by name', (_name, bytes, what) => {
  expect(refusal(file(bytes))).toMatch(
    new RegExp(`^'PATH' is damaged: tensor 'w' has ${what.replace(/[[\]]/g, '\\$&')} \\(at byte \\d+\\)`),
  );
});

test('a list too long to keep still belongs to a large tensor', () => {
  const path = file(tensor([1, 20_000], [2, 7], [7, new Uint8Array(20_000)]));
  expect(readModel(path)).toMatchObject({ weightBytes: 160_000, parameters: 0 });
});
