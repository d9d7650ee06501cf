/** What limits an endpoint, brought about for real: a server under load, a real Prometheus with the rules, and the verdict that it finds. */

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { planServing } from '../../../lib/image/serving.js';
import { cacheDir } from '../../../lib/local/cache.js';
import { startChild } from '../../../lib/local/child.js';
import { findPrometheus } from '../../../lib/local/prometheus.js';
import { type PythonEnvironment, pythonEnvironment } from '../../../lib/local/python.js';
import { type RunningServer, startServer } from '../../../lib/local/server.js';
import type { VerdictId } from '../../../lib/monitoring/bottleneck.js';
import { bottleneckRecord, strongestRecord } from '../../../lib/monitoring/bottleneck-rules.js';
import { planMonitoring } from '../../../lib/monitoring/plan.js';
import { packageFile } from '../../../lib/package-root.js';
import type { ServingSpec } from '../../../lib/spec.js';
import { type Asked, type Callers, startCallers } from './callers.js';
import { type WatchedEndpoints, watchEndpoints } from './watched-endpoints.js';

/** Four products that numpy computes without holding Python's lock. */
const numpyHook = `
import numpy as np
W = np.random.default_rng(0).standard_normal((500, 500)).astype(np.float32)
def pre(request):
    for _ in range(4): W @ W
    return request.tensors()
`;

/** A loop that only one thread at a time can be in. */
const pythonHook = `
def pre(request):
    total = 0
    for i in range(200000): total += i
    return request.tensors()
`;

interface Scene {
  /** Of `bottleneck_models.py`. */
  readonly model: 'quick' | 'shared' | 'alone';
  readonly serving?: ServingSpec;
  readonly hook?: string;
  /** @default 1 */
  readonly warmupRuns?: number;
  readonly load: Omit<Asked, 'url' | 'model'>;
}

/** Verdicts look back so far. */
const windowSeconds = 6;

const one = { maxBatch: 1 } as const;
const same = () => 16;

/** Each brings the verdict about that it is named after. */
const scenes = {
  concurrency: {
    model: 'alone',
    serving: { ...one, workers: 1, intraOpThreads: 1 },
    load: { count: 6, width: same },
  },
  'batch-limit': { model: 'shared', serving: one, load: { count: 24, width: same } },
  'batch-underfilled': {
    model: 'shared',
    serving: { maxBatch: 32 },
    load: { count: 24, width: (caller) => 16 + caller },
  },
  'event-loop': { model: 'quick', load: { count: 64, width: () => 8000 } },
  'hooks-lock': { model: 'quick', hook: pythonHook, load: { count: 12, width: same } },
  'cpu-around': { model: 'quick', hook: numpyHook, load: { count: 12, width: same } },
  queue: { model: 'alone', serving: one, load: { count: 24, width: same } },
  'cpu-inference': { model: 'alone', serving: one, load: { count: 3, width: same } },
  'cold-start': { model: 'alone', serving: one, warmupRuns: 80, load: { count: 1, width: same } },
} as const satisfies Partial<Record<VerdictId, Scene>>;

/** The same load as in the scene of that name, but nothing in its way. */
const mended = {
  'batch-limit': { model: 'shared', load: { count: 24, width: same } },
  'batch-underfilled': { model: 'shared', serving: { maxBatch: 32 }, load: { count: 24, width: same } },
} as const satisfies Partial<Record<VerdictId, Scene>>;

const calm = {
  memory: { model: 'quick', load: { count: 1, width: () => 100_000, pauseMs: 100 } },
  network: { model: 'quick', load: { count: 6, width: () => 1000, haltMs: 40 } },
  spare: { model: 'quick', load: { count: 1, width: same, pauseMs: 300 } },
} as const satisfies Record<string, Scene>;

const taken: Scene = { model: 'alone', serving: one, load: { count: 4, width: same } };

let environment: PythonEnvironment;
let folder: string;
let watched: WatchedEndpoints;

beforeAll(async () => {
  const found = await findPrometheus(cacheDir());
  if ('missing' in found) throw new Error(found.missing);
  environment = await pythonEnvironment('optimizer');
  folder = mkdtempSync(join(tmpdir(), 'slipway-bottleneck-'));
  const make = packageFile('test', 'integration', 'local', 'bottleneck_models.py');
  execFileSync(environment.python, [make, folder], { env: environment.env });
  const names = [
    ...Object.keys({ ...scenes, ...calm, 'processors-taken': taken }),
    ...Object.keys(mended).map((verdict) => `${verdict}-mended`),
  ];
  const plans = names.map((model) =>
    planMonitoring({
      model,
      scrapeSeconds: 1,
      bottleneck: { windowSeconds, ...(model === 'spare' && { spareSeconds: 8 }) },
    }),
  );
  watched = await watchEndpoints(found.prometheus, folder, plans);
});

