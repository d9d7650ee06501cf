/** Images built for real by `slipway build`: quantized inside the build, started as platforms start them, the same twice. */

import { execFile } from 'node:child_process';
import { appendFileSync, copyFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cacheDir } from '../../../lib/local/cache.js';
import { pythonEnvironment } from '../../../lib/local/python.js';
import { sampleRequest } from '../../../lib/local/sample.js';
import { digitsPlan } from '../../image/plans.js';
import { example, infer, run, slipway } from '../local/slipway.js';
import { freePort, inspect, makeStore, type Store, start } from './store.js';

const digits = example('digits');
const data = ['--data', digits.data, '--labels', digits.labels];
const time = { SOURCE_DATE_EPOCH: '1700000000' };

let store: Store;
/** The model in a folder of this run, so that its lock is this run's too. */
let model: string;

beforeAll(async () => {
  store = await makeStore();
  model = join(store.folder, 'digits.onnx');
  copyFileSync(digits.model, model);
});
afterAll(() => store?.remove());

interface Built {
  readonly code: number;
  readonly said: string;
  readonly result: {
    readonly id: string;
    readonly digest: string;
    readonly bytesOverBase: number;
    readonly verdict: string | null;
    readonly model: { readonly precision: string; readonly sha256: string; readonly bytes: number } | null;
  };
}

