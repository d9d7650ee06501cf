/** `slipway export`: an ONNX model from PyTorch code, pruned or sparsified first where that is asked for. */

import { Command } from 'commander';
import { type ExportedTensor, type ExportSummary, exportModel, usersPython } from '../../lib/local/exporter.js';
import { bar } from '../../lib/local/progress-bar.js';
import { quoted } from '../../lib/local/sample.js';
import { textTable } from '../../lib/text-table.js';
import { interruptible, print, say, showSteps } from '../terminal.js';

interface ExportOptions {
  readonly example: string;
  readonly out: string;
  readonly dynamic?: readonly string[];
  readonly outputNames?: string;
  readonly opset?: string;
  readonly prune?: string;
  readonly sparsify?: string;
  readonly structured?: string;
  /** False: --no-finetune. */
  readonly finetune?: string | false;
  readonly python?: string;
  readonly json?: boolean;
}

const examples = `
Examples:
  $ slipway export train.py:build_model --example inputs.npz --out model.onnx
  $ slipway export train.py:build_model --example inputs.npz --out model.onnx --dynamic tokens=1:sequence,mask=1:sequence
  $ slipway export train.py:build_model --example inputs.npz --out small.onnx --prune 0.4 --finetune train.py:finetune
  $ slipway export train.py:build_model --example inputs.npz --out sparse.onnx --sparsify 0.5 --structured 2:4
  $ slipway export train.py:build_model --example inputs.npz --out model.onnx --python ~/venv/bin/python

train.py:build_model returns an nn.Module with its weights loaded; inputs.npz has an array for each parameter of forward(), the
first axis is the sample. It runs in your own Python, with torch, onnxscript, onnx and onnxruntime (torch-pruning for --prune).
Exit status: 0 done, 1 refused or failed, 130 by Ctrl-C (143: by SIGTERM). Details: docs/export.md`;

/** Options as the exporter takes them. */
export function exporterArguments(build: string, options: ExportOptions): string[] {
  // With '=', since a value may begin with a dash.
  const valued = (name: string, value: string | undefined) => (value === undefined ? [] : [`--${name}=${value}`]);
  return [
    ...valued('example', options.example),
    ...valued('out', options.out),
    ...(options.dynamic ?? []).flatMap((text) => valued('dynamic', text)),
    ...valued('output-names', options.outputNames),
    ...valued('opset', options.opset),
    ...valued('prune', options.prune),
    ...valued('sparsify', options.sparsify),
    ...valued('structured', options.structured),
    ...(options.finetune === false ? ['--no-finetune'] : valued('finetune', options.finetune)),
    '--',
    build,
  ];
}

const kilobytes = (bytes: number) => `${Math.round(bytes / 1000).toLocaleString('en-US')} KB`;
const whole = (value: number) => value.toLocaleString('en-US');
const milliseconds = (value: number) => `${value.toPrecision(3)} ms`;
const shape = ({ name, dtype, shape: sizes }: ExportedTensor) => `${name} ${dtype} [${sizes.join(', ')}]`;

/** Before and after, a line each. */
function comparisonTable(comparison: NonNullable<ExportSummary['comparison']>): string[] {
  const { before, after, speedup, speedupInterval: interval, agreement, sqnrDb, samples } = comparison;
  const rows = [
    ['', 'before', 'after'],
    ['parameters', whole(before.parameters), whole(after.parameters)],
    ['multiply-adds', whole(before.macs), whole(after.macs)],
    ['file', kilobytes(before.bytes), kilobytes(after.bytes)],
    ['file, gzip', kilobytes(before.gzipBytes), kilobytes(after.gzipBytes)],
    ['latency, median', milliseconds(before.latencyMs.p50), milliseconds(after.latencyMs.p50)],
  ];
  const same = agreement === null ? '' : `same top class on ${(100 * agreement).toFixed(1)} %, `;
  return [
    ...textTable(rows).map((line) => `  ${line}`),
    `  ${speedup.toFixed(2)}x as fast (95 %: ${interval[0].toFixed(2)} to ${interval[1].toFixed(2)}); ` +
      `${same}${sqnrDb.toFixed(1)} dB, on ${samples} samples`,
  ];
}

