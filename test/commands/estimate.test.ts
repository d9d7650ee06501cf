/** `slipway estimate`: one device, one number, from the graph alone. */

import { expect, test } from 'vitest';
import { estimateCommand } from '../../bin/commands/estimate.js';
import { example } from '../model/scratch.js';
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
