// What the Pulumi SDKs declare of a resource's inputs: names, which are required, and their types, read from the declaration files.
const { readdirSync, readFileSync } = require('node:fs');
const { dirname, join } = require('node:path');

const folderOf = (pack) => dirname(require.resolve(`@pulumi/${pack}/package.json`));

/** What is made once by key. */
function kept(make) {
  const all = new Map();
  return (...key) => {
    const name = key.join(' ');
    if (!all.has(name)) all.set(name, make(...key));
    return all.get(name);
  };
}

const text = kept((path) => readFileSync(path, 'utf8'));

/** `gcp:monitoring/slo:Slo` and `azure-native:storage:Blob` by the file that declares them; files are in camel case, of a kind. */
function fileOf(type) {
  const [pack, path, name] = type.split(':');
  const folder = join(folderOf(pack), path === 'index' ? '' : path.split('/')[0]);
  const wanted = `${name}.d.ts`.toLowerCase();
  const found = readdirSync(folder).find((file) => file.toLowerCase() === wanted);
  if (!found) throw new Error(`nothing is declared of ${type}`);
  return join(folder, found);
}

/** A type as it stands: a union of names, literals, lists and maps. `pulumi.Input<X>` is X. */
function typeOf(written) {
  const tokens = written.replace(/pulumi\.Input</g, '(').match(/"[^"]*"|\[\]|\[key: string\]|[\w.]+|[(){}>|:;]/g);
  let at = 0;
  const take = () => tokens[at++];
  function part() {
    const token = take();
    if (token === '(') {
      const inner = union();
      take();
      return inner;
    }
    if (token === '{') {
      at += 2;
      const values = union();
      if (tokens[at] === ';') at++;
      take();
      return { map: values };
    }
    return token.startsWith('"') ? { literal: JSON.parse(token) } : { name: token };
  }
  function union() {
    const parts = [];
    do {
      let one = part();
      for (; tokens[at] === '[]'; at++) one = { list: one };
      parts.push(...(one.union ?? [one]));
    } while (tokens[at] === '|' && ++at);
    return parts.length === 1 ? parts[0] : { union: parts.filter(({ name }) => name !== 'undefined') };
  }
  return union();
}

/** Members of an interface by name, in what stands between its braces. */
const membersOf = (body) =>
  new Map(
    [...body.replace(/\/\*\*.*?\*\//gs, '').matchAll(/^\s*(\w+)(\??): (.*?);$(?!\s*\})/gms)].map(
      ([, name, optional, type]) => [name, { required: optional === '', type: typeOf(type) }],
    ),
  );

function between(source, start, end, what) {
  const from = source.indexOf(start);
  if (from < 0) throw new Error(`nothing is declared of ${what}`);
  return source.slice(from + start.length, source.indexOf(end, from));
}

/** The arguments of a resource. */
const argumentsOf = kept((type) =>
  membersOf(between(text(fileOf(type)), `export interface ${type.split(':').at(-1)}Args {\n`, '\n}', type)),
);

const scopeOf = kept((pack, scope) =>
  between(text(join(folderOf(pack), 'types', 'input.d.ts')), `export declare namespace ${scope} {\n`, '\n}\n', scope),
);

/** An interface of a package's inputs: `inputs.app.TemplateArgs`, or without a scope. */
const interfaceOf = kept((pack, path) => {
  const [, scope, name] = /^inputs\.(?:(\w+)\.)?(\w+)$/.exec(path);
  return membersOf(
    scope
      ? between(scopeOf(pack, scope), `    interface ${name} {\n`, '\n    }', path)
      : between(text(join(folderOf(pack), 'types', 'input.d.ts')), `export interface ${name} {\n`, '\n}', path),
  );
});

module.exports = { argumentsOf, fileOf, interfaceOf };
