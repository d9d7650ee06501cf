/** `slipway report` of a run: what its options are, and what they refuse. Reports of real endpoints are made by the suite `local`. */

import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { reportCommand } from '../../bin/commands/report.js';
import { isOfRun } from '../../bin/commands/report-run.js';
import { scratch } from '../model/scratch.js';
import { run } from './run.js';

const show = (...args: string[]) => run(reportCommand(), ...args);
const url = 'http://127.0.0.1:9';

describe('the report of a run is asked for', () => {
  test.each([
    ['by its own options', url, { run: true }, true],
    ['by a time', url, { last: 60 }, true],
    ['by a Prometheus', url, { prometheus: url }, true],
    ['by a promise', url, { p99Ms: 5 }, true],
    ['by a price', url, { usdPerHour: 5 }, true],
    ['by a notebook of an endpoint', url, { notebook: true }, true],
    ['by event files of an endpoint, in a folder', url, { tensorboard: 'runs' }, true],
    ['not by TensorBoard of what an endpoint serves', url, { tensorboard: true }, false],
    ['not by an endpoint alone', url, {}, false],
    ['not by a notebook of a folder', 'build/', { notebook: true }, false],
  ] as const)('%s', (_name, where, options, ofRun) => {
    expect(isOfRun(where, options)).toBe(ofRun);
  });
});

describe('options of a run', () => {
  test.each(['', '5', '1h30m', '0m', '30s', '31d', '1w', '-1h', '99999999d'])(
    "--last '%s' is refused",
    async (text) => {
      await expect(show(url, '--last', text)).rejects.toThrow('Give a time from 1m to 30d, such as 30m, 1h or 7d.');
    },
  );

  test.each([
    ['--p99-ms', '0', 'Give a number above 0'],
    ['--p99-ms', 'fast', 'Give a number above 0'],
    ['--p99-ms', '10001', "Give at most 10000, where the server's histogram ends"],
    ['--usd-per-hour', '-1', 'Give a number above 0'],
    ['--prometheus', '127.0.0.1:9090', 'Give a URL with http:// or https://'],
    ['--prometheus', 'http://me:secret@127.0.0.1:9090', 'Give it without a name and a password'],
    ['--prometheus', 'http://', 'Give a URL with http:// or https://'],
  ])('%s %s is refused', async (option, value, message) => {
    await expect(show(url, option, value)).rejects.toThrow(message);
  });

  test('what is no URL has no run', async () => {
    await expect(show('build/', '--run')).rejects.toThrow("'build/' is no URL, and a run is that of an endpoint.");
  });

  test('a port of a TensorBoard that does not start', async () => {
    await expect(show(url, '--tensorboard', 'runs', '--port', '0')).rejects.toThrow('does not start where a folder');
  });

  test('one form at a time', async () => {
    await expect(show(url, '--run', '--json', '--notebook')).rejects.toThrow('--json and --notebook are given.');
  });

  test('a place for the views of an optimization is refused, since they lie beside its report', async () => {
    await expect(show('build/', '--notebook', 'a.ipynb')).rejects.toThrow(
      "'a.ipynb' is given, but the notebook of an optimization lies beside its report. Leave it out",
    );
    await expect(show('build/', '--tensorboard', 'runs')).rejects.toThrow(
      "'runs' is given, but the runs of an optimization lie beside its report. Leave it out",
    );
  });
});

describe('a place that cannot be written is told before anything is asked', () => {
  test('for a notebook', async () => {
    const folder = scratch();
    await expect(show(url, '--notebook', join(folder, 'a.txt'))).rejects.toThrow('a.txt.ipynb.');
    await expect(show(url, '--notebook', join(folder, 'no', 'a.ipynb'))).rejects.toThrow(
      "a.ipynb' cannot be written: the folder that should hold it does not exist. Name another place.",
    );
    await expect(show(url, '--notebook', '/proc/a.ipynb')).rejects.toThrow("'/proc/a.ipynb' cannot be written");
    expect(readdirSync(folder)).toEqual([]);
  });

  test('for event files', async () => {
    const file = join(scratch(), 'file');
    writeFileSync(file, '');
    await expect(show(url, '--tensorboard', file)).rejects.toThrow(
      `'${file}' cannot be written: '${file}' is a file. Name a folder`,
    );
    await expect(show(url, '--tensorboard', join(file, 'runs'))).rejects.toThrow(
      `runs' cannot be written: '${file}' is a file. Name a folder`,
    );
    await expect(show(url, '--tensorboard', '/proc/runs')).rejects.toThrow("'/proc/runs' cannot be written");
    expect(existsSync(join(file, 'runs'))).toBe(false);
  });

  test('for a page', async () => {
    const folder = scratch();
    await expect(show(url, '--run', '--html', folder)).rejects.toThrow(`'${folder}' is a folder. Name a file, such as`);
    await expect(show(url, '--run', '--html', join(folder, 'no', 'a.html'))).rejects.toThrow('does not exist');
  });

  test('an endpoint that is not there leaves nothing', async () => {
    const folder = scratch();
    for (const args of [
      ['--notebook', join(folder, 'a.ipynb')],
      ['--run'],
      ['--run', '--html', join(folder, 'a.html')],
    ]) {
      await expect(show(url, ...args)).rejects.toThrow(/'http:\/\/127\.0\.0\.1:9\/' cannot be reached/);
    }
    expect(readdirSync(folder)).toEqual([]);
  });
});
