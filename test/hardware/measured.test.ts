/** Tables of the user's own times: what is refused, in which words, and which rows count for a model. */

import { describe, expect, test } from 'vitest';
import { ProblemsError, SlipwayError } from '../../lib/errors.js';
import { type Measurement, readMeasurements, unusedMeasurements } from '../../lib/hardware/measured.js';
import { file } from '../model/scratch.js';

const header = 'model,machine,accelerator,precision,provider,batch,latency_ms';

/** What a table is refused with, its path left out. */
function refused(text: string): string[] {
  const path = file(text, 'my.csv');
  try {
    readMeasurements(path);
  } catch (error) {
    if (error instanceof ProblemsError)
      return error.problems.map(({ where, what }) => `${where.replace(path, '').replace(/^, /, '')}: ${what}`);
    if (error instanceof SlipwayError) return [error.message.replace(path, 'PATH')];
    throw error;
  }
  return [];
}

const rows = (...lines: string[]) => refused(`${header}\n${lines.join('\n')}\n`);

describe('a table of measurements', () => {
  test('is read in any order of columns, with or without those that may be empty', () => {
    const measured: Measurement = {
      model: null,
      on: 't4',
      precision: 'fp16',
      provider: 'cuda',
      batch: 8,
      latencyMs: 5.1,
    };
    expect(readMeasurements(file(`${header}\n,,Tesla T4,FP16,cuda,8,5.1\n`, 'my.csv'))).toEqual([measured]);
    const short = 'latency_ms,batch,provider,precision,accelerator\n5.1,8,cuda,fp16,t4\n';
    expect(readMeasurements(file(short, 'my.csv'))).toEqual([measured]);
    expect(readMeasurements(file(`${header}\nfraud,local,,int8,cpu,1,3\n`, 'my.csv'))).toEqual([
      { model: 'fraud', on: 'local', precision: 'int8', provider: 'cpu', batch: 1, latencyMs: 3 },
    ]);
  });

  test.each([
    ['has other columns', 'model,machine,accelerator,precision,provider,batch,ms\n,,t4,fp32,cuda,1,4\n,,t4,x,y,z,0\n'],
    ['has columns in capitals', 'Model,Machine,Accelerator,Precision,Provider,Batch,Latency_ms\n,,t4,fp32,cuda,1,4\n'],
    ['is separated by semicolons', `${header.replaceAll(',', ';')}\n;;t4;fp32;cuda;1;4\n;;l4;fp32;cuda;1;4\n`],
    ['has no header', ',,t4,fp32,cuda,1,4\n,,t4,fp32,cuda,2,7\n'],
    ['names no device', 'model,precision,provider,batch,latency_ms\nfraud,fp32,cpu,1,4\nfraud,fp32,cpu,2,4\n'],
    ['misnames a column that may be left out', `${header.replace('model', 'Model')}\nfraud,,t4,fp32,cuda,1,4\n`],
    ['has a column twice', `${header},batch\n,,t4,fp32,cuda,1,4,2\n`],
  ])('that %s is one problem, with the columns that there are', (_, text) => {
    const problems = refused(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`Give ${header}, separated by commas and in small letters`);
  });

  test('without rows, or without a file, is told in a sentence', () => {
    expect(refused('')).toEqual([`: holds no rows. Give the columns ${header}`]);
    expect(refused(`${header}\n`)).toEqual([': holds a header and no rows']);
    expect(() => readMeasurements('no-such.csv')).toThrow("'no-such.csv' does not exist. Check the path.");
    expect(refused(`${header}\n,,t4,fp32\n`)[0]).toMatch(/^'PATH' cannot be read as a table of measurements: /);
  });

  test.each(['1e400', '0x10', '1e3', '-3', '0', '0.0', '', '1,5', 'Infinity', '9'.repeat(400)])(
    'has no latency of %s',
    (latency) => {
      const cell = latency.includes(',') ? `"${latency}"` : latency;
      expect(rows(`,,t4,fp32,cuda,1,${cell}`)).toEqual([
        `row 2: latency_ms '${latency}' is no plain number of milliseconds above 0, such as 3.8`,
      ]);
    },
  );

  test.each(['0', '1.5', '-1', '1e2', '0x2', '', '9'.repeat(20)])('has no batch of %s', (batch) => {
    expect(rows(`,,t4,fp32,cuda,${batch},3`)).toEqual([`row 2: batch '${batch}' is no whole number from 1`]);
  });

  test('tells every row that names no device, two, or one that cannot run like that', () => {
    const problems = rows(
      ',ml.c7i.xlrge,,fp32,cpu,1,4',
      ',,l44,fp32,cuda,1,4',
      ',,,fp32,cuda,1,4',
      ',ml.g6.xlarge,l4,fp32,cuda,1,4',
      '',
      ',ml.c7i.xlarge,,fp32,cuda,1,4',
      ',,l4,fp32,cpu,1,4',
      ',ml.g6.xlarge,,fp32,cpu,1,4',
      ',,t4,bf16,cuda,1,4',
      ',local,,fp16,cpu,1,4',
      ',,inferentia2,fp32,cuda,1,4',
      ',,l4,fp32,cuda,1,4',
    );
    expect(problems).toEqual([
      expect.stringMatching(/^row 2: machine 'ml\.c7i\.xlrge' is in no table\. Similar: ml\.c7i\.xlarge, /),
      expect.stringMatching(/^row 3: accelerator 'l44' is in no table\. Similar: l4/),
      'row 4: neither machine nor accelerator is given; give one',
      "row 5: machine 'ml.g6.xlarge' and accelerator 'l4' are both given; leave one empty",
      expect.stringMatching(/^row 7: provider cuda needs an accelerator; .* Possible: cpu$/),
      'row 8: provider cpu runs on processors, not on L4. Possible: cuda, tensorrt',
      'row 9: provider cpu runs on processors, not on L4. Possible: cuda, tensorrt',
      'row 10: Tesla T4 has no bf16 with provider cuda. Possible: fp32, fp16, int8',
      'row 11: this machine has no fp16 with provider cpu. Possible: fp32, int8',
      expect.stringMatching(
        /^row 12: cuda needs an NVIDIA GPU of compute capability 6\.0 or higher, which Inferentia2 is not/,
      ),
    ]);
  });

  test('may say a time twice, but not two times of the same', () => {
    expect(rows('fraud,,l4,fp32,cuda,1,4', 'fraud,,L4,fp32,CUDA,1,4.0', ',,l4,fp32,cuda,1,5')).toEqual([]);
    expect(
      rows('fraud,,l4,fp32,cuda,1,4', 'fraud,,l4,fp32,cuda,2,5', 'fraud,,L4,FP32,cuda,1,5', ',,x,fp32,cuda,1,4'),
    ).toEqual([
      'row 4: 5 ms contradicts the 4 ms of row 2; keep one of them',
      expect.stringMatching(/^row 5: accelerator 'x' is in no table/),
    ]);
  });
});

