import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { buildSecret, withOwnAuthority } from '../../bin/commands/build-secrets.js';
import { type BuildRequest, builders, isLocalRegistry } from '../../lib/image/build/builders.js';
import { findBuilder } from '../../lib/image/build/find.js';
import { outputEvent, stepInWords } from '../../lib/image/build/output.js';
import { verdictLabels } from '../../lib/image/labels.js';
import type { ReportFile } from '../../lib/index.js';
import { scratch } from '../model/scratch.js';

describe("a builder's output", () => {
  const line = '{"stage": "candidates", "step": "int8: timing", "done": 5, "total": 22}';
  const progress = { kind: 'progress', progress: { step: 'int8: timing', done: 5, total: 22 } };

  test.each([line, `#12 4.567 ${line}`, `123.4 ${line}`])('progress is heard in %s', (text) => {
    expect(outputEvent(text)).toEqual(progress);
  });

  test("the gate's sentences come through whole", () => {
    const said = 'No candidate passed.\nint8: "agreement" 98 % is below 99 %.\n';
    const event = { kind: 'refused', status: 3, said };
    const text = JSON.stringify({ refused: { status: 3, said } });
    expect(outputEvent(text)).toEqual(event);
    expect(outputEvent(`#9 1.2 ${text}`)).toEqual(event);
  });

  test.each([
    ['[2/4] STEP 3/7: COPY optimizer /opt/slipway/optimizer', 'COPY optimizer /opt/slipway/optimizer'],
    ['STEP 1/2: FROM scratch AS report', 'FROM scratch AS report'],
    ['#12 [optimize 6/6] RUN sh /opt/slipway/steps/optimize.sh', 'RUN sh /opt/slipway/steps/optimize.sh'],
  ])('a step is heard in %s', (text, step) => {
    expect(outputEvent(text)).toEqual({ kind: 'step', text: step });
  });

  test('steps that take long are told in words, copies are not', () => {
    const words = (text: string) => stepInWords(text);
    expect(words('RUN sh /opt/slipway/steps/environment.sh /opt/slipway/tools /opt/slipway/locks/optimizer.txt')).toBe(
      "installing the optimizer's packages",
    );
    expect(words('RUN sh /opt/slipway/steps/optimize.sh')).toBe('starting the optimizer');
    expect(words('COPY steps/optimize.sh /opt/slipway/steps/optimize.sh')).toBeUndefined();
  });

  test('no line is too strange', () => {
    fc.assert(
      fc.property(fc.string(), (text) => ['progress', 'refused', 'step', 'text'].includes(outputEvent(text).kind)),
    );
    fc.assert(fc.property(fc.json(), (text) => ['progress', 'refused', 'text'].includes(outputEvent(text).kind)));
  });
});

