import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cacheDir, makeEntry, refuseUnwritable } from '../../lib/local/cache.js';

describe('where the cache is', () => {
  test.each([
    [{ SLIPWAY_CACHE: '/a', XDG_CACHE_HOME: '/b', HOME: '/c' }, '/a'],
    [{ XDG_CACHE_HOME: '/b', HOME: '/c' }, '/b/slipway'],
    [{ HOME: '/c' }, '/c/.cache/slipway'],
  ])('%o', (environment, expected) => {
    expect(cacheDir(environment)).toBe(expected);
  });
});

describe('an entry', () => {
  const parent = () => join(mkdtempSync(join(tmpdir(), 'cache-')), 'kind');

  test('is there whole once it is made', async () => {
    const path = join(parent(), 'key');
    await makeEntry(path, async (folder) => writeFileSync(join(folder, 'file'), 'content'));
    expect(readFileSync(join(path, 'file'), 'utf8')).toBe('content');
  });

  test('is not there at all when making it fails, and nothing is left beside it', async () => {
    const folder = parent();
    const failing = makeEntry(join(folder, 'key'), async (scratch) => {
      writeFileSync(join(scratch, 'half'), '');
      throw new Error('stopped half-way');
    });
    await expect(failing).rejects.toThrow('stopped half-way');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('made twice at once is one entry, and both makers succeed', async () => {
    const folder = parent();
    const path = join(folder, 'key');
    await Promise.all(
      [1, 2].map((n) => makeEntry(path, async (scratch) => writeFileSync(join(scratch, 'by'), `${n}`))),
    );
    expect(readdirSync(folder)).toEqual(['key']);
    expect(['1', '2']).toContain(readFileSync(join(path, 'by'), 'utf8'));
  });

  test('removes what a killed maker left, and leaves that of a running one', async () => {
    const folder = parent();
    mkdirSync(join(folder, '.key-999999999-abc'), { recursive: true });
    mkdirSync(join(folder, `.key-${process.ppid}-abc`));
    await makeEntry(join(folder, 'key'), async () => undefined);
    expect(readdirSync(folder).sort()).toEqual([`.key-${process.ppid}-abc`, 'key']);
  });

  test('under a file is refused with a sentence', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'cache-')), 'file');
    writeFileSync(file, '');
    await expect(makeEntry(join(file, 'kind', 'key'), async () => undefined)).rejects.toThrow(
      /cannot be written.*SLIPWAY_CACHE/,
    );
    expect(existsSync(file)).toBe(true);
  });
});

test.each([
  ['ENOSPC', 'the disk is full'],
  ['EACCES', 'there is no permission to write there'],
  ['EROFS', 'that file system is read-only'],
])('%s is told in words', (code, words) => {
  const error = Object.assign(new Error('raw'), { code });
  expect(() => refuseUnwritable('/cache', error, 'Free it.')).toThrow(`'/cache' cannot be written: ${words}. Free it.`);
});

test('another error is thrown on as it is', () => {
  expect(() => refuseUnwritable('/cache', new Error('raw'), 'Free it.')).toThrow(/^raw$/);
});
