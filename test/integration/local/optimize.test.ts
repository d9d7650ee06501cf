/** `slipway optimize` as people run it: what it leaves, the lock it keeps and makes again, what it refuses. */

import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { BuildFile } from '../../../lib/contract/build.js';
import type { ReportFile } from '../../../lib/contract/report.js';
import { readContract } from '../../../lib/contract/validate.js';
import { readLock } from '../../../lib/lock/lock-file.js';
import { cacheWithoutModels, example, run, slipway } from './slipway.js';

const cache = cacheWithoutModels();

/** The digits example in a folder of its own, where a lock can lie. */
function digits() {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-optimize-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const files = example('digits');
  for (const [name, path] of [
    ['digits.onnx', files.model],
    ['samples.npz', files.data],
    ['labels.npy', files.labels],
  ] as const) {
    copyFileSync(path, join(folder, name));
  }
  return folder;
}

/** Runs it inside `folder`. Any machine is the target: then speed decides nowhere, and figures are the same on all. */
async function optimize(folder: string, out: string, ...more: string[]) {
  const files = ['--data', join(folder, 'samples.npz'), '--labels', join(folder, 'labels.npy')];
  const args = ['optimize', join(folder, 'digits.onnx'), ...files, '--target', 'unknown', '--out', join(folder, out)];
  const started = slipway([...args, ...more], { SLIPWAY_CACHE: cache });
  const code = await started.ended;
  expect(started.left()).toEqual([]);
  return { code, said: started.stderr(), out: started.stdout() };
}

const report = (folder: string, out: string): ReportFile => readContract('report', join(folder, out, 'report.json'));
const build = (folder: string, out: string): BuildFile => readContract('build', join(folder, out, 'build.json'));
const bytes = (folder: string, out: string, name: string) => readFileSync(join(folder, out, name)).toString('base64');

describe('a search, and its lock', () => {
  const folder = digits();
  const lock = join(folder, 'digits.slipway-lock.json');
  let first: Awaited<ReturnType<typeof optimize>>;

  beforeAll(async () => {
    first = await optimize(folder, 'first', '--json');
  });

  test('leaves the model, the report and its views, and says what to do next', () => {
    expect(first.code).toBe(0);
    expect(readdirSync(join(folder, 'first')).sort()).toEqual(
      ['build.json', 'canaries.npz', 'model.onnx', 'reference.onnx', 'report.html', 'report.json', 'report.md']
        .concat('serving.json', 'tensorboard')
        .filter((name) => name !== 'reference.onnx' || report(folder, 'first').winner.name !== 'fp32'),
    );
    expect(JSON.parse(first.out)).toEqual(report(folder, 'first'));
    expect(first.said).toMatch(/candidate +status +speed +agreement/);
    expect(first.said).toContain(`Lock: ${lock} (cpu/unknown); commit it`);
    for (const verb of ['report', 'serve', 'build']) expect(first.said).toMatch(new RegExp(`: slipway ${verb} `));
  });

  test('keeps in the lock what the report says', () => {
    const entry = readLock(lock)!.optimizations!['cpu/unknown']!;
    const { winner, model, data, ranges } = report(folder, 'first');
    expect(entry).toMatchObject({
      modelSha256: model.sha256,
      dataSha256: data!.sha256,
      labelsSha256: data!.labelsSha256,
      metricSha256: null,
      candidate: winner.recipe,
      ranges,
      sha256: winner.sha256,
    });
  });

  test('is made again from the lock: the same model and report each time, and the lock as it was', async () => {
    const before = readFileSync(lock, 'utf8');
    for (const out of ['second', 'third']) {
      const again = await optimize(folder, out);
      expect(again.code).toBe(0);
      expect(again.said).toContain('made again (the same bytes); --update searches anew');
    }
    expect(bytes(folder, 'second', 'model.onnx')).toBe(bytes(folder, 'first', 'model.onnx'));
    for (const name of ['model.onnx', 'canaries.npz', 'report.json']) {
      expect(bytes(folder, 'third', name)).toBe(bytes(folder, 'second', name));
    }
    const { mode, recheck, verdict } = report(folder, 'second');
    expect([mode, recheck?.sha256Matches, verdict]).toEqual(['replay', true, report(folder, 'first').verdict]);
    expect(readFileSync(lock, 'utf8')).toBe(before);
  });

  test('is used by up, which never writes it', async () => {
    const before = readFileSync(lock, 'utf8');
    // The lock has no entry for this machine: up searches, and keeps nothing.
    const args = ['up', join(folder, 'digits.onnx'), '--data', join(folder, 'samples.npz'), '--port', '0'];
    const up = slipway([...args, '--no-monitoring', '--json'], { SLIPWAY_CACHE: cache });
    await up.ready();
    up.process.kill('SIGINT');
    expect(await up.ended).toBe(130);
    expect(readFileSync(lock, 'utf8')).toBe(before);
  });

  test('is refused when samples and labels changed, and the result of before stays', async () => {
    const other = digits();
    copyFileSync(lock, join(other, 'digits.slipway-lock.json'));
    const labels = readFileSync(join(other, 'labels.npy'));
    labels[labels.length - 8] = labels[labels.length - 8] === 1 ? 2 : 1;
    writeFileSync(join(other, 'labels.npy'), labels);
    const refused = await optimize(other, 'out');
    expect(refused.code).toBe(1);
    expect(refused.said).toMatch(
      /The lock was written for other labels: sha256 [0-9a-f]{12}…, and now sha256 [0-9a-f]{12}…\./,
    );
    expect(refused.said).toMatch(/To search again: slipway optimize \S+digits\.onnx .* --update/);
    expect(existsSync(join(other, 'out', 'report.json'))).toBe(false);
    const updated = await optimize(other, 'out', '--update');
    expect(updated.code).toBe(0);
    const entry = readLock(join(other, 'digits.slipway-lock.json'))!.optimizations!['cpu/unknown']!;
    expect(entry.labelsSha256).toBe(report(other, 'out').data!.labelsSha256);
  });

  test('finished candidates are taken over, unless all are to be measured again', async () => {
    expect((await optimize(folder, 'resumed', '--no-lock')).code).toBe(0);
    expect(build(folder, 'resumed').resumed).toBe(report(folder, 'first').candidates.length);
    expect((await optimize(folder, 'fresh', '--no-lock', '--no-cache')).code).toBe(0);
    expect(build(folder, 'fresh').resumed).toBe(0);
  });
});

