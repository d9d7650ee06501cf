#!/usr/bin/env node
/** The command line. Each verb is a file in commands/, loaded when it is asked for. */

import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { packageFile } from '../lib/package-root.js';
import { buildCommand } from './commands/build.js';
import { estimateCommand } from './commands/estimate.js';
import { exportCommand } from './commands/export.js';
import { inspectCommand } from './commands/inspect.js';
import { monitorCommand } from './commands/monitor.js';
import { optimizeCommand } from './commands/optimize.js';
import { planCommand } from './commands/plan.js';
import { reportCommand } from './commands/report.js';
import { serveCommand } from './commands/serve.js';
import { upCommand } from './commands/up.js';
import { explain, outliveOutput, say } from './terminal.js';

const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string };

const program = new Command('slipway')
  .description('Takes an ONNX model into production: optimized behind a gate, served, monitored.')
  .version(version)
  .option('--debug', 'show the stack of an error')
  .showHelpAfterError('(run with --help for the options and examples)')
  .addHelpText(
    'after',
    `
Examples:
  $ slipway up fraud.onnx --data samples.npz        # optimized, served and monitored on this machine
  $ slipway inspect fraud.onnx                      # what the model is
  $ slipway plan fraud.onnx --p99-ms 50 --rps 200   # which machine it needs, on every platform
  $ slipway optimize fraud.onnx --data samples.npz --out build/
  $ slipway monitor fraud.onnx --format prometheus   # rules, dashboards and alerts for a monitoring that is there
  $ slipway report build/ --open                    # what was tried, measured and decided
  $ slipway build fraud.onnx --data samples.npz --platform gcp-cloud-run --tag fraud:1
  $ slipway serve build/
  $ slipway export train.py:build_model --example inputs.npz --out model.onnx   # from PyTorch`,
  );

for (const command of [
  upCommand(),
  exportCommand(),
  optimizeCommand(),
  reportCommand(),
  buildCommand(),
  serveCommand(),
  inspectCommand(),
  planCommand(),
  monitorCommand(),
  estimateCommand(),
]) {
  program.addCommand(
    command
      .option('--debug', 'show the stack of an error')
      .showHelpAfterError('(run with --help for the options and examples)'),
  );
}

outliveOutput();
program.parseAsync().catch((error: unknown) => {
  say(explain(error, process.argv.includes('--debug')));
  process.exitCode = 1;
});
