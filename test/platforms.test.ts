/** Limits of the platforms and the runtimes that fit their accelerators; and the check that keeps all tables in order. */

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { findGpu, machineTypes, priceOf } from '../lib/hardware/catalogue/tables.js';
import { packageFile } from '../lib/package-root.js';
import { platformFacts, platformIds, runtimeFor } from '../lib/platforms.js';

describe('platforms', () => {
  it('say where a request stops', () => {
    expect(platformFacts('aws-sagemaker')).toMatchObject({
      maxRequestBytes: 6_291_456,
      requestTimeoutSeconds: { max: 60 },
    });
    expect(platformFacts('azure-ml')).toMatchObject({
      maxRequestBytes: null,
      requestTimeoutSeconds: { default: 5, max: 180 },
      defaultConcurrency: 1,
      bandwidthBytesPerSecond: 5_000_000,
      requestsPerSecond: 500,
      reservedShare: 0.2,
    });
    expect(platformFacts('gcp-cloud-run')).toMatchObject({ maxRequestBytes: 33_554_432, defaultConcurrency: 80 });
    expect(platformFacts('gcp-vertex')).toMatchObject({ maxRequestBytes: 10_000_000 });
  });

  it('scale to zero on Cloud Run and Container Apps only', () => {
    expect(platformIds.filter((id) => platformFacts(id).scaleToZero)).toEqual([
      'azure-container-apps',
      'gcp-cloud-run',
    ]);
    expect(platformFacts('azure-container-apps').alwaysOn).toEqual(['NC24-A100', 'NC48-A100', 'NC96-A100']);
  });

  it('have a reference region with prices', () => {
    for (const id of platformIds.filter((one) => one !== 'local')) {
      const region = platformFacts(id).referenceRegion!;
      expect(machineTypes(id).filter((machine) => priceOf(machine, region)).length, id).toBeGreaterThan(1);
    }
  });
});

describe('runtimes', () => {
  it('are ONNX Runtime 1.30 on processors', () => {
    for (const id of platformIds) expect(runtimeFor(id, null)).toMatchObject({ onnxruntime: '1.30.0', cuda: null });
  });

  it('stay at 1.26 where the driver is too old for CUDA 13', () => {
    expect(runtimeFor('gcp-cloud-run', 'l4')).toMatchObject({ onnxruntime: '1.26.0', cuda: '12', driver: '535' });
    expect(runtimeFor('azure-ml', 'v100-32gb')).toMatchObject({ onnxruntime: '1.26.0', cuda: '12' });
    expect(runtimeFor('gcp-cloud-run', 'rtx-pro-6000-bse')).toMatchObject({
      onnxruntime: '1.30.0',
      cuda: '13',
      driver: '580',
    });
  });

  it('name the image that brings the driver on SageMaker', () => {
    expect(runtimeFor('aws-sagemaker', 'l4')).toMatchObject({
      onnxruntime: '1.30.0',
      inferenceAmiVersion: 'al2023-ami-sagemaker-inference-gpu-4-1',
    });
  });

  it('are there for every accelerator with CUDA that a platform offers', () => {
    const pairs = platformIds.flatMap((id) =>
      machineTypes(id)
        .filter(({ accelerator }) => accelerator !== null && findGpu(accelerator)?.computeCapability)
        .map(({ accelerator }) => runtimeFor(id, accelerator).onnxruntime),
    );
    expect(pairs.length).toBeGreaterThan(80);
    expect(() => runtimeFor('aws-sagemaker', 'inferentia2')).toThrow(
      'no ONNX Runtime for inferentia2 on aws-sagemaker',
    );
  });
});

