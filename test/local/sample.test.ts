import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { local, Model, planEndpoint } from '../../lib/index.js';
import { curlCommand, type SampleRequest, sampleRequest } from '../../lib/local/sample.js';
import { packageFile } from '../../lib/package-root.js';
import { machine } from '../machines.js';

const here = local(machine('x86-64-vnni', { name: 'local' }));
const folder = packageFile('examples', 'models', 'digits');

describe('the sample request', () => {
  test('is the first of the user’s samples', () => {
    const calibration = join(folder, 'samples.npz');
    const plan = planEndpoint({ model: Model.fromOnnx(join(folder, 'digits.onnx'), { calibration }) }, here);
    const { body, real } = sampleRequest(plan);
    expect(real).toBe(true);
    expect(body.inputs).toMatchObject([{ name: 'image', shape: [1, 1, 8, 8], datatype: 'FP32' }]);
    expect(body.inputs[0]?.data).toHaveLength(64);
    expect(body.inputs[0]?.data).toContain(1);
  });

  test('is zeros where there are none', () => {
    const plan = planEndpoint({ model: Model.fromOnnx(join(folder, 'digits.onnx')) }, here);
    const { body, real } = sampleRequest(plan);
    expect(real).toBe(false);
    expect(body.inputs[0]).toEqual({
      name: 'image',
      shape: [1, 1, 8, 8],
      datatype: 'FP32',
      data: new Array(64).fill(0),
    });
  });
});

describe('the curl command', () => {
  const url = 'http://127.0.0.1:1/v2/models/m/infer';
  const request = (name: string, count: number): SampleRequest => ({
    body: { inputs: [{ name, shape: [1, count], datatype: 'FP32', data: new Array(count).fill(0.5) }] },
    real: true,
  });
  /** What a shell makes of the command: the arguments that curl would get. */
  const argumentsOf = (command: string): string[] =>
    execFileSync('sh', ['-c', command.replace(/^curl/, "printf '%s\\n'")], { encoding: 'utf8' })
      .trim()
      .split('\n');

  test('carries a short body as it is, whatever the input is called', () => {
    const sample = request(`it's "x" $HOME \`date\``, 2);
    const args = argumentsOf(curlCommand(url, sample, '/nowhere'));
    expect(args).toContain(url);
    expect(JSON.parse(args.at(-1)!)).toEqual(sample.body);
  });

  test('points to a file when the body is long', () => {
    const place = join(mkdtempSync(join(tmpdir(), 'sample-')), "with ' and space");
    const sample = request('x', 5000);
    const file = argumentsOf(curlCommand(url, sample, place)).at(-1)!;
    expect(file).toMatch(/^@/);
    expect(JSON.parse(readFileSync(file.slice(1), 'utf8'))).toEqual(sample.body);
  });
});
