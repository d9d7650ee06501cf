import { expect, test } from 'vitest';
import { variantOf } from '../../lib/image/variant.js';
import { cloud, type EndpointPlan, Hardware, imageContext } from '../../lib/index.js';
import { digitsPlan } from './plans.js';

const sagemaker = cloud('aws-sagemaker', { region: 'us-east-1' });
const on = (accelerator: string, platform = cloud('gcp-cloud-run')) =>
  digitsPlan({ hardware: Hardware.auto({ accelerators: [accelerator], providers: ['cuda'] }) }, platform);
const changed = (plan: EndpointPlan, hardware: Partial<EndpointPlan['hardware']>): EndpointPlan => ({
  ...plan,
  hardware: { ...plan.hardware, ...hardware },
});

test('processors get the image without CUDA, for their architecture', () => {
  expect(variantOf(digitsPlan())).toMatchObject({ name: 'cpu', lock: 'server', platform: 'linux/amd64', gpu: false });
  const arm = digitsPlan({ hardware: Hardware.auto({ allow: ['ml.c7g.*'] }) }, sagemaker);
  expect(variantOf(arm)).toMatchObject({ name: 'cpu', lock: 'server', platform: 'linux/arm64' });
});

test("CUDA follows the platform's driver", () => {
  expect(variantOf(on('l4'))).toMatchObject({ name: 'cuda12', lock: 'server-cuda12', gpu: true });
  expect(variantOf(on('l4', sagemaker))).toMatchObject({ name: 'cuda13', lock: 'server-cuda13', gpu: true });
});

test('an accelerator needs its driver found at run time, and the CPU wheel in the stage that quantizes', () => {
  const context = imageContext(on('l4'));
  const text = (path: string) => {
    const source = context.files.find((file) => file.path === path)!.source;
    return 'text' in source ? source.text : source.file;
  };
  expect(text('Dockerfile')).toContain('/usr/local/nvidia/lib64');
  expect(text('locks/server.txt')).toMatch(/server-cuda12\.txt$/);
  expect(text('locks/optimizer.txt')).toMatch(/optimizer\.txt$/);
  expect(context.labels).toMatchObject({ 'dev.slipway.variant': 'cuda12', 'dev.slipway.onnxruntime': '1.26.0' });
});

test('what has no wheels is refused when it is planned', () => {
  const plan = on('l4');
  const chosen = { ...plan.hardware.chosen, architecture: 'arm64' as const };
  expect(() => imageContext(changed(plan, { chosen, fallbacks: [] }))).toThrow(
    /is arm64, and ONNX Runtime 1\.26\.0 for CUDA 12 has wheels for x86_64 only/,
  );
  const runtime = { ...plan.hardware.runtime, cuda: '11' };
  expect(() => imageContext(changed(plan, { runtime }))).toThrow(/needs ONNX Runtime for CUDA 11/);
});

test('one image runs on one architecture', () => {
  const plan = digitsPlan();
  const fallbacks = [{ ...plan.hardware.chosen, name: 'arm-machine', architecture: 'arm64' as const }];
  expect(() => imageContext(changed(plan, { fallbacks }))).toThrow(/its fallback 'arm-machine' is arm64/);
});

test('a plan that a lock pinned to another ONNX Runtime is refused', () => {
  const plan = digitsPlan();
  const runtime = { ...plan.hardware.runtime, onnxruntime: '1.20.0' };
  expect(() => imageContext(changed(plan, { runtime }))).toThrow(
    /the plan runs ONNX Runtime 1\.20\.0, and the 'cpu' image of this version of Slipway holds 1\.30\.0/,
  );
});

test("TensorRT takes NVIDIA's image as its base, which has to be named", () => {
  const plan = on('l4');
  const tensorrt = changed(plan, { runtime: { ...plan.hardware.runtime, provider: 'tensorrt' } });
  expect(() => imageContext(tensorrt)).toThrow(/TensorRT's libraries come with the base image/);
  expect(imageContext(tensorrt, { baseImage: 'nvcr.io/nvidia/tensorrt:25.01-py3' }).variant).toBe('tensorrt');
});
