/** `slipway estimate`: one device, one number, from the graph alone. */

import { describe, expect, test } from 'vitest';
import { estimateCommand } from '../../bin/commands/estimate.js';
import { example, fixture } from '../model/scratch.js';
import { network } from '../networks.js';
import { run } from './run.js';

const estimate = (...args: string[]) => run(estimateCommand(), ...args);
const json = async (...args: string[]) => JSON.parse((await estimate(...args, '--json')).out);

test('--json has the agreed keys', async () => {
  const found = await json(
    network('resnet50'),
    '--accelerator',
    'L4',
    '--precision',
    'fp16',
    '--provider',
    'tensorrt',
    '--batch',
    '8',
  );
  expect(Object.keys(found).sort()).toEqual(
    ['bandMs', 'boundBy', 'latencyMs', 'memoryGiB', 'provenance', 'throughputPerSecond'].sort(),
  );
  expect(found.throughputPerSecond).toBeCloseTo(8000 / found.latencyMs, 6);
  expect(found.bandMs[0]).toBeLessThan(found.latencyMs);
  expect(found.bandMs[1]).toBeGreaterThan(found.latencyMs);
  expect(['compute', 'bandwidth', 'launch']).toContain(found.boundBy);
});

test('an accelerator goes by id or name, in any case', async () => {
  const path = network('resnet50');
  const byId = await json(path, '--accelerator', 'T4');
  expect(await json(path, '--accelerator', 'tesla t4')).toEqual(byId);
});

test('a batch is given by --batch or by the name of its dimension', async () => {
  const path = network('resnet50');
  const batch = await json(path, '--accelerator', 't4', '--batch', '8');
  expect(await json(path, '--accelerator', 't4', '--dim', 'batch=8')).toEqual(batch);
  expect(batch.latencyMs).toBeGreaterThan((await json(path, '--accelerator', 't4')).latencyMs);
  await expect(estimate(path, '--accelerator', 't4', '--dim', 'batch=8', '--batch', '4')).rejects.toThrow(
    '--batch: 4 is given, --dim gives 8; leave one of them out',
  );
});

test('a dimension without a size is asked for by name', async () => {
  await expect(estimate(network('bert-base'), '--accelerator', 't4')).rejects.toThrow(
    'dims.sequence: this dimension has no size. Give one, for example --dim sequence=128.',
  );
});

test('a dimension that the model lacks is a warning', async () => {
  const { err, out } = await estimate(example('digits', 'digits.onnx'), '--dim', 'sequence=4', '--machine', 'local');
  expect(err).toContain(
    "Warning: the model has no dimension 'sequence', so --dim sequence changes nothing. It has batch.",
  );
  expect(out).toContain('latency');
});

test('the processor of a machine, with fewer cores', async () => {
  const path = example('digits', 'digits.onnx');
  const [all, one] = [
    await json(path, '--machine', 'ml.c7i.2xlarge'),
    await json(path, '--machine', 'ml.c7i.2xlarge', '--cores', '1'),
  ];
  expect(one.latencyMs).toBeGreaterThan(all.latencyMs);
});

test('cores that the machine type does not have are refused with those it has', async () => {
  const path = example('digits', 'digits.onnx');
  await expect(estimate(path, '--machine', 'ml.c7i.xlarge', '--cores', '3')).rejects.toThrow(
    '--cores: 3 is given, ml.c7i.xlarge has 2 (4 vCPUs); leave it out, or give at most 2',
  );
  await expect(estimate(path, '--machine', '1cpu-1gib', '--cores', '1')).rejects.toThrow(
    '--cores: 1 is given, 1cpu-1gib has 0.5 (1 vCPU); leave it out',
  );
  await expect(estimate(path, '--machine', 'ml.g6.xlarge', '--provider', 'cpu', '--cores', '64')).rejects.toThrow(
    '--cores: 64 is given, ml.g6.xlarge has 2 (4 vCPUs)',
  );
  const { out, err } = await estimate(path, '--cores', '640');
  expect(out).toMatch(/^.*, (640|1280) vCPUs, fp32 by cpu/);
  expect(out).not.toContain('usable');
  expect(err).toBe('');
});

test('one vCPU is one', async () => {
  const path = example('digits', 'digits.onnx');
  expect((await estimate(path, '--machine', '1cpu-1gib')).out).toMatch(/^[^\n]*, 1 vCPU, fp32 by cpu, batch 1\n/);
});

