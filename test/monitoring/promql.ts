/** For the tests of queries: takes PromQL apart with Prometheus' own grammar. */

import { parser } from '@prometheus-io/lezer-promql';
import { loadCatalogue, type Metric } from '../../lib/monitoring/catalogue.js';

export interface Matcher {
  readonly label: string;
  readonly operator: string;
  /** As written, with its quotes and escapes. */
  readonly literal: string;
}

export interface Selector {
  readonly name: string;
  readonly matchers: readonly Matcher[];
  /** Names of the functions around it, from the inside out. */
  readonly functions: readonly string[];
}

export interface Parsed {
  readonly selectors: readonly Selector[];
  readonly groupings: readonly string[];
}

interface Node {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly parent: Node | null;
  readonly type: { readonly isError: boolean };
  getChild(name: string): Node | null;
  getChildren(name: string): readonly Node[];
}

function functionsAround(node: Node, text: (node: Node) => string): string[] {
  const names: string[] = [];
  for (let at = node.parent; at; at = at.parent) {
    if (at.name === 'FunctionCall') names.push(text(at.getChild('FunctionIdentifier')!));
  }
  return names;
}

/** Throws where the grammar finds an error. */
export function parse(query: string): Parsed {
  const text = (node: Node): string => query.slice(node.from, node.to);
  const selectors: Selector[] = [];
  const groupings: string[] = [];
  parser.parse(query).iterate({
    enter({ node }) {
      if (node.type.isError) throw new SyntaxError(`not PromQL at ${node.from}: ${query}`);
      if (node.name === 'GroupingLabels') groupings.push(...(node.getChildren('LabelName') as Node[]).map(text));
      if (node.name !== 'VectorSelector') return;
      const matchers = (node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []).map((matcher) => ({
        label: text(matcher.getChild('LabelName')!),
        operator: text(matcher.getChild('MatchOp')!),
        literal: text(matcher.getChild('StringLiteral')!),
      }));
      selectors.push({ name: text(node.getChild('Identifier')!), matchers, functions: functionsAround(node, text) });
    },
  });
  return { selectors, groupings };
}

const catalogue = new Map([...loadCatalogue(), ...loadCatalogue('dcgm')]);
const suffixes = ['_bucket', '_sum', '_count'];
/** What the scrape itself adds. */
const scraped: Metric = {
  name: 'up',
  type: 'gauge',
  unit: '1',
  labels: [],
  values: {},
  buckets: [],
  help: '1 where the scrape succeeded.',
};

/** The metric that a series belongs to, and the labels which that series may have. */
function seriesOf(name: string): { readonly metric: Metric; readonly labels: readonly string[] } | undefined {
  if (name === 'up') return { metric: scraped, labels: [] };
  const suffix = suffixes.find(
    (end) => name.endsWith(end) && catalogue.get(name.slice(0, -end.length))?.type === 'histogram',
  );
  const metric = catalogue.get(suffix ? name.slice(0, -suffix.length) : name);
  if (!metric || (metric.type === 'histogram' && !suffix)) return undefined;
  return { metric, labels: suffix === '_bucket' ? [...metric.labels, 'le'] : metric.labels };
}

function matcherFaults(matcher: Matcher, metric: Metric): string[] {
  const { label, operator, literal } = matcher;
  const value = JSON.parse(literal) as string;
  const allowed = label === 'le' ? metric.buckets.flatMap((bound) => [`${bound}`, `${bound}.0`]) : metric.values[label];
  if (!allowed) return [];
  const fits =
    operator === '=' ? allowed.includes(value) : allowed.some((one) => new RegExp(`^(?:${value})$`).test(one));
  return fits ? [] : [`${metric.name} never has ${label}${operator}${literal}`];
}

/**
 * What is wrong with a query, measured against the catalogue; empty when it can be answered.
 *
 * @param recorded - names that recording rules make
 */
export function faults(query: string, recorded: ReadonlySet<string>): string[] {
  const { selectors, groupings } = parse(query);
  const known = new Set<string>();
  const ofRecords = selectors.some(({ name }) => recorded.has(name));
  const found = selectors.flatMap(({ name, matchers, functions }) => {
    if (recorded.has(name)) return [];
    const series = seriesOf(name);
    if (!series) return [`${name} is in no catalogue`];
    for (const label of series.labels) known.add(label);
    const { metric, labels } = series;
    const grows = metric.type !== 'gauge';
    const changes = functions.some((fn) => fn === 'rate' || fn === 'increase');
    return [
      ...(grows === changes ? [] : [`${name} is a ${metric.type}, read ${changes ? 'as a counter' : 'as it is'}`]),
      ...matchers
        .filter(({ label }) => label !== 'job' && !labels.includes(label))
        .map(({ label }) => `${name} has no ${label}`),
      ...matchers.flatMap((matcher) => matcherFaults(matcher, metric)),
    ];
  });
  // Which labels a record carries, only its rule says.
  const unknown = ofRecords ? [] : groupings.filter((label) => !known.has(label));
  return [...found, ...unknown.map((label) => `nothing here has ${label}`)];
}
