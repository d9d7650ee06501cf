import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checked } from '../lib/contract/validate.js';
import { type EndpointSpec, local, Model, planEndpoint } from '../lib/index.js';
import { packageFile } from '../lib/package-root.js';
import { machine } from './machines.js';

const folder = packageFile('examples', 'models', 'digits');
const calibration = join(folder, 'samples.npz');
const digits = Model.fromOnnx(join(folder, 'digits.onnx'), { calibration, labels: join(folder, 'labels.npy') });
const here = local(machine('x86-64-vnni', { name: 'local' }));

test('a plan names what every room decided', () => {
  const plan = planEndpoint({ model: digits }, here);
  expect(plan).toMatchObject({ schemaVersion: 1, platform: 'local', name: 'digits', dims: {} });
  expect(plan.profile).toMatchObject({ family: 'cnn', parameters: 337_962, batchDim: 'batch' });
  expect(plan.hardware.chosen.name).toBe('local');
  expect(checked('recipe', plan.recipe, 'recipe').candidates.map((candidate) => candidate.name)).toEqual([
    'int8-static-minmax',
    'int8-static-percentile',
    'int8-static-minmax-all',
  ]);
  expect(checked('serving', plan.serving, 'serving').model).toEqual({
    name: 'digits',
    version: '1',
    file: 'model.onnx',
    canaries: 'canaries.npz',
    report: 'report.json',
    dims: {},
  });
  expect(plan.monitoring.model).toBe('digits');
});

test('the same spec gives the same bytes, wherever the model lies', () => {
  const copy = join(mkdtempSync(join(tmpdir(), 'plan-')), 'digits.onnx');
  copyFileSync(digits.path, copy);
  const { source: _, ...first } = planEndpoint({ model: digits }, here);
  const { source: __, ...second } = planEndpoint({ model: { ...digits, path: copy } }, here);
  expect(JSON.stringify(second)).toBe(JSON.stringify(first));
});

test('a plan survives JSON', () => {
  const plan = planEndpoint({ model: digits }, here);
  expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
});

describe('problems of spec, model, samples and monitoring come at once', () => {
  const refused = (spec: EndpointSpec): string => {
    try {
      planEndpoint(spec, here);
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error('it was planned');
  };

  test('samples of another model and a dimension that is not there', () => {
    const other = packageFile('examples', 'models', 'breast-cancer', 'samples.npz');
    const message = refused({ model: { ...digits, calibration: other, dims: { sequence: 4 } } });
    expect(message).toMatch(/^Endpoint 'digits' cannot be planned \(\d+ problems\):/);
    expect(message).toContain('features');
    expect(message).toContain('image');
    expect(message).toContain('sequence');
  });

  test('a machine that is not there', () => {
    expect(refused({ model: digits, hardware: { choose: 'named', machine: 'ml.g5.xlarge' } })).toContain(
      "hardware: 'ml.g5.xlarge' is not offered by local. There: local",
    );
  });

  test('values of the spec itself', () => {
    const wrong = { model: digits, objective: { p99Ms: 0 }, serving: { workers: 0.5 } };
    expect(refused(wrong)).toMatch(
      /2 problems.*\n {2}objective\.p99Ms: 0 is given.*\n {2}serving\.workers: 0\.5 is given/,
    );
  });
});

describe('the package', () => {
  const loaded = (name: string): string[] => {
    const program = `require(${JSON.stringify(name)}); console.log(JSON.stringify(Object.keys(require.cache)))`;
    const run = spawnSync(process.execPath, ['-e', program], { cwd: packageFile(), encoding: 'utf8' });
    expect(run.stderr).toBe('');
    return JSON.parse(run.stdout) as string[];
  };

  test.each(['slipway', 'slipway/aws', 'slipway/azure', 'slipway/gcp'])(
    '%s loads, and no cloud SDK with it',
    (name) => {
      const modules = loaded(name);
      expect(modules.filter((path) => /node_modules\/(aws-cdk-lib|constructs|@pulumi)\//.test(path))).toEqual([]);
      expect(modules.length).toBeGreaterThan(0);
    },
  );
});