describe('memory', () => {
  const much = (...device: string[]) => estimate(network('resnet50'), '--batch', '50000', ...device);

  test('that the accelerator does not have is a warning', async () => {
    const { out, err } = await much('--accelerator', 'l4');
    const [, needs] = /^Warning: needs (\d+) GiB, usable 19\.98 GiB on L4: does not fit\.\n$/.exec(err) ?? [];
    expect(Number(needs)).toBeGreaterThan(20);
    expect(out).toContain(`  memory      ${needs} GiB of 19.98 usable\n`);
  });

  test('is nine tenths of a machine, and of a share of an accelerator', async () => {
    const { err } = await much('--machine', 'ml.c7i.xlarge');
    expect(err).toMatch(/^Warning: needs \d+ GiB, usable 7\.20 GiB on ml\.c7i\.xlarge: does not fit\.\n$/);
    const shared = await much('--machine', 'Standard_NV6ads_A10_v5');
    expect(shared.err).toMatch(/^Warning: needs \d+ GiB, usable 3\.\d\d GiB on A10: does not fit\.\n$/);
  });

  test('that is enough is told with what there is, and not in JSON', async () => {
    const { out, err } = await estimate(network('resnet50'), '--accelerator', 'l4');
    expect(out).toMatch(/ {2}memory {6}\S+ GiB of 19\.98 usable\n/);
    expect(err).toBe('');
    const large = await much('--accelerator', 'l4', '--json');
    expect(JSON.parse(large.out).memoryGiB).toBeGreaterThan(20);
    expect(large.err).toContain('does not fit');
  });
});

test('trees do not run on accelerators', async () => {
  for (const device of [
    ['--accelerator', 'l4'],
    ['--machine', 'ml.g6.xlarge', '--provider', 'tensorrt'],
  ]) {
    await expect(estimate(fixture('trees.onnx'), ...device)).rejects.toThrow(
      '--accelerator, --machine: operators of ai.onnx.ml have no kernels for l4: they would run on its CPU',
    );
  }
  const { out } = await estimate(fixture('trees.onnx'), '--machine', 'ml.g6.xlarge', '--provider', 'cpu');
  expect(out).toContain('fp32 by cpu');
});

test('a model that computes nothing takes as long as the smallest kernel', async () => {
  for (const device of [
    ['--machine', 'ml.c7i.xlarge'],
    ['--accelerator', 't4'],
  ]) {
    const found = await json(fixture('dtypes-raw.onnx'), ...device);
    expect(found.latencyMs).toBeGreaterThan(0.001);
    expect(found.latencyMs).toBeLessThan(0.1);
    expect(found.throughputPerSecond).toBeCloseTo(1000 / found.latencyMs, 6);
    expect(found).toMatchObject({ boundBy: 'launch' });
  }
});

test.each([
  ['qdq.onnx', ['--machine', 'ml.c7i.xlarge'], 'int8 by cpu'],
  ['qoperator.onnx', ['--machine', 'ml.c7i.xlarge'], 'int8 by cpu'],
  ['dynamic.onnx', ['--machine', 'ml.c7i.xlarge'], 'int8 by cpu'],
  ['qdq.onnx', ['--accelerator', 'l4'], 'int8 by cuda'],
  ['qdq.onnx', ['--accelerator', 'l4', '--provider', 'tensorrt'], 'int8 by tensorrt'],
  ['float16.onnx', ['--accelerator', 'l4'], 'fp16 by cuda'],
  ['float16.onnx', ['--accelerator', 'm60'], null],
  ['float16.onnx', ['--machine', 'ml.c7i.xlarge'], 'fp32 by cpu'],
  ['mlp.onnx', ['--accelerator', 'l4'], 'fp32 by cuda'],
])('%s with %j runs as it is, where that can be executed', async (name, device, form) => {
  const found = estimate(fixture(name), ...device);
  if (form === null) await expect(found).rejects.toThrow(/needs an NVIDIA GPU of compute capability 6\.0/);
  else expect((await found).out).toContain(`, ${form}, batch 1`);
});

test('a size that is given twice is refused', async () => {
  const twice = estimate(network('bert-base'), '--accelerator', 't4', '--dim', 'sequence=64', '--dim', 'sequence=128');
  await expect(twice).rejects.toThrow(/--dim.*sequence is given twice\. Give it one size\./);
});

test('all that contradicts itself is told at once', async () => {
  const failure = estimate(
    example('digits', 'digits.onnx'),
    '--accelerator',
    'h10',
    '--machine',
    'ml.g6.xlrge',
    '--cores',
    '2',
  );
  await expect(failure).rejects.toThrow(/3 problems/);
  await expect(failure).rejects.toThrow(/--accelerator: 'h10' is in no table\. Similar: .*h100-pcie/);
  await expect(failure).rejects.toThrow(/--machine: 'ml\.g6\.xlrge' is in no table\. Similar: ml\.g6\.xlarge/);
});

test('a precision that the accelerator lacks is refused with those it has', async () => {
  await expect(
    estimate(example('digits', 'digits.onnx'), '--accelerator', 't4', '--precision', 'bf16'),
  ).rejects.toThrow(/Tesla T4 has no bf16 with provider cuda\. Possible: fp32, fp16, int8/);
});
