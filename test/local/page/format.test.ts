import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digits, scaleOf, shellQuoted, shown } from '../../../lib/local/page/format.js';

describe('numbers as people read them', () => {
  test.each([
    [0.0000421, 'seconds', '42.1 µs'],
    [0.0248, 'seconds', '24.8 ms'],
    [1.5, 'seconds', '1.5 s'],
    [96_000, 'bytes', '96 KB'],
    [25.3e9, 'bytes', '25.3 GB'],
    [0.996, 'share', '99.6 %'],
    [-0.0115, 'share', '-1.15 %'],
    [1024, 'requests', '1,024'],
    [12_400, 'requests/s', '12.4k req/s'],
    [61.26, 'requests/s', '61.3 req/s'],
    [2.9, 'ratio', '2.9x'],
    [0, 'seconds', '0 µs'],
    [null, 'seconds', '–'],
    [undefined, 'bytes', '–'],
    [Number.NaN, 'share', '–'],
  ] as const)('%s %s is %s', (value, unit, text) => {
    expect(shown(value, unit)).toBe(text);
  });

  test('keep at least two digits of their value, whatever its size', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e4, noNaN: true }), (seconds) => {
        const { divisor } = scaleOf('seconds', seconds);
        const read = Number(digits(seconds / divisor).replaceAll(',', '')) * divisor;
        expect(Math.abs(read - seconds)).toBeLessThanOrEqual(0.006 * seconds + 1e-15);
      }),
    );
  });
});

describe('a word for the shell', () => {
  test('holds quotes', () => {
    expect(shellQuoted('{"a":"it\'s"}')).toBe(`'{"a":"it'\\''s"}'`);
  });
});
