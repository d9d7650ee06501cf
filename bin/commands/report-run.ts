/** `slipway report` of a run: what Prometheus saw of an endpoint, in the form that is asked for. */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { SlipwayError } from '../../lib/errors.js';
import { scratchFolder } from '../../lib/local/cache.js';
import { type PythonGroup, pythonEnvironment } from '../../lib/local/python.js';
import { openInBrowser } from '../../lib/report/browser.js';
import { type RunRequest, runRequest } from '../../lib/report/run-source.js';
import {
  cachedRunFolder,
  notebookPlace,
  refuseEventFolder,
  refusePagePlace,
  runText,
  writeRunEvents,
  writeRunNotebook,
  writeRunPage,
} from '../../lib/report/run-views.js';
import { isUrl } from '../../lib/report/source.js';
import { print, showSteps } from '../terminal.js';
import { tensorBoardUntilStopped } from './tensorboard.js';

/** Options that only the report of a run has, and those it shares with that of an optimization. */
export interface RunReportOptions {
  readonly run?: boolean;
  readonly prometheus?: string;
  readonly last?: number;
  readonly p99Ms?: number;
  readonly usdPerHour?: number;
  readonly json?: boolean;
  readonly markdown?: boolean;
  readonly notebook?: string | true;
  readonly tensorboard?: string | true;
  readonly port?: number;
  readonly html?: string;
  readonly open?: boolean;
}

const ownOptions = ['run', 'prometheus', 'last', 'p99Ms', 'usdPerHour'] as const;
const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const DAY = 86_400;

/** `90s`, `30m`, `1h`, `7d` in seconds, from a minute to 30 days. */
function span(text: string): number {
  const [, digits, unit] = /^([1-9]\d{0,6})([smhd])$/.exec(text) ?? [];
  const seconds = Number(digits) * (units[unit ?? ''] ?? Number.NaN);
  if (!(seconds >= 60 && seconds <= 30 * DAY)) {
    throw new InvalidArgumentError('Give a time from 1m to 30d, such as 30m, 1h or 7d.');
  }
  return seconds;
}

function above0(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value === 0) throw new InvalidArgumentError('Give a number above 0, such as 50.');
  return value;
}

/** Up to where the server's histogram of latencies reaches, milliseconds. */
export function latencyMs(text: string): number {
  const value = above0(text);
  if (value > 10_000) throw new InvalidArgumentError("Give at most 10000, where the server's histogram ends.");
  return value;
}

function httpUrl(text: string): string {
  if (!isUrl(text) || !URL.canParse(text)) {
    throw new InvalidArgumentError('Give a URL with http:// or https://, such as http://127.0.0.1:9090.');
  }
  const { username, password } = new URL(text);
  if (username || password) {
    throw new InvalidArgumentError('Give it without a name and a password; SLIPWAY_PROMETHEUS_TOKEN may hold a token.');
  }
  return text;
}

/** Adds the options that only the report of a run has. */
export const withRunOptions = (command: Command): Command =>
  command
    .option('--run', 'of an endpoint: what Prometheus saw of it, instead of the report of its optimization')
    .addOption(
      new Option(
        '--prometheus <url>',
        'the Prometheus that reads the endpoint (default: the one of slipway up); implies --run',
      ).argParser(httpUrl),
    )
    .addOption(
      new Option('--last <time>', 'how far to look back, such as 30m, 1h or 7d (default: 1h); implies --run').argParser(
        span,
      ),
    )
    .addOption(
      new Option('--p99-ms <ms>', 'what is promised (default: as slipway up was told); implies --run').argParser(
        latencyMs,
      ),
    )
    .addOption(
      new Option('--usd-per-hour <usd>', 'what a replica costs, to tell what requests cost; implies --run').argParser(
        above0,
      ),
    );

/** Whether the report of a run is asked for. A notebook of an endpoint, and event files in a folder, are those of its run. */
export function isOfRun(where: string, options: RunReportOptions): boolean {
  if (ownOptions.some((name) => options[name] !== undefined)) return true;
  return isUrl(where) && (options.notebook !== undefined || typeof options.tensorboard === 'string');
}

const environmentOf = (group: PythonGroup, signal: AbortSignal) =>
  showSteps('Python environment', (detail) => pythonEnvironment(group, { log: detail, signal }));

async function showTensorBoard(request: RunRequest, port: number, signal: AbortSignal): Promise<number> {
  const environment = await environmentOf('report', signal);
  const scratch = scratchFolder();
  try {
    await writeRunEvents(request, scratch, { environment, signal });
    return await tensorBoardUntilStopped({ runs: scratch, port, environment, signal });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Reports a run. Resolves with the exit code. */
export async function reportRun(where: string, options: RunReportOptions, signal: AbortSignal): Promise<number> {
  const { notebook, tensorboard } = options;
  if (!isUrl(where)) {
    throw new SlipwayError(
      `'${where}' is no URL, and a run is that of an endpoint. Give its URL, such as http://127.0.0.1:8080, or leave the options of a run out.`,
    );
  }
  // What cannot be written is told before anything is read.
  if (typeof notebook === 'string') notebookPlace(notebook);
  if (typeof tensorboard === 'string') refuseEventFolder(tensorboard);
  if (options.html !== undefined) refusePagePlace(options.html);
  const { prometheus, last: lastSeconds, p99Ms, usdPerHour } = options;
  const request = await runRequest(where, { prometheus, lastSeconds, p99Ms, usdPerHour, signal });
  if (notebook !== undefined) {
    const out = notebook === true ? `${request.model.replaceAll(/[^A-Za-z0-9._-]/g, '_')}.ipynb` : notebook;
    notebookPlace(out);
    const environment = await environmentOf('report', signal);
    print(
      await showSteps('Reading Prometheus and running the notebook', () =>
        writeRunNotebook(request, out, { environment, signal }),
      ),
    );
    return 0;
  }
  if (tensorboard === true) return showTensorBoard(request, options.port ?? 6006, signal);
  const environment = await environmentOf('optimizer', signal);
  if (tensorboard !== undefined) print(await writeRunEvents(request, tensorboard, { environment, signal }));
  else if (options.html !== undefined || options.open) {
    const out = options.html ?? join(cachedRunFolder(request), 'run.html');
    await writeRunPage(request, out, { environment, signal });
    print(out);
    if (options.open) await openInBrowser(out);
  } else {
    const view = options.json ? 'json' : options.markdown ? 'markdown' : 'text';
    print((await runText(view, request, { environment, signal })).trimEnd());
  }
  return 0;
}
