/** `slipway report`: what an optimization tried, measured and decided, or what was seen of an endpoint, in the form that is asked for. */

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { SlipwayError } from '../../lib/errors.js';
import { scratchFolder } from '../../lib/local/cache.js';
import { pythonEnvironment } from '../../lib/local/python.js';
import { openInBrowser } from '../../lib/report/browser.js';
import { type ReportSource, readReport } from '../../lib/report/source.js';
import { summary } from '../../lib/report/summary.js';
import { cachedFolder, drawView, type View } from '../../lib/report/views.js';
import { interruptible, print, showSteps } from '../terminal.js';
import { port } from './model-options.js';
import { isOfRun, type RunReportOptions, reportRun, withRunOptions } from './report-run.js';
import { tensorBoardUntilStopped } from './tensorboard.js';

const forms = ['open', 'html', 'markdown', 'json', 'tensorboard', 'notebook'] as const;

const examples = `
Examples:
  $ slipway report build/                            # verdict and table
  $ slipway report build/ --open                     # the page, in the browser
  $ slipway report http://127.0.0.1:8080 --open      # of what an endpoint serves
  $ slipway report build/ --markdown | gh pr comment --body-file -
  $ slipway report build/ --json | jq .winner
  $ slipway report build/ --tensorboard --port 0     # until Ctrl-C
  $ slipway report build/ --notebook                 # build/report.ipynb, executed
  $ slipway report http://127.0.0.1:8080 --run       # what Prometheus saw of it in the last hour, and what that means
  $ slipway report http://127.0.0.1:8080 --run --open  # the same as a page
  $ slipway report http://127.0.0.1:8080 --notebook monday.ipynb --last 1d
  $ slipway report http://127.0.0.1:8080 --tensorboard runs/ --prometheus http://127.0.0.1:9090

A notebook of an endpoint, and its event files, are those of its run: traffic, latency, stages, errors, drift, memory.
Of an endpoint that slipway up started here no other option is needed; elsewhere --prometheus says who reads it.

The page, the notebook and TensorBoard work without network. The first use of --notebook or --tensorboard installs
their Python packages into Slipway's cache.

Exit codes:
  0    done
  1    there is no report, it or Prometheus cannot be reached or has nothing of that time, another version of Slipway
       wrote it, or the place cannot be written
  130  ended by Ctrl-C (143: by SIGTERM)`;

const environmentOf = (group: 'optimizer' | 'report', signal: AbortSignal) =>
  showSteps('Python environment', (detail) => pythonEnvironment(group, { log: detail, signal }));

async function draw(view: View, source: ReportSource, out: string, signal: AbortSignal): Promise<void> {
  const environment = await environmentOf(view === 'notebook' ? 'report' : 'optimizer', signal);
  await drawView(view, source, out, { environment, signal });
}

/** The folder's own page, or one drawn into the cache. */
async function page(source: ReportSource, signal: AbortSignal): Promise<string> {
  const own = source.folder && join(source.folder, 'report.html');
  if (own && existsSync(own)) return resolve(own);
  const drawn = join(await cachedFolder(source), 'report.html');
  await draw('html', source, drawn, signal);
  return drawn;
}

/** Event files: the folder's own, or those drawn into `folder`. */
async function runs(source: ReportSource, folder: string, signal: AbortSignal): Promise<string> {
  const own = source.folder && join(source.folder, 'tensorboard');
  if (own && existsSync(own)) return own;
  const drawn = join(folder, 'tensorboard');
  await draw('tensorboard', source, drawn, signal);
  return drawn;
}

async function showMarkdown(source: ReportSource, signal: AbortSignal): Promise<void> {
  const scratch = scratchFolder();
  try {
    const file = join(scratch, 'report.md');
    await draw('markdown', source, file, signal);
    print(readFileSync(file, 'utf8').trimEnd());
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function showTensorBoard(source: ReportSource, wanted: number, signal: AbortSignal): Promise<number> {
  const folder = await runs(source, await cachedFolder(source), signal);
  const environment = await environmentOf('report', signal);
  return tensorBoardUntilStopped({ runs: folder, port: wanted, environment, signal });
}

async function makeNotebook(source: ReportSource, signal: AbortSignal): Promise<void> {
  const folder = source.folder ?? (await cachedFolder(source));
  await runs(source, folder, signal);
  const file = join(folder, 'report.ipynb');
  const environment = await environmentOf('report', signal);
  await showSteps('Running the notebook', () => drawView('notebook', source, file, { environment, signal }));
  print(file);
}

async function report(where: string, options: RunReportOptions): Promise<void> {
  const asked = forms.filter((form) => options[form] !== undefined);
  if (asked.length > 1) {
    throw new SlipwayError(`${asked.map((form) => `--${form}`).join(' and ')} are given. Ask for one form at a time.`);
  }
  if (options.port !== undefined && options.tensorboard !== true) {
    throw new SlipwayError(
      typeof options.tensorboard === 'string'
        ? '--port is the port of TensorBoard, which does not start where a folder is given. Leave one of them out.'
        : '--port is the port of TensorBoard; give --tensorboard, too.',
    );
  }
  const ofRun = isOfRun(where, options);
  if (!ofRun && (typeof options.notebook === 'string' || typeof options.tensorboard === 'string')) {
    throw new SlipwayError(
      `'${options.notebook ?? options.tensorboard}' is given, but ${options.notebook ? 'the notebook of an optimization lies' : 'the runs of an optimization lie'} beside its report. Leave it out; of an endpoint's URL it is where its run goes.`,
    );
  }
  process.exitCode = await interruptible(async (signal) => {
    if (ofRun) return reportRun(where, options, signal);
    const source = await readReport(where, signal);
    if (options.tensorboard) return showTensorBoard(source, options.port ?? 6006, signal);
    if (options.notebook) await makeNotebook(source, signal);
    else if (options.markdown) await showMarkdown(source, signal);
    else if (options.json) print(source.text.trimEnd());
    else if (options.html !== undefined) {
      await draw('html', source, options.html, signal);
      print(options.html);
    } else if (options.open) {
      const file = await page(source, signal);
      print(file);
      await openInBrowser(file);
    } else print(summary(source.report));
    return 0;
  });
}

export function reportCommand(): Command {
  const command = new Command('report')
    .description('show what an optimization tried, measured and decided, or what was seen of an endpoint')
    .argument('<folder|url>', 'a folder made by slipway optimize, or the URL of a running endpoint')
    .option('--open', 'open the page in the browser, and print where it is')
    .option('--html <file>', 'write the page, one file that needs no network')
    .option('--markdown', 'print Markdown, for a pull request')
    .option('--json', 'print report.json, or all that was read of a run')
    .option(
      '--tensorboard [folder]',
      'start TensorBoard on the runs, until Ctrl-C; of an endpoint, write its run there',
    )
    .addOption(new Option('--port <port>', 'port of TensorBoard, 0 for any free one (default: 6006)').argParser(port))
    .option(
      '--notebook [file]',
      'write report.ipynb beside the report, executed; of an endpoint, MODEL.ipynb or the file',
    );
  return withRunOptions(command).addHelpText('after', examples).action(report);
}