describe('where it goes and what ends it', () => {
  test('a lock that cannot lie beside the model goes to --out, and --no-lock keeps none', async () => {
    const folder = digits();
    const fp32 = ['--precision', 'fp32'];
    expect((await optimize(folder, 'none', '--no-lock', ...fp32)).said).not.toContain('Lock:');
    expect(existsSync(join(folder, 'digits.slipway-lock.json'))).toBe(false);
    const place = join(folder, 'elsewhere.json');
    expect((await optimize(folder, 'there', '--lock', place, ...fp32)).said).toContain(`Lock: ${place} (cpu/unknown)`);
    expect(Object.keys(readLock(place)!.optimizations!)).toEqual(['cpu/unknown']);

    const out = mkdtempSync(join(tmpdir(), 'slipway-out-'));
    process.once('exit', () => rmSync(out, { recursive: true, force: true }));
    // A mount that cannot be written: root may write everywhere else.
    const cli = ['optimize', join(folder, 'digits.onnx'), '--target', 'unknown', '--out', out, ...fp32];
    const words = [process.execPath, join(process.cwd(), 'dist', 'bin', 'slipway.js'), ...cli];
    const script = `mount --bind '${folder}' '${folder}' && mount -o remount,bind,ro '${folder}' && exec ${words.map((word) => `'${word}'`).join(' ')}`;
    const mounted = run('unshare', [...(process.getuid?.() === 0 ? ['-m'] : ['-rm']), 'sh', '-c', script], {
      SLIPWAY_CACHE: cache,
    });
    expect([await mounted.ended, mounted.stderr()]).toEqual([
      0,
      expect.stringContaining(
        `Lock: ${join(out, 'digits.slipway-lock.json')} (cpu/unknown); ${folder} cannot be written`,
      ),
    ]);
  });

  test('a failed gate ends with 3 and leaves what was there', async () => {
    const folder = digits();
    expect((await optimize(folder, 'out', '--precision', 'fp32', '--no-lock')).code).toBe(0);
    const before = bytes(folder, 'out', 'report.json');
    const strict = ['--on-failure', 'error', '--min-shrink', '100', '--goal', 'size', '--repair-trials', '0'];
    const failed = await optimize(folder, 'out', ...strict);
    expect(failed.code).toBe(3);
    expect(failed.said).toContain("No candidate passed the gate, and the recipe's onFailure is 'error'.");
    expect(bytes(folder, 'out', 'report.json')).toBe(before);
    expect(existsSync(join(folder, 'digits.slipway-lock.json'))).toBe(false);
  });

  test('the machines of a plan make the target', async () => {
    const folder = digits();
    const args = [
      'optimize',
      join(folder, 'digits.onnx'),
      '--data',
      join(folder, 'samples.npz'),
      '--out',
      join(folder, 'o'),
    ];
    const place = ['--platform', 'aws-sagemaker', '--region', 'eu-west-1', '--p99-ms', '50', '--precision', 'fp32'];
    const planned = slipway([...args, ...place], { SLIPWAY_CACHE: cache });
    expect(await planned.ended).toBe(0);
    const target = (report(folder, 'o').recipe as { target: { platform: string; machines: string[] } }).target;
    expect([target.platform, target.machines.length]).toEqual(['aws-sagemaker', 5]);
    expect(planned.stderr()).toMatch(/Lock: \S+ \(cpu\/[a-z0-9+-]+\); commit it/);
    const both = slipway([...args, '--target', 'arm64', ...place], { SLIPWAY_CACHE: cache });
    expect([await both.ended, both.stderr()]).toEqual([1, expect.stringContaining('both say where it will run')]);
  });
});