/** What was made, for people. */
export function exportWords(summary: ExportSummary): string[] {
  const { parity, prune, sparsify } = summary;
  const where = parity.batches.map((batch, index) =>
    [`batch ${batch}`, ...Object.entries(parity.sizes[index] ?? {}).map(([label, size]) => `${label} ${size}`)].join(
      ' with ',
    ),
  );
  const lines = [
    `${summary.model}: ${kilobytes(summary.bytes)}, opset ${summary.opset}, by torch's ${summary.exporter} exporter`,
    `  takes ${summary.inputs.map(shape).join('; ')}`,
    `  gives ${summary.outputs.map(shape).join('; ')}`,
    `  answers as torch does at ${where.join(' and ')}: largest difference ${parity.maxAbsError.toExponential(1)}`,
  ];
  if (summary.weights) lines.push(`  weights in ${summary.weights}`);
  if (prune) {
    const layers = prune.layers.map(({ name, before, after }) => `${name} ${before} → ${after}`);
    lines.push('', `Channels: ${layers.join(', ')}`);
    for (const { name, why } of prune.whole) lines.push(`  ${name} stays whole: ${why}`);
  }
  if (sparsify) {
    lines.push('', `Zeros: ${(100 * sparsify.zeros).toFixed(1)} % of ${sparsify.layers.length} layers' weights`);
    for (const { name, why } of sparsify.dense) lines.push(`  ${name} stays dense: ${why}`);
  }
  if (summary.comparison) lines.push('', ...comparisonTable(summary.comparison));
  if (summary.notes.length + summary.warnings.length > 0) lines.push('');
  for (const warning of summary.warnings) lines.push(`Warning: ${warning}`);
  for (const note of summary.notes) lines.push(`Note: ${note}`);
  return lines;
}

async function exportCommandAction(build: string, options: ExportOptions): Promise<void> {
  process.exitCode = await interruptible(async (signal) => {
    const python = await usersPython(options.python);
    const terminal = process.stderr.isTTY === true;
    const kept: string[] = [];
    let summary: ExportSummary;
    try {
      summary = await showSteps(`Exporting ${build}`, (detail) => {
        let progress = '';
        return exportModel({
          python,
          args: exporterArguments(build, options),
          signal,
          onProgress: (reached) => {
            progress = bar(reached);
            detail(progress);
          },
          onSaid: (line) => {
            if (terminal) kept.push(line);
            else say(`  ${line}`);
            detail(`${progress}: ${line}`);
          },
        });
      });
    } finally {
      for (const line of kept) say(`  ${line}`);
    }
    say();
    for (const line of exportWords(summary)) say(line);
    say();
    say(`Optimize it: slipway optimize ${quoted(summary.model)} --data ${quoted(options.example)} --out build/`);
    if (options.json) print(JSON.stringify(summary));
    return 0;
  });
}

export function exportCommand(): Command {
  return new Command('export')
    .description('make an ONNX model from PyTorch code, checked against it; pruned or sparsified first if asked')
    .argument('<file:function>', 'the function that returns the nn.Module, such as train.py:build_model')
    .requiredOption(
      '--example <inputs.npz>',
      'inputs to trace and check with: an array for each parameter of forward()',
    )
    .requiredOption('--out <model.onnx>', 'the file to write')
    .option(
      '--dynamic <name=axis:label>',
      'axes of any size besides the batch; commas between several, equal labels are equal sizes',
      (text: string, before: string[] = []) => [...before, text],
    )
    .option('--output-names <names>', 'names of the outputs, commas between (default: those of what forward() returns)')
    .option('--opset <number>', 'opset of ONNX, 18 to 23 (default: 20)')
    .option('--prune <share>', 'take this share of channels out of every layer that allows it; needs torch-pruning')
    .option('--sparsify <share>', 'set this share of weights to zero; brings no speed in ONNX Runtime')
    .option('--structured <pattern>', '2:4: two of every four weights, with --sparsify 0.5')
    .option('--finetune <file:function>', 'trains on after the change; gets the model, returns it or nothing')
    .option('--no-finetune', 'prune without training on, and see what is lost')
    .option('--python <path>', 'the Python with torch (default: SLIPWAY_PYTHON, else python3)')
    .option('--json', 'print what was made as one line of JSON on standard output')
    .addHelpText('after', examples)
    .action(exportCommandAction);
}
