import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hookEntry, hookFiles, readableHooks } from '../../lib/image/hook-files.js';
import { imageContext } from '../../lib/index.js';
import { scratch } from '../model/scratch.js';
import { digitsPlan } from './plans.js';

/** A folder with hooks.py, a module in a package, a file of data, and what stays behind. */
function folder(): string {
  const made = scratch();
  for (const name of ['words', '__pycache__', '.git']) mkdirSync(join(made, name));
  for (const name of ['hooks.py', 'words/__init__.py', 'tokenizer.json', '__pycache__/x.pyc', '.git/head', '.env'])
    writeFileSync(join(made, name), 'def pre(request): return {}\n');
  symlinkSync('/etc/hostname', join(made, 'link'));
  return made;
}

test('of a folder everything goes along but hidden files, links and compiled ones', () => {
  const hooks = folder();
  expect(readableHooks(hooks)).toBe(hooks);
  expect(hookEntry(hooks)).toBe('hooks/hooks.py');
  expect(hookFiles(hooks).map(({ place }) => place)).toEqual([
    'hooks/hooks.py',
    'hooks/tokenizer.json',
    'hooks/words/__init__.py',
  ]);
});

test('the image has them beside serving.json, and another byte in one of them is another image', () => {
  const hooks = folder();
  const before = imageContext(digitsPlan({ serving: { hooks } }));
  expect(before.files.map(({ path }) => path)).toEqual(
    expect.arrayContaining([
      'serving/hooks/hooks.py',
      'serving/hooks/tokenizer.json',
      'serving/hooks/words/__init__.py',
    ]),
  );
  const serving = before.files.find(({ path }) => path === 'serving/serving.json')!.source as { text: string };
  expect(JSON.parse(serving.text).hooks.file).toBe('hooks/hooks.py');
  writeFileSync(join(hooks, 'tokenizer.json'), '{}');
  expect(imageContext(digitsPlan({ serving: { hooks } })).digest).not.toBe(before.digest);
});

test('one file is hooks.py, whatever it is called', () => {
  const file = join(folder(), 'hooks.py');
  expect(hookFiles(file)).toEqual([{ place: 'hooks.py', file }]);
  expect(hookEntry(file)).toBe('hooks.py');
});

test('a folder without hooks.py, and what is no Python file, are refused', () => {
  expect(() => readableHooks(scratch())).toThrow(/hooks\.py' does not exist/);
  expect(() => readableHooks('hooks.txt')).toThrow(/'hooks\.txt' has no hooks. Give a Python file, or a folder/);
});