/** `slipway build` for Cloud Run, on the base of this store. */
async function build(tag: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Built> {
  const command = slipway(
    ['build', model, '--platform', 'gcp-cloud-run', '--base-image', store.base, '--tag', tag, '--json', ...args],
    { ...store.env, ...environment },
  );
  const code = await command.ended;
  const line = command.stdout().trim();
  return { code, said: command.stderr(), result: line ? JSON.parse(line) : null };
}

async function layers(...args: string[]): Promise<unknown> {
  const { python, env } = await pythonEnvironment('optimizer');
  const script = join(__dirname, 'layers.py');
  const { stdout } = await promisify(execFile)(python, [script, ...args], { env, maxBuffer: 2 ** 28 });
  return JSON.parse(stdout);
}

const folders = new Map<string, Promise<string>>();

/** The image as a folder of layers. */
function exported(tag: string): Promise<string> {
  const folder = join(store.folder, `layers-${tag.replace(/\W/g, '-')}`);
  const known = folders.get(tag) ?? store.buildah('push', tag, `dir:${folder}`).then(() => folder);
  folders.set(tag, known);
  return known;
}

interface Entry {
  readonly layer: number;
  readonly name: string;
  readonly mode: number;
  readonly owner: readonly [number, number];
  readonly mtime: number;
  readonly sha256: string | null;
}

describe('an image built by a search', () => {
  const tag = 'localhost/digits:search';
  let built: Built;
  beforeAll(async () => {
    built = await build(tag, [...data, '--no-lock'], time);
    expect(built.said).toContain('inside the build (buildah)');
    expect(built.code).toBe(0);
  });

  test('the model was quantized during the build, and the labels say what the gate decided', async () => {
    expect(built.result.model).toMatchObject({ precision: 'int8' });
    const { labels, ...image } = await inspect(store, tag);
    expect(labels).toMatchObject({
      'com.amazonaws.sagemaker.capabilities.accept-bind-to-port': 'true',
      'org.opencontainers.image.title': 'digits',
      'org.opencontainers.image.version': '1',
      'org.opencontainers.image.created': '2023-11-14T22:13:20Z',
      'dev.slipway.verdict': built.result.verdict,
      'dev.slipway.precision': 'int8',
      'dev.slipway.model.sha256': built.result.model!.sha256,
      'dev.slipway.model.bytes': String(built.result.model!.bytes),
    });
    expect(image).toEqual({
      user: '10001:0',
      entrypoint: ['/opt/slipway/env/bin/python', '-m', 'server'],
      command: ['serve'],
      ports: ['8080/tcp'],
      manifestType: 'application/vnd.docker.distribution.manifest.v2+json',
    });
  });

  test('it adds less than 300 MB to its base, and nothing that only the build needs', async () => {
    expect(built.result.bytesOverBase).toBeGreaterThan(50e6);
    expect(built.result.bytesOverBase).toBeLessThan(300e6);
    const entries = (await layers('list', await exported(tag))) as Entry[];
    const added = entries.filter(({ layer }) => layer > 0).map(({ name }) => `/${name}`);
    expect(added).toContain('/opt/slipway/model/model.onnx');
    expect(added).toContain('/opt/slipway/sbom.cdx.json');
    expect(added.filter((name) => /site-packages\/(onnx|pip|sympy|tensorboardX)(\/|$)/.test(name))).toEqual([]);
    expect(
      added.filter(
        (name) => /samples\.npz|labels\.npy|recipe\.json|build\.json|\/tests\//.test(name) && !name.includes('numpy'),
      ),
    ).toEqual([]);
    // What the base has of pip is taken away.
    expect(added).toContain('/usr/lib/python3/dist-packages/.wh.pip');
    for (const { name, mode } of entries.filter(({ layer, name }) => layer > 0 && name.startsWith('opt/slipway/'))) {
      expect([name, mode & 0o444]).toEqual([name, 0o444]);
    }
  });

  test.each([
    ['an unprivileged user', '12345:0'],
    ['any user and group', '54321:54321'],
    ['root', '0:0'],
  ])('as %s it starts, replays its canaries and answers', async (_who, user) => {
    const container = await start(store, tag, { user });
    try {
      await container.ready();
      const request = sampleRequest(digitsPlan());
      const { status, answer } = await infer(`${container.url}/v2/models/digits/infer`, request.body);
      expect(status).toBe(200);
      expect(answer.outputs[0]!.shape).toEqual([1, 10]);
      const scores = answer.outputs[0]!.data as number[];
      // The first of the example's labels.
      expect(scores.indexOf(Math.max(...scores))).toBe(3);
      for (const path of ['/ping', '/v2/health/live', '/v2/health/ready', '/v2/models/digits', '/metrics']) {
        expect([path, (await fetch(`${container.url}${path}`)).status]).toEqual([path, 200]);
      }
      const invoked = await fetch(`${container.url}/invocations`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(request.body),
      });
      expect(invoked.status).toBe(200);
      const metrics = await (await fetch(`${container.url}/metrics`)).text();
      const figure = (name: string) => Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(metrics)?.[1]);
      expect(figure('onnx_canary_sqnr_decibels')).toBeGreaterThan(20);
    } finally {
      await container.stop();
    }
  });

  test('asked to stop, the server drains and ends by itself within 10 s, and nothing is left', async () => {
    const container = await start(store, tag, { user: '12345:0' });
    await container.ready();
    expect(container.inside()).not.toEqual([]);
    expect(await container.drain()).toBe(0);
    expect(container.inside()).toEqual([]);
    await expect(fetch(container.url)).rejects.toThrow();
    expect(await container.run.leftAfterAll()).toEqual([]);
  });

  test('samples are in no layer but as canaries', async () => {
    expect(await layers('search', await exported(tag), digits.data)).toEqual(['opt/slipway/model/canaries.npz']);
  });

  test('it goes to a registry and comes back the same', async () => {
    const port = await freePort();
    const config = join(store.folder, 'registry.yml');
    const root = join(store.folder, 'registry');
    writeFileSync(
      config,
      `version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: ${root}\nhttp:\n  addr: 127.0.0.1:${port}\n`,
    );
    const registry = run('docker-registry', ['serve', config]);
    try {
      const url = `http://127.0.0.1:${port}/v2/`;
      for (let tries = 0; tries < 100 && !(await fetch(url).catch(() => undefined)); tries++) await sleep(100);
      const remote = `127.0.0.1:${port}/team/digits:1`;
      const pushed = await build(remote, [...data, '--no-lock', '--push'], time);
      expect(pushed.code).toBe(0);
      const manifest = await fetch(`${url}team/digits/manifests/1`, {
        headers: { Accept: 'application/vnd.docker.distribution.manifest.v2+json' },
      });
      expect(manifest.headers.get('content-type')).toBe('application/vnd.docker.distribution.manifest.v2+json');
      expect(manifest.headers.get('docker-content-digest')).toBe(pushed.result.digest);
      const gone = await build(`127.0.0.1:${await freePort()}/digits:1`, [...data, '--no-lock', '--push'], time);
      expect(gone.code).toBe(1);
      expect(gone.said).toContain('cannot be pushed');
    } finally {
      process.kill(-registry.process.pid!, 'SIGTERM');
      await registry.ended;
    }
  });
});

