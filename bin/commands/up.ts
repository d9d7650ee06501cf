/** `slipway up`: the whole road on this machine, until Ctrl-C. */

import { Command } from 'commander';
import { type LocalEndpoint, runLocally } from '../../lib/local/endpoint.js';
import { local } from '../../lib/local/machine.js';
import { curlCommand } from '../../lib/local/sample.js';
import { planEndpoint } from '../../lib/plan.js';
import { aborted, interruptible, print, say, showSteps } from '../terminal.js';
import { type ModelOptions, port, specOf, withModelOptions } from './model-options.js';

interface UpOptions extends ModelOptions {
  readonly port: number;
  readonly monitoring: boolean;
  readonly cache: boolean;
  readonly json?: boolean;
}

const examples = `
Examples:
  $ slipway up fraud.onnx --data samples.npz
  $ slipway up fraud.onnx --data samples.npz --labels labels.npy --port 9000
  $ slipway up encoder.onnx --data samples.npz --dim sequence=128
  $ slipway up fraud.onnx --no-monitoring --json`;

/** Of the server's log, what someone should act on. */
function sayTrouble(line: string): void {
  if (!/"level":"(info|debug)"/.test(line)) say(line);
}

function announce(running: LocalEndpoint, model: string): void {
  const { report } = running;
  say();
  say(`  Endpoint    ${running.infer}`);
  if (running.dashboard) say(`  Dashboard   ${running.dashboard}`);
  if (running.prometheus) say(`  Prometheus  ${running.prometheus}`);
  if (running.missing) say(`  Prometheus  ${running.missing}`);
  say(`  ${model.padEnd(10)}  ${report.verdict}${running.cached ? ' (kept from an earlier run)' : ''}`);
  for (const warning of report.warnings) say(`  Warning     ${warning}`);
  for (const note of report.notes.filter((text) => !report.verdict.includes(text))) say(`  Note        ${note}`);
  say();
  say('Try it:');
  say();
  say(curlCommand(running.infer, running.sample, running.folder));
  say();
  say('Ctrl-C stops everything.');
}

function asJson(running: LocalEndpoint, model: string): string {
  const { endpoint, infer, dashboard, prometheus, report, sample } = running;
  const { precision, speedup, agreement, accuracy, bytes } = report.winner;
  return JSON.stringify({
    endpoint,
    infer,
    dashboard,
    prometheus,
    model,
    precision,
    speedup,
    agreement,
    accuracy,
    bytes,
    verdict: report.verdict,
    sample: sample.body,
  });
}

async function up(model: string, options: UpOptions): Promise<void> {
  process.exitCode = await interruptible(async (signal) => {
    const plan = await showSteps('Reading the model', async () => planEndpoint(specOf(model, options), local()));
    const { port, monitoring, cache } = options;
    const running = await runLocally(plan, { port, monitoring, cache, signal, onLog: sayTrouble }, showSteps);
    try {
      announce(running, plan.name);
      if (options.json) print(asJson(running, plan.name));
      const broken = await Promise.race([running.broken, aborted(signal)]);
      if (broken) say(broken);
      else say('\nStopping …');
      return broken ? 1 : 0;
    } finally {
      await running.stop();
    }
  });
}

export function upCommand(): Command {
  return withModelOptions(new Command('up'))
    .description('optimize a model, serve it and monitor it on this machine')
    .option('--port <port>', 'port of the endpoint, 0 for any free one', port, 8080)
    .option('--no-monitoring', 'start neither Prometheus nor the dashboard')
    .option('--no-cache', 'optimize again, and keep nothing')
    .option('--json', 'print one line of JSON on standard output once the endpoint is ready')
    .addHelpText('after', examples)
    .action(up);
}
