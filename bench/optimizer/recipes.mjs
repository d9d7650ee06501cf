// Optimizer bench: writes the recipes that Slipway plans for the bench's models, one folder for each target.
// `node bench/optimizer/recipes.mjs --out FOLDER [--targets local,x86-64-vnni]`, after `npm run build`. run.py takes them without Node.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runToEnd } from '../../scripts/process.mjs';
import { python, root } from '../../scripts/python.mjs';

const require = createRequire(import.meta.url);
const { planEndpoint, Model } = require(join(root, 'dist', 'lib', 'index.js'));
const { local, targetMachine } = require(join(root, 'dist', 'lib', 'local', 'machine.js'));
const { allTensors } = require(join(root, 'dist', 'lib', 'model', 'graph.js'));
const { readGraph } = require(join(root, 'dist', 'lib', 'model', 'read.js'));

const trained = ['digits', 'digits-encoder', 'breast-cancer'];
const networks = ['resnet50', 'mobilenet-v2', 'bert-base', 'vit-b16'];

/** A whole network whose file of weights takes no room. */
function sparse(name, folder) {
  const path = join(folder, `${name}.onnx`);
  copyFileSync(join(root, 'test', 'networks', `${name}.onnx`), path);
  const places = allTensors(readGraph(path)).flatMap(({ external }) => external ?? []);
  const weights = join(folder, `${name}.weights`);
  writeFileSync(weights, '');
  truncateSync(weights, Math.max(...places.map(({ offset, length }) => offset + length)));
  return path;
}

function example(name) {
  const file = (rest) => join(root, 'examples', 'models', name, rest);
  return {
    model: Model.fromOnnx(file(`${name}.onnx`), { calibration: file('samples.npz'), labels: file('labels.npy') }),
  };
}

/** Random weights have no classes that could agree: closeness of the numbers is all that counts. */
function network(name, folder) {
  const model = Model.fromOnnx(sparse(name, folder), { calibration: join(folder, `${name}.npz`) });
  return { model, optimization: { task: 'regression' } };
}

/** Writes a recipe for each model into `folder`; `target` is `local`, an instruction set or a machine type. */
export async function writeRecipes(folder, target) {
  const { python: command, env } = await python('optimizer');
  const own = mkdtempSync(join(tmpdir(), 'slipway-recipes-'));
  try {
    const code = await runToEnd(command, [join(root, 'bench', 'optimizer', 'models.py'), '--samples', own], { env });
    if (code !== 0) throw new Error(`models.py ended with ${code}`);
    const specs = [...trained.map(example), ...networks.map((name) => network(name, own))];
    mkdirSync(folder, { recursive: true });
    for (const spec of specs) {
      const { name, recipe } = planEndpoint(spec, local(targetMachine(target)));
      writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(recipe, null, 2)}\n`);
    }
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { out: { type: 'string' }, targets: { type: 'string', default: 'local,x86-64-vnni' } },
  });
  if (!values.out) {
    process.stderr.write('recipes: give a folder with --out FOLDER\n');
    process.exit(2);
  }
  for (const target of values.targets.split(',')) await writeRecipes(join(values.out, target), target);
}
