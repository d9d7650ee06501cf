/** What is no model, or no longer a whole one, is refused in a sentence that says what to do. */

import {
  chmodSync,
  closeSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readModel } from '../../lib/model/read.js';
import { bytesOf, encode, example, file, fixture, identityModel, refusal, scratch } from './scratch.js';

describe('what is no model', () => {
  const zip = Buffer.from('PK\x03\x04\x14\0\0\0\x08\0', 'latin1');
  test.each([
    ['an empty file', '', "'PATH' is empty. Give an .onnx file."],
    ['a text', 'def main():\n\treturn 1\n', "'PATH' is no ONNX model but a text file. Give an .onnx file."],
    [
      'a pointer of Git LFS',
      'version https://git-lfs.github.com/spec/v1\n',
      "'PATH' is no ONNX model but a Git LFS pointer, not the model itself. Run 'git lfs pull'.",
    ],
    [
      'a PNG',
      Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1'),
      "'PATH' is no ONNX model but a PNG image. Give an .onnx file.",
    ],
    [
      'a .pt checkpoint',
      zip,
      "'PATH' is no ONNX model but a zip archive, such as a PyTorch checkpoint. Export the model with torch.onnx.export.",
    ],
    [
      'an old .pt checkpoint',
      Buffer.from('\x80\x02\x8a\x0al\xfc', 'latin1'),
      "'PATH' is no ONNX model but a Python pickle. Export the model to ONNX with its own framework.",
    ],
    [
      'a .tflite',
      Buffer.from('\x1c\0\0\0TFL3\0\0', 'latin1'),
      "'PATH' is no ONNX model but a TensorFlow Lite model. Convert it to ONNX with tf2onnx.",
    ],
    [
      'bytes',
      Buffer.alloc(64, 0xff),
      "'PATH' is no ONNX model. Give an .onnx file, as torch.onnx.export or skl2onnx write it.",
    ],
    [
      'zeros',
      Buffer.alloc(64),
      "'PATH' is no ONNX model. Give an .onnx file, as torch.onnx.export or skl2onnx write it.",
    ],
    [
      'another protobuf message',
      encode([
        [30, 'hello'],
        [31, 5],
      ]),
      "'PATH' is no ONNX model. Give an .onnx file, as torch.onnx.export or skl2onnx write it.",
    ],
  ])('%s is refused with what it is', (_name, bytes, message) => {
    expect(refusal(file(bytes))).toBe(message);
  });

  test('folders, missing paths, devices and loops of links are refused', () => {
    const folder = scratch();
    symlinkSync(join(folder, 'loop'), join(folder, 'loop'));
    const model = file('x', 'm.onnx', folder);
    expect(refusal(folder)).toBe("'PATH' is a folder. Give the file inside it.");
    expect(refusal(join(folder, 'none.onnx'))).toBe("'PATH' does not exist. Check the path.");
    expect(refusal(join(model, 'x'))).toBe(
      "'PATH' does not exist: part of its path is a file, not a folder. Check the path.",
    );
    expect(refusal(join(folder, 'loop'))).toBe(
      "'PATH' is a symbolic link that leads in a circle. Give the file itself.",
    );
    expect(refusal(join(folder, 'n'.repeat(300)))).toBe("'PATH' is longer than a path may be. Check the path.");
    expect(refusal('/dev/zero')).toBe("'PATH' is no regular file. Give a file.");
  });

  test('a file that the user may not read is refused with what to do', () => {
    const folder = scratch();
    const path = file(bytesOf('mlp.onnx'), 'm.onnx', folder);
    chmodSync(folder, 0o755);
    chmodSync(path, 0o000);
    if (process.geteuid?.() === 0) {
      process.seteuid?.(65534);
      onTestFinished(() => process.seteuid?.(0));
    }
    expect(refusal(path)).toBe(
      "'PATH' may not be read by this user. Change its permissions ('chmod a+r'), or run as a user who may.",
    );
  });

  test('a file beyond the limit of protobuf is refused with what to do', () => {
    const path = join(scratch(), 'larger.onnx');
    const made = openSync(path, 'w');
    ftruncateSync(made, 2 ** 31);
    closeSync(made);
    expect(refusal(path)).toBe(
      "'PATH' has 2147483648 bytes; an ONNX file has at most 2147483647. Save the model with its weights as external data.",
    );
  });

  test.each([
    [
      'no graph',
      encode([
        [1, 9],
        [8, encode([[2, 17]])],
      ]),
      "'PATH' holds no graph. Export the model again.",
    ],
    [
      'an old IR version',
      identityModel({ irVersion: 2 }),
      "'PATH' is of ONNX IR version 2; versions 3 to 13 can be run. Export the model again.",
    ],
    [
      'a new IR version',
      identityModel({ irVersion: 14 }),
      "'PATH' is of ONNX IR version 14; versions 3 to 13 can be run. Export the model again.",
    ],
    [
      'an old operator set',
      identityModel({ opsets: [['', 6]] }),
      "'PATH' uses operator set 6; sets 7 to 26 can be run. Export the model again.",
    ],
    [
      'a new operator set',
      identityModel({ opsets: [['ai.onnx', 27]] }),
      "'PATH' uses operator set 27; sets 7 to 26 can be run. Export the model again.",
    ],
    [
      'no operator set',
      identityModel({ opsets: [] }),
      "'PATH' does not say which operator set it uses: it is cut short or damaged. Export the model again.",
    ],
    [
      'two graphs',
      identityModel({ inModel: [[7, new Uint8Array()]] }),
      "'PATH' is damaged: it holds more than one graph (at byte 0). Copy or download the file again, or export it again.",
    ],
    [
      'no outputs',
      encode([
        [1, 9],
        [7, encode([[2, 'g']])],
        [8, encode([[2, 17]])],
      ]),
      "'PATH' has a graph without outputs. Export the model again.",
    ],
    [
      'operators of a domain it does not import',
      identityModel({ opsets: [['ai.onnx.ml', 3]] }),
      "'PATH' uses operators of ai.onnx without importing their version: it is cut short or damaged. Copy or export it again.",
    ],
  ])('a model with %s is refused', (_name, bytes, message) => {
    expect(refusal(file(bytes))).toBe(message);
  });

  test('a small file that describes a graph without measure is refused', () => {
    const nodes = Buffer.alloc(2_000_002);
    for (let at = 0; at < nodes.length; at += 2) nodes[at] = 0x0a;
    expect(
      refusal(
        file(
          encode([
            [1, 9],
            [7, nodes],
          ]),
        ),
      ),
    ).toContain('a graph with more than 1000000 messages');
  });

  test('graphs nested without end are refused', () => {
    const nested = Array.from({ length: 60 }).reduce<Uint8Array>(
      (graph) =>
        encode([
          [
            1,
            encode([
              [4, 'If'],
              [
                5,
                encode([
                  [1, 'then_branch'],
                  [20, 5],
                  [6, graph],
                ]),
              ],
            ]),
          ],
        ]),
      encode([[2, 'innermost']]),
    );
    expect(
      refusal(
        file(
          encode([
            [1, 9],
            [7, nested],
            [8, encode([[2, 17]])],
          ]),
        ),
      ),
    ).toContain('nested more than 100 deep');
  });
});

