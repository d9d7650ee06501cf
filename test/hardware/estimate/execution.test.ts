import { describe, expect, test } from 'vitest';
import { findGpu } from '../../../lib/hardware/catalogue/tables.js';
import type { Device } from '../../../lib/hardware/estimate/device.js';
import { executable, executionProblem, formOf } from '../../../lib/hardware/estimate/execution.js';
import type { Precision, Provider } from '../../../lib/hardware/estimate/precision.js';
import { work } from '../../works.js';
import { cpu } from './devices.js';

const on = (id: string): Device => ({ kind: 'gpu', gpu: findGpu(id)!, share: 1 });
const problem = (device: Device, precision: Precision, provider: Provider) =>
  executionProblem(device, { precision, provider, batch: 1 });

describe('what each GPU executes', () => {
  test.each([
    ['t4', 'tensorrt', ['fp32', 'fp16', 'int8']],
    ['t4', 'cuda', ['fp32', 'fp16', 'int8']],
    ['v100-16gb', 'tensorrt', ['fp32', 'fp16', 'int8']],
    ['a10g', 'tensorrt', ['fp32', 'tf32', 'fp16', 'bf16', 'int8']],
    ['a10g', 'cuda', ['fp32', 'tf32', 'fp16', 'bf16', 'int8']],
    ['l4', 'tensorrt', ['fp32', 'tf32', 'fp16', 'bf16', 'int8', 'fp8']],
    ['h100-sxm', 'cuda', ['fp32', 'tf32', 'fp16', 'bf16', 'int8']],
    ['h100-sxm', 'cpu', []],
    ['m60', 'cuda', []],
    ['mi300x', 'tensorrt', []],
    ['inferentia2', 'cuda', []],
  ] as const)('%s by %s', (id, provider, allowed) => {
    expect(executable(on(id), provider)).toEqual(allowed);
  });

  test('a problem names what is possible', () => {
    expect(problem(on('t4'), 'int8', 'tensorrt')).toBeNull();
    expect(problem(on('t4'), 'bf16', 'cuda')).toBe(
      'Tesla T4 has no bf16 with provider cuda. Possible: fp32, fp16, int8',
    );
    expect(problem(on('a10g'), 'fp8', 'tensorrt')).toBe(
      'A10G has no fp8 with provider tensorrt. Possible: fp32, tf32, fp16, bf16, int8',
    );
    expect(problem(on('l4'), 'fp32', 'cpu')).toBe(
      'provider cpu runs on processors, not on L4. Possible: cuda, tensorrt',
    );
    expect(problem(on('mi300x'), 'fp16', 'cuda')).toContain('needs an NVIDIA GPU of compute capability 6.0 or higher');
    expect(problem({ kind: 'cpu', cpu: cpu(), vcpus: 2 }, 'fp16', 'cpu')).toBe(
      'C1 has no fp16 with provider cpu. Possible: fp32, int8',
    );
  });
});

describe('the form of a kernel', () => {
  const product = work().kernels[0]!;
  const form = (precision: Precision, provider: Provider, changes = {}, quantizedGraph = false) =>
    formOf({ ...product, ...changes }, quantizedGraph, { precision, provider, batch: 1 });

  test('is what is asked for', () => {
    expect(form('fp16', 'tensorrt')).toEqual({ precision: 'fp16', dequantized: false });
    expect(form('int8', 'tensorrt')).toEqual({ precision: 'int8', dequantized: false });
  });

  test('is float on the CUDA provider when 8 bits are asked for', () => {
    expect(form('int8', 'cuda')).toEqual({ precision: 'fp32', dequantized: true });
    expect(form('fp16', 'cuda', { quantized: true }, true)).toEqual({ precision: 'fp16', dequantized: true });
  });

  test('is 8-bit on processors for products with weights only', () => {
    expect(form('int8', 'cpu').precision).toBe('int8');
    expect(form('int8', 'cpu', { kind: 'attention' }).precision).toBe('fp32');
  });

  test('follows a graph that is quantized itself', () => {
    expect(form('int8', 'tensorrt', {}, true).precision).toBe('fp16');
    expect(form('int8', 'cpu', {}, true).precision).toBe('fp32');
    expect(form('fp32', 'cpu', { quantized: true }, true).precision).toBe('int8');
  });
});
