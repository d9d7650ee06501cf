import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cpus, gpus } from '../../../lib/hardware/catalogue/tables.js';
import type { Device, Execution } from '../../../lib/hardware/estimate/device.js';
import { estimateRun, estimator } from '../../../lib/hardware/estimate/estimate.js';
import type { Kernel, KernelKind } from '../../../lib/model/work.js';
import { work } from '../../works.js';
import { constants, cpu, gpu, row } from './devices.js';

const kernel = (changes: Partial<Kernel> = {}): Kernel => ({ ...work().kernels[0]!, ...changes });
const worksOf = (...kernels: Kernel[]) => work({ kernels });
const on = (changes = {}): Device => ({ kind: 'gpu', gpu: gpu(changes), share: 1 });
const tensorrt: Execution = { precision: 'fp16', provider: 'tensorrt', batch: 1 };
const cuda: Execution = { precision: 'fp32', provider: 'cuda', batch: 1 };

describe('time of a run', () => {
  const estimate = estimator(constants(), [gpu()]);

  test('is the smooth maximum of computing and moving, and the floor', () => {
    // 3e10 operations at 10 TFLOPS take 3 ms; 2e8 bytes at 50 GB/s take 4 ms; together 5 ms.
    const one = kernel({ flops: [0, 3e10, 0], weights: 0, floats: [0, 1e8, 0] });
    expect(estimate(worksOf(one), on(), tensorrt).latencyMs).toBeCloseTo(5.004, 9);
  });

  test('counts kernels, steps, weights, packed and other values', () => {
    const one = kernel({
      count: 3,
      steps: 10,
      flops: [0, 0, 0],
      weights: 1e6,
      packedBytes: 1e6,
      floats: [0, 1e6, 0],
      otherBytes: [1e6, 0, 0],
    });
    // Three times 6e6 bytes at 50 GB/s, 0.12 ms, and ten floors of 4 us.
    expect(estimate(worksOf(one), on(), tensorrt).latencyMs).toBeCloseTo(3 * (0.12 + 0.04), 9);
  });

  test('follows the batch, its square too', () => {
    const one = kernel({ flops: [1e10, 2e10, 3e10], weights: 0, floats: [0, 0, 0] });
    expect(estimate(worksOf(one), on(), { ...tensorrt, batch: 2 }).latencyMs).toBeCloseTo(17.004, 9);
  });

  test('a share of an accelerator has that share of its units and bandwidth', () => {
    const one = kernel({ flops: [0, 3e10, 0], weights: 0, floats: [0, 1e8, 0] });
    const third: Device = { kind: 'gpu', gpu: gpu(), share: 1 / 3 };
    expect(estimate(worksOf(one), third, tensorrt).latencyMs).toBeCloseTo(15.004, 9);
  });

  test('what fits into 60% of the cache moves faster', () => {
    const cached = estimator(constants([row({ cached: 2 })]), []);
    const ms = (floats: number) =>
      cached(worksOf(kernel({ flops: [0, 0, 0], weights: 0, floats: [floats, 0, 0] })), on({ l2MB: 10 }), tensorrt)
        .latencyMs;
    expect(ms(3e6)).toBeCloseTo(0.064, 9);
    expect(ms(3.0001e6)).toBeCloseTo(0.124, 4);
  });

  test('many small kernels wait for the host', () => {
    const hosted = estimator(constants([], 20), []);
    const one = kernel({ count: 100, flops: [0, 0, 0], weights: 0, floats: [0, 0, 0] });
    const { latencyMs, boundBy } = hosted(worksOf(one), on(), cuda);
    // 100 launches of 20 us beside 100 floors of 4 us.
    expect(latencyMs).toBeCloseTo(Math.hypot(2, 0.4), 9);
    expect(boundBy).toBe('launch');
    expect(hosted(worksOf(one), on(), tensorrt).latencyMs).toBeCloseTo(0.4, 9);
  });

  test('says what most of the time goes to, and gives a band and a rate', () => {
    const computing = kernel({ flops: [0, 3e10, 0], weights: 0, floats: [0, 10, 0] });
    const moving = kernel({ kind: 'normalization', flops: [0, 1, 0], weights: 0, floats: [0, 1e8, 0] });
    expect(estimate(worksOf(computing), on(), tensorrt).boundBy).toBe('compute');
    const found = estimate(worksOf(computing, moving), on(), { ...tensorrt, batch: 4 });
    expect(found.boundBy).toBe('bandwidth');
    expect(found.throughputPerSecond).toBeCloseTo(4000 / found.latencyMs, 9);
    expect(found.bandMs[0]).toBeCloseTo(found.latencyMs / Math.exp(0.2), 9);
    expect(found.bandMs[1]).toBeCloseTo(found.latencyMs * Math.exp(0.2), 9);
  });

  test('the scores of attention go through memory with 32-bit floats of the CUDA provider', () => {
    const attention = kernel({
      op: 'Attention',
      kind: 'attention',
      flops: [0, 4 * 64 * 1e6, 0],
      weights: 0,
      floats: [0, 0, 0],
      product: [[1000, 0, 0], 1000, 64],
    });
    // 1e6 scores of 4 bytes, six times, at 50 GB/s: 0.48 ms.
    const ms = estimate(worksOf(attention), on(), cuda).latencyMs;
    expect(ms).toBeCloseTo(0.004 + Math.hypot(0.48, 0.0512), 9);
    expect(estimate(worksOf(attention), on(), { ...cuda, precision: 'fp16' }).latencyMs).toBeLessThan(0.05);
  });
});

