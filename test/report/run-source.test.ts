/** Which endpoint, which Prometheus, which time: what is found out, and what is refused. */

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { noteRunning, runningAt } from '../../lib/local/running.js';
import { type RunOptions, runRequest } from '../../lib/report/run-source.js';

const before = process.env.SLIPWAY_CACHE;
let cache: string;

beforeAll(() => {
  cache = mkdtempSync(join(tmpdir(), 'slipway-running-'));
  process.env.SLIPWAY_CACHE = cache;
});

afterAll(() => {
  if (before === undefined) delete process.env.SLIPWAY_CACHE;
  else process.env.SLIPWAY_CACHE = before;
  rmSync(cache, { recursive: true, force: true });
});

/** A server on 127.0.0.1 that answers a path and the fields of its body; its URL. */
async function serving(answer: (path: string, fields: URLSearchParams) => [number, string]): Promise<string> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      const [status, text] = answer(request.url ?? '', new URLSearchParams(body));
      response.writeHead(status).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const endpoint = (model = 'digits') =>
  serving((path) => [
    path === '/' ? 200 : 404,
    JSON.stringify({ name: 'slipway', links: { model: `/v2/models/${model}` } }),
  ]);

interface Told {
  /** `job`, and `instance`, of each replica. */
  readonly instances?: readonly (readonly [job: string, instance: string])[];
  /** Seconds before now. */
  readonly since?: number;
  readonly every?: number;
}

const success = (result: unknown): [number, string] => [200, JSON.stringify({ status: 'success', data: { result } })];

/** A Prometheus that has read an endpoint. */
const prometheus = ({ instances = [['slipway-digits', 'a:1']], since = 600, every = 5 }: Told = {}) =>
  serving((path, fields) => {
    const query = fields.get('query') ?? '';
    const now = Date.now() / 1000;
    const times = Array.from({ length: Math.floor(since / every) + 1 }, (_, index) => now - since + index * every);
    const values = times.map((at) => [at, '1']);
    if (query.startsWith('count by')) {
      return success(instances.map(([job, instance]) => ({ metric: { job, instance }, value: [now, '1'] })));
    }
    if (path.endsWith('query_range')) return success([{ metric: {}, values }]);
    return success([{ metric: {}, values }]);
  });

const ask = (where: string, options: Partial<RunOptions> = {}) =>
  runRequest(where, { signal: new AbortController().signal, ...options });

describe('what is asked', () => {
  test('of an endpoint and a Prometheus that are named', async () => {
    const [url, read] = [await endpoint(), await prometheus()];
    const request = await ask(`${url}/`, { prometheus: `${read}/`, p99Ms: 30, usdPerHour: 0.5 });
    expect(request).toMatchObject({
      endpoint: url,
      prometheus: read,
      model: 'digits',
      objective: { availability: 0.999, p99Ms: 30, boundMs: 50 },
      drift: { psi: 0.2, minCount: 500, stepSeconds: 20 },
      usdPerHour: 0.5,
    });
    expect(request.verdicts.queue).toMatchObject({ kind: 'limit' });
    // The readings began ten minutes ago.
    expect(request.end - request.start).toBeGreaterThanOrEqual(600);
    expect(request.end - request.start).toBeLessThan(620);
  });

  test('looks no further back than it is told', async () => {
    const [url, read] = [await endpoint(), await prometheus({ since: 9000 })];
    const request = await ask(url, { prometheus: read, lastSeconds: 120 });
    expect(request.end - request.start).toBeCloseTo(120, 6);
  });

  test('of an endpoint that slipway up noted needs no Prometheus, and knows what is promised', async () => {
    const [url, read] = [await endpoint(), await prometheus()];
    const drift = { psi: 0.1, minCount: 300 };
    const note = {
      endpoint: url,
      prometheus: read,
      pid: process.pid,
      objective: { availability: 0.99, p99Ms: 20 },
      drift,
    };
    const forget = noteRunning(note);
    expect(await ask(url.replace('127.0.0.1', 'localhost'))).toMatchObject({
      prometheus: read,
      objective: { availability: 0.99, p99Ms: 20, boundMs: 25 },
      drift,
    });
    expect((await ask(url, { p99Ms: 100 })).objective.p99Ms).toBe(100);
    forget();
    expect(runningAt(url)).toBeUndefined();
    // Noted by a process that is gone.
    noteRunning({ ...note, pid: 2 ** 22 - 1 });
    expect(runningAt(url)).toBeUndefined();
    noteRunning({ ...note, drift: null });
    expect((await ask(url)).drift).toBeNull();
  });

  test.each([
    [
      'the job in which the endpoint itself is',
      [
        ['mine', 'SELF'],
        ['other', 'b:1'],
      ],
      'mine',
    ],
    [
      'the job by the name that Slipway gives',
      [
        ['slipway-digits', 'a:1'],
        ['other', 'b:1'],
      ],
      'slipway-digits',
    ],
    [
      'the only job, whatever its name',
      [
        ['models', 'a:1'],
        ['models', 'b:1'],
      ],
      'models',
    ],
  ] as const)('selects by %s', async (_name, given, job) => {
    const url = await endpoint();
    const instances = given.map(([name, at]) => [name, at === 'SELF' ? new URL(url).host : at] as const);
    const request = await ask(url, { prometheus: await prometheus({ instances }) });
    expect(request.queries.throughput!.query).toContain(`onnx_requests_total{job="${job}"}`);
  });

  test('of a model with a name of its own', async () => {
    const request = await ask(await endpoint('a%20b%22'), { prometheus: await prometheus() });
    expect(request.model).toBe('a b"');
  });
});

