// What an endpoint adds to `pulumi preview`, on the real engine with a cloud that is a file: whole commands, in turn.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from '../../scripts/build.mjs';
import { root } from '../../scripts/python.mjs';
import { median } from '../median.mjs';
import { writeResult } from '../result.mjs';

await build();

const pairs = 5;
const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-pulumi-'));
const suite = join(root, 'test', 'integration', 'pulumi');

/** The engine that the suite builds. */
function engine() {
  const cache = process.env.SLIPWAY_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'slipway');
  const place = join(cache, 'pulumi');
  const [found] = existsSync(place) ? readdirSync(place).filter((name) => existsSync(join(place, name, 'pulumi'))) : [];
  if (!found) throw new Error('the engine is not built yet: npm run test:pulumi builds it');
  return join(place, found, 'pulumi');
}

const model = (name) => JSON.stringify(join(root, 'examples', 'models', 'digits', name));
const described = `model: Model.fromOnnx(${model('digits.onnx')}, { calibration: ${model('samples.npz')} }), objective: { p99Ms: 100, requestsPerSecond: 5 }`;
const slipway = (cloud) => `require(${JSON.stringify(join(root, 'dist', 'constructs', cloud, 'index.js'))})`;

/** Of each endpoint: the program, and one that makes a single resource of the same cloud by hand. */
const endpoints = [
  {
    what: 'Cloud Run',
    cloud: 'gcp',
    program: `const { ContainerImage, Model, ModelEndpoint } = ${slipway('gcp')};
new ModelEndpoint('digits', { ${described}, location: 'europe-west4', image: ContainerImage.fromReference('x/digits:1') });`,
  },
  {
    what: 'Vertex AI',
    cloud: 'gcp',
    program: `const { ContainerImage, Model, VertexEndpoint } = ${slipway('gcp')};
new VertexEndpoint('digits', { ${described}, location: 'europe-west4', image: ContainerImage.fromReference('x/digits:1') });`,
  },
  {
    what: 'Azure Machine Learning',
    cloud: 'azure-native',
    program: `const { ContainerImage, Model, ModelEndpoint } = ${slipway('azure')};
new ModelEndpoint('digits', { ${described}, location: 'westeurope', image: ContainerImage.fromReference('x/digits:1') });`,
  },
  {
    what: 'Container Apps',
    cloud: 'azure-native',
    program: `const { ContainerImage, Model, ContainerAppEndpoint } = ${slipway('azure')};
new ContainerAppEndpoint('digits', { ${described}, location: 'swedencentral', image: ContainerImage.fromReference('x/digits:1') });`,
  },
];
const submodules = {
  gcp: '@pulumi/gcp/cloudrunv2/service.js',
  'azure-native': '@pulumi/azure-native/app/containerApp.js',
};
const byHand = {
  gcp: `const { Account } = require('@pulumi/gcp/serviceaccount/account.js'); new Account('digits', { accountId: 'digits-account' });`,
  'azure-native': `const { ResourceGroup } = require('@pulumi/azure-native/resources/resourceGroup.js'); new ResourceGroup('digits');`,
};

/** A project with a program, and how long its preview takes, seconds. */
function project(name, program) {
  const at = join(folder, name);
  const [bin, work, state, clouds, home] = ['bin', 'work', 'state', 'clouds', 'home'].map((each) => join(at, each));
  for (const each of [bin, work, state, clouds, home]) mkdirSync(each, { recursive: true });
  const shim = (command, script, ...args) => {
    const words = [process.execPath, join(suite, 'shims', script), ...args].map((word) => `'${word}'`).join(' ');
    writeFileSync(join(bin, command), `#!/bin/sh\nexec ${words} "$@"\n`);
    chmodSync(join(bin, command), 0o755);
  };
  shim('pulumi-language-nodejs', 'language-host.cjs');
  shim('pulumi-resource-pulumi-nodejs', 'dynamic-host.cjs');
  for (const cloud of ['gcp', 'azure-native']) shim(`pulumi-resource-${cloud}`, 'cloud.cjs', cloud);
  writeFileSync(join(work, 'Pulumi.yaml'), `name: shop\nruntime: nodejs\nmain: program.cjs\n`);
  writeFileSync(join(work, 'program.cjs'), program);
  const env = {
    ...process.env,
    PATH: `${bin}:${process.env.PATH}`,
    ...{
      PULUMI_HOME: home,
      PULUMI_BACKEND_URL: `file://${state}`,
      PULUMI_CONFIG_PASSPHRASE: 'bench',
      CLOUD_DIR: clouds,
    },
    ...{ PULUMI_SKIP_UPDATE_CHECK: '1', PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true' },
    NODE_PATH: join(root, 'node_modules'),
  };
  const binary = engine();
  const run = (...args) => {
    const started = performance.now();
    const ran = spawnSync(binary, [...args, '--non-interactive'], { cwd: work, env, encoding: 'utf8' });
    if (ran.status !== 0) throw new Error(`${ran.stdout}${ran.stderr}`);
    return (performance.now() - started) / 1000;
  };
  run('stack', 'init', 'dev');
  return () => run('preview');
}

try {
  const rows = endpoints.flatMap(({ what, cloud, program }, index) => {
    const one = project(`endpoint-${index}`, program);
    const others = [
      [`over an empty program that loads @pulumi/${cloud} by submodule`, 2, `require('${submodules[cloud]}');`],
      ['over a program with one resource of the same cloud, whose provider has to start, too', null, byHand[cloud]],
    ];
    return others.map(([than, goal, base], row) => {
      const other = project(`base-${index}-${row}`, base);
      const rounds = Array.from({ length: pairs + 1 }, () => [one(), other()]).slice(1);
      return {
        what: `${what}, ${than}`,
        goal,
        with: median(rounds.map(([with_]) => with_)),
        without: median(rounds.map(([, without]) => without)),
        added: median(rounds.map(([with_, without]) => with_ - without)),
      };
    });
  });
  writeResult('pulumi', {
    title: 'What the Pulumi components add to a preview',
    command: 'npm run bench pulumi',
    note: `Seconds of \`pulumi preview\`, medians of ${pairs} pairs in turn, on the engine 3.250.0 against clouds that are files. The digits example with a ready image; model, samples and tables are read, and every input is checked against the published schemas by the stand-in cloud, which no real provider does.`,
    rows,
    columns: ['what', 'with', 'without', 'added', 'goal'],
    cells: (row) => [
      row.what,
      row.with.toFixed(2),
      row.without.toFixed(2),
      row.added.toFixed(2),
      row.goal === null ? '' : `≤ ${row.goal} s`,
    ],
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
