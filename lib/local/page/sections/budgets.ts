/** The page: what is left of each error budget, and how fast it goes. */

import { byId, element, say } from '../element.js';
import { digits, lasting } from '../format.js';
import { type Section, section } from '../section.js';
import type { PageBudgets, PageObjective } from '../shape.js';
import { percent } from './percent.js';

type Told = PageBudgets['objectives'][string];

/** Below it a budget lasts longer than the period. */
const AS_ALLOWED = 1;

function burnWords({ burn }: Told, { periodDays, pagesAt }: PageObjective): string {
  const known = burn.filter(({ rate }) => rate !== null);
  if (known.length === 0) return 'Nothing burns it: no requests of late.';
  const rates = known
    .map(({ windowSeconds, rate }) => `${digits(rate ?? 0)}x over ${lasting(windowSeconds)}`)
    .join(', ');
  const pages = pagesAt === null ? '' : `; an alert comes at ${digits(pagesAt)}x`;
  return `Burns at ${rates}. ${AS_ALLOWED}x uses it up in ${periodDays} days${pages}.`;
}

function makeRow(objective: PageObjective) {
  const left = element('b', {}, '–');
  const burn = element('p', { class: 'help' });
  const meter = element('meter', {
    ...{ min: '0', max: '1', low: '0.25', optimum: '1', value: '0' },
    'aria-label': `Error budget left: ${objective.title}`,
  });
  const row = element(
    'li',
    { 'data-objective': objective.id },
    element('span', {}, `${objective.title}, over ${objective.periodDays} days`),
    meter,
    element('p', {}, 'Error budget left: ', left),
    burn,
  );
  return {
    row,
    tell(told: Told) {
      const share = told.left;
      say(left, share === null ? 'no requests yet' : share < 0 ? `overspent, ${percent(share)}` : percent(share));
      meter.value = Math.max(0, share ?? 0);
      meter.textContent = left.textContent;
      say(burn, share === null ? '' : burnWords(told, objective));
    },
  };
}

export function budgetsSection(objectives: readonly PageObjective[]): Section {
  const rows = objectives.map((objective) => ({ objective, ...makeRow(objective) }));
  byId('objectives').replaceChildren(...rows.map(({ row }) => row));
  const since = byId('budget-window');
  return section('budgets', {
    place: byId('budgets'),
    tell({ objectives: told, watchedSeconds }) {
      for (const { objective, tell } of rows) {
        const own = told[objective.id];
        if (own) tell(own);
      }
      const shortest = Math.min(...objectives.map(({ periodDays }) => periodDays * 86_400));
      say(
        since,
        watchedSeconds >= shortest
          ? ''
          : `Counted over the ${lasting(watchedSeconds)} that there are readings of, not yet over the whole period.`,
      );
    },
    fail: (words) => say(since, `Not up to date: ${words}.`),
  });
}
