import {
  appendFileSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { imageContext, Model, writeContext } from '../../lib/index.js';
import { scratch } from '../model/scratch.js';
import { digits, digitsPlan } from './plans.js';

const files = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry) => ({
    path: join(entry.parentPath, entry.name),
    entry,
  }));

test('the files are there byte for byte, with permissions and times that are the same everywhere', () => {
  const context = imageContext(digitsPlan());
  const folder = join(scratch(), 'context');
  const before = process.umask(0o077);
  try {
    writeContext(context, folder);
  } finally {
    process.umask(before);
  }
  const written = files(folder);
  const found = written.filter(({ entry }) => entry.isFile()).map(({ path }) => path.slice(folder.length + 1));
  expect(found.sort()).toEqual(context.files.map(({ path }) => path));
  expect(readFileSync(join(folder, 'model', 'model.onnx')).equals(readFileSync(digits.path))).toBe(true);
  for (const { path, entry } of written) {
    const { mode, mtimeMs } = lstatSync(path);
    expect([mode & 0o777, mtimeMs]).toEqual([entry.isFile() ? 0o644 : 0o755, 0]);
  }
});

test('a folder that holds something is left alone', () => {
  const folder = scratch();
  writeFileSync(join(folder, 'mine'), 'kept');
  expect(() => writeContext(imageContext(digitsPlan()), folder)).toThrow(/is not empty/);
  expect(readdirSync(folder)).toEqual(['mine']);
});

test('a file that changed meanwhile leaves nothing half-written', () => {
  const folder = scratch();
  const samples = join(folder, 'samples.npz');
  copyFileSync(digits.calibration!, samples);
  const context = imageContext(digitsPlan({ model: Model.fromOnnx(digits.path, { calibration: samples }) }));
  appendFileSync(samples, 'more');
  const fresh = join(folder, 'context');
  expect(() => writeContext(context, fresh)).toThrow(/samples\.npz' changed while the build context was laid out/);
  expect(existsSync(fresh)).toBe(false);
  mkdirSync(fresh);
  expect(() => writeContext(context, fresh)).toThrow(/changed/);
  expect(readdirSync(fresh)).toEqual([]);
});

test('a place that cannot be written is told', () => {
  const file = join(scratch(), 'file');
  writeFileSync(file, '');
  expect(() => writeContext(imageContext(digitsPlan()), join(file, 'context'))).toThrow(/cannot be written/);
});
