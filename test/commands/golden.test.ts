/** Whole plans of the example models and of published networks, as people see them: a change of any has to be looked at. */

import { expect, test } from 'vitest';
import { planCommand } from '../../bin/commands/plan.js';
import { example } from '../model/scratch.js';
import { network } from '../networks.js';
import { run } from './run.js';

const clouds = ['aws-sagemaker', 'azure-ml', 'azure-container-apps', 'gcp-cloud-run', 'gcp-vertex'];
const everywhere = clouds.flatMap((id) => ['--platform', id]);
const samples = (name: string) => ['--data', example(name, 'samples.npz')];

const plans: readonly (readonly [name: string, model: () => string, args: string[], answer: RegExp])[] = [
  [
    'digits',
    () => example('digits', 'digits.onnx'),
    [...samples('digits'), '--p99-ms', '50', '--rps', '200'],
    /^No accelerator is needed: /,
  ],
  [
    'digits-encoder',
    () => example('digits-encoder', 'digits-encoder.onnx'),
    [...samples('digits-encoder'), '--p99-ms', '20', '--rps', '50', '--scale-to-zero'],
    /^No accelerator is needed: .*gcp-cloud-run/,
  ],
  [
    'breast-cancer',
    () => example('breast-cancer', 'breast-cancer.onnx'),
    ['--p99-ms', '10', '--rps', '500'],
    /^No accelerator is needed: /,
  ],
  [
    'resnet50',
    () => network('resnet50'),
    ['--p99-ms', '15', '--rps', '200', '--payload', 'binary'],
    /^One Tesla T4 is enough: up to \d+ requests run at a time\./,
  ],
  [
    'bert-base',
    () => network('bert-base'),
    ['--dim', 'sequence=128', '--p99-ms', '20', '--rps', '50', '--platform', 'aws-sagemaker', '--region', 'eu-west-1'],
    /^\d x Tesla T4 are enough: /,
  ],
  [
    'yolov8m',
    () => network('yolov8m'),
    ['--p99-ms', '100', '--rps', '20', '--payload', 'binary'],
    /^One Tesla T4 is enough: /,
  ],
  [
    'llama-1b',
    () => network('llama-1b'),
    ['--dim', 'sequence=1', '--dim', 'past=512', '--p99-ms', '100', '--rps', '5', '--payload', 'binary'],
    /^One Tesla T4 is enough: at batch 1 this model is bound by kernel launches, a larger GPU would hardly be faster\./,
  ],
];

test.each(plans)('%s', async (name, model, args, answer) => {
  const places = args.includes('--platform') ? [] : everywhere;
  const { out, code } = await run(planCommand(), model(), ...places, ...args, '--top', '6');
  expect(code).toBe(0);
  expect(out).toMatch(answer);
  await expect(out).toMatchFileSnapshot(`golden/${name}.txt`);
});