describe('a damaged model', () => {
  /** The lengths at which the start of a file is read. */
  function readableStarts(bytes: Buffer): number[] {
    const path = join(scratch(), 'cut.onnx');
    return Array.from({ length: bytes.length }, (_, length) => length).filter((length) => {
      writeFileSync(path, bytes.subarray(0, length));
      return refusal(path) === 'was read';
    });
  }

  test.each(['mlp', 'control-flow', 'custom', 'trees', 'dtypes-typed'])('cut anywhere, %s is refused', (name) => {
    expect(readableStarts(bytesOf(`${name}.onnx`))).toEqual([]);
  });

  test('cut where only its training part is lost, a model is whole', () => {
    expect(readableStarts(bytesOf('training.onnx'))).toEqual([bytesOf('mlp.onnx').length]);
  });

  test('cut between its graph and its functions, a model is read, and lacks operators', () => {
    const bytes = bytesOf('functions.onnx');
    const starts = readableStarts(bytes);
    expect(starts).toHaveLength(1);
    expect(readModel(file(bytes.subarray(0, starts[0]))).customOps).toEqual(['local.ops:Squash']);
  });

  test('cut anywhere, an example is refused', () => {
    const bytes = readFileSync(example('digits', 'digits.onnx'));
    const path = join(scratch(), 'cut.onnx');
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), (length) => {
        writeFileSync(path, bytes.subarray(0, length));
        expect(refusal(path)).toContain(length === 0 ? 'is empty' : 'cut short');
      }),
      { numRuns: 60 },
    );
  });

  test('with any byte changed, a model is read or refused', () => {
    const names = readdirSync(fixture('.')).filter((name) => name.endsWith('.onnx'));
    const path = join(scratch(), 'changed.onnx');
    const change = fc.record({ name: fc.constantFrom(...names), at: fc.nat(), byte: fc.integer({ min: 1, max: 255 }) });
    fc.assert(
      fc.property(change, ({ name, at, byte }) => {
        const bytes = Buffer.from(bytesOf(name));
        bytes[at % bytes.length]! ^= byte;
        writeFileSync(path, bytes);
        expect(refusal(path)).not.toBe('');
      }),
      { numRuns: 600 },
    );
  });

  test('any bytes after the start of a model are read or refused', () => {
    const path = join(scratch(), 'random.onnx');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        writeFileSync(path, Buffer.concat([Uint8Array.of(0x08, 0x09), bytes]));
        expect(refusal(path)).not.toBe('');
      }),
      { numRuns: 300 },
    );
  });
});
