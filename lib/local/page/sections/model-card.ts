/** The page: the model card. What is served, how it was made, what the gate found, and on which machine. */

import { byId, element, say } from '../element.js';
import { digits, many, shown } from '../format.js';
import type { PageModel, PageReport, PageTensor } from '../shape.js';
import { fact } from './header.js';
import { percent } from './percent.js';

const code = (text: string): HTMLElement => element('code', {}, text);

function tensorList(tensors: readonly PageTensor[]): HTMLElement {
  const rows = tensors.map(({ name, dtype, shape }) => {
    const size = shape.map((dim) => (dim === null ? 'any' : `${dim}`)).join(' × ');
    return element('li', {}, code(name), ` ${dtype}${size ? `, ${size}` : ''}`);
  });
  return element('ul', {}, ...rows);
}

const spaced = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
/** Told beside it. */
const TOLD: ReadonlySet<string> = new Set(['name', 'precision']);

/** A recipe's options in words: `method static, per channel yes`. */
function recipeWords(recipe: object | null): string {
  const wordsOf = (value: unknown): string => {
    if (typeof value === 'boolean') return value ? 'yes' : 'no';
    if (Array.isArray(value)) return value.length > 0 ? value.map(wordsOf).join(' ') : 'none';
    if (typeof value === 'object' && value !== null) {
      return Object.entries(value)
        .map(([name, inner]) => `${spaced(name)} ${wordsOf(inner)}`)
        .join(' ');
    }
    return `${value}`;
  };
  return Object.entries(recipe ?? {})
    .filter(([name, value]) => value !== null && !TOLD.has(name))
    .map(([name, value]) => `${spaced(name)} ${wordsOf(value)}`)
    .join(', ');
}

function speedWords({ winner }: PageReport, startSpeedup: number | null): readonly [string, string] {
  const { speedup, speedupInterval, speedJudged } = winner;
  if (startSpeedup !== null) return [`${digits(startSpeedup)}x`, 'over fp32, measured here at start'];
  if (!speedJudged) return ['not judged', 'the builder is not the machine that serves'];
  if (speedup === null) return ['–', 'fp32 itself is served'];
  const between = speedupInterval ? `, between ${speedupInterval.map((each) => `${digits(each)}x`).join(' and ')}` : '';
  return [`${digits(speedup)}x`, `over fp32${between}`];
}

function canaryWords({ canaries }: PageReport, canaryDb: number | null): readonly [string, string] {
  const { count, minSqnrDb, synthetic } = canaries;
  if (count === 0) return ['none', ''];
  const found = canaryDb === null ? 'replayed at start' : `replayed at start, ${shown(canaryDb, 'decibels')}`;
  return [
    many(count, 'known answer'),
    `${found}; at least ${shown(minSqnrDb, 'decibels')}${synthetic ? '; made-up inputs' : ''}`,
  ];
}

/** Groups of facts; of each: term, value, note. */
function groupsOf(
  model: PageModel,
  report: PageReport,
): readonly (readonly [title: string, facts: readonly HTMLElement[]])[] {
  const { winner, reference, data, host, session } = report;
  const accuracy: readonly [string, string] =
    winner.accuracy === null
      ? ['not measured', 'without labels']
      : [percent(winner.accuracy), reference.accuracy === null ? '' : `fp32 has ${percent(reference.accuracy)}`];
  return [
    [
      'Model',
      [
        fact('Kind', report.model.family, `opset ${report.model.opset}, ${many(report.model.nodes, 'node')} before`),
        fact('SHA-256 of the served file', code(model.served.sha256 ?? winner.sha256)),
        fact('Inputs', tensorList(report.model.inputs.length > 0 ? report.model.inputs : model.inputs)),
        fact('Outputs', tensorList(report.model.outputs.length > 0 ? report.model.outputs : model.outputs)),
      ],
    ],
    [
      'Recipe',
      [
        fact('Form', winner.name, winner.precision),
        fact('Made with', recipeWords(winner.recipe) || 'as it was given'),
        fact('Size', shown(winner.bytes, 'bytes'), `of ${shown(reference.bytes, 'bytes')}`),
        fact(
          'Samples',
          data === null ? 'none' : many(data.samples, 'sample'),
          data ? `${data.evaluationSamples} to judge with` : '',
        ),
      ],
    ],
    [
      'Gate',
      [
        fact('Speed-up', ...speedWords(report, model.startSpeedup)),
        fact('Agreement', percent(winner.agreement), 'with fp32'),
        fact('Accuracy', ...accuracy),
        fact('Signal to noise', shown(winner.sqnrDb, 'decibels'), 'against fp32'),
        fact('Canaries', ...canaryWords(report, model.canaryDb)),
      ],
    ],
    [
      'Machine',
      [
        fact('Provider', session.provider, many(session.intraOpThreads, 'thread')),
        fact('Optimized on', host.cpu, `${many(host.processors, 'processor')}, ${host.instructionSet}`),
      ],
    ],
  ];
}

/** Without a report: what the endpoint says of itself. */
const bare = (model: PageModel): ReturnType<typeof groupsOf> => [
  [
    'Model',
    [
      ...(model.served.sha256 ? [fact('SHA-256 of the served file', code(model.served.sha256))] : []),
      fact('Inputs', tensorList(model.inputs)),
      fact('Outputs', tensorList(model.outputs)),
    ],
  ],
  ['Recipe', [fact('Form', model.served.precision ?? 'as it was given', 'no report of an optimization')]],
];

export function showCard(model: PageModel): void {
  const groups = model.report ? groupsOf(model, model.report) : bare(model);
  byId('card').replaceChildren(
    ...groups.map(([title, facts]) => element('div', {}, element('h3', {}, title), element('dl', {}, ...facts))),
  );
  say(byId('card-note'), model.live ? '' : 'As it was built: the endpoint does not answer now.');
}
