import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { pythonEnvironment } from '../../../lib/local/python.js';
import { cacheWithoutModels, command, example, run, slipway } from './slipway.js';

const folder = mkdtempSync(join(tmpdir(), 'slipway-refusals-'));
const file = (name: string) => join(folder, name);
const digits = example('digits');

/** Makes every bad input with onnx and numpy themselves. */
const makeBadInputs = `
import os, sys
import numpy as np, onnx
from onnx import TensorProto, helper, numpy_helper
root, digits = sys.argv[1:3]
at = lambda *parts: os.path.join(root, *parts)
open(at("text.onnx"), "w").write("this is no model\\n" * 100)
whole = open(digits, "rb").read()
open(at("truncated.onnx"), "wb").write(whole[: len(whole) // 2])
x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2])
y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])
def model(nodes, opset=17, extra=(), initializers=()):
    graph = helper.make_graph(nodes, "g", [x], [y], list(initializers))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), *extra], ir_version=10)
relu = helper.make_node("Relu", ["x"], ["y"])
onnx.save(model([relu], opset=99), at("opset.onnx"))
onnx.save(model([helper.make_node("Foo", ["x"], ["y"], domain="my.ops")], extra=[helper.make_opsetid("my.ops", 1)]), at("custom.onnx"))
def external(name, location):
    weight = numpy_helper.from_array(np.ones((2, 2), np.float32), "w")
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=location)
    onnx.save(model([helper.make_node("MatMul", ["x", "w"], ["y"])], initializers=[weight]), at(name))
np.ones((2, 2), np.float32).tofile(at("..", os.path.basename(root) + "-weights.bin"))
external("missing.onnx", "nowhere.bin")
external("outside.onnx", "../" + os.path.basename(root) + "-weights.bin")
os.symlink(at("..", os.path.basename(root) + "-weights.bin"), at("link.bin"))
external("symlink.onnx", "link.bin")
image = np.zeros((40, 1, 8, 8), np.float32)
np.savez(at("name.npz"), picture=image)
np.savez(at("shape.npz"), image=np.zeros((40, 1, 9, 9), np.float32))
np.savez(at("dtype.npz"), image=image.astype(np.float64))
np.savez(at("empty.npz"), image=image[:0])
np.savez(at("nan.npz"), image=np.full_like(image, np.nan))
np.savez(at("objects.npz"), image=np.array([{}] * 4, dtype=object))
np.savez(at("good.npz"), image=image)
np.save(at("labels.npy"), np.zeros(39, np.int64))
np.save(at("floats.npy"), np.zeros(40, np.float32))
`;

beforeAll(async () => {
  const { python, env } = await pythonEnvironment('dev');
  execFileSync(python, ['-c', makeBadInputs, folder, digits.model], { env });
});

