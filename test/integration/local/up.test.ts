import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  cacheWithoutModels,
  command,
  example,
  type Instant,
  infer,
  type Ready,
  type Run,
  run,
  slipway,
} from './slipway.js';

const digits = example('digits');
const withData = (name: string) => [
  example(name).model,
  '--data',
  example(name).data,
  '--labels',
  example(name).labels,
];

/** Whether something listens on the URL's port. */
const listens = (url: string) =>
  new Promise<boolean>((resolve) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

describe('the digits network', () => {
  const cache = cacheWithoutModels();
  let up: Run;
  let ready: Ready;

  beforeAll(async () => {
    up = slipway(['up', ...withData('digits'), '--json', '--port', '0'], { SLIPWAY_CACHE: cache });
    ready = await up.ready();
  });
  afterAll(() => up.process.kill('SIGTERM'));

  test('prints one line of JSON on standard output and nothing else', () => {
    expect(up.stdout()).toMatch(/^\{.*\}\n$/);
    expect(ready).toMatchObject({
      endpoint: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      infer: `${ready.endpoint}/v2/models/digits/infer`,
      dashboard: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+/),
      prometheus: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+/),
      model: 'digits',
    });
  });

  test('its verdict holds together: int8 is faster, smaller and agrees, or fp32 is kept with a reason', () => {
    if (ready.precision === 'int8') {
      expect(ready.speedup).toBeGreaterThanOrEqual(1.1);
      expect(ready.agreement).toBeGreaterThanOrEqual(0.985);
      expect(ready.bytes).toBeLessThan(700_000);
      expect(up.stderr()).toMatch(/int8, \d+(\.\d+)?x faster, \d+(\.\d)? % agreement, \d+ KB instead of \d+ KB/);
    } else {
      expect(up.stderr()).toMatch(/fp32, kept: /);
    }
  });

  test('the sample is answered with ten logits', async () => {
    const { status, answer } = await infer(ready.infer, ready.sample);
    expect(status).toBe(200);
    expect(answer.outputs).toMatchObject([{ name: 'logits', shape: [1, 10], datatype: 'FP32' }]);
    expect(answer.outputs[0]?.data).toHaveLength(10);
  });

  test('the curl line works when pasted', () => {
    const line = up
      .stderr()
      .split('\n')
      .find((text) => text.startsWith('curl '));
    const answer = JSON.parse(execFileSync('sh', ['-c', line!], { encoding: 'utf8' }));
    expect(answer.outputs[0]?.data).toHaveLength(10);
  });

  test('Prometheus scrapes the endpoint with the generated rules', async () => {
    const rules = (await (await fetch(`${ready.prometheus}/api/v1/rules`)).json()) as { data: { groups: unknown[] } };
    expect(rules.data.groups.length).toBeGreaterThan(0);
    await expect
      .poll(
        async () => {
          const reply = await fetch(`${ready.prometheus}/api/v1/query?query=onnx_model_ready`);
          const found = (await reply.json()) as Instant;
          return found.data.result.map((series) => [series.metric.model, series.value[1]]);
        },
        { timeout: 20_000 },
      )
      .toEqual([['digits', '1']]);
  });

  test('the dashboard page is served', async () => {
    const page = await (await fetch(ready.dashboard!)).text();
    expect(page).toContain('<!doctype html>');
  });

  test('SIGTERM ends everything: no process, no port', async () => {
    up.process.kill('SIGTERM');
    expect(await up.ended).toBe(143);
    expect(up.left()).toEqual([]);
    for (const url of [ready.endpoint, ready.dashboard!, ready.prometheus!]) expect(await listens(url)).toBe(false);
  });

  test('a second start takes the optimized model from the cache', async () => {
    const again = slipway(['up', ...withData('digits'), '--json', '--port', '0', '--no-monitoring'], {
      SLIPWAY_CACHE: cache,
    });
    const second = await again.ready();
    expect(again.stderr()).toContain('kept from an earlier run');
    expect(second).toMatchObject({ precision: ready.precision, bytes: ready.bytes, dashboard: null, prometheus: null });
    again.process.kill('SIGINT');
    expect(await again.ended).toBe(130);
    expect(again.left()).toEqual([]);
  });
});

