/** The user's own files besides model, samples and labels: they have to be there, and the plan names them. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { local, Model, planEndpoint } from '../lib/index.js';
import { packageFile } from '../lib/package-root.js';
import { machine } from './machines.js';

const folder = packageFile('examples', 'models', 'digits');
const model = Model.fromOnnx(join(folder, 'digits.onnx'), { calibration: join(folder, 'samples.npz') });
const here = local(machine('x86-64-vnni', { name: 'local' }));
const scratch = mkdtempSync(join(tmpdir(), 'plan-files-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const written = (name: string): string => {
  const path = join(scratch, name);
  writeFileSync(path, '');
  return path;
};

test('without any the plan says so', () => {
  expect(planEndpoint({ model }, here).files).toEqual({ metric: null, hooks: null, requirements: null });
});

test('the plan names them as they were given, and the recipe the function', () => {
  const files = { metric: written('f1.py'), hooks: written('hooks.py'), requirements: written('requirements.txt') };
  const plan = planEndpoint(
    {
      model,
      optimization: { metric: { file: files.metric, function: 'f1' }, gate: { maxAccuracyDrop: 0.02 } },
      serving: { hooks: files.hooks, requirements: files.requirements },
    },
    here,
  );
  expect(plan.files).toEqual(files);
  expect(plan.recipe.gate.metric).toEqual({ function: 'f1', direction: 'higher', maxDrop: 0.02 });
});

test('all that are missing are told at once', () => {
  const none = join(scratch, 'none');
  const spec = {
    model,
    optimization: { metric: { file: `${none}.py`, function: 'f1' } },
    serving: { hooks: scratch.concat('/no-hooks.py'), requirements: scratch },
  };
  expect(() => planEndpoint(spec, here)).toThrow(
    [
      'cannot be planned (3 problems):',
      `  optimization.metric.file: '${none}.py' does not exist. Check the path.`,
      `  serving.hooks: '${scratch}/no-hooks.py' does not exist. Check the path.`,
      `  serving.requirements: '${scratch}' is a folder. Give the file inside it.`,
    ].join('\n'),
  );
});
