/** Files that a test makes for itself, gone when it ends; and models encoded by protobufjs' own writer. */

import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writer } from 'protobufjs/minimal.js';
import { onTestFinished } from 'vitest';
import { SlipwayError } from '../../lib/errors.js';
import { readModel } from '../../lib/model/read.js';

/** Path of a committed fixture. */
export const fixture = (name: string): string => join(__dirname, 'fixtures', name);

/** Path of an example model's file. */
export const example = (...parts: string[]): string => join(__dirname, '..', '..', 'examples', 'models', ...parts);

/** A folder of the running test's own. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-model-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A file with these bytes. */
export function file(bytes: Uint8Array | string, name = 'model.onnx', folder = scratch()): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** Copies of fixtures in a folder of the test's own. */
export function copies(...names: string[]): string {
  const folder = scratch();
  for (const name of names) copyFileSync(fixture(name), join(folder, name));
  return folder;
}

export const bytesOf = (name: string): Buffer => readFileSync(fixture(name));

/** A message: each field's number with its value. Numbers become varints, text and bytes go as they are. */
export function encode(fields: readonly (readonly [number, number | string | Uint8Array])[]): Uint8Array {
  const writer = Writer.create();
  for (const [number, value] of fields) {
    if (typeof value === 'number') writer.uint32(number << 3).int64(value);
    else if (typeof value === 'string') writer.uint32((number << 3) | 2).string(value);
    else writer.uint32((number << 3) | 2).bytes(value);
  }
  return writer.finish();
}

const output = encode([
  [1, 'y'],
  [2, encode([[1, encode([[1, 1]])]])],
]);

/** A model of one `Identity` with more fields in its graph and in itself. */
export function identityModel({
  inGraph = [],
  inModel = [],
  irVersion = 9,
  opsets = [['', 17]],
}: {
  inGraph?: readonly (readonly [number, number | string | Uint8Array])[];
  inModel?: readonly (readonly [number, number | string | Uint8Array])[];
  irVersion?: number;
  opsets?: readonly (readonly [string, number])[];
} = {}): Uint8Array {
  const node = encode([
    [1, 'x'],
    [2, 'y'],
    [4, 'Identity'],
  ]);
  const graph = encode([[1, node], [2, 'g'], ...inGraph, [12, output]]);
  const imports = opsets.map(
    ([domain, version]) =>
      [
        8,
        encode([
          [1, domain],
          [2, version],
        ]),
      ] as const,
  );
  return encode([[1, irVersion], ...inModel, [7, graph], ...imports]);
}

/** What a model is refused with; the path is left out. */
export function refusal(path: string): string {
  try {
    readModel(path);
  } catch (error) {
    if (error instanceof SlipwayError) return error.message.replaceAll(path, 'PATH');
    throw error;
  }
  return 'was read';
}
