/** The part of a lock that keeps an optimization: written from a report, taken into a plan, refused where it does not fit. */

import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ReportFile } from '../../lib/contract/report.js';
import { checked } from '../../lib/contract/validate.js';
import { type EndpointSpec, local, Model, planEndpoint } from '../../lib/index.js';
import { lockPath, readLock, writeLock } from '../../lib/lock/lock-file.js';
import { lockedFrom, targetOf } from '../../lib/lock/optimization.js';
import { packageFile } from '../../lib/package-root.js';
import { machine } from '../machines.js';

const vnni = local(machine('x86-64-vnni', { name: 'local' }));
const older = local(machine('x86-64', { name: 'local' }));
const example = (name: string) => packageFile('examples', 'models', 'digits', name);

/** The digits model and its samples in a folder of their own, where a lock can lie. */
function digits() {
  const folder = mkdtempSync(join(tmpdir(), 'lock-'));
  for (const name of ['digits.onnx', 'samples.npz']) copyFileSync(example(name), join(folder, name));
  return Model.fromOnnx(join(folder, 'digits.onnx'), { calibration: join(folder, 'samples.npz') });
}

/** A report in which the first candidate for a machine with VNNI won. */
function report(changes: Partial<ReportFile['winner']> = {}): ReportFile {
  const [recipe] = planEndpoint({ model: digits() }, vnni).recipe.candidates;
  const latency = { p50: 0.123456789, p95: 0.2 };
  return checked(
    'report',
    {
      schemaVersion: 1,
      mode: 'search',
      verdict: 'int8, 2.9x faster, 99.6 % agreement, 96 KB instead of 371 KB',
      model: {
        name: 'digits',
        family: 'cnn',
        sha256: 'a'.repeat(64),
        bytes: 371_000,
        opset: 17,
        irVersion: 8,
        nodes: 9,
        inputs: [],
        outputs: [],
      },
      data: {
        sha256: 'd'.repeat(64),
        samples: 60,
        calibrationSamples: 20,
        evaluationSamples: 40,
        labelsSha256: null,
        metricSha256: null,
      },
      task: 'classification',
      recipe: { goal: 'speed' },
      tools: { python: '3.11.7', onnxruntime: '1.30.0', onnx: '1.23.1', numpy: '2.4.6' },
      host: {
        architecture: 'x86_64',
        cpu: 'a CPU',
        instructionSet: 'x86-64-vnni',
        processors: 2,
        threads: 1,
        judgesSpeed: true,
        emulated: false,
      },
      reference: { bytes: 371_000, latencyMs: latency, accuracy: null, task: null },
      candidates: [],
      winner: {
        name: recipe!.name,
        precision: 'int8',
        recipe: { ...recipe, excludeNodes: ['conv2'] },
        speedup: 2.9123456789,
        speedupInterval: [2.8, 3],
        agreement: 0.996,
        accuracy: null,
        sqnrDb: 31.25,
        bytes: 96_000,
        sha256: 'b'.repeat(64),
        speedJudged: true,
        ...changes,
      },
      session: { provider: 'cpu', intraOpThreads: 1, graphOptimization: 'extended', settings: {} },
      recheck: null,
      canaries: { count: 16, minSqnrDb: 25.25, synthetic: false },
      sensitivity: [{ node: 'conv2', op: 'Conv', sqnrDb: 12.5, excluded: true }],
      ranges: { image: [0, 1], conv2: [-1.3311725854873657, 1.30753755569458] },
      tensors: [],
      convergence: [],
      drift: {
        samples: 40,
        reason: null,
        watched: [
          {
            side: 'output',
            tensor: 'logits',
            column: null,
            statistic: 'confidence',
            edges: [0.123456789],
            categories: null,
            counts: [20, 20, 0],
          },
        ],
        notes: [],
      },
      warnings: [],
      notes: [],
    },
    'report',
  );
}

const fp32: Partial<ReportFile['winner']> = { name: 'fp32', precision: 'fp32', recipe: null, speedup: 1 };

/** The model with a lock beside it. */
function locked(target: string, changes: Partial<ReportFile['winner']> = {}): EndpointSpec['model'] {
  const model = digits();
  writeLock(lockPath(model), { optimizations: { [target]: lockedFrom(report(changes)) } });
  return model;
}

test('a target is its provider and its instruction sets, whatever their order', () => {
  const { target } = planEndpoint({ model: digits() }, vnni).recipe;
  expect(targetOf(target)).toBe('cpu/x86-64-vnni');
  expect(targetOf({ ...target, instructionSets: ['unknown', 'arm64'] })).toBe('cpu/arm64+unknown');
});

