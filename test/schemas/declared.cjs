// The names of a resource's inputs in the SDK's own declarations: those that are not there, and those that are missing.
const { readdirSync, readFileSync } = require('node:fs');
const { basename, dirname, join } = require('node:path');

/** `gcp:monitoring/slo:Slo` and `azure-native:storage:Blob` by the file that declares them; files are in camel case, of a kind. */
function fileOf(type) {
  const [pack, path, name] = type.split(':');
  const folder = join(
    dirname(require.resolve(`@pulumi/${pack}/package.json`)),
    path === 'index' ? '' : path.split('/')[0],
  );
  const wanted = `${name}.d.ts`.toLowerCase();
  return join(
    folder,
    readdirSync(folder).find((file) => basename(file).toLowerCase() === wanted),
  );
}

const declared = new Map();

/** Inputs by name, and whether they are required. */
function argumentsOf(type) {
  if (!declared.has(type)) {
    const name = type.split(':').at(-1);
    const text = readFileSync(fileOf(type), 'utf8');
    const [, body = ''] = new RegExp(`export interface ${name}Args \\{\\n(.*?)^\\}`, 'ms').exec(text) ?? [];
    const found = [...body.matchAll(/^ {4}(\w+)(\??):/gm)].map(([, argument, optional]) => [argument, optional === '']);
    if (found.length === 0) throw new Error(`nothing is declared of ${type}`);
    declared.set(type, new Map(found));
  }
  return declared.get(type);
}

/** What is wrong with the names of a resource's inputs. */
function declaredProblems(type, inputs) {
  const known = argumentsOf(type);
  return [
    ...Object.keys(inputs)
      .filter((name) => !name.startsWith('__') && !known.has(name))
      .map((name) => `${name}: is not there`),
    ...[...known]
      .filter(([name, required]) => required && (inputs[name] === undefined || inputs[name] === null))
      .map(([name]) => `${name}: is missing`),
  ];
}

module.exports = { declaredProblems };