afterAll(async () => {
  await watched?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function serve(name: string, scene: Scene, python = environment.python): Promise<RunningServer> {
  const { model, serving, hook, warmupRuns = 1, load } = scene;
  const home = join(folder, name);
  mkdirSync(home);
  if (hook) writeFileSync(join(home, 'hooks.py'), hook);
  const files = { model: join('..', `${model}.onnx`), canaries: null, report: null };
  const planned = planServing({ name, serving, dims: { T: load.width(0) }, files });
  const hooks = hook ? { file: 'hooks.py', seconds: 30 } : null;
  writeFileSync(join(home, 'serving.json'), JSON.stringify({ ...planned, warmupRuns, hooks }));
  const port = watched.ports[name]!;
  return startServer({
    environment: { ...environment, python },
    serving: join(home, 'serving.json'),
    host: '127.0.0.1',
    port,
  });
}

const call = ({ url }: RunningServer, name: string, { load }: Scene): Callers =>
  startCallers({ ...load, url, model: name });

/** All verdicts that hold, the strongest first; it is in the list twice. */
async function told(name: string): Promise<string[]> {
  const of = (record: string) => watched.ask(`${record}{job="slipway-${name}"} == 1`);
  const found = [...(await of(strongestRecord)), ...(await of(bottleneckRecord))];
  return found.map(({ metric }) => metric.verdict!);
}

/**
 * Whether the verdict is the strongest; where other programs of this machine take its processors, which is then true and stronger, it is
 * enough that it holds.
 */
async function isTold(name: string, verdict: VerdictId, alike: readonly VerdictId[] = []): Promise<string> {
  const [strongest, ...holding] = await told(name);
  const taken = strongest === 'processors-taken' && [verdict, ...alike].some((each) => holding.includes(each));
  return strongest === verdict || taken ? 'told' : `${strongest}, of ${holding.join(', ')}`;
}

const patient = { timeout: 40_000, interval: 250 };

/** Until nothing is looked at any more that was before the load. */
const settled = () => sleep((windowSeconds + 2) * 1000);

/** Asks for a while, so that a verdict which comes and goes is seen. */
async function neverTold(name: string, verdict: VerdictId): Promise<void> {
  for (let looks = 0; looks < 8; looks += 1) {
    const holding = await told(name);
    expect(holding).not.toEqual([]);
    expect(holding).not.toContain(verdict);
    await sleep(500);
  }
}

async function under(name: string, scene: Scene, look: () => Promise<void>): Promise<void> {
  const server = await serve(name, scene);
  const callers = call(server, name, scene);
  try {
    await look();
    await expect.poll(() => callers.answered(), patient).toBeGreaterThan(0);
  } finally {
    await server.child.stop();
    await callers.stop();
  }
}

describe('a server under load', () => {
  test.each(Object.entries<Scene>(scenes) as [VerdictId, Scene][])(
    'is told to be limited: %s',
    async (verdict, scene) => {
      await under(verdict, scene, async () => {
        if (verdict !== 'cold-start') await settled();
        // Where others take the processors, threads that wait for Python's lock look like those that work.
        const alike: VerdictId[] = verdict === 'hooks-lock' ? ['cpu-around'] : [];
        await expect.poll(() => isTold(verdict, verdict, alike), patient).toBe('told');
      });
    },
  );

  test.each(Object.entries<Scene>(mended) as [VerdictId, Scene][])(
    'is no longer told that once it is mended: %s',
    async (verdict, scene) => {
      const name = `${verdict}-mended`;
      await under(name, scene, async () => {
        await settled();
        await neverTold(name, verdict);
      });
    },
  );

  test('is told that others take its processors', async () => {
    const spin =
      'process.on("disconnect", () => process.exit()); for (const end = Date.now() + 30000; Date.now() < end;);';
    const others = Array.from({ length: 6 }, () => startChild(process.execPath, ['-e', spin]));
    try {
      await under('processors-taken', taken, async () => {
        await expect.poll(async () => (await told('processors-taken'))[0], patient).toBe('processors-taken');
      });
    } finally {
      await Promise.all(others.map((other) => other.stop(0)));
    }
  });
});

/** A Python that finds another limit than the machine's, as in a container: what is done without its privileges. */
function limitedPython(bytes: number): string {
  const limits = join(folder, 'limits');
  mkdirSync(limits);
  writeFileSync(join(limits, 'memory.max'), `${bytes}\n`);
  const start = join(limits, 'start.py');
  writeFileSync(
    start,
    [
      'import pathlib, runpy, sys',
      'from server import machine',
      `machine._CGROUP = pathlib.Path(${JSON.stringify(limits)})`,
      'sys.argv = sys.argv[2:]',
      'runpy.run_module("server", run_name="__main__")',
    ].join('\n'),
  );
  const python = join(limits, 'python');
  writeFileSync(python, `#!/bin/sh\nexec '${environment.python}' '${start}' "$@"\n`);
  chmodSync(python, 0o755);
  return python;
}

describe('a server with little to do', () => {
  test.concurrent('is told to be idle, then healthy, then too large', async ({ expect }) => {
    const server = await serve('spare', calm.spare);
    await expect.poll(() => isTold('spare', 'idle'), patient).toBe('told');
    const callers = call(server, 'spare', calm.spare);
    try {
      await expect.poll(() => isTold('spare', 'healthy'), patient).toBe('told');
      await expect.poll(() => isTold('spare', 'over-provisioned'), patient).toBe('told');
    } finally {
      await server.child.stop();
      await callers.stop();
    }
  });

  test.concurrent('is told to be limited by callers that send slowly', async ({ expect }) => {
    const server = await serve('network', calm.network);
    const callers = call(server, 'network', calm.network);
    try {
      await expect.poll(() => isTold('network', 'network'), patient).toBe('told');
    } finally {
      await server.child.stop();
      await callers.stop();
    }
  });

  test.concurrent('is told to be limited by memory once large bodies need processes that decode them', async ({
    expect,
  }) => {
    const server = await serve('memory', calm.memory, limitedPython(128 * 2 ** 20));
    await expect.poll(() => isTold('memory', 'idle'), patient).toBe('told');
    const callers = call(server, 'memory', calm.memory);
    try {
      await expect.poll(() => isTold('memory', 'memory'), patient).toBe('told');
    } finally {
      await server.child.stop();
      await callers.stop();
    }
  });
});
