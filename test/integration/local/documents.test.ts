import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { packageFile } from '../../../lib/package-root.js';

/** Inside the package, so that 'slipway' is found as a user's program finds it. */
const folder = packageFile('.test-results', 'documents');

const documents = [
  'README.md',
  ...readdirSync(packageFile('docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];
const fromDocuments = documents.flatMap((document) => {
  const text = readFileSync(packageFile(document), 'utf8');
  return [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code], index) => ({
    name: `${document.replaceAll(/\W/g, '-')}-${index + 1}`,
    extension: 'mts',
    code: code!,
  }));
});
const examplesIn = (folder: string) =>
  readdirSync(packageFile('examples', folder))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({
      name: `${folder}-${name.replace('.ts', '')}`,
      extension: 'cts',
      code: readFileSync(packageFile('examples', folder, name), 'utf8'),
    }));
const fromExamples = ['local', 'aws'].flatMap(examplesIn);
const programs = [...fromDocuments, ...fromExamples];
/** These run within Pulumi's engine alone. */
const compiledOnly = ['azure', 'gcp'].flatMap(examplesIn);

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const sourced = [...programs, ...compiledOnly];
  for (const { name, extension, code } of sourced) writeFileSync(join(folder, `${name}.${extension}`), code);
  const tsc = packageFile('node_modules', 'typescript', 'bin', 'tsc');
  const sources = sourced.map(({ name, extension }) => join(folder, `${name}.${extension}`));
  const options = [
    '--module',
    'node20',
    '--target',
    'es2023',
    '--strict',
    '--skipLibCheck',
    '--types',
    'node',
    '--ignoreConfig',
  ];
  const compiled = spawnSync(process.execPath, [tsc, ...options, ...sources], { cwd: packageFile(), encoding: 'utf8' });
  expect(compiled.stdout).toBe('');
});

test.each(programs)('$name runs', ({ name, extension }) => {
  const program = join(folder, `${name}.${extension.replace('ts', 'js')}`);
  const printed = execFileSync(process.execPath, [program], { cwd: packageFile(), encoding: 'utf8' });
  expect(printed.trim()).not.toBe('');
});

test('the documents hold programs to run', () => {
  expect(fromDocuments.length).toBeGreaterThan(0);
  expect(fromExamples.length).toBeGreaterThan(0);
});
