/** `slipway plan`: ranked machines, reasons, the lock. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inspectCommand } from '../../bin/commands/inspect.js';
import { planCommand } from '../../bin/commands/plan.js';
import type { Candidate, Rejection } from '../../lib/hardware/candidate.js';
import { platformIds } from '../../lib/platforms.js';
import { copies, example, file, fixture, scratch } from '../model/scratch.js';
import { network } from '../networks.js';
import { run } from './run.js';

interface Plan {
  readonly chosen: Candidate | null;
  readonly candidates: readonly Candidate[];
  readonly rejected: readonly Rejection[];
  readonly advice: readonly string[];
  readonly platforms: readonly { platform: string; size: string; data: string; performance: string; cost: string }[];
}

const digits = example('digits', 'digits.onnx');
const plan = (...args: string[]) => run(planCommand(), ...args);
const json = async (...args: string[]): Promise<Plan> => JSON.parse((await plan(...args, '--json')).out);

describe('the digits example at 200 requests a second', () => {
  test('--json has the agreed keys, and every platform answers', async () => {
    const found = await json(digits, '--p99-ms', '50', '--rps', '200');
    expect(found).toMatchObject({
      model: { name: 'digits', family: 'cnn', parameters: 337_962, dims: {} },
      objective: { p99Ms: 50, requestsPerSecond: 200, minimize: 'cost', payload: { rows: 1, encoding: 'json' } },
      catalogueDate: expect.stringMatching(/^\d{4}-\d{2}(-\d{2})?$/),
    });
    expect(found.chosen).toEqual(found.candidates[0]);
    expect(Object.keys(found.candidates[0]!).sort()).toEqual(
      [
        ...[
          'rank',
          'platform',
          'region',
          'machine',
          'accelerator',
          'acceleratorCount',
          'replicas',
          'precision',
          'provider',
        ],
        ...[
          'batch',
          'p50Ms',
          'p99Ms',
          'bandMs',
          'throughputPerSecond',
          'memoryGiB',
          'memoryAvailableGiB',
          'monthlyUsd',
        ],
        ...['usdPerMillion', 'priceDate', 'scaleToZero', 'notes'],
      ].sort(),
    );
    expect(found.platforms.map(({ platform }) => platform)).toEqual(platformIds);
    expect(found.candidates.map(({ rank }) => rank)).toEqual(found.candidates.map((_, index) => index + 1));
  });

  test('every candidate meets the objective, and costs no less than the one before it', async () => {
    const { candidates } = await json(digits, '--p99-ms', '50', '--rps', '200');
    const costs = candidates.map(({ monthlyUsd }) => monthlyUsd ?? Number.MAX_VALUE);
    expect(costs).toEqual([...costs].sort((one, other) => one - other));
    for (const { p50Ms, p99Ms, throughputPerSecond, memoryGiB, memoryAvailableGiB } of candidates) {
      expect(p99Ms).toBeLessThanOrEqual(50);
      expect(p50Ms).toBeLessThanOrEqual(p99Ms);
      expect(throughputPerSecond).toBeGreaterThanOrEqual(200);
      expect(memoryGiB).toBeLessThanOrEqual(memoryAvailableGiB);
    }
  });

  test('no machine is both a candidate and rejected, and every one is either', async () => {
    const { candidates, rejected } = await json(digits, '--platform', 'gcp-cloud-run');
    const names = [...candidates, ...rejected].map(({ machine }) => machine);
    expect(new Set(names).size).toBe(names.length);
    expect(rejected).toContainEqual({
      platform: 'gcp-cloud-run',
      region: 'us-central1',
      machine: '20cpu-80gib-rtx-pro-6000',
      reason: 'its price is not known; it is taken where it is named',
    });
  });

  test('people see the answer, the table, the questions of each platform and the losers', async () => {
    const { out, code } = await plan(digits, '--p99-ms', '50', '--rps', '200', '--top', '3');
    expect(code).toBe(0);
    expect(out).toMatch(/^No accelerator is needed: /);
    expect(out).toMatch(/platform +machine +replicas +runs as/);
    expect(out).toMatch(/\nand \d+ more \(--top N, --json\)\n/);
    for (const question of ['size', 'data', 'performance', 'cost']) expect(out).toContain(`\n  ${question} `);
    expect(out).toContain('Not in question:');
  });

  test('the same question has the same bytes', async () => {
    const [first, second] = [await plan(digits, '--rps', '5', '--json'), await plan(digits, '--rps', '5', '--json')];
    expect(second.out).toBe(first.out);
  });
});

describe('what is asked for', () => {
  test('a region that one platform has leaves the others out', async () => {
    const { candidates, platforms } = await json(digits, '--region', 'eu-west-1');
    expect(new Set(candidates.map(({ platform, region }) => `${platform} ${region}`))).toEqual(
      new Set(['aws-sagemaker eu-west-1']),
    );
    expect(platforms).toHaveLength(1);
    expect(candidates[0]?.notes).toContain('price of us-east-1; that of eu-west-1 is not in the tables');
  });

  test('two regions of a platform are told apart, each with its own reasons', async () => {
    const args = ['--platform', 'aws-sagemaker', '--region', 'us-east-1', '--region', 'me-south-1'];
    const { out } = await plan(digits, ...args, '--accelerator', 'l4', '--p99-ms', '0.001');
    expect(out).toMatch(
      /aws-sagemaker in us-east-1\n(.*\n){2} {2}performance {2}No machine comes into question: ml\.g6\S+ comes nearest/,
    );
    expect(out).toMatch(
      /aws-sagemaker in me-south-1\n(.*\n){2} {2}performance {2}No machine comes into question: (is not offered in me-south-1|its accelerator)/,
    );
    expect((await plan(digits, ...args)).out).toMatch(/\n1 +aws-sagemaker (us-east|me-south)-1 /);
  });

  test('a narrow terminal gets fewer columns', async () => {
    const wide = process.stdout.columns;
    process.stdout.columns = 120;
    try {
      const { out } = await plan(digits, '--rps', '20');
      expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
      expect(out).toMatch(/p99 ms .*\$\/month/);
    } finally {
      process.stdout.columns = wide;
    }
  });

  test('samples let smaller forms come into question', async () => {
    const path = network('bert-base');
    const args = ['--dim', 'sequence=128', '--platform', 'aws-sagemaker', '--p99-ms', '40', '--rps', '20'];
    const { chosen, advice } = await json(path, ...args);
    expect(chosen?.precision).toBe('fp32');
    expect(advice.join('\n')).toMatch(
      /would do for less: \$.* with samples \(--data\), as (int8|fp16) if that passes the gate/,
    );
  });

  test('samples give dimensions their sizes', async () => {
    const encoder = example('digits-encoder', 'digits-encoder.onnx');
    const found = await json(encoder, '--data', example('digits-encoder', 'samples.npz'), '--platform', 'gcp-vertex');
    expect(found.chosen?.precision).toMatch(/int8|fp32/);
  });

  test('an endpoint that carries too few bytes is told with what would help', async () => {
    const { advice, rejected } = await json(
      network('resnet50'),
      '--rps',
      '200',
      '--platform',
      'azure-ml',
      '--platform',
      'azure-container-apps',
    );
    expect(advice.join('\n')).toContain(
      '1.6 MB of JSON x 200/s = 319 MB/s; an endpoint of azure-ml carries 5.0 MB/s by default: choose azure-container-apps.',
    );
    expect(rejected.find(({ platform }) => platform === 'azure-ml')?.reason).toBe(
      'requests and answers are 319 MB/s, an endpoint carries 5.0 MB/s',
    );
    const few = await json(network('resnet50'), '--rps', '5', '--platform', 'azure-ml');
    expect(few.advice.join('\n')).toContain('send binary tensors (--payload binary)');
    expect(
      (await json(network('resnet50'), '--rps', '5', '--platform', 'azure-ml', '--payload', 'binary')).chosen?.platform,
    ).toBe('azure-ml');
  });

  test('own measurements win', async () => {
    const table = file(
      'model,machine,accelerator,precision,provider,batch,latency_ms\ndigits,,t4,fp32,cuda,1,400\n',
      'my.csv',
    );
    const args = ['--platform', 'gcp-vertex', '--accelerator', 't4', '--p99-ms', '100'];
    expect((await json(digits, ...args)).chosen?.accelerator).toBe('t4');
    const { chosen, advice } = await json(digits, ...args, '--measurements', table);
    expect(chosen).toBeNull();
    expect(advice[0]).toMatch(
      /^No machine is as fast as asked for\..* p99 is 400 ms at best, asked for 100 ms\. Relax p99 to 410 ms\./,
    );
  });

  test('a table of measurements is refused with every row that is wrong', async () => {
    const table = file(
      'machine,precision,provider,batch,latency_ms\nml.nothing,fp32,cpu,1,5\nml.g6.xlarge,fp3,cuda,0,x\n',
      'my.csv',
    );
    await expect(plan(digits, '--measurements', table)).rejects.toThrow(
      /4 problems\):\n.*row 2: machine 'ml\.nothing'.*\n.*row 3: precision 'fp3'.*\n.*row 3: batch '0'.*\n.*row 3: latency_ms 'x'/,
    );
  });
});

describe('nothing does', () => {
  test('by latency: how far off, what would do, exit code 1', async () => {
    const { out, code } = await plan(network('yolov8m'), '--p99-ms', '2', '--payload', 'binary', '--rps', '1');
    expect(code).toBe(1);
    expect(out).toMatch(
      /^No machine is as fast as asked for\. The nearest: .*: p99 is \S+ ms at best, asked for 2\.0 ms\. Relax p99 to [\d.]+ ms\./,
    );
    const relaxed = /Relax p99 to ([\d.]+) ms/.exec(out)![1]!;
    const args = ['--p99-ms', relaxed, '--payload', 'binary', '--rps', '1'];
    expect((await plan(network('yolov8m'), ...args)).code).toBe(0);
  });

  test('by cost', async () => {
    const { advice, chosen } = await json(digits, '--max-monthly-usd', '1', '--platform', 'aws-sagemaker');
    expect(chosen).toBeNull();
    expect(advice[0]).toMatch(/^No machine costs as little as asked for\. .* Raise the budget to \$/);
  });

  test.each([
    [['--region', 'eu-west-9'], /'eu-west-9' is no region of aws-sagemaker.*Similar: eu-west-1/],
    [
      ['--allow', 'ml.g6.xlrge', '--platform', 'aws-sagemaker'],
      /--allow: 'ml\.g6\.xlrge' is no machine of aws-sagemaker\. Similar: ml\.g6\.xlarge/,
    ],
    [['--accelerator', 'l4x'], /'l4x' is no accelerator that the tables know\. Similar: l4/],
    [['--min-replicas', '3', '--max-replicas', '2'], /min is 3 and max is 2/],
    [['--update'], /give --lock, too/],
  ])('%j is refused', async (args, reason) => {
    await expect(plan(digits, ...args)).rejects.toThrow(reason);
  });

  test('more replicas than there can be are told, and what passes elsewhere is no miss', async () => {
    const { rejected } = await json(digits, '--platform', 'azure-ml', '--min-replicas', '60');
    expect(rejected[0]?.reason).toBe('at least 60 replicas are asked for, it has at most 50');
    const args = ['--platform', 'local', '--platform', 'gcp-cloud-run', '--minimize', 'latency'];
    const { advice } = await json(digits, ...args, '--max-monthly-usd', '60');
    expect(advice.filter((text) => text.startsWith('No machine'))).toEqual([]);
  });

  test('where p99 and budget both bind, both are named, and then a machine passes', async () => {
    const path = network('bert-large');
    const args = ['--dim', 'sequence=128', '--rps', '100', '--platform', 'aws-sagemaker'];
    const { advice } = await json(path, ...args, '--p99-ms', '2', '--max-monthly-usd', '300');
    const found = /Relax p99 to ([\d.]+) ms and raise the budget\./.exec(advice[0]!);
    expect((await json(path, ...args, '--p99-ms', found![1]!)).chosen).not.toBeNull();
  });

  test('everything is told at once, by the names of the options', async () => {
    const args = ['--region', 'eu-west-9', '--accelerator', 'l4x', '--min-replicas', '3', '--max-replicas', '2'];
    await expect(plan(network('bert-base'), ...args)).rejects.toThrow(
      /4 problems\):\n {2}--min-replicas, --max-replicas: .*\n {2}--accelerator: .*\n {2}--region: .*\n {2}dims\.sequence: /,
    );
  });

  test('on the clouds by cost, while this machine would do', async () => {
    const { advice, chosen } = await json(digits, '--max-monthly-usd', '1');
    expect(chosen?.platform).toBe('local');
    expect(advice[0]).toMatch(/^No accelerator is needed: this machine: p99 /);
    expect(advice[1]).toMatch(/^No machine costs as little as asked for\./);
  });

  test('sizes that are missing are asked for, all at once', async () => {
    const asked = plan(network('llama-1b'));
    await expect(asked).rejects.toThrow(/dims\.sequence: .*\n.*dims\.past/);
  });
});

describe('the lock', () => {
  const locked = async (path: string, ...args: string[]) =>
    plan(path, '--platform', 'aws-sagemaker', '--lock', ...args);
  const model = () => {
    const path = join(scratch(), 'digits.onnx');
    writeFileSync(path, readFileSync(digits));
    return path;
  };

  test('pins machine, fallbacks, replicas, runtime and date, beside the model', async () => {
    const path = model();
    const { err } = await locked(path);
    const lock = JSON.parse(readFileSync(join(dirname(path), 'digits.slipway-lock.json'), 'utf8'));
    expect(Object.keys(lock)).toEqual(['schemaVersion', 'machines']);
    expect(lock.machines['aws-sagemaker/us-east-1']).toEqual({
      machine: expect.stringMatching(/^ml\./),
      fallbacks: expect.arrayContaining([expect.stringMatching(/^ml\./)]),
      replicas: 2,
      precision: 'fp32',
      provider: 'cpu',
      onnxruntime: '1.30.0',
      cuda: null,
      catalogueDate: expect.any(String),
      monthlyUsd: expect.any(Number),
    });
    expect(err).toMatch(/^Locked aws-sagemaker\/us-east-1: 2 x ml\./);
  });

  test('is kept when another machine is better now, until --update', async () => {
    const path = model();
    const place = join(dirname(path), 'digits.slipway-lock.json');
    await locked(path);
    const lock = JSON.parse(readFileSync(place, 'utf8'));
    const first = lock.machines['aws-sagemaker/us-east-1'];
    const older = { ...first, machine: 'ml.c7i.large', monthlyUsd: first.monthlyUsd + 100 };
    writeFileSync(
      place,
      JSON.stringify({ ...lock, machines: { 'aws-sagemaker/us-east-1': older }, optimization: { own: 1 } }),
    );
    const kept = await locked(path);
    expect(kept.err).toMatch(
      /^Locked aws-sagemaker\/us-east-1: 2 x ml\.c7i\.large, p99 .*\n {2}The lock keeps .* would save \$\d.* a month/,
    );
    // A plain plan says so, too.
    expect((await plan(path, '--platform', 'aws-sagemaker')).err).toBe(kept.err);
    expect(JSON.parse(readFileSync(place, 'utf8')).machines['aws-sagemaker/us-east-1']).toEqual(older);
    await locked(path, '--update');
    expect(JSON.parse(readFileSync(place, 'utf8'))).toEqual({ ...lock, optimization: { own: 1 } });
  });

  test('that no longer does is told, and the exit code is 1', async () => {
    const path = model();
    await locked(path);
    const asked = await locked(path, '--p99-ms', '0.3', '--rps', '50000');
    expect(asked.code).toBe(1);
    expect(asked.err).toMatch(/^Locked aws-sagemaker\/us-east-1: the lock pins 2 x ml\.\S+, which no longer does: /);
  });

  test('does not take the model for its place, nor pins this machine or nothing', async () => {
    const path = model();
    const { err } = await run(planCommand(), '--platform', 'local', '--platform', 'gcp-vertex', '--lock', path);
    expect(err).toMatch(/^Locked gcp-vertex\/us-central1: .*\nLock: .*digits\.slipway-lock\.json\n$/);
    const other = model();
    await plan(other, '--platform', 'local', '--lock');
    expect(existsSync(join(dirname(other), 'digits.slipway-lock.json'))).toBe(false);
    await expect(run(planCommand(), '--rps', '5')).rejects.toThrow(/No model is given/);
  });

  test('goes where it is told, and a file that is no lock is not overwritten', async () => {
    const path = file('not a lock', 'notes.json');
    await expect(plan(digits, '--platform', 'aws-sagemaker', '--lock', path)).rejects.toThrow(
      /cannot be read as a lock/,
    );
    expect(readFileSync(path, 'utf8')).toBe('not a lock');
  });
});

describe('a model that is elsewhere', () => {
  test('is planned by its profile as by its graph', async () => {
    const path = network('bert-base');
    const profile = join(dirname(path), 'bert-base.profile.json');
    await run(inspectCommand(), path, '--profile', profile, '--dim', 'sequence=128');
    const args = ['--p99-ms', '30', '--rps', '20', '--platform', 'gcp-vertex'];
    expect(await json(profile, ...args)).toEqual(await json(path, '--dim', 'sequence=128', ...args));
    await expect(json(profile, '--dim', 'sequence=64')).rejects.toThrow(
      '64 is given, the profile was made for 128. Make it again with --dim sequence=64.',
    );
  });

  test('a profile never overwrites the model, and says what it is by its name', async () => {
    const folder = copies('mlp.onnx');
    await expect(
      run(inspectCommand(), join(folder, 'mlp.onnx'), '--profile', join(folder, 'mlp.onnx')),
    ).rejects.toThrow(/ends in \.profile\.json/);
    expect(readFileSync(join(folder, 'mlp.onnx'))).toEqual(readFileSync(fixture('mlp.onnx')));
    expect(existsSync(join(folder, 'mlp.profile.json'))).toBe(false);
  });

  test('a damaged profile is refused with the place', async () => {
    const path = file(JSON.stringify({ schemaVersion: 1, profile: {}, work: {} }), 'x.profile.json');
    await expect(json(path)).rejects.toThrow(
      /is no profile of a model: profile\.\S+: .*slipway inspect MODEL --profile/,
    );
  });
});
