/** The page: whether answers and inputs have parted from the samples, figure by figure. */

import { byId, element, say } from '../element.js';
import { digits, many } from '../format.js';
import { type Section, section } from '../section.js';
import type { PageDriftFigure, PagePlan } from '../shape.js';
import { mostApart } from './bins.js';
import { binTable, histogram } from './histogram.js';

const statistics: Readonly<Record<string, string>> = {
  class: 'top class',
  confidence: 'probability of the top class',
  value: 'value',
  norm: 'length as a vector',
  mean: 'mean',
  deviation: 'standard deviation',
  length: 'length',
  size: 'number of values',
};

/** Shown at first, those that have parted furthest. */
const FIRST = 6;
const NOT_YET = 'Not compared yet; the first comparison takes a few minutes.';

type State = 'waiting' | 'few' | 'drift' | 'good';

function stateOf({ rows, psi, limit }: PageDriftFigure, minCount: number): State {
  if (rows === null) return 'waiting';
  if (rows < minCount) return 'few';
  if (psi === null || limit === null) return 'waiting';
  return psi > limit ? 'drift' : 'good';
}

const chips: Readonly<Record<State, readonly [colour: string, words: string]>> = {
  waiting: ['unknown', 'not compared yet'],
  few: ['unknown', 'too few rows to tell'],
  drift: ['bad', 'drift'],
  good: ['good', 'as in the samples'],
};

const number = (value: number | null): string => (value === null ? '–' : digits(value));

function countWords({ rows }: PageDriftFigure, minCount: number): string {
  if (rows === null) return NOT_YET;
  return rows < minCount ? `${many(rows, 'row')} of the ${minCount} it takes` : many(rows, 'row');
}

function makeFigure(figure: PageDriftFigure, minCount: number): HTMLElement {
  const { side, tensor, statistic, psi, js, ks, limit } = figure;
  const name = `${side === 'output' ? 'Output' : 'Input'} ${tensor}: ${statistics[statistic] ?? statistic}`;
  const state = stateOf(figure, minCount);
  const [colour, words] = chips[state];
  const distances = `PSI ${number(psi)}, drift above ${number(limit)}; JS ${number(js)}${ks === null ? '' : `; KS ${number(ks)}`}`;
  const details = element('details', {}, element('summary', {}, 'As a table'));
  details.addEventListener('toggle', () => {
    if (details.open && details.childElementCount === 1) details.append(binTable(figure, name));
  });
  return element(
    'li',
    { class: 'figure', 'data-figure': `${side} ${tensor} ${statistic}`, 'data-state': state },
    element('h3', {}, name),
    element('p', {}, element('span', { class: 'chip', 'data-state': colour }, words)),
    histogram(figure),
    element('p', { class: 'distances' }, distances),
    element('p', { class: 'help' }, countWords(figure, minCount)),
    element('p', { class: 'help' }, state === 'waiting' ? '' : `${mostApart(figure)}.`),
    details,
  );
}

/** Why nothing is compared; null where something is. */
function nothingWords(plan: PagePlan, figures: readonly PageDriftFigure[], reason: string | null): string | null {
  if (plan.drift === null) return 'Drift is not watched: the description says so.';
  if (figures.length > 0) return null;
  return reason === null
    ? 'There is nothing to compare with yet: the endpoint has no samples that it was measured on, or has not been read yet.'
    : `There is nothing to compare with: ${reason}.`;
}

/** @param reason - why the optimizer left no reference; null where it did, or nobody knows */
export function driftSection(plan: PagePlan, reason: () => string | null): Section {
  const [list, state, note, more] = [byId('figures'), byId('drift-state'), byId('drift-note'), byId('drift-more')];
  const minCount = plan.drift?.minCount ?? 0;
  let all: readonly PageDriftFigure[] = [];
  let whole = false;
  let key = '';

  const draw = (): void => {
    const next = JSON.stringify([whole, all]);
    if (next === key) return;
    key = next;
    const opened = new Set(
      [...list.querySelectorAll('details[open]')].map((each) => each.closest('li')?.dataset.figure),
    );
    list.replaceChildren(...(whole ? all : all.slice(0, FIRST)).map((figure) => makeFigure(figure, minCount)));
    for (const row of list.querySelectorAll<HTMLElement>('li'))
      if (opened.has(row.dataset.figure)) row.querySelector('details')!.open = true;
    more.hidden = all.length <= FIRST;
    more.setAttribute('aria-expanded', `${whole}`);
    say(more, whole ? `Show the first ${FIRST}` : `Show all ${all.length}`);
  };
  more.addEventListener('click', () => {
    whole = !whole;
    draw();
  });

  return section('drift', {
    place: byId('drift'),
    // Rules compare a day's rows once in two minutes.
    paceSeconds: 30,
    tell(figures) {
      all = figures;
      const states = figures.map((figure) => stateOf(figure, minCount));
      const parted = states.filter((each) => each === 'drift').length;
      const compared = states.filter((each) => each === 'drift' || each === 'good').length;
      state.dataset.state = parted > 0 ? 'bad' : compared > 0 ? 'good' : 'unknown';
      say(
        state,
        parted > 0
          ? `${parted} of ${figures.length} have parted`
          : compared > 0
            ? `none of ${compared} has parted`
            : states.includes('few')
              ? 'too few rows to tell'
              : 'not compared yet',
      );
      const nothing = nothingWords(plan, figures, reason());
      say(note, nothing ?? '');
      note.hidden = nothing === null;
      state.hidden = nothing !== null;
      draw();
    },
    fail(words) {
      state.hidden = false;
      state.dataset.state = 'unknown';
      say(state, `not known: ${words}`);
    },
  });
}
