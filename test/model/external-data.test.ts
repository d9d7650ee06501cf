/** Weights outside the model are used only where they are what the model says, and nowhere else on the disk. */

import { linkSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ProblemsError } from '../../lib/errors.js';
import { externalFiles } from '../../lib/model/external-data.js';
import { readModel } from '../../lib/model/read.js';
import { bytesOf, copies, fixture, scratch } from './scratch.js';

const range = (location: string, length = 1) => ({ location, offset: 0, length });

function problemsOf(read: () => unknown): string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof ProblemsError) return error.problems.map(({ where, what }) => `${where}: ${what}`);
    throw error;
  }
  return [];
}

test('a file with two weights is listed once, with its size', () => {
  expect(readModel(fixture('external.onnx'))).toMatchObject({
    externalData: [{ location: 'external.data', bytes: 160 }],
    weightBytes: 64 + 128 + 32,
    weightBytesByDtype: { float32: 224 },
    parameters: 56,
  });
});

test('a missing file is named with the place it belongs', () => {
  const folder = copies('external.onnx');
  expect(problemsOf(() => readModel(join(folder, 'external.onnx')))).toEqual([
    `external.data: missing. Copy it from where the model comes from to '${join(folder, 'external.data')}'.`,
  ]);
});

test('a file that is shorter than the model needs is refused with both sizes', () => {
  const folder = copies('external.onnx', 'external.data');
  truncateSync(join(folder, 'external.data'), 159);
  expect(problemsOf(() => readModel(join(folder, 'external.onnx')))).toEqual([
    'external.data: 159 bytes, but the model needs 160. Copy it again, or export the model again.',
  ]);
});

test('a symbolic link is refused, to a file and on the way', () => {
  const folder = copies('external.onnx');
  symlinkSync(fixture('external.data'), join(folder, 'external.data'));
  const refusal = 'reached by a symbolic link. Put a copy of the file itself beside the model.';
  expect(problemsOf(() => readModel(join(folder, 'external.onnx')))).toEqual([`external.data: ${refusal}`]);
  symlinkSync(fixture('.'), join(folder, 'way'));
  expect(problemsOf(() => externalFiles(join(folder, 'm.onnx'), [range('way/external.data')]))).toEqual([
    `way/external.data: ${refusal}`,
  ]);
});

test("a hard link is refused: the file may be anyone's", () => {
  const folder = copies('external.onnx', 'external.data');
  linkSync(join(folder, 'external.data'), join(folder, 'other'));
  expect(problemsOf(() => readModel(join(folder, 'external.onnx')))).toEqual([
    'external.data: a hard link to a file elsewhere. Put a copy of the file itself beside the model.',
  ]);
});

test('all files are checked at once; those outside the folder are not even looked at', () => {
  const folder = scratch();
  mkdirSync(join(folder, 'folder'));
  writeFileSync(join(folder, 'good'), 'weights');
  const locations = ['/etc/passwd', '../secret', 'folder/../../secret', 'folder', 'good', 'bad\0name'];
  const problems = problemsOf(() =>
    externalFiles(
      join(folder, 'm.onnx'),
      locations.map((location) => range(location)),
    ),
  );
  expect(problems.map((problem) => problem.split(';')[0])).toEqual([
    '/etc/passwd: an absolute path',
    "../secret: outside the model's folder",
    "folder/../../secret: outside the model's folder",
    'folder: not a regular file. Put the file that was exported with the model there.',
    "bad\0name: outside the model's folder",
  ]);
});

test('a file in a folder below the model is fine', () => {
  const folder = scratch();
  mkdirSync(join(folder, 'data'));
  writeFileSync(join(folder, 'data', 'w.bin'), bytesOf('external.data'));
  expect(externalFiles(join(folder, 'm.onnx'), [range('data/w.bin', 100), range('./data/w.bin', 160)])).toEqual([
    { location: 'data/w.bin', bytes: 160 },
    { location: './data/w.bin', bytes: 160 },
  ]);
  rmSync(join(folder, 'data'), { recursive: true });
  expect(problemsOf(() => externalFiles(join(folder, 'm.onnx'), [range('data/w.bin')]))).toHaveLength(1);
});