describe('other families', () => {
  const cache = cacheWithoutModels();
  const options = ['--json', '--port', '0', '--no-monitoring'];

  async function upAndDown(args: readonly string[]) {
    const up = slipway(['up', ...args, ...options], { SLIPWAY_CACHE: cache });
    const ready = await up.ready();
    const reply = await infer(ready.infer, ready.sample);
    up.process.kill('SIGTERM');
    await up.ended;
    expect(up.left()).toEqual([]);
    return { ready, reply, stderr: up.stderr() };
  }

  test('trees stay in fp32', async () => {
    const { ready, reply, stderr } = await upAndDown(withData('breast-cancer'));
    expect(ready).toMatchObject({ precision: 'fp32', speedup: 1, agreement: 1 });
    expect(stderr).toMatch(/fp32, kept: .*trees/);
    expect(reply.answer.outputs.map((output) => output.name)).toEqual(['label', 'probabilities']);
  });

  test('an encoder is optimized and answers', async () => {
    const { ready, reply, stderr } = await upAndDown(withData('digits-encoder'));
    if (ready.precision === 'int8') expect(ready.bytes).toBeLessThan(800_000);
    else expect(stderr).toMatch(/fp32, kept: /);
    expect(reply.answer.outputs[0]?.shape).toEqual([1, 10]);
  });

  test('without samples fp32 is served, and the reason says what to give', async () => {
    const { ready, reply, stderr } = await upAndDown([digits.model]);
    expect(ready).toMatchObject({ precision: 'fp32', agreement: null });
    expect(stderr).toContain('--data samples.npz');
    expect(reply.status).toBe(200);
  });

  test('--no-cache keeps nothing', async () => {
    const empty = cacheWithoutModels();
    const up = slipway(['up', ...withData('breast-cancer'), ...options, '--no-cache'], { SLIPWAY_CACHE: empty });
    await up.ready();
    up.process.kill('SIGTERM');
    await up.ended;
    expect(readdirSync(empty).sort()).toEqual(['bytecode', 'prometheus', 'python', 'scratch']);
    expect(readdirSync(join(empty, 'scratch'))).toEqual([]);
  });
});

describe('a part that is broken', () => {
  const cache = cacheWithoutModels();
  const digitsUp = ['up', ...withData('digits'), '--json', '--port', '0'];

  test('a damaged cache entry is made again', async () => {
    const first = slipway([...digitsUp, '--no-monitoring'], { SLIPWAY_CACHE: cache });
    await first.ready();
    first.process.kill('SIGTERM');
    await first.ended;
    const [entry] = readdirSync(join(cache, 'models'));
    writeFileSync(join(cache, 'models', entry!, 'report.json'), '{');
    rmSync(join(cache, 'models', entry!, 'model.onnx'));

    const second = slipway([...digitsUp, '--no-monitoring'], { SLIPWAY_CACHE: cache });
    const ready = await second.ready();
    expect(second.stderr()).not.toContain('kept from an earlier run');
    expect((await infer(ready.infer, ready.sample)).status).toBe(200);
    second.process.kill('SIGTERM');
    await second.ended;
  });

  test('with a Prometheus that does not start the endpoint runs, and says so', async () => {
    const bin = mkdtempSync(join(tmpdir(), 'slipway-bin-'));
    writeFileSync(
      join(bin, 'prometheus'),
      '#!/bin/sh\n[ "$1" = --version ] && exit 0\necho "unknown flag" >&2; exit 1\n',
    );
    chmodSync(join(bin, 'prometheus'), 0o755);
    const up = slipway(digitsUp, { SLIPWAY_CACHE: cache, PATH: `${bin}:${process.env.PATH}` });
    const ready = await up.ready();
    expect(ready).toMatchObject({ prometheus: null, dashboard: expect.stringContaining('http') });
    expect(up.stderr()).toContain('Prometheus did not start: unknown flag');
    expect((await infer(ready.infer, ready.sample)).status).toBe(200);
    up.process.kill('SIGTERM');
    expect(await up.ended).toBe(143);
    expect(up.left()).toEqual([]);
  });

  test('a Prometheus that dies does not take the endpoint with it; a server that dies ends everything', async () => {
    const up = slipway(digitsUp, { SLIPWAY_CACHE: cache });
    const ready = await up.ready();
    const pidOf = (pattern: RegExp) =>
      Number(
        up
          .left()
          .find((line) => pattern.test(line))
          ?.split(' ')[0],
      );
    process.kill(pidOf(/prometheus --config/), 'SIGKILL');
    await up.saw('Prometheus ended by itself with code 137. The endpoint goes on without it.');
    expect((await infer(ready.infer, ready.sample)).status).toBe(200);
    process.kill(pidOf(/-m server/), 'SIGKILL');
    expect(await up.ended).toBe(1);
    expect(up.stderr()).toContain('The server ended by itself with code 137.');
    expect(up.left()).toEqual([]);
  });

  test('a terminal that is closed stops everything in order', async () => {
    const terminal = [
      'import os, pty, subprocess, sys, time',
      'master, slave = pty.openpty()',
      'up = subprocess.Popen(sys.argv[1:], stdin=slave, stdout=slave, stderr=slave, preexec_fn=lambda: (os.setsid(), __import__("fcntl").ioctl(0, 0x540E, 0)))',
      'os.close(slave)',
      'seen = b""',
      'while b"Ctrl-C" not in seen: seen += os.read(master, 65536)',
      'os.close(master)',
      'sys.exit(-up.wait())',
    ].join('\n');
    const args = [...digitsUp, '--no-monitoring', '--no-cache'];
    const up = run('python3', ['-c', terminal, process.execPath, command, ...args], { SLIPWAY_CACHE: cache });
    expect(await up.ended).toBe(9);
    expect(await up.leftAfterAll()).toEqual([]);
    expect(readdirSync(join(cache, 'scratch'))).toEqual([]);
  });
});

