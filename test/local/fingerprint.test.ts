import { appendFileSync, copyFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type EndpointSpec, local, Model, planEndpoint } from '../../lib/index.js';
import { optimizationKey } from '../../lib/local/fingerprint.js';
import { packageFile } from '../../lib/package-root.js';
import { machine } from '../machines.js';

const here = machine('x86-64-vnni', { name: 'local' });

/** A copy of the digits example in a folder of its own. */
function digits(): EndpointSpec['model'] & { readonly calibration: string; readonly labels: string } {
  const folder = mkdtempSync(join(tmpdir(), 'fingerprint-'));
  for (const name of ['digits.onnx', 'samples.npz', 'labels.npy']) {
    copyFileSync(packageFile('examples', 'models', 'digits', name), join(folder, name));
  }
  const [calibration, labels] = [join(folder, 'samples.npz'), join(folder, 'labels.npy')];
  return { ...Model.fromOnnx(join(folder, 'digits.onnx')), calibration, labels };
}

const key = (spec: EndpointSpec, on = here, tools = 'tools') => optimizationKey(planEndpoint(spec, local(on)), tools);

test('the same content has the same key, wherever it lies', () => {
  expect(key({ model: digits() })).toBe(key({ model: digits() }));
});

test('what decides the result changes the key', () => {
  const model = digits();
  const { labels: _, ...withoutLabels } = model;
  const { calibration: __, ...withoutSamples } = withoutLabels;
  const changed = digits();
  const plan = planEndpoint({ model: changed }, local(here));
  appendFileSync(changed.labels, '\0');
  const keys = [
    key({ model }),
    key({ model: withoutLabels }),
    key({ model: withoutSamples }),
    key({ model, optimization: { precision: 'fp32' } }),
    key({ model, optimization: { gate: { minSpeedup: 2 } } }),
    key({ model, serving: { maxBatch: 4 } }),
    key({ model }, { ...here, cpu: 'another' }),
    key({ model }, here, 'other tools'),
    optimizationKey(plan, 'tools'),
  ];
  expect(new Set(keys).size).toBe(keys.length);
});
