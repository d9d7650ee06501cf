import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digits, lasting, many, scaleOf, shellQuoted, shown, time, usd } from '../../../lib/local/page/format.js';

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

describe('how long something lasts', () => {
  test.each([
    [0, '0 s'],
    [59, '59 s'],
    [300, '5 min'],
    [3599, '60 min'],
    [11_520, '3.2 h'],
    [86_400, '1 d'],
    [30 * 86_400, '30 d'],
  ])('%s seconds are %s', (seconds, text) => {
    expect(lasting(seconds)).toBe(text);
  });
});

describe('a moment', () => {
  const noon = new Date();
  noon.setHours(12, 0, 5, 0);

  test('of today is a time', () => {
    expect(time(noon.getTime() / 1000)).toBe('12:00:05');
  });

  test('of another day has the day', () => {
    const other = new Date(2020, 1, 3, 4, 5, 6);
    expect(time(other.getTime() / 1000)).toBe('3 Feb, 04:05:06');
  });
});

describe('counts and money', () => {
  test.each([
    [0, '0 rows'],
    [1, '1 row'],
    [1200.4, '1,200 rows'],
  ])('%s', (count, text) => {
    expect(many(count, 'row')).toBe(text);
  });

  test.each([
    [0, '$0.00'],
    [0.53, '$0.53'],
    [12, '$12.00'],
    [0.004_21, '$0.0042'],
  ])('%s', (amount, text) => {
    expect(usd(amount)).toBe(text);
  });
});
