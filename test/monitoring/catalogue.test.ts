import { describe, expect, test } from 'vitest';
import { loadCatalogue, metricOf } from '../../lib/monitoring/catalogue.js';

const catalogue = loadCatalogue();

describe('the catalogue of the server', () => {
  test('names each metric once, with the suffix that Prometheus expects of its type', () => {
    const wrong = [...catalogue.values()].filter(({ name, type }) => (type === 'counter') !== name.endsWith('_total'));
    expect(wrong.map(({ name }) => name)).toEqual([]);
    expect(catalogue.size).toBe(30);
  });

  test('gives every histogram rising buckets and nothing else any', () => {
    for (const { name, type, buckets } of catalogue.values()) {
      expect(buckets.length > 0, name).toBe(type === 'histogram');
      expect(buckets, name).toEqual([...buckets].sort((a, b) => a - b));
    }
  });

  test('lists values only for labels that the metric has', () => {
    for (const { name, labels, values } of catalogue.values()) {
      expect(labels, name).toEqual(expect.arrayContaining(Object.keys(values)));
    }
  });

  test('shares no name with that of accelerators, which only has gauges', () => {
    const accelerators = [...loadCatalogue('dcgm').values()];
    expect(accelerators.filter(({ name }) => catalogue.has(name))).toEqual([]);
    expect([...new Set(accelerators.map(({ type }) => type))]).toEqual(['gauge']);
  });

  test('refuses a name that it does not have', () => {
    expect(() => metricOf(catalogue, 'onnx_made_up')).toThrow("no metric 'onnx_made_up' in the catalogue");
  });
});
