import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { packageFile } from '../../../lib/package-root.js';
import { cacheWithoutModels, example, infer, run } from './slipway.js';

const folder = mkdtempSync(join(tmpdir(), 'slipway-package-'));
const npm = (...args: string[]) =>
  execFileSync('npm', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
let archive: string;

beforeAll(() => {
  execFileSync('npm', ['pack', '--pack-destination', folder], { cwd: packageFile(), stdio: 'ignore' });
  archive = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz'))!);
  writeFileSync(join(folder, 'package.json'), '{"private": true}');
  npm('install', '--no-audit', '--no-fund', archive);
});

test('is small', () => {
  expect(statSync(archive).size).toBeLessThan(5_000_000);
});

test('holds what the image needs and what the help names, and nothing that only tests need', () => {
  const files = execFileSync('tar', ['-tzf', archive], { encoding: 'utf8' }).split('\n');
  for (const file of [
    'container/server/__main__.py',
    'container/optimizer/__main__.py',
    'container/locks/optimizer.txt',
    'docs/optimizer.md',
    'LICENSE',
  ]) {
    expect(files).toContain(`package/${file}`);
  }
  expect(files.filter((file) => /\/tests?\/|locks\/(dev|bench|torch)/.test(file))).toEqual([]);
});

test('installed elsewhere, npx slipway takes a model up', async () => {
  const { model, data } = example('digits');
  const args = ['--no-install', 'slipway', 'up', model, '--data', data, '--json', '--port', '0'];
  const up = run('npx', args, { SLIPWAY_CACHE: cacheWithoutModels() }, folder);
  const ready = await up.ready();
  expect((await infer(ready.infer, ready.sample)).status).toBe(200);
  expect(await (await fetch(ready.dashboard!)).text()).toContain('<!doctype html>');
  process.kill(-up.process.pid!, 'SIGINT');
  expect(await up.leftAfterAll()).toEqual([]);
});