describe('ended at any stage, nothing is left', () => {
  const early = ['Reading the model', 'Python environment', 'Optimizing digits'];
  const late = ['Starting the server', 'Starting Prometheus', 'Ctrl-C'];
  const codes = { SIGINT: 130, SIGTERM: 143, SIGKILL: 137 } as const;
  const warm = cacheWithoutModels();

  beforeAll(async () => {
    const up = slipway(['up', ...withData('digits'), '--json', '--port', '0', '--no-monitoring'], {
      SLIPWAY_CACHE: warm,
    });
    await up.ready();
    up.process.kill('SIGTERM');
    await up.ended;
  });

  const cases = Object.entries(codes).flatMap(([signal, code]) =>
    [...early, ...late].map((stage) => ({ signal: signal as NodeJS.Signals, code, stage })),
  );

  test.each(cases)("$signal at '$stage'", async ({ signal, code, stage }) => {
    const cache = early.includes(stage) ? cacheWithoutModels() : warm;
    const up = slipway(['up', ...withData('digits'), '--port', '0'], { SLIPWAY_CACHE: cache });
    await up.saw(stage);
    up.process.kill(signal);
    expect(await up.ended).toBe(code);
    expect(await up.leftAfterAll()).toEqual([]);
    if (signal !== 'SIGKILL') {
      const models = readdirSync(cache).includes('models') ? readdirSync(join(cache, 'models')) : [];
      expect(models.filter((name) => name.startsWith('.'))).toEqual([]);
      expect(readdirSync(cache).includes('scratch') ? readdirSync(join(cache, 'scratch')) : []).toEqual([]);
    }
  });

  test.each([
    { signal: 'SIGTERM', stage: 'Optimizing digits', cache: cacheWithoutModels() },
    { signal: 'SIGTERM', stage: 'Ctrl-C', cache: warm },
    { signal: 'SIGKILL', stage: 'Ctrl-C', cache: warm },
  ] as const)("$signal to the npm above it at '$stage'", async ({ signal, stage, cache }) => {
    const up = run('npm', ['run', 'up', '--', '--port', '0'], { SLIPWAY_CACHE: cache });
    await up.saw(stage);
    up.process.kill(signal);
    expect(await up.leftAfterAll()).toEqual([]);
  });

  test('Ctrl-C in the terminal of npm', async () => {
    const up = run('npm', ['run', 'up', '--', '--port', '0'], { SLIPWAY_CACHE: warm });
    await up.saw('Ctrl-C');
    process.kill(-up.process.pid!, 'SIGINT');
    expect(await up.leftAfterAll()).toEqual([]);
  });
});
