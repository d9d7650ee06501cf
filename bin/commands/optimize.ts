/** `slipway optimize`: try, measure, decide; the result in a folder that `slipway serve` takes. */

import { Command, Option } from 'commander';
import type { ReportFile } from '../../lib/contract/report.js';
import { local, targetMachine } from '../../lib/local/machine.js';
import { optimizeInto } from '../../lib/local/optimizer.js';
import { bar } from '../../lib/local/progress-bar.js';
import { pythonEnvironment } from '../../lib/local/python.js';
import { quoted } from '../../lib/local/sample.js';
import { planEndpoint } from '../../lib/plan.js';
import { textTable } from '../../lib/text-table.js';
import { interruptible, print, say, showSteps } from '../terminal.js';
import { type ModelOptions, specOf, withModelOptions } from './model-options.js';

interface OptimizeOptions extends ModelOptions {
  readonly out: string;
  readonly target: string;
  readonly json?: boolean;
  readonly onFailure: 'fp32' | 'error';
  readonly strict?: boolean;
}

const examples = `
Examples:
  $ slipway optimize fraud.onnx --data samples.npz --out build/
  $ slipway optimize fraud.onnx --data samples.npz --labels labels.npy --out build/ --json
  $ slipway optimize fraud.onnx --data samples.npz --out build/ --on-failure error
  $ slipway serve build/`;

const figure = (value: number | null | undefined, digits: number) => (value == null ? '–' : value.toFixed(digits));

/** What was tried, a line each. */
function table(report: ReportFile): string[] {
  const rows = report.candidates.map((candidate) => [
    candidate.name,
    candidate.status,
    candidate.speedup == null ? '–' : `${figure(candidate.speedup, 2)}x`,
    figure(candidate.fidelity?.agreement, 4),
    figure(candidate.fidelity?.sqnrDb, 1),
    figure(candidate.accuracy?.value, 4),
    candidate.bytes == null ? '–' : `${Math.round(candidate.bytes / 1000)} KB`,
    candidate.reasons.join('; '),
  ]);
  const header = ['candidate', 'status', 'speed', 'agreement', 'SQNR dB', 'accuracy', 'size', ''];
  return textTable([header, ...rows]).map((line) => `  ${line}`);
}

async function optimize(model: string, options: OptimizeOptions): Promise<void> {
  process.exitCode = await interruptible(async (signal) => {
    const target = targetMachine(options.target);
    const gate = options.strict ? { strict: true } : {};
    const spec = specOf(model, options, { optimization: { onFailure: options.onFailure, gate } });
    const plan = await showSteps('Reading the model', async () => planEndpoint(spec, local(target)));
    const environment = await showSteps('Python environment', (detail) =>
      pythonEnvironment('optimizer', { log: detail, signal }),
    );
    const report = await showSteps(`Optimizing ${plan.name}`, (detail) =>
      optimizeInto(options.out, plan, {
        environment,
        signal,
        onProgress: (progress) => detail(bar(progress)),
      }),
    );
    say();
    if (report.candidates.length > 0) for (const line of table(report)) say(line);
    for (const note of [...report.warnings, ...report.notes]) say(`  ${note}`);
    say();
    say(`${report.verdict}`);
    say(`Serve it: slipway serve ${quoted(options.out)}`);
    if (options.json) print(JSON.stringify(report));
    return 0;
  });
}

export function optimizeCommand(): Command {
  return withModelOptions(new Command('optimize'))
    .description('make the fastest form of a model that loses nothing, behind a gate on accuracy and speed')
    .requiredOption('--out <folder>', 'takes model.onnx, report.json, canaries.npz and serving.json')
    .option(
      '--target <machine>',
      "where it will run: 'local', an instruction set (x86-64-vnni, x86-64, arm64), or a machine type",
      'local',
    )
    .addOption(
      new Option('--on-failure <what>', 'when no candidate passes the gate').choices(['fp32', 'error']).default('fp32'),
    )
    .option('--strict', 'labels that are too few to decide count as a failed gate')
    .option('--json', 'print the report as one line of JSON on standard output')
    .addHelpText('after', examples)
    .action(optimize);
}
