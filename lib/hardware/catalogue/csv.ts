/** Step 2 of the road: tables under `data/`, read row by row with every cell checked for its kind. */

import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { packageFile } from '../../package-root.js';

/** One row; every getter throws when the table lacks the column or the cell is not of the kind. */
export interface Cells {
  /** A text that is not empty. */
  text(column: string): string;
  /** A finite number. */
  number(column: string): number;
  /** As `text`; null where the cell is empty. */
  textOrNull(column: string): string | null;
  /** As `number`; null where the cell is empty. */
  numberOrNull(column: string): number | null;
  /** The words of the cell, none when it is empty. */
  words(column: string): readonly string[];
}

/**
 * Every row of a table, as `read` makes it.
 *
 * @param table - path below `data/`: `hardware/gpus.csv`
 */
export function readTable<T>(table: string, read: (cells: Cells) => T): readonly T[] {
  return parseTable(readFileSync(packageFile('data', ...table.split('/')), 'utf8'), `data/${table}`, read);
}

/** As {@link readTable}, of a text; `name` stands in errors. */
export function parseTable<T>(text: string, name: string, read: (cells: Cells) => T): readonly T[] {
  const [header = [], ...rows] = parse(text, { bom: true, relax_column_count: true }) as string[][];
  const columns = new Map(header.map((column, index) => [column, index]));
  return rows.map((row, index) => {
    const fail = (column: string, what: string): never => {
      throw new Error(`${name}, row ${index + 2}, ${column}: ${what}`);
    };
    const cell = (column: string): string => {
      const at = columns.get(column);
      return at === undefined ? fail(column, 'the table has no such column') : (row[at] ?? '');
    };
    const number = (column: string): number => {
      const value = Number(cell(column) || Number.NaN);
      return Number.isFinite(value) ? value : fail(column, `'${cell(column)}' is not a number`);
    };
    return read({
      text: (column) => cell(column) || fail(column, 'is empty'),
      number,
      textOrNull: (column) => cell(column) || null,
      numberOrNull: (column) => (cell(column) === '' ? null : number(column)),
      words: (column) => cell(column).split(' ').filter(Boolean),
    });
  });
}

/** A value that is made at its first use and kept. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
