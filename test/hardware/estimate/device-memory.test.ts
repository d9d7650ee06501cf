import { describe, expect, test } from 'vitest';
import { findGpu } from '../../../lib/hardware/catalogue/tables.js';
import type { Execution } from '../../../lib/hardware/estimate/device.js';
import { deviceMemoryGiB, hostMemoryGiB, usableMemoryGiB } from '../../../lib/hardware/estimate/device-memory.js';
import type { Kernel } from '../../../lib/model/work.js';
import { work } from '../../works.js';
import { gpu } from './devices.js';

const gib = 2 ** 30;
// Twice 2^28 weights: 2 GiB in float32; 2^26 live floats a row: 0.25 GiB.
const kernel: Kernel = { ...work().kernels[0]!, count: 2, weights: 2 ** 28 };
const model = work({
  kernels: [kernel],
  storedFloats: 2 ** 29,
  liveFloats: [0, 2 ** 26, 0],
  liveOtherBytes: [2 ** 20, 0, 0],
});
const need = (precision: Execution['precision'], provider: Execution['provider'], batch = 1, of = model) =>
  deviceMemoryGiB(of, { precision, provider, batch });
const other = 1.1 * (2 ** 20 / gib);

describe('memory of a run', () => {
  test('TensorRT: weights and activations in the executed form, workspace, context', () => {
    expect(need('fp16', 'tensorrt', 4)).toBeCloseTo(1.1 + 1 + 1.1 * 0.5 + other, 9);
    expect(need('int8', 'tensorrt', 4)).toBeCloseTo(1.1 + 0.5 + 1.1 * 0.25 + other, 9);
  });

  test('CUDA: an arena around both; 8 bits count as float32', () => {
    expect(need('fp32', 'cuda', 4)).toBeCloseTo(0.6 + 1.3 * (2 + 1.1 + other), 9);
    expect(need('int8', 'cuda', 4)).toBe(need('fp32', 'cuda', 4));
  });

  test('CUDA: quantized weights of the file are kept as floats', () => {
    const quantized = work({ kernels: [{ ...kernel, quantized: true, weights: 0, packedBytes: 2 ** 28 }] });
    expect(need('int8', 'cuda', 1, quantized)).toBeCloseTo(0.6 + 1.3 * 2, 4);
    expect(need('int8', 'tensorrt', 1, quantized)).toBeCloseTo(1.1 + 0.5, 4);
  });

  test('processors: the process, and the weights twice while they load', () => {
    expect(need('fp32', 'cpu')).toBeCloseTo(0.3 + 4 + 1.1 * 0.25 + other, 9);
    expect(need('int8', 'cpu')).toBeCloseTo(0.3 + 1 + 1.1 * 0.25 + other, 9);
  });

  test('tables that a run only looks up in are kept as floats, 8 bits or not', () => {
    const withTable = work({ kernels: [kernel], storedFloats: 2 ** 29 + 2 ** 28 });
    const without = work({ kernels: [kernel], storedFloats: 2 ** 29 });
    const more = (precision: Execution['precision'], provider: Execution['provider']) =>
      need(precision, provider, 1, withTable) - need(precision, provider, 1, without);
    expect(more('fp16', 'tensorrt')).toBeCloseTo(0.5, 9);
    expect(more('int8', 'tensorrt')).toBeCloseTo(0.5, 9);
    expect(more('int8', 'cuda')).toBeCloseTo(1.3, 9);
    expect(more('int8', 'cpu')).toBeCloseTo(2, 9);
  });

  test('the host keeps the file, twice while it loads', () => {
    expect(hostMemoryGiB(model)).toBeCloseTo(1 + 4, 9);
  });

  test('0.9 of what a GPU offers can be planned with', () => {
    expect(usableMemoryGiB({ kind: 'gpu', gpu: gpu(), share: 1 / 2 })).toBeCloseTo(9, 9);
    expect(usableMemoryGiB({ kind: 'gpu', gpu: findGpu('t4')!, share: 1 })).toBeCloseTo(13.14, 9);
  });
});
