import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
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
    'dist/constructs/policy/pack/PulumiPolicy.yaml',
    'dist/constructs/policy/pack/package.json',
    'LICENSE',
  ]) {
    expect(files).toContain(`package/${file}`);
  }
  expect(files.filter((file) => /\/tests?\/|locks\/(dev|bench|torch|aws|checkov)/.test(file))).toEqual([]);
});

const app = `
const { App, Stack } = require('aws-cdk-lib');
const { Model, ModelEndpoint } = require('slipway/aws');
const app = new App({ outdir: 'cdk.out' });
const stack = new Stack(app, 'Shop', { env: { region: 'eu-west-1' } });
new ModelEndpoint(stack, 'Digits', {
  model: Model.fromOnnx(process.argv[2], { calibration: process.argv[3] }),
  objective: { p99Ms: 50, requestsPerSecond: 200 },
});
app.synth();
`;

test('installed beside the CDK alone, three lines in a CommonJS app give an endpoint', () => {
  const cdk = join(folder, 'cdk');
  mkdirSync(cdk);
  writeFileSync(join(cdk, 'package.json'), '{"private": true}');
  writeFileSync(join(cdk, 'app.js'), app);
  const packages = [archive, 'aws-cdk-lib@2.276.0', 'constructs@10.8.1'];
  execFileSync('npm', ['install', '--no-audit', '--no-fund', ...packages], { cwd: cdk, stdio: 'ignore' });
  expect(existsSync(join(cdk, 'node_modules', '@pulumi'))).toBe(false);
  const { model, data } = example('digits');
  execFileSync(process.execPath, ['app.js', model, data], { cwd: cdk, stdio: 'pipe' });
  const read = (name: string) => JSON.parse(readFileSync(join(cdk, 'cdk.out', name), 'utf8'));
  const types = Object.values(read('Shop.template.json').Resources as Record<string, { Type: string }>);
  expect(
    types
      .filter(({ Type }) => Type.startsWith('AWS::SageMaker::'))
      .map(({ Type }) => Type)
      .sort(),
  ).toEqual(['AWS::SageMaker::Endpoint', 'AWS::SageMaker::EndpointConfig', 'AWS::SageMaker::Model']);
  const [image] = Object.values(read('Shop.assets.json').dockerImages) as { source: { directory: string } }[];
  expect(readdirSync(join(cdk, 'cdk.out', image!.source.directory))).toEqual(
    expect.arrayContaining(['Dockerfile', 'model', 'optimizer', 'server']),
  );
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
