/** `slipway report`: in the terminal, and what it refuses. Pages, TensorBoard and notebooks are opened by the suite `page`. */

import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { reportCommand } from '../../bin/commands/report.js';
import type { ReportFile } from '../../lib/contract/report.js';
import { report } from '../integration/local/watched-report.js';
import { scratch } from '../model/scratch.js';
import { run } from './run.js';

const show = (...args: string[]) => run(reportCommand(), ...args);

/** A folder with a report.json. */
function folder(content: unknown = report): string {
  const path = scratch();
  writeFileSync(join(path, 'report.json'), typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

/** A server that answers every request the same way; its URL. */
async function serving(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a report', () => {
  test('is told in the terminal: verdict first, then what was tried', async () => {
    const { out, code } = await show(folder());
    expect(out.split('\n').map((line) => line.trimEnd())).toEqual([
      'digits: int8, 2.9x faster, 99.6 % agreement, 96 KB instead of 371 KB',
      '',
      '  candidate               status    speed              agreement  SQNR dB  accuracy  size',
      '  int8-static-percentile  served    2.90x (2.80–2.90)  0.9960     31.0     0.9890    96 KB',
      '  int8-static-minmax      rejected  2.86x (2.80–2.90)  0.9710     18.0     0.9700    96 KB  agreement 97.1 % is below 99 %; accuracy falls by 2.1 %, at most 1 % is allowed',
      '  int8-<b>dynamic</b>     failed    –                  –          –        –         –      the process ended with signal 9',
      '',
      'Measured on a CPU (x86-64-vnni).',
      '',
    ]);
    expect(code).toBe(0);
  });

  test('of a replay, without candidates, with warnings and notes says all of that', async () => {
    const kept: ReportFile = {
      ...report,
      mode: 'replay',
      candidates: [],
      host: { ...report.host, judgesSpeed: false },
      recheck: { sha256Matches: false, agreement: null, accuracy: null, metric: null, sqnrDb: null },
      warnings: ['too few labels'],
      notes: ['nothing to quantize'],
    };
    const { out } = await show(folder(kept));
    expect(out.split('\n').slice(2)).toEqual([
      'Warning: too few labels',
      'Note: nothing to quantize',
      'Made again from the lock; its bytes are others.',
      'Measured on a CPU (x86-64-vnni), where speed was not judged.',
      '',
    ]);
  });

  test('with the user’s own metric has a column for it', async () => {
    const metric = { name: 'macro_f1', value: 0.8712, drop: 0.004, decided: 'pass' as const };
    const own: ReportFile = {
      ...report,
      reference: { ...report.reference, task: { metric: 'macro_f1', value: 0.8745 } },
      candidates: report.candidates.map((candidate, index) => (index === 0 ? { ...candidate, metric } : candidate)),
    };
    const lines = (await show(folder(own))).out.split('\n');
    expect(lines[2]).toMatch(/accuracy {2}macro_f1 {2}size/);
    expect(lines[3]).toMatch(/0\.9890 {4}0\.8712 {4}96 KB/);
  });

  test('cannot steer the terminal', async () => {
    const { out } = await show(
      folder({ ...report, verdict: 'int8\u001b[2J\u001b]0;x\u0007 faster', notes: ['a\rb\nc'] }),
    );
    expect(out).toContain('digits: int8 [2J ]0;x  faster\n');
    expect(out).toContain('Note: a b c\n');
  });

  test('is printed as it is with --json, from a folder, from the file and from an endpoint', async () => {
    const path = folder();
    const url = await serving((request, response) => {
      response.writeHead(request.url === '/report' ? 200 : 404).end(JSON.stringify(report));
    });
    for (const where of [path, join(path, 'report.json'), url, `${url}/`, `${url}/report`]) {
      expect(JSON.parse((await show(where, '--json')).out), where).toEqual(report);
    }
  });
});

describe('what is no report is refused, with a remedy', () => {
  test.each([
    [
      'a folder that is not there',
      () => '/nowhere/at/all',
      /does not exist\. Give a folder that slipway optimize made/,
    ],
    ['a folder without one', () => scratch(), /has no report\.json\. Make one with: slipway optimize MODEL/],
    ['no JSON', () => folder('{'), /is not JSON: .*\. Make it again with/],
    ['another version', () => folder({ schemaVersion: 7 }), /its schemaVersion is 7, read is 1\. Make it again with/],
    ['no version at all', () => folder({}), /its schemaVersion is missing, read is 1/],
    ['an earlier form of this version', () => folder({ ...report, mode: undefined }), /'mode'\nAn earlier version of/],
  ])('%s', async (_name, where, message) => {
    await expect(show(where())).rejects.toThrow(message);
  });

  test.each([
    [404, '{"error":"this model has no report"}', /status 404: this model has no report\. Is it a server of Slipway/],
    [404, '<html>', /status 404\. Is it a server of Slipway/],
    [403, '', /status 403\. Is it reached without signing in\?/],
    [200, 'hello', /'http:\/\/127\.0\.0\.1:\d+\/report' is not JSON/],
    [200, '{"schemaVersion":9}', /its schemaVersion is 9/],
  ])('an endpoint that answers %i %s', async (status, body, message) => {
    const url = await serving((_request, response) => void response.writeHead(status).end(body));
    await expect(show(url)).rejects.toThrow(message);
  });

  test('an endpoint that is not there', async () => {
    await expect(show('http://127.0.0.1:9')).rejects.toThrow(
      /'http:\/\/127\.0\.0\.1:9\/report' cannot be reached: .+\. Is the endpoint running\?/,
    );
  });

  test('two forms at once, and a port without TensorBoard', async () => {
    await expect(show(folder(), '--json', '--open')).rejects.toThrow(
      '--open and --json are given. Ask for one form at a time.',
    );
    await expect(show(folder(), '--port', '0')).rejects.toThrow('give --tensorboard, too');
  });
});
