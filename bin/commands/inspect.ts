/** `slipway inspect`: what a model is, read from its graph. */

import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { ProblemsError, SlipwayError } from '../../lib/errors.js';
import { describeModel } from '../../lib/model/model-file.js';
import { profileFileText } from '../../lib/model/profile-file.js';
import { inspection, summary } from '../../lib/model/summary.js';
import { print, say } from '../terminal.js';
import { givenDims } from './model-dims.js';
import { dimOption } from './model-options.js';

interface InspectOptions {
  readonly json?: boolean;
  readonly profile?: string;
  readonly dim: Readonly<Record<string, number>>;
}

const examples = `
Examples:
  $ slipway inspect fraud.onnx                      # a page for people
  $ slipway inspect fraud.onnx --json | jq .family  # for scripts
  $ slipway inspect bert.onnx --profile bert.profile.json --dim sequence=128
                                                    # to plan with where the model itself is not

The weights are not read: a model of 2 GB takes about a second. External data has to lie beside the model.`;

/** Writes what planning needs of the model, for the sizes given. */
function writeProfile(path: string, file: string, given: Readonly<Record<string, number>>): void {
  if (!file.endsWith('.profile.json')) {
    throw new SlipwayError(`'${file}' is no name of a profile. Give one that ends in .profile.json.`);
  }
  if (resolve(file) === resolve(path)) throw new SlipwayError(`'${file}' is the model itself. Give another file.`);
  const model = describeModel({ path });
  const { dims, problems } = givenDims(model, given);
  if (problems.length > 0) throw new ProblemsError('The sizes of a request are not known', problems);
  try {
    writeFileSync(file, profileFileText(model.profile, model.work(dims)));
  } catch (error) {
    throw new SlipwayError(`The profile '${file}' cannot be written: ${(error as Error).message}.`);
  }
  say(`Profile: ${file}`);
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('show what a model is: family, weights, inputs and outputs, operators')
    .argument('<model>', 'an .onnx file, or a .profile.json')
    .option('--json', 'print JSON on standard output')
    .option('--profile <file.profile.json>', 'write what planning needs of the model, without its weights')
    .addOption(dimOption('size of a symbolic dimension in the profile; can be given again'))
    .addHelpText('after', examples)
    .action((path: string, options: InspectOptions) => {
      if (options.profile === undefined && Object.keys(options.dim).length > 0) {
        throw new SlipwayError('--dim is the size of a dimension in the profile; give --profile, too.');
      }
      if (options.profile !== undefined) writeProfile(path, options.profile, options.dim);
      const { profile } = describeModel({ path });
      print(options.json ? JSON.stringify(inspection(profile), null, 2) : summary(path, profile).trimEnd());
    });
}
