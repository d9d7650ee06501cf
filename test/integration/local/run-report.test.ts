/** The report of a run for real: an endpoint is started, read by its Prometheus, asked, and asked for something else; reports tell. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PythonEnvironment, pythonEnvironment } from '../../../lib/local/python.js';
import { cacheWithoutModels, example, infer, type Ready, type Run, slipway } from './slipway.js';

interface Finding {
  readonly about: string;
  readonly state: 'good' | 'bad' | 'note';
  readonly words: string;
  readonly next: string | null;
}

interface RunFile {
  readonly figures: {
    readonly traffic: { readonly requests: number };
    readonly latency: { readonly p99Ms: number | null };
    readonly drift: readonly {
      readonly side: string;
      readonly statistic: string;
      readonly since: number | null;
      readonly windows: readonly { readonly psi: number }[];
    }[];
  };
  readonly findings: readonly Finding[];
}

const cache = cacheWithoutModels();
const folder = mkdtempSync(join(tmpdir(), 'slipway-run-report-'));
const live = join(folder, 'live');
const { model, data } = example('digits');
const SOON = { timeout: 90_000, interval: 1000 };

let up: Run;
let ready: Ready;
let images: number[][];
let environment: PythonEnvironment;

beforeAll(async () => {
  up = slipway(
    [...['up', model, '--data', data, '--port', '0', '--json'], ...['--p99-ms', '5000', '--tensorboard', live]],
    { SLIPWAY_CACHE: cache, SLIPWAY_TENSORBOARD_SECONDS: '2' },
  );
  environment = await pythonEnvironment('report');
  const read =
    'import json, sys, numpy as np; x = np.load(sys.argv[1])["image"]; print(json.dumps(x.reshape(len(x), -1).tolist()))';
  images = JSON.parse(python(read, data));
  ready = await up.ready();
});

afterAll(() => {
  up?.process.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** What a script prints, run in `folder`. */
const python = (script: string, ...args: string[]): string =>
  execFileSync(environment.python, ['-c', script, ...args], {
    cwd: folder,
    env: { ...environment.env, IPYTHONDIR: join(folder, 'ipython') },
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'ignore'],
  });

async function report(args: readonly string[], env: NodeJS.ProcessEnv = { SLIPWAY_CACHE: cache }) {
  const started = slipway(['report', ready.endpoint, ...args], env);
  const code = await started.ended;
  expect(started.left()).toEqual([]);
  return { code, out: started.stdout(), said: started.stderr() };
}

async function asJson(...args: string[]): Promise<RunFile> {
  const { code, out, said } = await report(['--run', '--json', ...args]);
  if (code !== 0) throw new Error(said);
  return JSON.parse(out) as RunFile;
}

const words = ({ findings }: RunFile, about: string) =>
  findings.filter((finding) => finding.about === about).map((finding) => `${finding.state}: ${finding.words}`);

/** All images, 20 at a time, and one request that is wrong in itself; how many requests that were. */
async function send(change: (value: number) => number): Promise<number> {
  for (let first = 0; first < images.length; first += 20) {
    const rows = images.slice(first, first + 20);
    const input = {
      name: 'image',
      datatype: 'FP32',
      shape: [rows.length, 1, 8, 8],
      data: rows.flatMap((row) => row.map(change)),
    };
    expect((await infer(ready.infer, { inputs: [input] })).status).toBe(200);
    await sleep(20);
  }
  expect((await infer(ready.infer, {})).status).toBe(400);
  return Math.ceil(images.length / 20) + 1;
}

interface Notebook {
  readonly cells: readonly {
    readonly cell_type: string;
    readonly outputs: readonly { readonly output_type: string; readonly name?: string; readonly data?: object }[];
  }[];
}

/** What the last cell of an executed notebook printed; every cell has to have run without a word of complaint. */
function findingsOf(path: string): { readonly text: string; readonly pictures: number } {
  const { cells } = JSON.parse(readFileSync(path, 'utf8')) as Notebook;
  const outputs = cells.filter(({ cell_type }) => cell_type === 'code').map((cell) => cell.outputs);
  for (const { output_type, name } of outputs.flat()) expect([output_type, name]).not.toContain('error');
  expect(outputs.flat().filter(({ name }) => name === 'stderr')).toEqual([]);
  const [last] = outputs.at(-1) as unknown as { text: string | string[] }[];
  const pictures = outputs.flat().filter((output) => output.data && 'image/png' in output.data).length;
  return { text: [last!.text].flat().join(''), pictures };
}