describe('two images from one lock', () => {
  const tags = ['localhost/digits:one', 'localhost/digits:two'] as const;
  const synthetic = [...data, '--canaries', 'synthetic'];
  let built: Built[];
  beforeAll(async () => {
    const out = join(store.folder, 'optimized');
    const command = slipway(['optimize', model, ...synthetic, '--platform', 'gcp-cloud-run', '--out', out]);
    expect([await command.ended, command.stderr()]).toEqual([0, expect.stringContaining('slipway-lock.json')]);
    built = [await build(tags[0], synthetic, time), await build(tags[1], [...synthetic, '--no-cache'], time)];
    expect(built.map(({ code, said }) => [code, code === 0 ? '' : said])).toEqual([
      [0, ''],
      [0, ''],
    ]);
  });

  test('the model and the report are the same bytes, and so is every layer', async () => {
    const [one, two] = (await Promise.all(tags.map(async (tag) => layers('list', await exported(tag))))) as [
      Entry[],
      Entry[],
    ];
    const names = one.map(({ name }) => name);
    for (const name of ['model.onnx', 'report.json', 'canaries.npz'])
      expect(names).toContain(`opt/slipway/model/${name}`);
    expect(two).toEqual(one);
    expect(built[0]!.result.model).toEqual(built[1]!.result.model);
    const { labels } = await inspect(store, tags[0]);
    expect(labels['dev.slipway.mode']).toBe('replay');
  });

  test('with synthetic canaries no layer holds a sample', async () => {
    expect(await layers('search', await exported(tags[0]), digits.data)).toEqual([]);
  });
});

describe('what a change makes anew', () => {
  /** Which of the Dockerfile's long steps ran, not taken from the cache. */
  async function stepsOf(folder: string): Promise<string[]> {
    const command = run(
      'buildah',
      ['build', '--format', 'docker', '--layers', ...secret(), '--tag', 'localhost/digits:change', folder],
      store.env,
    );
    expect([await command.ended, command.stderr()]).toEqual([0, expect.anything()]);
    const lines = `${command.stdout()}`.split('\n');
    return lines.flatMap((line, index) => {
      const [, script] = /STEP \d+\/\d+: RUN .*\/(\w+)\.sh/.exec(line) ?? [];
      return script && !/Using cache/.test(lines[index + 1] ?? '') ? [script] : [];
    });
  }
  const authority = process.env.PIP_CERT || process.env.SSL_CERT_FILE;
  const secret = () => (authority && existsSync(authority) ? ['--secret', `id=ca,src=${authority}`] : []);

  /** The context that the first image was built from. */
  async function layOut(name: string): Promise<string> {
    const folder = join(store.folder, name);
    const command = slipway(
      [
        ...['build', model, ...data, '--no-lock', '--platform', 'gcp-cloud-run', '--base-image', store.base],
        ...[
          '--context-only',
          folder,
          ...(authority && existsSync(authority) ? ['--build-secret', `id=ca,src=${authority}`] : []),
        ],
      ],
      time,
    );
    expect([await command.ended, command.stderr()]).toEqual([0, expect.stringContaining('buildah build')]);
    return folder;
  }

  test('a context that was only laid out builds the same image with a plain builder', async () => {
    const folder = await layOut('context');
    expect(await stepsOf(folder)).toEqual([]);
    const second = slipway(['build', model, '--context-only', folder]);
    expect(await second.ended).toBe(1);
    expect(second.stderr()).toContain('is not empty');
  });

  test('another version of the server does not quantize again', async () => {
    const folder = await layOut('context-server');
    appendFileSync(join(folder, 'server', 'server', '__init__.py'), '\n# newer\n');
    expect(await stepsOf(folder)).toEqual(['code']);
  });

  test('other calibration data quantize again, and nothing else', async () => {
    const folder = await layOut('context-data');
    const { python, env } = await pythonEnvironment('optimizer');
    const script =
      'import sys, numpy as np\np = sys.argv[1]\nwith np.load(p) as f: a = {k: f[k] for k in f.files}\nnp.savez(p, **{k: v * np.float32(0.99) for k, v in a.items()})';
    await promisify(execFile)(python, ['-c', script, join(folder, 'data', 'samples.npz')], { env });
    expect(await stepsOf(folder)).toEqual(['optimize']);
  });
});

