/** `slipway up`: the whole road on this machine, until Ctrl-C. */

import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { ProblemsError } from '../../lib/errors.js';
import { type LocalEndpoint, runLocally } from '../../lib/local/endpoint.js';
import { local } from '../../lib/local/machine.js';
import { noteRunning } from '../../lib/local/running.js';
import { curlCommand } from '../../lib/local/sample.js';
import { alertmanagerProblems } from '../../lib/monitoring/alertmanager.js';
import type { MonitoringPlan } from '../../lib/monitoring/plan.js';
import { planEndpoint } from '../../lib/plan.js';
import { refuseEventFolder } from '../../lib/report/run-views.js';
import { aborted, interruptible, print, say, showSteps } from '../terminal.js';
import { type ModelOptions, port, specOf, withModelOptions } from './model-options.js';
import { latencyMs } from './report-run.js';

interface UpOptions extends ModelOptions {
  readonly port: number;
  readonly monitoring: boolean;
  readonly cache: boolean;
  readonly p99Ms?: number;
  readonly tensorboard?: string;
  readonly alertmanager: readonly string[];
  readonly json?: boolean;
}

const examples = `
Examples:
  $ slipway up fraud.onnx --data samples.npz
  $ slipway up fraud.onnx --data samples.npz --labels labels.npy --port 9000
  $ slipway up encoder.onnx --data samples.npz --dim sequence=128
  $ slipway up fraud.onnx --data samples.npz --p99-ms 20     # the objective, for alerts and reports
  $ slipway up fraud.onnx --data samples.npz --tensorboard runs/
  $ slipway up fraud.onnx --alertmanager http://127.0.0.1:9093
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

/** Notes where the Prometheus is, for `slipway report`. */
function note(running: LocalEndpoint, { objectives, drift }: MonitoringPlan, p99Ms: number | undefined): () => void {
  const { endpoint, prometheus } = running;
  if (prometheus === null) return () => undefined;
  const availability = objectives.find(({ id }) => id === 'availability')!.target;
  return noteRunning({
    endpoint,
    prometheus,
    pid: process.pid,
    objective: { availability, p99Ms: p99Ms ?? null },
    drift: drift && { psi: drift.psi, minCount: drift.minCount },
  });
}

async function up(model: string, options: UpOptions): Promise<void> {
  process.exitCode = await interruptible(async (signal) => {
    const { port, monitoring, cache, p99Ms, alertmanager: alertmanagers } = options;
    const tensorboard = options.tensorboard === undefined ? undefined : resolve(options.tensorboard);
    // Before minutes are spent on the model.
    if (tensorboard !== undefined) refuseEventFolder(tensorboard);
    const refused = alertmanagerProblems(alertmanagers);
    if (refused.length > 0) throw new ProblemsError('Nobody can be told of alerts', refused);
    const spec = specOf(model, options, p99Ms === undefined ? {} : { monitoring: { slo: { p99Ms } } });
    const plan = await showSteps('Reading the model', async () => planEndpoint(spec, local()));
    const settings = { port, monitoring, cache, alertmanagers, tensorboard, signal, onLog: sayTrouble };
    const running = await runLocally(plan, settings, showSteps);
    let forget = () => {};
    try {
      forget = note(running, plan.monitoring, p99Ms);
      announce(running, plan.name);
      if (options.json) print(asJson(running, plan.name));
      const broken = await Promise.race([running.broken, aborted(signal)]);
      if (broken) say(broken);
      else say('\nStopping …');
      return broken ? 1 : 0;
    } finally {
      forget();
      await running.stop();
    }
  });
}

export function upCommand(): Command {
  return withModelOptions(new Command('up'))
    .description('optimize a model, serve it and monitor it on this machine')
    .option('--port <port>', 'port of the endpoint, 0 for any free one', port, 8080)
    .addOption(new Option('--p99-ms <ms>', 'objective: 99 % of answers within that time').argParser(latencyMs))
    .option('--tensorboard <folder>', "write timings, traffic, latency and drift there as TensorBoard's files")
    .option(
      '--alertmanager <url>',
      'told of alerts that fire; can be given again (default: alerts are on the dashboard alone)',
      (url: string, given: readonly string[]) => [...given, url],
      [],
    )
    .option('--no-monitoring', 'start neither Prometheus nor the dashboard')
    .option('--no-cache', 'optimize again, and keep nothing')
    .option('--json', 'print one line of JSON on standard output once the endpoint is ready')
    .addHelpText('after', examples)
    .action(up);
}