/** Tags, with the number of points and the last value of each, as TensorBoard reads them. */
const READ_EVENTS = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
run = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0})
run.Reload()
print(json.dumps({tag: [event.value for event in run.Scalars(tag)] for tag in run.Tags()["scalars"]}))
`;
const events = (path: string): Record<string, number[]> => JSON.parse(python(READ_EVENTS, path));

test('a folder for event files that cannot be is told before the model is optimized', async () => {
  const refused = slipway(['up', model, '--port', '0', '--tensorboard', join(model, 'runs')], { SLIPWAY_CACHE: cache });
  expect(await refused.ended).toBe(1);
  expect(refused.stderr()).toContain(`cannot be written: '${model}' is a file. Name a folder for TensorBoard's files.`);
  expect(refused.stderr()).not.toContain('Optimizing');
});

describe('an endpoint that nobody asks', () => {
  test('has a report that says so', async () => {
    await expect.poll(async () => (await report(['--run'])).code, SOON).toBe(0);
    const quiet = await asJson();
    expect(quiet.findings.map(({ about, state }) => `${about} ${state}`)).toEqual([
      'traffic note',
      ...(quiet.findings.some(({ about }) => about === 'bottleneck') ? ['bottleneck note'] : []),
      'memory good',
      'drift note',
    ]);
    expect(words(quiet, 'traffic')[0]).toMatch(/^note: Nobody asked in this time/);
    expect(words(quiet, 'drift')).toEqual(['note: Too few rows to tell drift from chance: 0 rows were counted.']);
  });

  test('has a notebook with its plots and that finding at its end', async () => {
    const place = join(folder, 'quiet.ipynb');
    const { code, out, said } = await report(['--notebook', place]);
    expect([code, out], said).toEqual([0, `${place}\n`]);
    expect(
      readdirSync(folder)
        .filter((name) => name.startsWith('quiet'))
        .sort(),
    ).toEqual(['quiet.ipynb', 'quiet.run.json']);
    const { text, pictures } = findingsOf(place);
    expect(text).toMatch(/^· Nobody asked in this time/);
    expect(pictures).toBe(8);
  });
});

