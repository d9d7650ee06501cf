import { describe, expect, test } from 'vitest';
import { cpus, findGpu, gpus } from '../../../lib/hardware/catalogue/tables.js';
import { classOf, efficiencyTable } from '../../../lib/hardware/estimate/efficiency.js';
import { constantsOf, neighbours } from '../../../lib/hardware/estimate/transfer.js';
import { constants, gpu, row } from './devices.js';

const near = (id: string) => neighbours(findGpu(id)!, gpus()).map((one) => one.id);

describe('neighbours', () => {
  test('are of the same chip and power, then of the same generation and size', () => {
    expect(near('a10g')[0]).toBe('a10');
    expect(near('t4g')[0]).toBe('t4');
    expect(near('h200-sxm').slice(0, 3)).toEqual(['h200-nvl', 'gh200-96gb', 'h100-nvl']);
    expect(near('gb200')[0]).toBe('b200-sxm');
    expect(near('v100-16gb')[0]).toBe('v100-32gb');
    expect(near('b200-sxm')).not.toContain('mi300x');
  });
});

describe('constants of a GPU', () => {
  const other = gpu({ id: 'g2', name: 'G2', tdpWatts: 400, memoryGiB: 48 });
  const far = gpu({ id: 'g3', name: 'G3', architecture: 'Hopper GH100' });
  const of = (rows: Parameters<typeof constants>[0], precision: 'int8' | 'fp16' | 'fp32' = 'int8') =>
    constantsOf(constants(rows), () => [other, far], gpu(), 'tensorrt', precision, 'matmul');
  const power = row({ powerExponent: 0.5 });

  test('are its own where it was measured', () => {
    const found = of([row({ device: 'g1', precision: 'int8', compute: 0.7, provenance: 'fitted', results: 12 })]);
    expect(found).toMatchObject({ compute: 0.7, spread: 0.2, origin: 'fitted to 12 results on G1' });
  });

  test('are those of a similar precision, with a wider band', () => {
    const found = of([row({ device: 'g1', precision: 'fp16', compute: 0.7 })]);
    expect(found).toMatchObject({ compute: 0.7, origin: 'transferred from its fp16 results' });
    expect(found.spread).toBeCloseTo(0.35, 9);
  });

  test('are those of the nearest neighbour, at the watts that each has for an operation', () => {
    const rows = [
      power,
      row({ device: 'g2', precision: 'int8', compute: 0.7 }),
      row({ device: 'g3', precision: 'int8', compute: 0.1 }),
    ];
    const found = of(rows);
    expect(found).toMatchObject({ origin: 'transferred from G2' });
    expect(found.compute).toBeCloseTo(0.35, 9);
    expect(found.spread).toBeCloseTo(0.35, 9);
  });

  test('of a neighbour in a similar precision are two steps away', () => {
    const found = of([row({ device: 'g2', precision: 'fp16', compute: 0.7 })]);
    expect(found).toMatchObject({ origin: "transferred from G2's fp16 results" });
    expect(found.spread).toBeCloseTo(0.5, 9);
  });

  test('never exceed the peak', () => {
    const cool = constantsOf(
      constants([power, row({ device: 'g1', precision: 'int8', compute: 0.7 })]),
      () => [gpu()],
      other,
      'tensorrt',
      'int8',
      'matmul',
    );
    expect(cool.compute).toBe(1);
  });

  test('are those of all when nobody measured anything like it', () => {
    expect(of([row({ device: 'g2', precision: 'int8' })], 'fp32')).toMatchObject({ compute: 0.5, origin: 'default' });
    const own = constantsOf(constants([power]), () => [], gpu({ tdpWatts: 10 }), 'tensorrt', 'int8', 'matmul');
    expect(own.compute).toBeCloseTo(0.25, 9);
  });
});

describe('data/hardware/efficiency.csv', () => {
  const rows = [...efficiencyTable().values()];

  test('has constants for every device, stack, precision and class', () => {
    const kinds = [...new Set(Object.values(classOf))];
    for (const one of gpus().filter(({ computeCapability }) => computeCapability !== null))
      for (const stack of ['tensorrt', 'ort-cuda'] as const)
        for (const precision of ['fp32', 'tf32', 'fp16', 'bf16', 'int8', 'fp8'] as const)
          for (const kind of kinds) {
            const found = constantsOf(efficiencyTable(), () => neighbours(one, gpus()), one, stack, precision, kind);
            expect(found.compute, `${one.id} ${stack} ${precision} ${kind}`).toBeGreaterThan(0);
          }
  });

  test('names devices of the catalogue and has shares of a peak', () => {
    const known = new Set(['*', ...gpus().map(({ id }) => id), ...cpus().map(({ id }) => id)]);
    for (const one of rows) {
      expect(known, one.device).toContain(one.device);
      expect(one.compute).toBeLessThanOrEqual(1);
      expect(one.bandwidth).toBeGreaterThan(0);
      expect(one.floorUs).toBeGreaterThanOrEqual(0);
      expect(one.spread).toBeGreaterThan(0);
      expect(['fitted', 'inferred', 'published', 'default']).toContain(one.provenance);
      expect(one.results > 0).toBe(one.provenance !== 'default');
    }
  });

  test('says where constants of common machines come from', () => {
    const origin = (id: string, precision: 'int8' | 'fp16') =>
      constantsOf(
        efficiencyTable(),
        () => neighbours(findGpu(id)!, gpus()),
        findGpu(id)!,
        'tensorrt',
        precision,
        'conv',
      ).origin;
    expect(origin('a10g', 'int8')).toBe('transferred from A10');
    expect(origin('t4', 'int8')).toMatch(/^fitted to \d+ results on Tesla T4$/);
    expect(origin('l4', 'fp16')).toBe('transferred from its int8 results');
  });
});