/** What a person reads, when Slipway refuses as it should: code 1, no stack, nothing on standard output. */
async function refusal(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<string> {
  const refused = slipway(args, environment);
  expect(await refused.ended).toBe(1);
  expect(refused.stdout()).toBe('');
  expect(refused.stderr()).not.toMatch(/\n\s+at |Traceback/);
  expect(refused.left()).toEqual([]);
  return refused.stderr();
}

describe('a model that cannot be served', () => {
  test.each([
    ['text.onnx', /text\.onnx' is no ONNX model but a text file/],
    ['truncated.onnx', /truncated\.onnx.*(ends|truncated|cut)/i],
    ['opset.onnx', /opset.*99/i],
    ['custom.onnx', /my\.ops.*Foo/i],
    ['missing.onnx', /nowhere\.bin/],
    ['outside.onnx', /outside/i],
    ['symlink.onnx', /link/i],
    ['not-there.onnx', /not-there\.onnx/],
  ])('%s', async (name, words) => {
    const cache = cacheWithoutModels();
    expect(await refusal(['up', file(name), '--port', '0'], { SLIPWAY_CACHE: cache })).toMatch(words);
    expect(existsSync(join(cache, 'models'))).toBe(false);
  });
});

describe('data that does not fit the model', () => {
  test.each([
    ['name.npz', /picture.*image|image.*picture/s],
    ['shape.npz', /image.*9.*8/s],
    ['dtype.npz', /image.*float64.*float32/s],
    ['empty.npz', /empty|no sample/i],
    ['nan.npz', /NaN/],
    ['objects.npz', /object/i],
    ['not-there.npz', /not-there\.npz/],
  ])('%s', async (name, words) => {
    const cache = cacheWithoutModels();
    const args = ['up', digits.model, '--data', file(name), '--port', '0'];
    expect(await refusal(args, { SLIPWAY_CACHE: cache })).toMatch(words);
    const models = existsSync(join(cache, 'models')) ? readdirSync(join(cache, 'models')) : [];
    expect(models).toEqual([]);
  });

  test.each([
    ['labels.npy', /39.*40|40.*39/s],
    ['floats.npy', /integer/],
  ])('labels: %s', async (name, words) => {
    expect(
      await refusal(['up', digits.model, '--data', file('good.npz'), '--labels', file(name), '--port', '0']),
    ).toMatch(words);
  });
});

describe('a machine that does not let it', () => {
  test('a port in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    try {
      expect(await refusal(['up', digits.model, '--port', `${port}`])).toContain(
        `Port ${port} is in use. Choose another with --port`,
      );
      expect(await refusal(['serve', digits.model, '--port', `${port}`])).toContain(`${port}`);
    } finally {
      taken.close();
    }
  });

  test('a cache that cannot be written', async () => {
    const cache = cacheWithoutModels();
    mkdirSync(join(cache, 'models'));
    chmodSync(join(cache, 'models'), 0o555);
    const asOrdinaryUser =
      process.getuid?.() === 0 ? ['setpriv', '--bounding-set', '-dac_override', '--inh-caps', '-dac_override'] : [];
    const [executable, ...args] = [...asOrdinaryUser, process.execPath, command, 'up', digits.model, '--port', '0'];
    const refused = run(executable!, args, { SLIPWAY_CACHE: cache });
    expect(await refused.ended).toBe(1);
    expect(refused.stderr()).toMatch(/models.*cannot be written: there is no permission.*SLIPWAY_CACHE/);
    expect(refused.stderr()).not.toMatch(/\n\s+at /);
  });

  test('a disk that is full', async () => {
    const cache = cacheWithoutModels();
    mkdirSync(join(cache, 'models'));
    const script = `mount -t tmpfs -o size=256k tmpfs '${join(cache, 'models')}' && exec '${process.execPath}' '${command}' up '${digits.model}' --port 0`;
    const refused = run('unshare', [...(process.getuid?.() === 0 ? ['-m'] : ['-rm']), 'sh', '-c', script], {
      SLIPWAY_CACHE: cache,
    });
    expect(await refused.ended).toBe(1);
    expect(refused.stderr()).toMatch(/disk is full|No space left/i);
    expect(refused.stderr()).not.toMatch(/\n\s+at |Traceback/);
  });

  test('an output folder under a file', async () => {
    writeFileSync(file('a-file'), '');
    expect(await refusal(['optimize', digits.model, '--out', join(file('a-file'), 'out')])).toMatch(
      /a-file.*cannot be written/,
    );
  });
});

describe('what the result would replace', () => {
  test.each([
    ['the model', ['model.onnx'], 'model.onnx'],
    ['the samples', ['digits.onnx', '--data', 'canaries.npz'], 'canaries.npz'],
  ])('%s', async (_, names, lost) => {
    const own = mkdtempSync(join(folder, 'own-'));
    copyFileSync(digits.model, join(own, names[0]!));
    copyFileSync(digits.data, join(own, 'canaries.npz'));
    const before = readFileSync(join(own, lost));
    const args = names.map((name) => (name.startsWith('--') ? name : join(own, name)));
    expect(await refusal(['optimize', ...args, '--out', own])).toMatch(
      new RegExp(`${lost}' would be overwritten by the result\\. Name another folder`),
    );
    expect(readFileSync(join(own, lost)).equals(before)).toBe(true);
  });
});

describe('the command line itself', () => {
  test.each(['', '--json'])('inspect %s into a pipe that nobody reads ends quietly', async (option) => {
    const piped = run('sh', ['-c', `'${process.execPath}' '${command}' inspect '${digits.model}' ${option} | true`]);
    expect(await piped.ended).toBe(0);
    expect(piped.stderr()).toBe('');
  });

  test('a result that cannot be written is told', async () => {
    const full = run('sh', ['-c', `'${process.execPath}' '${command}' inspect '${digits.model}' > /dev/full`]);
    expect(await full.ended).toBe(1);
    expect(full.stderr()).toMatch(/^The result cannot be written to standard output: .*ENOSPC.*\n$/);
  });

  test('--help of every verb shows examples', async () => {
    for (const verb of ['up', 'optimize', 'serve', 'inspect']) {
      const help = slipway([verb, '--help']);
      expect(await help.ended).toBe(0);
      expect(help.stdout()).toMatch(new RegExp(`Examples:\\n  \\$ slipway ${verb} `));
    }
  });

  test('a dimension without a size, and a port that is none, are refused with what is allowed', async () => {
    expect(await refusal(['up', digits.model, '--dim', 'sequence'])).toContain('name=size');
    expect(await refusal(['up', digits.model, '--port', '70000'])).toContain('from 1 to 65535');
  });

  test('a dimension that the model lacks is refused with those it has', async () => {
    expect(await refusal(['up', digits.model, '--dim', 'bacth=4', '--port', '0'])).toMatch(/bacth/);
  });

  test('--debug shows the stack', async () => {
    const refused = slipway(['up', file('text.onnx'), '--port', '0', '--debug']);
    expect(await refused.ended).toBe(1);
    expect(refused.stderr()).toMatch(/\n\s+at /);
  });
});
