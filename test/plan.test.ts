import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checked } from '../lib/contract/validate.js';
import { cloud, type EndpointSpec, Hardware, local, Model, planEndpoint } from '../lib/index.js';
import { profileFileText } from '../lib/model/profile-file.js';
import { profileOf, readGraph } from '../lib/model/read.js';
import { workOf } from '../lib/model/work/work-of.js';
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
    'int8-static-minmax-chain',
    'int8-static-minmax-all',
  ]);
  expect(checked('serving', plan.serving, 'serving').model).toEqual({
    name: 'digits',
    version: '1',
    file: 'model.onnx',
    canaries: 'canaries.npz',
    report: 'report.json',
    reference: 'reference.onnx',
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

test('a machine for 4-bit weights is chosen as for floats, which they are widened to', () => {
  const [int4, fp32] = (['int4', 'fp32'] as const).map((precision) =>
    planEndpoint({ model: digits, optimization: { precision } }, cloud('aws-sagemaker', { region: 'eu-central-1' })),
  );
  expect(int4!.hardware).toEqual(fp32!.hardware);
  expect(int4!.recipe.precision).toBe('int4');
});

test.each([
  [undefined, 'all', { psi: 0.2, minCount: 500, windowSeconds: 86_400, watch: 'all' }],
  [{ watch: 'outputs', windowHours: 1 }, 'outputs', { psi: 0.2, minCount: 500, windowSeconds: 3600, watch: 'outputs' }],
  [false, 'off', null],
] as const)('drift is counted by the server and told by rules as asked: %j', (drift, counted, told) => {
  const plan = planEndpoint({ model: digits, monitoring: drift === undefined ? {} : { drift } }, here);
  expect(plan.serving.drift).toBe(counted);
  expect(plan.monitoring.drift).toEqual(told);
});

test('a plan survives JSON', () => {
  const plan = planEndpoint({ model: digits }, here);
  expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
});

test('on this machine an objective is no condition', () => {
  const spec = { model: digits, objective: { p99Ms: 0.001, requestsPerSecond: 1e6 }, scaling: { min: 3 } };
  expect(planEndpoint(spec, here).hardware.candidate.replicas).toBe(1);
});

describe('on a cloud', () => {
  const sagemaker = cloud('aws-sagemaker', { region: 'eu-west-1' });

  test('the plan names the machine, those that may take over, the runtime and the reasons', () => {
    const { hardware, recipe } = planEndpoint(
      { model: digits, objective: { p99Ms: 50, requestsPerSecond: 200 } },
      sagemaker,
    );
    expect(hardware.chosen.name).toMatch(/^ml\./);
    expect(hardware.fallbacks).toHaveLength(4);
    expect(recipe.target.machines).toEqual([hardware.chosen, ...hardware.fallbacks].map(({ name }) => name));
    expect(hardware.runtime).toEqual({ provider: 'cpu', onnxruntime: '1.30.0', cuda: null });
    expect(hardware.explain()).toContain(hardware.chosen.name);
  });

  test('a machine that is named is taken; a GPU is served in 16 bits', () => {
    const plan = planEndpoint({ model: digits, hardware: Hardware.of('ml.g6.xlarge') }, sagemaker);
    expect(plan.hardware.chosen).toMatchObject({ name: 'ml.g6.xlarge', accelerator: 'l4', acceleratorCount: 1 });
    expect(plan.recipe.target.provider).toBe('cuda');
    expect(new Set(plan.recipe.candidates.map(({ precision }) => precision))).toEqual(new Set(['fp16']));
  });

  test('the server runs as many at a time as the latency was planned with, or as the user says', () => {
    const request = { model: digits, hardware: Hardware.of('ml.c7i.2xlarge') };
    const { hardware, serving } = planEndpoint(request, sagemaker);
    expect(serving.threads.workers).toBe(hardware.workers);
    const three = planEndpoint({ ...request, serving: { workers: 3 } }, sagemaker);
    expect([three.hardware.workers, three.serving.threads.workers]).toEqual([3, 3]);
    expect(three.hardware.candidate.p50Ms).not.toBe(hardware.candidate.p50Ms);
    expect(planEndpoint({ model: digits }, here).serving.threads.workers).toBeNull();
  });

  test('a region that is not there is refused with the closest', () => {
    expect(() => cloud('gcp-vertex', { region: 'europe-west44' })).toThrow(
      /'europe-west44' is no region of gcp-vertex.*europe-west4/,
    );
  });

  test('an objective that no machine meets is a problem of the hardware', () => {
    const spec = { model: digits, objective: { p99Ms: 0.001 } };
    expect(() => planEndpoint(spec, sagemaker)).toThrow(/hardware: No machine is as fast as asked for/);
  });

  test('a lock beside the model keeps its machine', () => {
    const folder = mkdtempSync(join(tmpdir(), 'plan-'));
    const path = join(folder, 'digits.onnx');
    copyFileSync(digits.path, path);
    const machine = 'ml.c7i.2xlarge';
    const [onnxruntime, catalogueDate] = ['1.30.0', '2026-01-01'];
    const entry = {
      machine,
      fallbacks: [],
      replicas: 3,
      precision: 'fp32',
      provider: 'cpu',
      onnxruntime,
      cuda: null,
      catalogueDate,
      monthlyUsd: 1000,
    };
    const lock = { schemaVersion: 1, machines: { 'aws-sagemaker/eu-west-1': entry } };
    writeFileSync(join(folder, 'digits.slipway-lock.json'), JSON.stringify(lock));
    const { hardware } = planEndpoint({ model: Model.fromOnnx(path) }, sagemaker);
    expect([hardware.chosen.name, hardware.candidate.replicas, hardware.catalogueDate]).toEqual([
      machine,
      3,
      catalogueDate,
    ]);
    expect(hardware.warnings).toEqual([expect.stringMatching(/^The lock keeps 3 x ml\.c7i\.2xlarge .* would save \$/)]);
    expect(planEndpoint({ model: Model.fromOnnx(path) }, cloud('aws-sagemaker')).hardware.chosen.name).not.toBe(
      machine,
    );
  });

  test('times that were measured win, in code as on the command line', () => {
    const table = join(mkdtempSync(join(tmpdir(), 'plan-')), 'my.csv');
    writeFileSync(table, 'machine,precision,provider,batch,latency_ms\nml.g6.xlarge,fp32,cuda,1,123\n');
    const optimization = { precision: 'fp32' } as const;
    const spec = { model: digits, optimization, hardware: Hardware.of('ml.g6.xlarge'), measurements: table };
    expect(planEndpoint(spec, sagemaker).hardware.candidate.p50Ms).toBeGreaterThan(123);
    expect(() => planEndpoint({ ...spec, measurements: 'none.csv' }, sagemaker)).toThrow(/measurements: /);
  });

  test('a profile stands for a model elsewhere, where it is said where', () => {
    const graph = readGraph(digits.path);
    const profile = profileOf(graph);
    const path = join(mkdtempSync(join(tmpdir(), 'plan-')), 'digits.profile.json');
    writeFileSync(path, profileFileText(profile, workOf(graph, profile, {})));
    const plan = planEndpoint({ model: Model.fromProfile(path, { uri: 's3://models/digits.onnx' }) }, sagemaker);
    expect([plan.name, plan.source.uri]).toEqual(['digits', 's3://models/digits.onnx']);
    expect(plan.hardware.chosen.name).toBe(
      planEndpoint({ model: Model.fromOnnx(digits.path) }, sagemaker).hardware.chosen.name,
    );
    expect(() => planEndpoint({ model: { path } }, sagemaker)).toThrow(/does not say where the model lies/);
    expect(() => planEndpoint({ model: { path, uri: 's3://m' } }, here)).toThrow(/this machine runs the model itself/);
  });
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

  const sdks = (name: string) =>
    loaded(name).flatMap((path) => /node_modules\/(aws-cdk-lib|constructs|@pulumi\/[^/]+)\//.exec(path)?.[1] ?? []);

  test('slipway loads, and no cloud SDK with it', () => {
    expect(loaded('slipway').length).toBeGreaterThan(0);
    expect(sdks('slipway')).toEqual([]);
  });

  test.each(['azure-native', 'gcp'])('Pulumi and %s alone are loaded by their entry point', (sdk) => {
    const name = `slipway/${sdk.replace('-native', '')}`;
    expect([...new Set(sdks(name))].sort()).toEqual([`@pulumi/${sdk}`, '@pulumi/pulumi'].sort());
  });

  test('slipway/aws loads the CDK, and no other SDK with it', () => {
    expect([...new Set(sdks('slipway/aws'))].sort()).toEqual(['aws-cdk-lib', 'constructs']);
  });
});
