import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checked, contractText, readContract } from '../../lib/contract/validate.js';
import { planServing } from '../../lib/image/serving.js';
import { packageFile } from '../../lib/package-root.js';

const serving = planServing({ name: 'm', dims: {}, files: { model: 'model.onnx', canaries: null, report: null } });

test('the types of the shared files are those of their schemas', () => {
  const folder = mkdtempSync(join(tmpdir(), 'schema-'));
  execFileSync(process.execPath, [packageFile('scripts', 'schema-types.mjs'), folder]);
  for (const name of ['recipe.ts', 'report.ts', 'serving.ts']) {
    expect(readFileSync(join(folder, name), 'utf8')).toBe(readFileSync(packageFile('lib', 'contract', name), 'utf8'));
  }
});

test('a value that differs is refused with every place named', () => {
  const wrong = { ...serving, batching: { maxBatch: 0 }, drainSeconds: 'soon' };
  expect(() => checked('serving', wrong, 'x/serving.json')).toThrow(
    /^'x\/serving\.json' is not a serving\.json of this version of Slipway:\n.*\/batching\/maxBatch.*\n(.*\n)*.*\/drainSeconds/,
  );
});

test('text that is written is read back', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'contract-')), 'serving.json');
  writeFileSync(file, contractText(serving));
  expect(readContract('serving', file)).toEqual(serving);
});

test('a file that is no JSON is refused by name', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'contract-')), 'report.json');
  writeFileSync(file, '{"schemaVersion": 1');
  expect(() => readContract('report', file)).toThrow(`'${file}' cannot be read as JSON`);
});
