/** Samples are read as NumPy reads them, and no further than they are needed. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { crc32, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProblemsError, SlipwayError } from '../../lib/errors.js';
import { firstSample, readLabelsInfo, readSamples } from '../../lib/model/samples.js';
import facts from './fixtures/samples.json';
import { bytesOf, example, file, fixture, scratch } from './scratch.js';

const names = Object.keys(facts) as (keyof typeof facts)[];
const archives = ['stored.npz', 'packed.npz', 'zip64.npz'];

describe.each(archives)('NumPy and Slipway agree on %s', (archive) => {
  test('on names, types, shapes and sizes', () => {
    expect(readSamples(fixture(archive))).toEqual({
      path: fixture(archive),
      arrays: names.map((name) => ({
        name,
        dtype: facts[name].dtype,
        shape: facts[name].shape,
        fortranOrder: facts[name].fortranOrder,
      })),
      bytes: names.reduce((sum, name) => sum + facts[name].bytes, 0),
    });
  });

  test.each(names)('on the first row of %s', (name) => {
    const { dtype, shape, firstRow } = facts[name];
    const row = firstSample(fixture(archive))[name];
    expect(row).toMatchObject({ dtype, shape: [1, ...shape.slice(1)] });
    const same =
      dtype === 'float32' || dtype === 'float16' ? row?.data.map((value) => Math.fround(Number(value))) : row?.data;
    expect(same).toEqual(firstRow.map((value) => (value === 'inf' ? Number.POSITIVE_INFINITY : value)));
  });
});

test('floats are as short as they can be', () => {
  expect(firstSample(fixture('stored.npz')).float32?.data).toEqual([0.1, -2.5, 3e-8]);
});

test('floats that need nine digits get nine, and every float comes back', () => {
  const path = join(scratch(), 'samples.npz');
  const written = (value: number): unknown => {
    const data = Buffer.alloc(4);
    data.writeFloatLE(value);
    writeFileSync(path, zip([['x.npy', npy('<f4', [1, 1], data), 0]]));
    return firstSample(path).x?.data[0];
  };
  expect(written(Math.fround(0.12392197549343109))).toBe(0.123921975);
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const read = Number(written(value));
      // JSON has no negative zero.
      expect(Math.fround(read)).toBe(value + 0);
      expect(read).toBe(Number(read.toPrecision(9)));
    }),
    { numRuns: 200 },
  );
});

test('headers of every format are read', () => {
  expect(readSamples(fixture('versions.npz')).arrays.map(({ name, shape }) => [name, shape])).toEqual([
    ['v1', [2, 3]],
    ['v2', [2, 3]],
    ['v3', [2, 3]],
  ]);
});

test('the examples have the samples and labels they say', () => {
  expect(readSamples(example('digits', 'samples.npz')).arrays).toEqual([
    { name: 'image', dtype: 'float32', shape: [597, 1, 8, 8], fortranOrder: false },
  ]);
  expect(readLabelsInfo(example('digits', 'labels.npy'))).toMatchObject({ dtype: 'int64', shape: [597] });
});

const refusal = (use: () => unknown): string => {
  try {
    use();
  } catch (error) {
    if (error instanceof SlipwayError) return error.message;
    throw error;
  }
  return 'was read';
};

describe('what holds no samples', () => {
  test('every array that no model takes is named at once', () => {
    const path = fixture('objects.npz');
    const problems = (() => {
      try {
        readSamples(path);
      } catch (error) {
        return error instanceof ProblemsError ? error.problems : [];
      }
      return [];
    })();
    const type = (name: string, numpy: string) =>
      `Array '${name}' is of NumPy's type ${numpy}, which no model takes. Save integers, floats, booleans or text.`;
    expect(problems).toEqual(
      [
        "Array 'pickled' holds Python objects, which Slipway never unpickles. Save numbers, or text with .astype(str), in a rectangular array.",
        type('record', 'record'),
        type('moment', "'<M8[D]'"),
        type('void', "'|V2'"),
        type('long_double', "'<f16'"),
      ].map((what) => ({ where: path, what })),
    );
  });

  test.each([
    ['a single array', 'labels.npy', 'is a single array; Slipway has to know its input'],
    ['a model', 'mlp.onnx', 'is no .npz file'],
  ])('%s is refused', (_name, name, what) => {
    expect(refusal(() => readSamples(fixture(name)))).toBe(
      `'${fixture(name)}' ${what}. Save ${name === 'mlp.onnx' ? 'samples' : 'it'} with np.savez('samples.npz', INPUT=array).`,
    );
  });

  test.each([
    ['an empty file', Buffer.alloc(0), 'is empty.'],
    ['an empty archive', Buffer.concat([Buffer.from('PK\x05\x06', 'latin1'), Buffer.alloc(18)]), 'holds no arrays.'],
    [
      'an archive of a text',
      zip([['notes.txt', Buffer.from('hello'), 0]]),
      'is no NumPy array. Save it with np.save or np.savez.',
    ],
    ['an unusual packing', zip([['x.npy', npy('<f4', [1], Buffer.alloc(4)), 12]]), "'x.npy' in"],
    [
      'the same array twice',
      zip([
        ['x.npy', npy('<f4', [1], Buffer.alloc(4)), 0],
        ['x.npy', npy('<f4', [1], Buffer.alloc(4)), 0],
      ]),
      "Array 'x' is there more than once. Save it once.",
    ],
    ['more elements than bytes', zip([['x.npy', npy('<f4', [3], Buffer.alloc(8)), 0]]), 'its shape and type take'],
    [
      'an impossible shape',
      zip([['x.npy', npy('<f4', [2 ** 40, 2 ** 40], Buffer.alloc(8)), 0]]),
      'its header cannot be read',
    ],
    [
      'a header of another format',
      zip([['x.npy', Buffer.from('\x93NUMPY\x09\x00\x00\x00', 'latin1'), 0]]),
      'its format 9 is none of 1, 2, 3',
    ],
    [
      'a header past the end',
      zip([['x.npy', Buffer.from('\x93NUMPY\x01\x00\xff\x00{', 'latin1'), 0]]),
      'it ends within its header',
    ],
    [
      'an endless header',
      zip([['x.npy', Buffer.from('\x93NUMPY\x02\x00\xff\xff\xff\xff{', 'latin1'), 0]]),
      'its header claims 4294967295 bytes',
    ],
    ['broken packing', zip([['x.npy', Buffer.from([0xff, 0xff, 0xff]), 8]]), "'x.npy' in"],
  ])('%s is refused', (_name, bytes, what) => {
    expect(refusal(() => readSamples(file(bytes, 'samples.npz')))).toContain(what);
  });

  test('an .npz is no labels, and objects are none either', () => {
    expect(refusal(() => readLabelsInfo(fixture('stored.npz')))).toContain(
      'is an .npz of several arrays; labels are one array.',
    );
    expect(refusal(() => readLabelsInfo(file(npy('|O', [1], Buffer.alloc(8)), 'labels.npy')))).toContain(
      'never unpickles',
    );
  });

  test('an array without a row has no first sample', () => {
    const path = file(zip([['x.npy', npy('<f4', [0, 3], Buffer.alloc(0)), 0]]), 'samples.npz');
    expect(refusal(() => firstSample(path))).toBe(`Array 'x' of '${path}' has no first row.`);
  });

  test('a member without a name is refused, and nothing follows later', async () => {
    const path = file(zip([['', npy('<f4', [1], Buffer.alloc(4)), 0]]), 'samples.npz');
    expect(refusal(() => readSamples(path))).toContain('its directory names a file without a name');
    await setImmediate();
  });

  test('cut anywhere, an archive is refused', () => {
    const bytes = bytesOf('versions.npz');
    const path = join(scratch(), 'cut.npz');
    for (let length = 0; length < bytes.length; length += 7) {
      writeFileSync(path, bytes.subarray(0, length));
      expect(refusal(() => readSamples(path))).not.toBe('was read');
    }
  });

  test('with any byte changed, an archive is read or refused', () => {
    const path = join(scratch(), 'changed.npz');
    const change = fc.record({
      name: fc.constantFrom(...archives),
      at: fc.nat(),
      byte: fc.integer({ min: 1, max: 255 }),
    });
    fc.assert(
      fc.property(change, ({ name, at, byte }) => {
        const bytes = Buffer.from(bytesOf(name));
        bytes[at % bytes.length]! ^= byte;
        writeFileSync(path, bytes);
        expect(refusal(() => [readSamples(path), firstSample(path)])).not.toBe('');
      }),
      { numRuns: 400 },
    );
  });
});

describe('headers', () => {
  const types = {
    '<f4': ['float32', 4],
    '>f8': ['float64', 8],
    '|b1': ['bool', 1],
    '<i8': ['int64', 8],
    '<U3': ['string', 12],
    '|S5': ['string', 5],
    '<f2': ['float16', 2],
  } as const;
  const type = fc.constantFrom(...(Object.keys(types) as (keyof typeof types)[]));
  const shape = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });
  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((text) => !text.includes('\0'));

  test('any name, type and shape comes back, packed or not', () => {
    const path = join(scratch(), 'samples.npz');
    fc.assert(
      fc.property(name, type, shape, fc.constantFrom(0, 8), fc.boolean(), (key, descr, sizes, method, fortran) => {
        const [dtype, width] = types[descr];
        const elements = sizes.reduce((product, size) => product * size, 1);
        writeFileSync(path, zip([[`${key}.npy`, npy(descr, sizes, Buffer.alloc(elements * width), fortran), method]]));
        expect(readSamples(path).arrays).toEqual([{ name: key, dtype, shape: sizes, fortranOrder: fortran }]);
        expect(firstSample(path)[key]?.data).toHaveLength(elements / sizes[0]!);
      }),
      { numRuns: 100 },
    );
  });

  test('the first row of an array in Fortran order is what NumPy shows', () => {
    const path = join(scratch(), 'samples.npz');
    fc.assert(
      fc.property(shape, (sizes) => {
        const elements = sizes.reduce((product, size) => product * size, 1);
        const data = Buffer.from(Float32Array.from({ length: elements }, (_, index) => index).buffer);
        writeFileSync(path, zip([['x.npy', npy('<f4', sizes, data, true), 0]]));
        expect(firstSample(path).x?.data).toEqual(fortranRow(sizes));
      }),
      { numRuns: 60 },
    );
  });

  test('old and foreign ways of writing a header are read', () => {
    const header = Buffer.from('{"fortran_order": False, "descr": "<i4", "shape": (2L, 3L)}\n');
    const length = Buffer.alloc(2);
    length.writeUInt16LE(header.length);
    const array = Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), length, header, Buffer.alloc(24)]);
    expect(readSamples(file(zip([['x.npy', array, 0]]), 'x.npz')).arrays).toEqual([
      { name: 'x', dtype: 'int32', shape: [2, 3], fortranOrder: false },
    ]);
  });
});

test('the first row of a large packed array is unpacked alone', () => {
  const folder = scratch();
  const rows = 4000;
  const path = file(zip([['x.npy', npy('<f4', [rows, 4096], Buffer.alloc(rows * 4096 * 4)), 8]]), 'large.npz', folder);
  const before = process.memoryUsage().arrayBuffers;
  expect(firstSample(path).x?.shape).toEqual([1, 4096]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 << 20);
});

/** Values of the first row in C order, of an array that counts up in Fortran order. */
function fortranRow(sizes: readonly number[]): number[] {
  const [rows = 1, ...rest] = sizes;
  const strides = rest.map((_, axis) => rows * rest.slice(0, axis).reduce((product, size) => product * size, 1));
  return rest.reduce<number[]>(
    (offsets, size, axis) =>
      offsets.flatMap((offset) => Array.from({ length: size }, (_, index) => offset + index * strides[axis]!)),
    [0],
  );
}

function npy(descr: string, shape: readonly number[], data: Buffer, fortran = false): Buffer {
  const sizes = `${shape.join(', ')}${shape.length === 1 ? ',' : ''}`;
  const header = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${sizes}), }\n`;
  const start = Buffer.from(`\x93NUMPY\x01\x00\0\0${header}`, 'latin1');
  start.writeUInt16LE(header.length, 8);
  return Buffer.concat([start, data]);
}

/** A zip archive; a member is packed by method 8, and stored for any other, whatever that claims. */
function zip(members: readonly (readonly [string, Buffer, number])[]): Buffer {
  const locals: Buffer[] = [];
  const entries: Buffer[] = [];
  let at = 0;
  for (const [name, data, method] of members) {
    const stored = method === 8 && data.length > 3 ? deflateRawSync(data) : data;
    const text = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x800, 2);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(stored.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(text.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, text, stored]);
    const offset = Buffer.alloc(14);
    offset.writeUInt32LE(at, 10);
    entries.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\0', 'latin1'), common, offset, text]));
    locals.push(local);
    at += local.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...locals, directory, end]);
}