describe('npm run data:check', () => {
  let folder: string | undefined;
  afterEach(() => {
    if (folder) rmSync(folder, { recursive: true });
    folder = undefined;
  });

  const check = (...options: string[]) => {
    const script = packageFile('scripts', 'data-check.mjs');
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...options], { encoding: 'utf8' });
    return { status, stdout, problems: stderr.split('\n').filter(Boolean) };
  };

  function copy(): string {
    folder = mkdtempSync(join(tmpdir(), 'slipway-data-'));
    cpSync(packageFile('data'), folder, { recursive: true });
    return folder;
  }

  function edit(root: string, file: string, from: string, to: string): void {
    const text = readFileSync(join(root, file), 'utf8');
    expect(text).toContain(from);
    writeFileSync(join(root, file), text.replace(from, to));
  }

  it('finds nothing in the tables as they are', () => {
    expect(check()).toMatchObject({ status: 0, problems: [] });
  });

  it('tells every problem of a damaged copy at once', () => {
    const root = copy();
    edit(
      root,
      'hardware/gpus.csv',
      'l4,L4,NVIDIA,Ada AD104,8.9,24,22.2,300',
      'l4,L4,NVIDIA,Ada AD104,8.9,24,32.2,-300',
    );
    edit(root, 'hardware/cpus.csv', 'intel-icx,', 'intel-clx,');
    edit(root, 'hardware/machines.csv', 'm5.large,2,8,x86_64', 'm5.large,two,8,x86-64');
    edit(root, 'hardware/prices.json', '"us-east-1":0.1152', '"us-east-1":0');
    edit(root, 'platforms/runtimes.csv', 'gcp-cloud-run,l4,535,12,1.26.0', 'gcp-cloud-run,l4,535,13,1.26.0');
    edit(root, 'platforms/runtimes.csv', 'gcp-vertex,t4,', 'gcp-vertex,a10g,');
    edit(root, 'platforms/platforms.json', '"bandwidthBytesPerSecond": 5000000', '"bandwidthBytesPerSecond": "5 MB"');
    edit(root, 'sources.csv', '2026-07-20,Apache-2.0', '20 July 2026,Apache-2.0');
    writeFileSync(join(root, 'hardware', 'extra.csv'), 'a\n1\n');
    const { status, problems } = check(root);
    expect(status).toBe(1);
    expect(problems).toEqual(
      expect.arrayContaining([
        "hardware/gpus.csv, row 11, bandwidth_gbs: '-300' is not above 10",
        'hardware/gpus.csv, l4: usable_gib is above memory_gib',
        "hardware/cpus.csv, row 4: 'intel-clx' is row 3 again",
        "hardware/machines.csv, row 2, vcpus: 'two' is not a number",
        "hardware/machines.csv, row 2, architecture: 'x86-64' is none of x86_64, arm64",
        'hardware/prices.json, aws-sagemaker ml.m5.large: costs 0 in us-east-1, which is no number above 0 and below 1000',
        'platforms/runtimes.csv, gcp-cloud-run l4: CUDA 13 needs driver 580, not 535',
        'platforms/runtimes.csv, gcp-cloud-run l4: onnxruntime-gpu 1.26.0 is not built for CUDA 13',
        'platforms/runtimes.csv: no row for gcp-vertex t4',
        'platforms/runtimes.csv, gcp-vertex a10g: is no pair that machines.csv offers',
        'platforms/platforms.json, azure-ml: bandwidthBytesPerSecond is no number',
        "sources.csv, row 2, date: '20 July 2026' does not look like ^20\\d\\d-(0[1-9]|1[0-2])(-(0[1-9]|[12]\\d|3[01]))?$",
        'hardware/extra.csv: has no schema in scripts/data/schemas.mjs',
        'hardware/extra.csv: is not described in README.md',
      ]),
    );
    expect(problems.some((problem) => problem.includes("names 'intel-icx', which hardware/cpus.csv lack"))).toBe(true);
  });

  /** Leaves out the lines of a file that the pattern fits. */
  function leaveOut(root: string, file: string, pattern: RegExp): void {
    const lines = readFileSync(join(root, file), 'utf8').split('\n');
    const kept = lines.filter((line) => !pattern.test(line));
    expect(kept.length).toBeLessThan(lines.length);
    writeFileSync(join(root, file), kept.join('\n'));
  }

  it('wants prices as numbers, in regions that there are', () => {
    const root = copy();
    edit(root, 'hardware/prices.json', '"us-east-1":0.1152', '"us-east-1":"0.1152"');
    edit(root, 'hardware/prices.json', '"us-east-1":', '"us-east-11":');
    edit(root, 'hardware/prices.json', '"westeurope":', '"eu-west-1":');
    expect(check(root)).toMatchObject({
      status: 1,
      problems: [
        'hardware/prices.json, aws-sagemaker ml.m5.large: costs "0.1152" in us-east-11, which is no number above 0 and below 1000',
        "hardware/prices.json, aws-sagemaker ml.m5.large: 'us-east-11' is no region in scripts/data/regions.mjs",
        expect.stringMatching(/^hardware\/prices\.json, azure-ml \S+: 'eu-west-1' is no region in /),
      ],
    });
  });

  it('wants no source from the far future, not even two', () => {
    const root = copy();
    edit(root, 'sources.csv', '2026-10-20', '2099-10-20');
    edit(root, 'sources.csv', '2026-08-21', '2098-08');
    expect(check(root).problems).toEqual([
      'sources.csv, aiconfigurator: 2098-08 is more than a year after 2026-08-03, the newest of the others',
      'sources.csv, cfn-lint: 2099-10-20 is more than a year after 2026-08-03, the newest of the others',
    ]);
  });

  it('wants a name to mean one accelerator', () => {
    const root = copy();
    edit(root, 'hardware/gpus.csv', 'a10g,A10G,', 'a10g,tesla T4,');
    edit(root, 'hardware/gpus.csv', 'l40s,L40S,', 'l40s,A10,');
    expect(check(root).problems).toEqual([
      "hardware/gpus.csv: t4 and a10g are all called 'tesla t4'",
      "hardware/gpus.csv: a10 and l40s are all called 'a10'",
    ]);
  });

  it('wants constants for all that an estimate may ask for', () => {
    const root = copy();
    leaveOut(root, 'hardware/efficiency.csv', /^[^,]+,ort-cuda,/);
    leaveOut(root, 'hardware/efficiency.csv', /^\*,ort-cpu,(fp32,conv|int8,matmul),/);
    leaveOut(root, 'hardware/efficiency.csv', /^\*,tensorrt,\*,matmul,/);
    const { status, problems } = check(root);
    const missing = (row: string) => `hardware/efficiency.csv: no row for *,${row}, nor for every precision`;
    expect(status).toBe(1);
    expect(problems).toEqual(
      expect.arrayContaining([
        missing('ort-cpu,fp32,conv'),
        missing('ort-cpu,int8,matmul'),
        missing('ort-cuda,bf16,attention'),
        missing('ort-cuda,fp32,launch'),
        missing('tensorrt,tf32,matmul'),
      ]),
    );
    expect(problems.filter((problem) => problem.includes('ort-cuda'))).toHaveLength(4 * 7 + 1);
    expect(problems.filter((problem) => problem.includes('tensorrt'))).toEqual([
      missing('tensorrt,tf32,matmul'),
      missing('tensorrt,bf16,matmul'),
    ]);
  });

  it.each([
    ['0.166', ['0.166 is neither whole nor one part of so many with six digits']],
    ['0.3', ['0.3 is neither whole nor one part of so many with six digits']],
    ['1.5', ['1.5 is neither whole nor one part of so many with six digits']],
    ['0.2', ['0.2 is 4.8 GiB of a10, which is not whole']],
    ['0.125', []],
  ])('of %s accelerators says what is wrong', (count, wrong) => {
    const root = copy();
    edit(root, 'hardware/machines.csv', ',a10,0.166667,', `,a10,${count},`);
    expect(check(root).problems).toEqual(
      wrong.map((what) => `hardware/machines.csv, azure-ml Standard_NV6ads_A10_v5: accelerator_count ${what}`),
    );
  });

  it('takes a folder and nothing else', () => {
    const root = copy();
    for (const path of [join(root, 'nowhere'), join(root, 'sources.csv')]) {
      expect(check(path)).toEqual({
        status: 1,
        stdout: '1 problem found.\n',
        problems: [`'${path}' is no folder. Give one like data/, or nothing for data/ itself.`],
      });
    }
    writeFileSync(join(root, 'hardware', 'prices.json'), 'null');
    expect(check(root).problems).toEqual(['hardware/prices.json: cannot be read: it holds no object']);
  });

  it('goes on where a table is missing, unreadable or has other columns', () => {
    const root = copy();
    rmSync(join(root, 'hardware', 'gpus.csv'));
    edit(root, 'hardware/cpus.csv', 'id,name', 'id,title');
    writeFileSync(join(root, 'hardware', 'prices.json'), '{');
    const { status, stdout, problems } = check(root);
    expect(status).toBe(1);
    expect(problems).toContain('hardware/gpus.csv: is missing');
    expect(
      problems.filter((problem) => /^hardware\/(cpus.csv|prices.json): cannot be read: /.test(problem)),
    ).toHaveLength(2);
    expect(stdout).toMatch(/problems found\.\n$/);
  });
});
