import { createHash } from 'node:crypto';
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ReplayRecipe } from '../../lib/contract/recipe.js';
import { type EndpointPlan, Hardware, type ImageContext, imageContext, Model } from '../../lib/index.js';
import { fixture, scratch } from '../model/scratch.js';
import { digits, digitsPlan } from './plans.js';

const pathsOf = ({ files }: ImageContext) => files.map(({ path }) => path);
const textOf = ({ files }: ImageContext, path: string) => {
  const source = files.find((file) => file.path === path)?.source;
  if (!source) throw new Error(`no ${path}`);
  return 'text' in source ? source.text : readFileSync(source.file, 'utf8');
};
const instructions = (context: ImageContext) =>
  textOf(context, 'Dockerfile')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

/** A copy of the example's files that a test may change. */
function copies() {
  const folder = scratch();
  const path = (name: string) => join(folder, name);
  copyFileSync(digits.path, path('digits.onnx'));
  copyFileSync(digits.calibration!, path('samples.npz'));
  copyFileSync(digits.labels!, path('labels.npy'));
  const model = Model.fromOnnx(path('digits.onnx'), { calibration: path('samples.npz'), labels: path('labels.npy') });
  return { path, model };
}

test('the same plan gives the same context, wherever its files lie', () => {
  const first = imageContext(digitsPlan());
  expect(imageContext(digitsPlan({ model: copies().model })).digest).toBe(first.digest);
  expect(JSON.parse(JSON.stringify(first))).toEqual(first);
});

test.each(['digits.onnx', 'samples.npz', 'labels.npy'])('another byte in %s is another context', (name) => {
  const { path, model } = copies();
  const plan = digitsPlan({ model });
  const before = imageContext(plan).digest;
  appendFileSync(path(name), '\0');
  expect(imageContext(plan).digest).not.toBe(before);
});

test('everything is where the Dockerfile copies it from, tests and samples of none of the rest', () => {
  const context = imageContext(digitsPlan());
  const paths = pathsOf(context);
  expect(paths).toEqual([...paths].sort());
  expect(paths).toEqual(
    expect.arrayContaining([
      'data/labels.npy',
      'data/recipe.json',
      'data/samples.npz',
      'locks/optimizer.txt',
      'locks/server.txt',
      'model/model.onnx',
      'optimizer/optimizer/__main__.py',
      'optimizer/schema/recipe.schema.json',
      'optimizer/watch/figures.py',
      'sbom.cdx.json',
      'server/schema/serving.schema.json',
      'server/server/__main__.py',
      'server/watch/figures.py',
      'serving/serving.json',
    ]),
  );
  expect(paths.filter((path) => /test|__pycache__|\.pyc$/.test(path))).toEqual([]);
  const copied = instructions(context).flatMap((line) => /^COPY (?!--from)(\S+) /.exec(line)?.[1] ?? []);
  for (const source of copied)
    expect(paths.some((path) => path === source || path.startsWith(`${source}/`))).toBe(true);
  const used = (path: string) => copied.some((source) => path === source || path.startsWith(`${source}/`));
  expect(paths.filter((path) => !used(path))).toEqual(['.dockerignore', 'Dockerfile']);
});

test('samples and labels go to stages of which the final one takes the model alone', () => {
  const text = textOf(imageContext(digitsPlan()), 'Dockerfile');
  const final = text.slice(text.indexOf(' AS final'));
  expect(final).not.toContain('data');
  expect(final.match(/COPY --from=optimize .*/g)).toEqual([
    'COPY --from=optimize /opt/slipway/model /opt/slipway/model',
  ]);
});

test('the ignore file shuts out whatever else lies in the folder', () => {
  const context = imageContext(digitsPlan());
  const [first, ...rest] = textOf(context, '.dockerignore').trim().split('\n');
  const tops = [...new Set(pathsOf(context).map((path) => path.split('/')[0]!))].filter(
    (top) => top !== '.dockerignore',
  );
  expect(first).toBe('*');
  expect(rest).toEqual(tops.sort().map((top) => `!${top}`));
});

test('without secrets no step asks for one, so that builders that know none take it', () => {
  expect(textOf(imageContext(digitsPlan()), 'Dockerfile')).not.toContain('--mount');
  const runs = instructions(imageContext(digitsPlan(), { secrets: ['pip', 'ca'] })).filter((line) =>
    line.startsWith('RUN'),
  );
  expect(runs.filter((line) => line.includes('--mount=type=secret,id=ca --mount=type=secret,id=pip'))).toHaveLength(2);
  expect(runs.some((line) => line.includes('netrc'))).toBe(false);
});

