import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lockText } from '../../lib/lock/lock-text.js';

test('what fits on a line stands on one, the rest is broken up by level', () => {
  const long = 'x'.repeat(60);
  expect(lockText({ b: 1, a: { range: [0, 1.5], none: null, empty: {} }, list: [long, long, 'y'] })).toBe(
    `{
  "b": 1,
  "a": { "range": [0, 1.5], "none": null, "empty": {} },
  "list": [
    "${long}",
    "${long}", "y"
  ]
}
`,
  );
});

test('a figure that changes changes one line', () => {
  const lines = (speedup: number) =>
    lockText({ ranges: { a: [0, 1], b: [2, 3] }, winner: { name: 'n'.repeat(100), speedup } }).split('\n');
  const [one, other] = [lines(1.5), lines(1.75)];
  expect(one.filter((line, index) => line !== other[index])).toEqual(['    "speedup": 1.5']);
});

test('any JSON comes back as it was, with its keys in order, and written again it is the same text', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const text = lockText(value);
      expect(JSON.stringify(JSON.parse(text))).toBe(JSON.stringify(value));
      expect(lockText(JSON.parse(text))).toBe(text);
    }),
  );
});
