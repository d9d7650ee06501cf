import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pythonEnvironment } from '../../../lib/local/python.js';
import { cacheWithoutModels, example, type Ready, type Run, slipway } from './slipway.js';

const folder = mkdtempSync(join(tmpdir(), 'slipway-hooks-'));
const hooks = join(folder, 'own.py');
const requirements = join(folder, 'requirements.txt');
const digits = example('digits');

/** A package of one module, as a wheel, so that nothing is fetched. */
const makeWheel = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    wheel.writestr("digitwords.py", "WORDS = 'zero one two three four five six seven eight nine'.split()\\n")
    info = "digitwords-1.0.dist-info/"
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: digitwords\\nVersion: 1.0\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "RECORD", "digitwords.py,,\\n" + "".join(info + name + ",,\\n" for name in ("METADATA", "WHEEL", "RECORD")))
`;

const code = `
import numpy as np
from digitwords import WORDS

def pre(request):
    inputs = request.tensors()
    if (inputs["image"] < 0).any():
        raise ValueError("an image has no negative values")
    return inputs

def post(outputs, request):
    scores = next(iter(outputs.values()))
    return {"digit": np.array(WORDS)[scores.argmax(axis=1)]}
`;

const image = (fill: number) => ({ instances: [{ image: [Array.from({ length: 8 }, () => Array(8).fill(fill))] }] });

async function post(endpoint: string, body: unknown) {
  const response = await fetch(`${endpoint}/invocations`, { method: 'POST', body: JSON.stringify(body) });
  return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
}

beforeAll(async () => {
  const { python } = await pythonEnvironment('optimizer');
  const wheel = join(folder, 'digitwords-1.0-py3-none-any.whl');
  execFileSync(python, ['-c', makeWheel, wheel]);
  writeFileSync(requirements, `digitwords @ file://${wheel}\n`);
  writeFileSync(hooks, code);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('slipway serve with hooks', () => {
  let server: Run;
  let ready: Ready;

  beforeAll(async () => {
    const flags = ['--hooks', hooks, '--requirements', requirements, '--port', '0', '--json'];
    server = slipway(['serve', digits.model, ...flags], { SLIPWAY_CACHE: cacheWithoutModels() });
    ready = await server.ready();
  });

  afterAll(async () => {
    server.process.kill('SIGTERM');
    await server.ended;
    expect(await server.leftAfterAll()).toEqual([]);
  });

  test('answers with what the hooks make of the scores, with a package that they import', async () => {
    const { status, answer } = await post(ready.endpoint, image(0.5));
    expect(status).toBe(200);
    const words = 'zero one two three four five six seven eight nine'.split(' ');
    expect(words).toContain((answer.predictions as string[])[0]);
  });

  test('refuses in the words of the hooks', async () => {
    expect(await post(ready.endpoint, image(-1))).toEqual({
      status: 422,
      answer: { error: 'an image has no negative values' },
    });
  });
});

test('hooks that cannot be imported refuse the start with file and line', async () => {
  const broken = join(folder, 'broken.py');
  writeFileSync(broken, 'import os\nimport nothing_such\n');
  const server = slipway(['serve', digits.model, '--hooks', broken, '--port', '0']);
  expect(await server.ended).toBe(1);
  expect(server.stderr()).toMatch(
    /hooks\.py, line 2: No module named 'nothing_such'\. Name its package in the requirements/,
  );
});

test('packages that cannot be installed are told with the reason', async () => {
  const wrong = join(folder, 'wrong.txt');
  writeFileSync(wrong, 'this is no requirement\n');
  const server = slipway(['serve', digits.model, '--hooks', hooks, '--requirements', wrong, '--port', '0']);
  expect(await server.ended).toBe(1);
  expect(server.stderr()).toMatch(
    /The packages of '.*wrong\.txt' cannot be installed\. .* pip said:\n.*Invalid requirement/s,
  );
});
