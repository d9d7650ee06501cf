/** The size of a model costs neither memory nor reading. */

import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Writer } from 'protobufjs/minimal.js';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { expect, test } from 'vitest';
import type { readModel } from '../../lib/model/read.js';
import { encode, scratch } from './scratch.js';

test('a file of 2 GB is profiled within 300 MB of memory, reading less than 4 MB of it', () => {
  const folder = scratch();
  const path = join(folder, 'large.onnx');
  const weights = 400;
  const each = 5 << 20;
  writeLarge(path, weights, each);
  const { profile, maxRssKb, readBytes, fileBytes } = profileInChild(folder, path);
  expect(fileBytes).toBeGreaterThan(2e9);
  expect(profile).toMatchObject({ weightBytes: weights * each, parameters: (weights * each) / 4, nodes: 1 });
  expect(maxRssKb / 1024).toBeLessThan(300);
  expect(readBytes).toBeLessThan(4 << 20);
});

/** A model whose weights are holes in the file. */
function writeLarge(path: string, weights: number, each: number): void {
  const heads = Array.from({ length: weights }, (_, index) => {
    const known = encode([
      [1, each / 4],
      [2, 1],
      [8, `w${index}`],
    ]);
    const data = Writer.create()
      .uint32((9 << 3) | 2)
      .uint32(each)
      .finish();
    const length = Writer.create()
      .uint32((5 << 3) | 2)
      .uint32(known.length + data.length + each)
      .finish();
    return Buffer.concat([length, known, data]);
  });
  const rest = encode([
    [
      1,
      encode([
        [1, 'x'],
        [2, 'y'],
        [4, 'Identity'],
      ]),
    ],
    [12, encode([[1, 'y']])],
  ]);
  const graphBytes = heads.reduce((sum, head) => sum + head.length + each, rest.length);
  const made = openSync(path, 'w');
  let at = 0;
  const put = (bytes: Uint8Array, hole = 0): void => {
    writeSync(made, bytes, 0, bytes.length, at);
    at += bytes.length + hole;
  };
  put(
    Buffer.concat([
      encode([[1, 9]]),
      Writer.create()
        .uint32((7 << 3) | 2)
        .uint32(graphBytes)
        .finish(),
    ]),
  );
  for (const head of heads) put(head, each);
  put(rest);
  put(encode([[8, encode([[2, 17]])]]));
  closeSync(made);
}

interface Measured {
  readonly profile: ReturnType<typeof readModel>;
  readonly maxRssKb: number;
  /** By the reader's own system calls. */
  readonly readBytes: number;
  readonly fileBytes: number;
}

/** Reads the model in a process that has loaded nothing else. */
function profileInChild(folder: string, path: string): Measured {
  const root = join(__dirname, '..', '..');
  mkdirSync(join(folder, 'lib', 'model'), { recursive: true });
  const sources = readdirSync(join(root, 'lib', 'model'))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join('lib', 'model', name));
  for (const source of [join('lib', 'errors.ts'), ...sources]) {
    const compilerOptions = { module: ModuleKind.CommonJS, target: ScriptTarget.ES2023, esModuleInterop: true };
    const { outputText } = transpileModule(readFileSync(join(root, source), 'utf8'), { compilerOptions });
    writeFileSync(join(folder, source.replace(/ts$/, 'js')), outputText);
  }
  const program = `
    const { readFileSync } = require('node:fs');
    const { readModel } = require('./lib/model/read.js');
    const readSoFar = () => Number(/rchar: (\\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))[1]);
    const before = readSoFar();
    const profile = readModel(process.argv[1]);
    const readBytes = readSoFar() - before;
    console.log(JSON.stringify({ profile, readBytes, maxRssKb: process.resourceUsage().maxRSS, fileBytes: profile.fileBytes }));`;
  const options = { cwd: folder, env: { ...process.env, NODE_PATH: join(root, 'node_modules') }, maxBuffer: 1 << 26 };
  return JSON.parse(execFileSync(process.execPath, ['-e', program, path], options).toString());
}