describe('an endpoint that is asked for what its samples are like', () => {
  test('keeps its promises, and has not drifted', async () => {
    let sent = 0;
    for (let round = 0; round < 2; round += 1) sent += await send((value) => value);
    await expect.poll(async () => (await asJson()).figures.traffic.requests / sent, SOON).toBeGreaterThan(0.9);
    const run = await asJson('--usd-per-hour', '0.1');
    expect(run.figures.traffic.requests / sent).toBeLessThan(1.05);
    expect(words(run, 'latency')[0]).toMatch(
      /^good: The latency objective is met: p99 was .* below the 5 s promised\./,
    );
    expect(words(run, 'errors')).toEqual(['good: No request ended with a server error.']);
    expect(words(run, 'stages')[0]).toMatch(/The queue had .* % of a request's time \(queue .*, postprocess/);
    expect(words(run, 'drift')[0]).toMatch(/^good: No drift in 4 figures of outputs and inputs\./);
    expect(words(run, 'cost')[0]).toMatch(/^note: A million requests cost \d/);
  });

  test('breaks a promise that nobody could keep, and the report says by how much', async () => {
    const run = await asJson('--p99-ms', '0.001');
    expect(words(run, 'latency')[0]).toMatch(
      /^bad: The latency objective is not met: p99 was .* above the 1 µs promised/,
    );
  });

  test('is told in the terminal and as Markdown, too', async () => {
    const terminal = await report(['--run', '--last', '10m']);
    expect(terminal.out).toMatch(/^digits \(\w+\), [\d.]+ \w+ up to 2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n/);
    expect(terminal.out).toContain('  ✓ No request ended with a server error.\n');
    expect((await report(['--run', '--markdown'])).out).toMatch(/\n- ✓ No request ended with a server error\.\n/);
  });
});

describe('an endpoint that is asked for something else', () => {
  const place = join(folder, 'drifted.ipynb');
  let told: string;

  test('has drifted: where, and since when', async () => {
    const began = Date.now() / 1000;
    // Pieces of time move along with the end, so that one of them may hold some of what came before.
    const apart = async () => {
      await send((value) => 1 - value);
      const watched = (await asJson()).figures.drift.find(
        ({ side, statistic }) => `${side} ${statistic}` === 'input mean',
      );
      return watched!.windows.slice(-2).map(({ psi }) => psi > 2);
    };
    await expect.poll(apart, SOON).toEqual([true, true]);
    const run = await asJson();
    const { since } = run.figures.drift.find(({ side, statistic }) => `${side} ${statistic}` === 'input mean')!;
    // A piece of time may have begun before it.
    expect(since!).toBeGreaterThan(began - 60);
    expect(since!).toBeLessThan(Date.now() / 1000);
    expect(words(run, 'drift').join('\n')).toMatch(/^bad: input image \(mean\) has parted from the samples, since 2/m);
  });

  test('has a notebook that ends with it', async () => {
    expect((await report(['--notebook', place, '--p99-ms', '0.001'])).code).toBe(0);
    const { text, pictures } = findingsOf(place);
    expect(text).toContain('✗ The latency objective is not met: p99 was ');
    expect(text).toContain('✗ input image (mean) has parted from the samples, since ');
    expect(text).toContain('  Next: Look at what callers send:');
    expect(pictures).toBe(8);
    told = text;
  });

  test('has a page', async () => {
    const page = join(folder, 'run.html');
    expect((await report(['--run', '--html', page])).out).toBe(`${page}\n`);
    const html = readFileSync(page, 'utf8');
    expect(html).toMatch(/<li class="bad"><b>✗<\/b> input image \(mean\) has parted from the samples, since /);
    for (const chart of ['traffic', 'latency', 'stages', 'drift', 'memory', 'spread-0']) {
      expect(html).toContain(`id="chart-${chart}"`);
    }
  });

  test('is written as event files for TensorBoard', async () => {
    const { code, out } = await report(['--tensorboard', join(folder, 'runs')]);
    expect(code).toBe(0);
    const found = events(out.trim());
    expect(found['traffic/requests_per_second']!.some((value) => value > 0)).toBe(true);
    for (const tag of ['latency/p99_ms', 'stage_ms/queue', 'batch/mean_rows', 'drift_psi/input/image/mean']) {
      expect(found[tag]?.length, tag).toBeGreaterThan(0);
    }
    expect(found['drift_psi/input/image/mean']!.at(-1)).toBeGreaterThan(1);
  });

  test('is shown by TensorBoard until Ctrl-C', async () => {
    const board = slipway(['report', ready.endpoint, '--run', '--tensorboard', '--port', '0'], {
      SLIPWAY_CACHE: cache,
    });
    await board.saw('Ctrl-C stops it.');
    const tags = async () => {
      const answer = await fetch(`${board.stdout().trim()}data/plugin/scalars/tags`);
      return Object.values((await answer.json()) as Record<string, object>).flatMap((run) => Object.keys(run));
    };
    await expect.poll(tags, SOON).toContain('stage_ms/queue');
    board.process.kill('SIGINT');
    expect(await board.ended).toBe(130);
    expect(await board.leftAfterAll()).toEqual([]);
  });

  test('is read by any Prometheus that is named; without a note of its own one has to be', async () => {
    const other = { SLIPWAY_CACHE: cacheWithoutModels() };
    const refused = await report(['--run'], other);
    expect([refused.code, refused.out]).toEqual([1, '']);
    expect(refused.said).toMatch(/^No Prometheus is known to read .* Give its address with --prometheus/m);
    const named = await report(['--prometheus', ready.prometheus!], other);
    expect(named.out).toContain('has parted from the samples');
  });

  test('is refused where there is nothing to read or to write to, and leaves nothing', async () => {
    const before = readdirSync(folder).sort();
    const out = join(folder, 'no.ipynb');
    for (const [args, message] of [
      [['--notebook', out, '--prometheus', 'http://127.0.0.1:1'], 'cannot be reached'],
      [['--notebook', out, '--prometheus', ready.endpoint], 'does not answer as Prometheus does (status 404'],
      [['--notebook', join(folder, 'no', 'no.ipynb')], 'the folder that should hold it does not exist'],
      [['--run', '--last', '0m'], 'Give a time from 1m to 30d'],
    ] as const) {
      const { code, out: printed, said } = await report(args);
      expect([code, printed], said).toEqual([1, '']);
      expect(said).toContain(message);
    }
    const wrong = slipway(['report', ready.prometheus!, '--run'], { SLIPWAY_CACHE: cache });
    expect(await wrong.ended).toBe(1);
    expect(wrong.stderr()).toContain('is no endpoint of Slipway');
    expect(readdirSync(folder).sort()).toEqual(before);
  });

  test('ends: what it wrote itself is whole, its note is gone, and the notebook still runs', async () => {
    up.process.kill('SIGINT');
    expect(await up.ended).toBe(130);
    expect(await up.leftAfterAll()).toEqual([]);
    expect(readdirSync(join(cache, 'running'))).toEqual([]);

    const [run] = readdirSync(live);
    const found = events(join(live, run!));
    for (const tag of ['stage_ms/queue', 'stage_ms/infer', 'latency/p50_ms', 'machine/memory_bytes']) {
      expect(found[tag]?.length, tag).toBeGreaterThan(1);
    }
    expect(Math.max(...found['drift_psi/input/image/mean']!)).toBeGreaterThan(1);

    const again = `
import nbformat, sys
from nbclient import NotebookClient
made = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(made, timeout=120, kernel_name="python3").execute()
print("".join(made.cells[-1].outputs[0].text))
`;
    expect(existsSync(join(folder, 'drifted.run.json'))).toBe(true);
    expect(python(again, place).trim()).toBe(told.trim());
  });
});