test('only plain features: no heredoc, no cache mount, no index in an argument', () => {
  const text = textOf(imageContext(digitsPlan(), { secrets: ['ca', 'pip', 'netrc'] }), 'Dockerfile');
  expect(text).not.toMatch(/<<|type=cache|type=bind|INDEX_URL|# syntax/);
  expect(text).not.toMatch(/^FROM \$(?!\{BASE_IMAGE\} )/m);
  expect(text).toContain('\nUSER 10001:0\n');
  expect(text).toContain('\nENTRYPOINT ["/opt/slipway/env/bin/python", "-m", "server"]\nCMD ["serve"]\n');
});

test('a model in a bucket is in no image: no optimizer, no samples, no serving.json', () => {
  const context = imageContext(digitsPlan(), { model: 'bucket' });
  const tops = [...new Set(pathsOf(context).map((path) => path.split('/')[0]!))];
  expect(tops).toEqual(['.dockerignore', 'Dockerfile', 'locks', 'sbom.cdx.json', 'server', 'steps']);
  expect(textOf(context, 'Dockerfile')).not.toMatch(/^(FROM|COPY|RUN).*(optimi|data|opt.slipway.model)/m);
});

test('weights beside the model keep their names, and the model does not take one of them', () => {
  const folder = scratch();
  copyFileSync(fixture('external.onnx'), join(folder, 'external.onnx'));
  copyFileSync(fixture('external.data'), join(folder, 'external.data'));
  const plan = digitsPlan({ model: Model.fromOnnx(join(folder, 'external.onnx')) });
  expect(pathsOf(imageContext(plan)).filter((path) => path.startsWith('model/'))).toEqual([
    'model/external.data',
    'model/model.onnx',
  ]);
  mkdirSync(join(folder, 'parts'));
  writeFileSync(join(folder, 'parts', 'a'), 'weights');
  copyFileSync(join(folder, 'external.data'), join(folder, 'model.onnx'));
  const externalData = [
    { location: 'model.onnx', bytes: 1 },
    { location: './parts/a', bytes: 7 },
  ];
  const taken = imageContext({ ...plan, profile: { ...plan.profile, externalData } });
  expect(pathsOf(taken).filter((path) => path.startsWith('model/'))).toEqual([
    'model/model-1.onnx',
    'model/model.onnx',
    'model/parts/a',
  ]);
  expect(taken.args.MODEL_FILE).toBe('model-1.onnx');
  expect(textOf(taken, 'Dockerfile')).toContain('ARG MODEL_FILE=model-1.onnx');
});

test("the user's own files go along: the metric to the optimizer, hooks beside serving.json, packages to the environment", () => {
  const folder = scratch();
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const context = imageContext(
    digitsPlan({
      optimization: { metric: { file: write('m.py', 'def f(outputs, inputs, labels): return 1.0\n'), function: 'f' } },
      serving: {
        hooks: write('h.py', 'def pre(inputs): return inputs\n'),
        requirements: write('r.txt', 'idna==3.10\n'),
      },
    }),
  );
  expect(pathsOf(context)).toEqual(expect.arrayContaining(['data/metric.py', 'requirements/requirements.txt']));
  expect(pathsOf(context).filter((path) => path.startsWith('serving/'))).toHaveLength(2);
  expect(textOf(context, 'Dockerfile')).toContain('/opt/slipway/requirements/requirements.txt');
  expect(JSON.parse(textOf(context, 'sbom.cdx.json')).components).toContainEqual(
    expect.objectContaining({ name: 'idna', version: '3.10', purl: 'pkg:pypi/idna@3.10' }),
  );
});

test('packages that only this machine has, and passwords, are refused with their lines', () => {
  const requirements = join(scratch(), 'r.txt');
  writeFileSync(requirements, 'idna==3.10\n-r other.txt\n-e .\n--index-url https://user:hunter2@example.org/simple\n');
  const hooks = join(dirname(requirements), 'h.py');
  writeFileSync(hooks, 'def pre(inputs): return inputs\n');
  const plan = digitsPlan({ serving: { hooks, requirements } });
  expect(() => imageContext(plan)).toThrow(
    /line 2 of .*names another file[\s\S]*line 3 of .*folder of this machine[\s\S]*line 4 of .*password/,
  );
  expect(() => imageContext(plan)).not.toThrow(/hunter2/);
});

describe('a lock', () => {
  const sha256Of = (...files: string[]) => {
    const hash = createHash('sha256');
    for (const file of files) hash.update(readFileSync(file));
    return hash.digest('hex');
  };

  /** The plan with a lock on fp32 that was written for it, but for the changes. */
  function locked(plan: EndpointPlan, changes: Partial<ReplayRecipe> = {}): EndpointPlan {
    const { path, calibration, labels } = plan.source;
    const replay: ReplayRecipe = {
      modelSha256: sha256Of(path),
      dataSha256: calibration ? sha256Of(calibration) : null,
      labelsSha256: labels ? sha256Of(labels) : null,
      metricSha256: null,
      tools: { python: '3.9.0', onnxruntime: '1.30.0', onnx: '1.23.1', numpy: '2.4.6' },
      candidate: null,
      ranges: null,
      sha256: sha256Of(path),
      measured: {},
      ...changes,
    };
    return { ...plan, recipe: { ...plan.recipe, replay } };
  }

  test('that still fits goes into the build', () => {
    const context = imageContext(locked(digitsPlan()));
    expect(JSON.parse(textOf(context, 'data/recipe.json')).replay.modelSha256).toBe(sha256Of(digits.path));
  });

  test('knows the weights beside the model', () => {
    const plan = digitsPlan({ model: Model.fromOnnx(fixture('external.onnx')) });
    const modelSha256 = sha256Of(fixture('external.onnx'), fixture('external.data'));
    expect(() => imageContext(locked(plan, { modelSha256 }))).not.toThrow();
    expect(() => imageContext(locked(plan))).toThrow(/written for another model/);
  });

  test('that no longer fits is refused before anything is built, with all that changed', () => {
    const changes = {
      modelSha256: '1'.repeat(64),
      dataSha256: '2'.repeat(64),
      labelsSha256: null,
      metricSha256: '3'.repeat(64),
      tools: { onnxruntime: '1.2.3' },
    };
    const plan = locked(digitsPlan(), changes);
    expect(() => imageContext(plan)).toThrow(
      /another model: sha256 111111111111…, and now sha256 [\s\S]*other samples: sha256 2{12}…[\s\S]*other labels: none, and now sha256[\s\S]*another metric: sha256 3{12}…, and now none[\s\S]*onnxruntime 1\.2\.3, and here is 1\.30\.0[\s\S]*--update/,
    );
    expect(() => imageContext(plan, { model: 'bucket' })).not.toThrow();
  });
});

describe('values in the Dockerfile', () => {
  test('nothing of a label is replaced or ends it', () => {
    const plan = digitsPlan();
    const text = textOf(imageContext({ ...plan, name: 'a"$HOME\\\nRUN x' }), 'Dockerfile');
    expect(text).toContain('"org.opencontainers.image.title"="a\\"\\$HOME\\\\ RUN x"');
    expect(text).not.toMatch(/^RUN x/m);
  });

  test('the time of the image is a label and changes no layer', () => {
    const at = imageContext(digitsPlan(), { sourceDateEpoch: 1_700_000_000 });
    expect(at.labels['org.opencontainers.image.created']).toBe('2023-11-14T22:13:20Z');
    const without = imageContext(digitsPlan());
    expect(without.labels).not.toHaveProperty(['org.opencontainers.image.created']);
    const layers = (context: ImageContext) => instructions(context).filter((line) => !line.includes('"='));
    expect(layers(at)).toEqual(layers(without));
  });

  test('the base is the one that is named', () => {
    const baseImage = 'registry.example/python@sha256:0123';
    expect(instructions(imageContext(digitsPlan(), { baseImage }))[0]).toBe(`ARG BASE_IMAGE=${baseImage}`);
  });
});

test('every problem is told at once', () => {
  const plan = digitsPlan({ hardware: Hardware.auto() });
  const profile = { ...plan, source: { ...plan.source, path: 'digits.profile.json' } };
  expect(() => imageContext(profile, { baseImage: '--privileged', sourceDateEpoch: Number.NaN })).toThrow(
    /3 problems[\s\S]*'--privileged' is no name of an image[\s\S]*NaN is no time[\s\S]*is a profile/,
  );
});

test('lengths and digests are those of the files', () => {
  const { files } = imageContext(digitsPlan());
  const model = files.find(({ path }) => path === 'model/model.onnx')!;
  expect(model.bytes).toBe(statSync(digits.path).size);
  expect(model.sha256).toMatch(/^[0-9a-f]{64}$/);
});
