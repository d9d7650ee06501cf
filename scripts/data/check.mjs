// Checks a folder of data against `schemas.mjs`: cells, keys, references between tables, and that every file is described.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { parse } from 'csv-parse/sync';
import { documents, tables } from './schemas.mjs';

function numberProblem(value, { above, atLeast, atMost, whole }) {
  const number = Number(value);
  if (value.trim() === '' || !Number.isFinite(number)) return 'is not a number';
  if (whole && !Number.isInteger(number)) return 'is not a whole number';
  if (above !== undefined && number <= above) return `is not above ${above}`;
  if (atLeast !== undefined && number < atLeast) return `is below ${atLeast}`;
  if (atMost !== undefined && number > atMost) return `is above ${atMost}`;
  return null;
}

function textProblem(value, { oneOf, pattern, references, list, orElse, raw }, keys) {
  if (!raw && value !== value.trim()) return 'has blanks around it';
  if (oneOf && !oneOf.includes(value)) return `is none of ${oneOf.join(', ')}`;
  if (pattern && !pattern.test(value)) return `does not look like ${pattern.source}`;
  if (!references || value === orElse) return null;
  const unknown = (list ? value.split(' ') : [value]).filter(
    (key) => !references.some((table) => keys(table).has(key)),
  );
  return unknown.length > 0 ? `names '${unknown.join("', '")}', which ${references.join(' and ')} lack` : null;
}

function cellProblem(value, column, keys) {
  if (value === '') return column.empty ? null : 'is empty';
  return column.type === 'number' ? numberProblem(value, column) : textProblem(value, column, keys);
}

/** Rows of a table by column. */
function rowsOf(file, content) {
  const [header = [], ...lines] = parse(content);
  const names = Object.keys(tables[file].columns);
  if (header.toSorted().join() !== names.toSorted().join()) {
    throw new Error(`it has the columns ${header.join(', ')} and must have ${names.join(', ')}`);
  }
  return lines.map((line) => Object.fromEntries(header.map((name, index) => [name, line[index]])));
}

function tableProblems(file, rows, keys) {
  const { columns, key } = tables[file];
  const names = Object.keys(columns);
  const seen = new Map();
  return rows.flatMap((row, index) => {
    const place = `${file}, row ${index + 2}`;
    const cells = names.flatMap((name) => {
      const problem = cellProblem(row[name], columns[name], keys);
      return problem === null ? [] : [`${place}, ${name}: '${row[name]}' ${problem}`];
    });
    const id = (key ?? names).map((name) => row[name]).join(' | ');
    const first = seen.get(id);
    seen.set(id, first ?? index + 2);
    return first === undefined ? cells : [...cells, `${place}: '${id}' is row ${first} again`];
  });
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((file) => !file.endsWith('README.md'))
    .toSorted();
}

/** Whether every file has a schema and is described, and every schema has its file. */
function inventoryProblems(folder, files) {
  const known = [...Object.keys(tables), ...documents];
  const readme = join(folder, 'README.md');
  const described = existsSync(readme) ? readFileSync(readme, 'utf8') : '';
  return [
    ...known.filter((file) => !files.includes(file)).map((file) => `${file}: is missing`),
    ...files
      .filter((file) => !known.includes(file))
      .map((file) => `${file}: has no schema in scripts/data/schemas.mjs`),
    ...files
      .filter((file) => !described.includes(`\`${file}\``))
      .map((file) => `${file}: is not described in README.md`),
  ];
}

/**
 * Every table and document of a folder, and what is wrong with them.
 *
 * @returns `rows` by table, `json` by document, both only of files that could be read, and `problems` in sentences
 */
export function checkFolder(folder) {
  const files = filesIn(folder);
  const problems = inventoryProblems(folder, files);
  const [rows, json] = [{}, {}];
  const read = (file, take) => {
    try {
      take(readFileSync(join(folder, file), 'utf8'));
    } catch (error) {
      problems.push(`${file}: cannot be read: ${error.message}`);
    }
  };
  for (const file of Object.keys(tables).filter((name) => files.includes(name))) {
    read(file, (content) => {
      rows[file] = rowsOf(file, content);
    });
  }
  for (const file of documents.filter((name) => files.includes(name))) {
    read(file, (content) => {
      const document = JSON.parse(content);
      if (document === null || typeof document !== 'object') throw new Error('it holds no object');
      json[file] = document;
    });
  }
  const keys = (table) => new Set((rows[table] ?? []).map((row) => row[tables[table].key[0]]));
  for (const file of Object.keys(rows)) problems.push(...tableProblems(file, rows[file], keys));
  return { rows, json, problems };
}