describe('what is refused, with a remedy', () => {
  test('what is no endpoint of ours', async () => {
    for (const body of ['<html>', '{}', '{"name":"other","links":{"model":"/v2/models/x"}}', '[]']) {
      const url = await serving(() => [200, body]);
      await expect(ask(url), body).rejects.toThrow(`'${url}' is no endpoint of Slipway: it answers with status 200`);
    }
    await expect(ask('http://127.0.0.1:9')).rejects.toThrow(/cannot be reached: .+\. Is the endpoint running\?/);
  });

  test('an endpoint of which no Prometheus is known', async () => {
    await expect(ask(await endpoint())).rejects.toThrow(
      /No Prometheus is known to read .* Give its address with --prom/,
    );
  });

  test('no Prometheus there', async () => {
    const url = await endpoint();
    await expect(ask(url, { prometheus: 'http://127.0.0.1:9' })).rejects.toThrow(
      /'http:\/\/127\.0\.0\.1:9\/api\/v1\/query' cannot be reached: .+\. Is Prometheus running\? Give the address/,
    );
    for (const [status, body, said] of [
      [200, '<html>', '(status 200)'],
      [404, '{"name":"slipway"}', '(status 404)'],
      [422, '{"status":"error","error":"too many samples"}', '(status 422: too many samples)'],
      [200, 'null', '(status 200)'],
    ] as const) {
      const other = await serving(() => [status, body]);
      await expect(ask(url, { prometheus: other }), body).rejects.toThrow(
        `'${other}/api/v1/query' does not answer as Prometheus does ${said}. Give the address`,
      );
    }
  });

  test('a Prometheus that wants a token gets the one of the environment, and the endpoint does not', async () => {
    const sent: (string | undefined)[] = [];
    const guarded = createServer((request, response) => {
      sent.push(request.headers.authorization);
      response.writeHead(401).end();
    });
    await new Promise<void>((resolve) => guarded.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      guarded.close();
      delete process.env.SLIPWAY_PROMETHEUS_TOKEN;
    });
    const read = `http://127.0.0.1:${(guarded.address() as AddressInfo).port}`;
    const refusal = `'${read}/api/v1/query' wants you to sign in (status 401). Set SLIPWAY_PROMETHEUS_TOKEN to a token.`;
    await expect(ask(await endpoint(), { prometheus: read })).rejects.toThrow(refusal);
    process.env.SLIPWAY_PROMETHEUS_TOKEN = 's3cret';
    await expect(ask(await endpoint(), { prometheus: read })).rejects.toThrow(refusal);
    expect(sent).toEqual([undefined, 'Bearer s3cret']);
    await expect(ask(read)).rejects.toThrow('is no endpoint of Slipway');
    expect(sent.at(-1)).toBeUndefined();
  });

  test('a time of which Prometheus has nothing', async () => {
    const [url, read] = [await endpoint(), await prometheus({ instances: [] })];
    await expect(ask(url, { prometheus: read, lastSeconds: 1800 })).rejects.toThrow(
      `Prometheus at '${read}' has no reading of 'digits' in the last 30m. Does it read '${url}/metrics'?`,
    );
  });

  test('several jobs of which none is that of the endpoint', async () => {
    const instances = [
      ['a', 'x:1'],
      ['b', 'y:1'],
    ] as const;
    await expect(ask(await endpoint(), { prometheus: await prometheus({ instances }) })).rejects.toThrow(
      /reads 'digits' in several jobs \(a, b\), none of them with the instance .* Name the job 'slipway-digits'/,
    );
  });
});