describe('processors', () => {
  const estimate = estimator(constants(), []);
  const computing = worksOf(kernel({ flops: [0, 3.2e8, 0], weights: 0, floats: [0, 0, 0] }));
  const ms = (vcpus: number, precision: Execution['precision'] = 'fp32', changes = {}) =>
    estimate(computing, { kind: 'cpu', cpu: cpu(changes), vcpus }, { precision, provider: 'cpu', batch: 1 }).latencyMs;

  test('vCPUs are threads of cores where the cloud counts them so', () => {
    // 3.2e8 operations on one core of 64 GFLOPS at half of its peak.
    expect(ms(2)).toBeCloseTo(10.004, 9);
    expect(ms(2, 'fp32', { vcpusPerCore: 1 })).toBeCloseTo(5.004, 9);
  });

  test('beyond 8 cores each adds less', () => {
    expect(ms(16)).toBeCloseTo(10 / 8 + 0.004, 9);
    expect(ms(32)).toBeCloseTo((10 / 16) * 1.24 + 0.004, 9);
  });

  test('8 bits are faster only with instructions for them', () => {
    expect(ms(2, 'int8')).toBeCloseTo(2.504, 9);
    expect(ms(2, 'int8', { instructionSet: 'x86-64' })).toBeCloseTo(10.004, 9);
  });
});

