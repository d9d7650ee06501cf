/** Reads Kusto queries with Microsoft's own parser, against the columns that a table has. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { packageFile } from '../../lib/package-root.js';

const load = createRequire(__filename);

// biome-ignore lint/suspicious/noExplicitAny: the parser is compiled from C#; its types name a runtime that is not there.
type Compiled = any;

interface Parser {
  readonly Kusto: Compiled;
  readonly System: Compiled;
}

/** The parser puts itself where every script sees it. */
function parser(): Parser {
  load('@kusto/language-service-next/bridge.min.js');
  load('@kusto/language-service-next/Kusto.Language.Bridge.min.js');
  return globalThis as unknown as Parser;
}

interface Table {
  readonly table: string;
  readonly columns: Readonly<Record<string, string>>;
}

const { Kusto, System } = parser();
const { Language } = Kusto;

const database = (() => {
  const { table, columns } = JSON.parse(
    readFileSync(packageFile('data', 'metrics', 'azure-ml-traffic-log.json'), 'utf8'),
  ) as Table;
  const schema = Object.entries(columns).map(([name, type]) => `${name}:${type}`);
  const symbol = Language.Symbols.TableSymbol.From(`(${schema.join(', ')})`).WithName(table);
  return Language.GlobalState.Default.WithDatabase(new Language.Symbols.DatabaseSymbol.ctor('logs', [symbol]));
})();

const listed = (sequence: Compiled, type: Compiled): Compiled[] => [
  ...System.Linq.Enumerable.from(sequence, type).ToArray(type),
];

const parsed = (query: string): Compiled => Language.KustoCode.ParseAndAnalyze(query, database);

/** Everything that is wrong with a query: its grammar, tables, columns, functions and types. */
export const kustoFaults = (query: string): string[] =>
  listed(parsed(query).GetDiagnostics(), Language.Diagnostic).map(({ Message }) => Message as string);

/** The strings of a query, as their reader sees them. */
export function kustoStrings(query: string): string[] {
  const found: string[] = [];
  Language.Syntax.SyntaxElement.WalkNodes(parsed(query).Syntax, (node: Compiled) => {
    if (node.Kind === Language.Syntax.SyntaxKind.StringLiteralExpression) found.push(node.LiteralValue as string);
  });
  return found;
}
