import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { list } from 'tar';
import { afterAll, expect, test } from 'vitest';
import { archiveOnce } from '../../lib/image/archive.js';
import { imageContext } from '../../lib/image/context.js';
import { writeContextOnce } from '../../lib/image/write-context.js';
import { digitsPlan } from './plans.js';

const folder = mkdtempSync(join(tmpdir(), 'slipway-archive-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const context = imageContext(digitsPlan());

function packed(name: string): string {
  writeContextOnce(context, join(folder, name));
  return archiveOnce(context, join(folder, name));
}

test('holds the files of the context and nothing else, as the builder takes them', () => {
  const entries: { path: string; mode: number | undefined; mtime: number | undefined; owner: string | undefined }[] =
    [];
  list({
    file: packed('one'),
    sync: true,
    onReadEntry: ({ path, mode, mtime, uname }) => entries.push({ path, mode, mtime: mtime?.getTime(), owner: uname }),
  });
  expect(entries.map(({ path }) => path)).toEqual(context.files.map(({ path }) => path));
  expect(entries.every(({ mode, mtime, owner }) => mode === 0o644 && mtime === 0 && !owner)).toBe(true);
});

test('is the same bytes from another folder at another time', () => {
  const [one, other] = [packed('one'), join(folder, 'other')];
  writeContextOnce(context, other);
  utimesSync(join(other, 'Dockerfile'), 1e9, 1e9);
  expect(readFileSync(archiveOnce(context, other)).equals(readFileSync(one))).toBe(true);
});

test('is packed once, and nothing else is left beside it', () => {
  const file = packed('once');
  copyFileSync(join(folder, 'once', 'Dockerfile'), file);
  archiveOnce(context, join(folder, 'once'));
  expect(readFileSync(file).equals(readFileSync(join(folder, 'once', 'Dockerfile')))).toBe(true);
  expect(
    readdirSync(folder)
      .filter((name) => name.startsWith('once'))
      .sort(),
  ).toEqual(['once', 'once.tar.gz']);
});
