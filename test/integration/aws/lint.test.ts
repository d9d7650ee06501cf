/** Templates of every way to serve, before the eyes of cfn-lint (machine types by region, too) and checkov. */

import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pythonEnvironment } from '../../../lib/local/python.js';
import { region } from './cloud.js';

const network = 'vpc-0123456789abcdef0,subnet-0123456789abcdef0,subnet-0123456789abcdef1';
const folder = mkdtempSync(join(tmpdir(), 'slipway-lint-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let templates: readonly string[];
beforeAll(async () => {
  for (const app of ['digits.mjs', 'kinds.mjs']) {
    await promisify(execFile)(process.execPath, [join(__dirname, 'apps', app)], {
      env: { ...process.env, NETWORK: network, CDK_OUTDIR: join(folder, app) },
    });
  }
  templates = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /^\w+\.mjs\/\w+\.template\.json$/.test(name))
    .map((name) => join(folder, name));
  expect(templates).toHaveLength(9);
});

/** What a Python tool prints; some end with a code when they find something. */
async function said(group: 'aws' | 'checkov', args: readonly string[]): Promise<string> {
  const { python, env } = await pythonEnvironment(group);
  try {
    return (await promisify(execFile)(python, [...args], { env, maxBuffer: 2 ** 26 })).stdout;
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

interface Match {
  readonly Rule: { readonly Id: string };
  readonly Level: string;
  readonly Message: string;
}

async function cfnLint(files: readonly string[]): Promise<string[]> {
  const main = 'from cfnlint.runner import main; main()';
  const options = ['--append-rules', join(__dirname, 'rules'), '--regions', region, '--format', 'json'];
  const matches = JSON.parse(await said('aws', ['-c', main, ...options, '--template', ...files])) as Match[];
  return matches.map(({ Rule, Message }) => `${Rule.Id} ${Message.split(' is not one of')[0]}`);
}

test('cfn-lint finds nothing, and no machine type that the region does not host', async () => {
  expect(await cfnLint(templates)).toEqual([]);
});

test('cfn-lint would find one', async () => {
  const bad = join(folder, 'bad.json');
  const text = readFileSync(templates.find((path) => path.includes('Accelerated'))!, 'utf8');
  writeFileSync(bad, text.replace(/"InstanceType": "ml\.[^"]+"/, '"InstanceType": "ml.p5e.48xlarge"'));
  expect(await cfnLint([bad])).toEqual(["E9642 'ml.p5e.48xlarge'"]);
});

/** Findings of checkov that are meant. */
const justified: Readonly<Record<string, string>> = {
  CKV_AWS_18: 'Copies of requests are not logged a second time; CloudTrail data events tell who read them',
  CKV_AWS_109: 'Network interfaces have no names before they are made',
  CKV_AWS_111: 'Network interfaces and metrics know no resources; metrics are limited to their namespaces',
  CKV_AWS_370: 'Isolation is an option: hooks may have to reach what they ask',
};

test("checkov finds nothing of the endpoint's own but what is meant", async () => {
  const args = [
    '-m',
    'checkov.main',
    '--framework',
    'cloudformation',
    '--skip-download',
    '--quiet',
    '--output',
    'json',
  ];
  const report = JSON.parse(await said('checkov', [...args, '--directory', folder])) as {
    results: { failed_checks: { check_id: string; resource: string }[] };
    summary: { passed: number };
  };
  // Keys, topics and secrets that the app brings are the app's.
  const own = report.results.failed_checks.filter(({ resource }) => /\.(Digits|RoleDefaultPolicy)/.test(resource));
  const found = [...new Set(own.map(({ check_id }) => check_id))].sort();
  expect(found).toEqual(Object.keys(justified).sort());
  expect(report.summary.passed).toBeGreaterThan(100);
});