describe('how builders are asked', () => {
  const request: BuildRequest = {
    folder: 'context',
    platform: 'linux/amd64',
    args: { CACHE_KEY: 'x' },
    secrets: [{ id: 'ca', src: '/ca.pem' }],
    sourceDateEpoch: 7,
    result: { tag: 'fraud:1', labels: { 'dev.slipway.verdict': 'int8, 2x' } },
  };
  const words = (id: string, changes: Partial<BuildRequest> = {}) =>
    builders
      .find((builder) => builder.id === id)!
      .build({ ...request, ...changes })
      .join(' ');

  test('no manifest that SageMaker refuses', () => {
    expect(words('docker')).toContain('--provenance=false --sbom=false');
    expect(words('docker')).toContain('--output type=docker');
    for (const id of ['buildah', 'podman']) expect(words(id)).toContain('build --format docker --layers');
  });

  test.each(['docker', 'podman', 'buildah'])('%s gets secrets, labels, time, argument and platform', (id) => {
    const said = words(id);
    expect(said).toContain('--secret id=ca,src=/ca.pem');
    expect(said).toContain('--label dev.slipway.verdict=int8, 2x');
    expect(said).toContain('--build-arg CACHE_KEY=x');
    expect(said).toContain('--platform linux/amd64');
    expect(said).toMatch(/--timestamp 7|SOURCE_DATE_EPOCH=7/);
    expect(said.endsWith(' context')).toBe(true);
    const report = words(id, { result: { reportFolder: 'out' } });
    expect(report).toContain('--target report --output type=local,dest=out');
    expect(report).not.toContain('--tag');
    const stage = words(id, { result: { stage: 'optimize' } });
    expect(stage).toContain('--target optimize');
    expect(stage).not.toMatch(/--tag|--output/);
  });

  test('a registry on this machine is asked without TLS, no other', () => {
    const push = (tag: string) => builders.find(({ id }) => id === 'buildah')!.push(tag, 'digest');
    expect(push('127.0.0.1:5000/fraud:1')).toContain('--tls-verify=false');
    expect(push('registry.example/fraud:1')).not.toContain('--tls-verify=false');
    expect(['localhost/x', 'localhost:5000/x', 'localhost.example/x', 'x/localhost/'].map(isLocalRegistry)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test('what was added to the base is summed from the steps that name our folder', () => {
    const created = (by: string, empty = false) => ({ created_by: by, ...(empty && { empty_layer: true }) });
    const image = {
      FromImageID: 'ab',
      FromImageDigest: 'sha256:cd',
      Manifest: JSON.stringify({ layers: [{ size: 1000 }, { size: 20 }, { size: 3 }] }),
      Docker: {
        history: [
          created('/bin/sh'),
          created('ENV X=/opt/slipway', true),
          created('COPY in /opt/slipway/env'),
          created('RUN sh /opt/slipway/steps/final.sh'),
        ],
      },
    };
    const buildah = builders.find(({ id }) => id === 'buildah')!;
    expect(buildah.facts([JSON.stringify(image)])).toEqual({ id: 'sha256:ab', digest: 'sha256:cd', bytesOverBase: 23 });
    const docker = builders.find(({ id }) => id === 'docker')!;
    const history = ['COPY . /opt/slipway/env', 'RUN apt'].map((CreatedBy) =>
      JSON.stringify({ CreatedBy, Size: '50' }),
    );
    expect(docker.facts([JSON.stringify([{ Id: 'sha256:ef', RepoDigests: [] }]), history.join('\n')])).toEqual({
      id: 'sha256:ef',
      digest: null,
      bytesOverBase: 50,
    });
  });
});

describe('finding a builder', () => {
  const path = process.env.PATH;
  afterEach(() => {
    process.env.PATH = path;
  });
  /** Programs of these names that do what the script says, and no other builder. */
  function programs(scripts: Readonly<Record<string, string>>) {
    const folder = join(scratch(), 'bin');
    mkdirSync(folder);
    for (const [name, script] of Object.entries(scripts)) {
      writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
      chmodSync(join(folder, name), 0o755);
    }
    const system = (path ?? '').split(':').filter((entry) => entry === '/bin');
    process.env.PATH = [folder, ...system].join(':');
  }
  const missing = 'exit 127';

  test('docker without its engine is no builder; the next one is taken', async () => {
    programs({ docker: 'echo "Cannot connect to the daemon" >&2; exit 1', podman: missing, buildah: 'exit 0' });
    expect((await findBuilder()).id).toBe('buildah');
    await expect(findBuilder('docker')).rejects.toThrow(/docker does not work: .*Cannot connect to the daemon/);
  });

  test('docker with an engine but without BuildKit is none either', async () => {
    programs({ docker: '[ "$1" = version ]', podman: missing, buildah: missing });
    await expect(findBuilder()).rejects.toThrow(
      /docker does not work: 'docker buildx version'[\s\S]*podman is not installed/,
    );
  });

  test('the first that works is taken', async () => {
    programs({ docker: 'exit 0', podman: 'exit 0', buildah: 'exit 0' });
    expect((await findBuilder()).id).toBe('docker');
    expect((await findBuilder('podman')).id).toBe('podman');
  });

  test('none: every reason, and what to do', async () => {
    programs({ docker: missing, podman: missing, buildah: 'exit 1' });
    await expect(findBuilder()).rejects.toThrow(
      /docker is not installed[\s\S]*buildah does not work[\s\S]*--context-only/,
    );
  });
});

describe('build secrets', () => {
  test('the certificates that pip trusts here are given to pip in the build', () => {
    const file = join(scratch(), 'ca.pem');
    writeFileSync(file, 'certificate');
    expect(withOwnAuthority([], { PIP_CERT: file })).toEqual([{ id: 'ca', src: file }]);
    expect(withOwnAuthority([], { SSL_CERT_FILE: file })).toEqual([{ id: 'ca', src: file }]);
    expect(withOwnAuthority([{ id: 'ca', src: '/mine' }], { PIP_CERT: file })).toEqual([{ id: 'ca', src: '/mine' }]);
    expect(withOwnAuthority([], { PIP_CERT: `${file}.gone` })).toEqual([]);
    expect(withOwnAuthority([], {})).toEqual([]);
  });

  test('only files, only known names, each once', () => {
    const file = join(scratch(), 'pip.conf');
    writeFileSync(file, '[global]');
    const one = buildSecret(`id=pip,src=${file}`);
    expect(one).toEqual([{ id: 'pip', src: file }]);
    expect(() => buildSecret(`id=pip,src=${file}`, one)).toThrow('pip is given twice');
    expect(() => buildSecret(`id=token,src=${file}`)).toThrow('ID is ca, pip, netrc');
    expect(() => buildSecret('id=ca,src=/nowhere')).toThrow("'/nowhere' is no file");
    expect(() => buildSecret('ca')).toThrow('Give id=ID,src=FILE');
  });
});

test('labels tell the verdict, and leave out what was not measured', () => {
  const winner = {
    name: 'int8-x',
    precision: 'int8',
    sha256: 'ab',
    bytes: 12,
    speedup: null,
    agreement: 0.997,
    accuracy: null,
  };
  const report = { verdict: 'int8, 2x faster', mode: 'replay', winner } as unknown as ReportFile;
  expect(verdictLabels(report)).toEqual({
    'dev.slipway.verdict': 'int8, 2x faster',
    'dev.slipway.mode': 'replay',
    'dev.slipway.precision': 'int8',
    'dev.slipway.candidate': 'int8-x',
    'dev.slipway.model.sha256': 'ab',
    'dev.slipway.model.bytes': '12',
    'dev.slipway.agreement': '0.997',
  });
});
