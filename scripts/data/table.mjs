// Tables on disk, read and written in the one form of `data/`: UTF-8, commas, a header row, rows in a fixed order.
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';

/** Rows of a file as objects by column. */
export const readRows = (file) => parse(readFileSync(file), { columns: true, bom: true });

const cell = (value) => {
  const text = String(value ?? '');
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** Writes rows; every row has exactly the columns of the first. */
export function writeRows(file, rows) {
  const columns = Object.keys(rows[0]);
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))];
  writeFileSync(file, `${lines.map((line) => line.map(cell).join(',')).join('\n')}\n`);
}

/** Writes an object of objects as JSON, one line for each entry of the inner ones. */
export function writeNested(file, outer) {
  const lines = (entries) => entries.map(([key, value]) => `    ${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  const blocks = outer.map(([key, entries]) => `  ${JSON.stringify(key)}: {\n${lines(entries).join(',\n')}\n  }`);
  writeFileSync(file, `{\n${blocks.join(',\n')}\n}\n`);
}

/** At most six decimals, without trailing zeros: money and shares. */
export const six = (value) => String(Number(Number(value).toFixed(6)));

/** Rows by what `keyOf` says of them, in the order of first sight. */
export function grouped(rows, keyOf) {
  const groups = new Map();
  for (const row of rows) groups.set(keyOf(row), [...(groups.get(keyOf(row)) ?? []), row]);
  return groups;
}