describe('builds that must not succeed', () => {
  test('a model that the gate rejects fails the build with its reasons, and leaves no image', async () => {
    // Speed is judged on this machine, and no form is fifty times as fast.
    const tag = 'localhost/digits:rejected';
    const strict = ['--platform', 'local', '--min-speedup', '50', '--on-failure', 'error', '--no-lock'];
    const { code, said, result } = await build(tag, [...data, ...strict]);
    expect([code, result]).toEqual([3, null]);
    expect(said).toMatch(/int8-static-\S+.*50x/);
    expect(said).not.toMatch(/STEP|Traceback|subprocess/);
    await expect(store.buildah('inspect', '--type', 'image', tag)).rejects.toThrow();
    expect(JSON.parse((await store.buildah('containers', '--json')) || '[]') ?? []).toEqual([]);
  });

  test('samples that do not fit are refused before anything is built', async () => {
    const { code, said } = await build('localhost/digits:bad', ['--data', example('breast-cancer').data]);
    expect(code).toBe(1);
    expect(said).not.toContain('inside the build');
  });

  test('Ctrl-C stops the builder and leaves no process, container or folder', async () => {
    const scratch = () => (existsSync(join(cacheDir(), 'scratch')) ? readdirSync(join(cacheDir(), 'scratch')) : []);
    const command = slipway(
      [
        ...['build', model, ...data, '--no-lock', '--no-cache', '--platform', 'gcp-cloud-run'],
        ...['--base-image', store.base, '--tag', 'localhost/digits:stopped'],
      ],
      store.env,
    );
    await command.saw('inside the build');
    await sleep(4000);
    expect(command.left().some((line) => line.includes('buildah'))).toBe(true);
    command.process.kill('SIGINT');
    expect(await command.ended).toBe(130);
    expect(await command.leftAfterAll()).toEqual([]);
    const own = `${command.process.pid}-`;
    expect(scratch().filter((name) => name.startsWith(own))).toEqual([]);
    expect(JSON.parse((await store.buildah('containers', '--json')) || '[]') ?? []).toEqual([]);
  });
});

test('hooks run inside the image, with the packages that they ask for', async () => {
  const hooks = join(store.folder, 'fraud-hooks.py');
  writeFileSync(
    hooks,
    [
      'import idna',
      'def post(outputs, request):',
      '    (scores,) = outputs.values()',
      "    return {'digit': int(scores.argmax()), 'idna': idna.__version__}",
      '',
    ].join('\n'),
  );
  const requirements = join(store.folder, 'requirements.txt');
  const digest = '946d195a0d259cbba61165e88e65941f16e9b36ea6ddb97f00452bae8b1287d3';
  writeFileSync(requirements, `idna==3.10 --hash=sha256:${digest}\n`);
  const tag = 'localhost/digits:hooks';
  const { code, said } = await build(tag, [...data, '--no-lock', '--hooks', hooks, '--requirements', requirements]);
  expect([code, said]).toEqual([0, expect.anything()]);
  const container = await start(store, tag, { user: '12345:0' });
  try {
    await container.ready();
    const { body } = sampleRequest(digitsPlan());
    const { answer } = await infer(`${container.url}/v2/models/digits/infer`, body);
    expect(answer).toEqual({ digit: 3, idna: '3.10' });
  } finally {
    await container.stop();
  }
});

test('an image without its model says what it looked for', async () => {
  const tag = 'localhost/digits:bucket';
  const { code, result } = await build(tag, [...data, '--no-lock', '--model', 'bucket']);
  expect([code, result.verdict]).toEqual([0, null]);
  const container = await start(store, tag, { user: '12345:0' });
  expect(await container.run.ended).not.toBe(0);
  expect(container.run.stderr()).toContain('serving.json');
  await container.stop();
});
