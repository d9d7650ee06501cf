/** `slipway inspect`: what a model is, read from its graph. */

import { Command } from 'commander';
import { readModel } from '../../lib/model/read.js';
import { inspection, summary } from '../../lib/model/summary.js';
import { print } from '../terminal.js';

const examples = `
Examples:
  $ slipway inspect fraud.onnx                      # a page for people
  $ slipway inspect fraud.onnx --json | jq .family  # for scripts

The weights are not read: a model of 2 GB takes about a second. External data has to lie beside the model.`;

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('show what a model is: family, weights, inputs and outputs, operators')
    .argument('<model>', 'an .onnx file')
    .option('--json', 'print JSON on standard output')
    .addHelpText('after', examples)
    .action((path: string, options: { readonly json?: boolean }) => {
      const profile = readModel(path);
      print(options.json ? JSON.stringify(inspection(profile), null, 2) : summary(path, profile).trimEnd());
    });
}
