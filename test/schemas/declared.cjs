// A resource's inputs against the SDK's own declarations: names that are not there, those that are missing, values of another kind.
const { argumentsOf, interfaceOf } = require('./declarations.cjs');

/** The engine's mark of a value that is not known yet. */
const unknown = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const shown = (value) => JSON.stringify(value);
const words = { string: 'text', number: 'number', boolean: 'boolean' };

/** Names that the engine and its providers write beside those of the program. */
const isInternal = (name) => name.startsWith('__');

function memberProblems(pack, members, value, at) {
  const place = (name) => (at ? `${at}.${name}` : name);
  const isGiven = (name) => value[name] !== undefined && value[name] !== null;
  return [
    ...[...members]
      .filter(([name, { required }]) => required && !isGiven(name))
      .map(([name]) => `${place(name)}: is missing`),
    ...Object.keys(value)
      .filter((name) => isGiven(name) && !isInternal(name))
      .flatMap((name) =>
        members.has(name)
          ? valueProblems(pack, members.get(name).type, value[name], place(name))
          : [`${place(name)}: is not there`],
      ),
  ];
}

function nameProblems(pack, name, value, at) {
  if (name.startsWith('inputs.')) {
    return isObject(value)
      ? memberProblems(pack, interfaceOf(pack, name), value, at)
      : [`${at}: ${shown(value)} is no object`];
  }
  // Enumerations are texts, and published schemas know which; files and any value are as they come.
  const kind = name.startsWith('enums.') ? 'string' : name;
  return kind in words && typeof value !== kind ? [`${at}: ${shown(value)} is no ${words[kind]}`] : [];
}

/** Whether a part of a union is the one that an object says it is, by the literals of its members. */
const isMeant = (pack, { name = '' }, value) =>
  !name.startsWith('inputs.') ||
  [...interfaceOf(pack, name)].every(
    ([member, { type }]) => type.literal === undefined || value?.[member] === type.literal,
  );

/** Of a union, what is wrong with the part that is meant, or else comes nearest. */
function unionProblems(pack, union, value, at) {
  const meant = union.filter((part) => isMeant(pack, part, value));
  return (meant.length > 0 ? meant : union)
    .map((part) => valueProblems(pack, part, value, at))
    .reduce((nearest, each) => (each.length < nearest.length ? each : nearest));
}

function valueProblems(pack, { name, literal, list, map, union }, value, at) {
  if (value === unknown) return [];
  if (union) return unionProblems(pack, union, value, at);
  if (literal !== undefined) return value === literal ? [] : [`${at}: ${shown(value)} is not ${shown(literal)}`];
  if (list) {
    return Array.isArray(value)
      ? value.flatMap((each, index) => valueProblems(pack, list, each, `${at}[${index}]`))
      : [`${at}: ${shown(value)} is no list`];
  }
  if (map) {
    return isObject(value)
      ? Object.entries(value).flatMap(([key, each]) =>
          isInternal(key) ? [] : valueProblems(pack, map, each, `${at}.${key}`),
        )
      : [`${at}: ${shown(value)} is no object`];
  }
  return nameProblems(pack, name, value, at);
}

/** What is wrong with a resource's inputs, each problem with its path; without secrets' marks, unknown values as the engine marks them. */
const declaredProblems = (type, inputs) => memberProblems(type.split(':')[0], argumentsOf(type), inputs, '');

module.exports = { declaredProblems };
