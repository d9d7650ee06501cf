import { describe, expect, test } from 'vitest';
import { binTitles, mostApart } from '../../../lib/local/page/sections/bins.js';
import type { PageBin, PageDriftFigure } from '../../../lib/local/page/shape.js';

const bin = (name: string, upper: string | null, expected: number, seen: number | null): PageBin => ({
  ...{ name, upper, expected, seen },
});
const figure = (bins: readonly PageBin[]): PageDriftFigure => ({
  ...{ side: 'input', tensor: 'x', statistic: 'mean', bins },
  ...{ rows: null, psi: null, js: null, ks: null, limit: null },
});

describe('bins in words', () => {
  test('of ranges say where each ends, and what is no number', () => {
    const bins = [
      bin('0', '-1.23456', 0.25, null),
      bin('1', '0', 0.25, null),
      bin('2', '+Inf', 0.25, null),
      bin('nan', 'NaN', 0.25, null),
    ];
    expect(binTitles(bins)).toEqual(['up to -1.23', '-1.23 to 0', 'above 0', 'no number']);
  });

  test('of one range alone are any number', () => {
    expect(binTitles([bin('0', '+Inf', 0.9, null), bin('nan', 'NaN', 0.1, null)])).toEqual(['any number', 'no number']);
  });

  test('of categories are their names', () => {
    expect(binTitles([bin('cat', null, 0.5, null), bin('other', null, 0.5, null)])).toEqual(['cat', 'any other']);
  });

  test('say which differs most', () => {
    const bins = [bin('cat', null, 0.5, 0.4), bin('dog', null, 0.25, 0.6), bin('other', null, 0.25, 0)];
    expect(mostApart(figure(bins))).toBe('Most apart: dog, 60 % of what came, 25 % of the samples');
  });

  test('say that there is nothing to compare before anything came', () => {
    expect(mostApart(figure([bin('cat', null, 1, null)]))).toBe('Nothing to compare yet');
    expect(mostApart(figure([]))).toBe('Nothing to compare yet');
  });
});