describe('the file', () => {
  test('keeps ranges exactly and other figures briefly, and gives the same text again', () => {
    const path = lockPath(locked('cpu/x86-64-vnni'));
    const text = readFileSync(path, 'utf8');
    const entry = readLock(path)!.optimizations!['cpu/x86-64-vnni']!;
    expect(entry.ranges).toEqual({ image: [0, 1], conv2: [-1.3311725854873657, 1.30753755569458] });
    expect(entry.candidate?.excludeNodes).toEqual(['conv2']);
    expect(entry.measured.winner.speedup).toBe(2.91235);
    expect(entry.measured.canaries).toEqual({ count: 16, minSqnrDb: 25.25, synthetic: false });
    expect(entry.measured.drift).toMatchObject({ watched: [{ edges: [0.123456789] }] });
    expect(Object.keys(entry)).toEqual([
      'modelSha256',
      'dataSha256',
      'labelsSha256',
      'metricSha256',
      'tools',
      'candidate',
      'ranges',
      'sha256',
      'measured',
    ]);
    writeLock(path, {});
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  test('keeps the other targets, the machines and what a later version wrote, in a fixed order', () => {
    const path = lockPath(locked('cpu/x86-64-vnni'));
    const before = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...before, later: { own: 1 } }));
    writeLock(path, { optimizations: { 'cpu/arm64': lockedFrom(report(fp32)) } });
    const after = JSON.parse(readFileSync(path, 'utf8'));
    expect(Object.keys(after)).toEqual(['schemaVersion', 'optimizations', 'later']);
    expect(Object.keys(after.optimizations)).toEqual(['cpu/arm64', 'cpu/x86-64-vnni']);
    expect(after.optimizations['cpu/x86-64-vnni']).toEqual(before.optimizations['cpu/x86-64-vnni']);
    expect(after.later).toEqual({ own: 1 });
    expect(readdirSync(join(path, '..')).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test.each([
    ['modelSha256', 'abc', /optimizations\.cpu\/x86-64-vnni\.modelSha256: must be 64 hex digits/],
    ['ranges', { image: [0] }, /optimizations\.cpu\/x86-64-vnni\.ranges\.image/],
    ['measured', { verdict: 'int8' }, /optimizations\.cpu\/x86-64-vnni\.measured\./],
    ['extra', 1, /extra/],
  ])('with a damaged %s is refused', (key, value, said) => {
    const model = locked('cpu/x86-64-vnni');
    const path = lockPath(model);
    const lock = JSON.parse(readFileSync(path, 'utf8'));
    lock.optimizations['cpu/x86-64-vnni'][key] = value;
    writeFileSync(path, JSON.stringify(lock));
    expect(() => planEndpoint({ model }, vnni)).toThrow(said);
    expect(() => planEndpoint({ model }, vnni)).toThrow(/Restore it from version control/);
  });

  test('that cannot be written is told with another place', () => {
    const folder = mkdtempSync(join(tmpdir(), 'lock-'));
    mkdirSync(join(folder, 'taken'));
    expect(() => writeLock(join(folder, 'taken'), {})).toThrow();
    expect(() => writeLock(join(folder, 'none', 'lock.json'), {})).toThrow(/cannot be written: .*--lock PATH/);
    chmodSync(folder, 0o755);
    expect(readdirSync(folder)).toEqual(['taken']);
  });
});

describe('a plan', () => {
  test.each([
    ['goal', { goal: 'size' }, /optimization\.goal: size is asked for, and '.*' was written for speed/],
    [
      'canaries',
      { canaries: 'synthetic' },
      /optimization\.canaries: synthetic is asked for, .* was written for samples/,
    ],
  ] as const)('refuses a lock that was written for other %s, fp32 or not', (_what, optimization, said) => {
    for (const model of [locked('cpu/x86-64-vnni'), locked('cpu/x86-64-vnni', fp32)]) {
      expect(() => planEndpoint({ model, optimization }, vnni)).toThrow(said);
      expect(() => planEndpoint({ model, optimization }, vnni)).toThrow(/--update/);
    }
  });

  test('takes the entry of its target into the recipe, and tells its figures', () => {
    const model = locked('cpu/x86-64-vnni');
    const plan = planEndpoint({ model }, vnni);
    expect(plan.recipe.replay).toEqual(readLock(lockPath(model))!.optimizations!['cpu/x86-64-vnni']);
    expect(checked('recipe', plan.recipe, 'recipe').replay?.candidate?.excludeNodes).toEqual(['conv2']);
    expect(plan.optimization).toEqual({
      verdict: 'int8, 2.9x faster, 99.6 % agreement, 96 KB instead of 371 KB',
      precision: 'int8',
      speedup: 2.91235,
      agreement: 0.996,
      accuracy: null,
      bytes: 96_000,
    });
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  test('searches for a target that the lock has not, and where it is told to', () => {
    const model = locked('cpu/x86-64-vnni');
    for (const plan of [planEndpoint({ model }, older), planEndpoint({ model }, vnni, { replay: false })]) {
      expect([plan.recipe.replay, plan.optimization]).toEqual([null, null]);
    }
  });

  test('refuses a form that saturates on its machines', () => {
    const model = locked('cpu/x86-64');
    expect(() => planEndpoint({ model }, older)).toThrow(
      /lock: '.*digits\.slipway-lock\.json' keeps int8-static-minmax \(int8\) for cpu\/x86-64, which is not right for local: allowed are int8-\S+-7bit.*slipway optimize --update/,
    );
    expect(planEndpoint({ model }, older, { replay: false }).recipe.replay).toBeNull();
  });

  test.each(['fp32', 'int4'] as const)('refuses %s where the lock keeps int8', (precision) => {
    const model = locked('cpu/x86-64-vnni');
    expect(() => planEndpoint({ model, optimization: { precision } }, vnni)).toThrow(
      new RegExp(`optimization\\.precision: ${precision} is asked for, and '.*' keeps \\S+ \\(int8\\)`),
    );
    expect(planEndpoint({ model, optimization: { precision: 'int8' } }, vnni).recipe.replay).not.toBeNull();
  });

  test('takes fp32 from a lock whatever is asked for: nothing better was found', () => {
    const model = locked('cpu/x86-64-vnni', fp32);
    const plan = planEndpoint({ model, optimization: { precision: 'int8' } }, vnni);
    expect([plan.recipe.replay?.candidate, plan.optimization?.precision]).toEqual([null, 'fp32']);
  });
});