describe('8 bits', () => {
  const estimate = estimator(constants([], 10), []);
  const one = kernel({ flops: [0, 3e9, 0], weights: 1e6, floats: [0, 1e6, 0] });

  test('on the CUDA provider cost float and turning into floats', () => {
    const float = estimate(worksOf(one), on(), cuda).latencyMs;
    const eight = estimate(worksOf(one), on(), { ...cuda, precision: 'int8' }).latencyMs;
    // 2e6 values, read as 1 byte and written as 4, at 50 GB/s: 0.2 ms and a floor.
    expect(eight - float).toBeCloseTo(0.204, 3);
  });

  test('of a graph that is quantized run so whatever is asked for, except on the CUDA provider', () => {
    const quantized = worksOf({ ...one, quantized: true, weights: 0, packedBytes: 1e6 });
    const asked = (precision: Execution['precision']) =>
      estimate(quantized, on(), { ...tensorrt, precision }).latencyMs;
    expect(asked('fp32')).toBe(asked('int8'));
    expect(estimate(quantized, on(), cuda).latencyMs).toBeGreaterThan(asked('int8'));
  });

  const kinds: KernelKind[] = ['conv', 'grouped', 'matmul', 'attention', 'normalization', 'elementwise', 'movement'];

  test('on the CUDA provider are never faster than float32', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...gpus().filter((one) => (one.computeCapability ?? 0) >= 7)),
        fc.constantFrom(...kinds),
        fc.nat(1e9),
        fc.nat(1e8),
        fc.integer({ min: 1, max: 64 }),
        (accelerator, kind, perRow, weights, batch) => {
          const model = worksOf(kernel({ kind, flops: [0, perRow, 0], weights, floats: [0, perRow / 100, 0] }));
          const device: Device = { kind: 'gpu', gpu: accelerator, share: 1 };
          const float = estimateRun(model, device, { ...cuda, batch });
          const eight = estimateRun(model, device, { ...cuda, precision: 'int8', batch });
          return eight.latencyMs >= float.latencyMs && eight.memoryGiB >= float.memoryGiB;
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('more is never faster', () => {
  const devices: [Device, Execution][] = [
    ...gpus()
      .filter((one) => (one.computeCapability ?? 0) >= 7)
      .flatMap((one): [Device, Execution][] => [
        [{ kind: 'gpu', gpu: one, share: 1 }, { ...cuda }],
        [{ kind: 'gpu', gpu: one, share: 0.5 }, { ...tensorrt }],
        [
          { kind: 'gpu', gpu: one, share: 1 },
          { ...tensorrt, precision: 'int8' },
        ],
      ]),
    ...cpus().map((one): [Device, Execution] => [
      { kind: 'cpu', cpu: one, vcpus: 4 },
      { precision: 'int8', provider: 'cpu', batch: 1 },
    ]),
  ];
  const sizes = fc.record({
    kind: fc.constantFrom<KernelKind>('conv', 'grouped', 'matmul', 'attention', 'elementwise', 'recurrent', 'tree'),
    flops: fc.nat(1e10),
    floats: fc.nat(1e7),
    weights: fc.nat(1e7),
    count: fc.integer({ min: 1, max: 50 }),
  });
  const made = ({
    kind,
    flops,
    floats,
    weights,
    count,
  }: Record<'flops' | 'floats' | 'weights' | 'count', number> & { kind: KernelKind }) =>
    work({
      kernels: [kernel({ kind, count, weights, flops: [0, flops, 0], floats: [0, floats, 0] })],
      liveFloats: [0, floats, 0],
    });

  test('operations, values, weights, kernels', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...devices),
        sizes,
        fc.constantFrom<'flops' | 'floats' | 'weights' | 'count'>('flops', 'floats', 'weights', 'count'),
        fc.integer({ min: 1, max: 100 }),
        ([device, execution], size, which, more) => {
          const less = estimateRun(made(size), device, execution).latencyMs;
          const larger = estimateRun(
            made({ ...size, [which]: size[which] + more * 1000 }),
            device,
            execution,
          ).latencyMs;
          return larger >= less && Number.isFinite(larger);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('rows, neither in time nor in memory', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...devices),
        sizes,
        fc.integer({ min: 1, max: 256 }),
        ([device, execution], size, batch) => {
          const less = estimateRun(made(size), device, { ...execution, batch });
          const more = estimateRun(made(size), device, { ...execution, batch: batch + 1 });
          return more.latencyMs >= less.latencyMs && more.memoryGiB >= less.memoryGiB;
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('what a device cannot execute', () => {
  test('is refused with what it can', () => {
    expect(() => estimateRun(work(), { kind: 'cpu', cpu: cpu(), vcpus: 2 }, cuda)).toThrow(
      'provider cuda needs an accelerator; C1 is a processor. Possible: cpu',
    );
  });
});