describe('rows that no model uses', () => {
  const of = (model: string | null): Measurement => ({
    model,
    on: 'l4',
    precision: 'fp32',
    provider: 'cuda',
    batch: 1,
    latencyMs: 4,
  });

  test('are told with the names they have', () => {
    expect(unusedMeasurements('fraud', [of('bert'), of('resnet50'), of('bert')])).toEqual([
      "No measurement is used: the rows are of bert, resnet50, the model is 'fraud'. Write 'fraud' in the column model, or leave the cell empty, where a row is of this model.",
    ]);
    const many = ['a1', 'b2', 'c3', 'd4', 'e5', 'f6', 'g7'].map(of);
    expect(unusedMeasurements('fraud', many)[0]).toMatch(/rows are of (\w\d, ){5}and 2 more, the model is/);
  });

  test.each(['fruad', 'Fraud', 'fraud.onnx', 'frauds'])('%s is nearly the name of the model', (name) => {
    expect(unusedMeasurements('fraud', [of('resnet50'), of(name)])[0]).toMatch(
      new RegExp(`If '${name}' is this model, write 'fraud' there\\.$`),
    );
  });

  test('are no matter where one row is of the model or of every model', () => {
    expect(unusedMeasurements('fraud', [of('bert'), of('fraud')])).toEqual([]);
    expect(unusedMeasurements('fraud', [of('bert'), of(null)])).toEqual([]);
    expect(unusedMeasurements('fraud', [])).toEqual([]);
  });
});
