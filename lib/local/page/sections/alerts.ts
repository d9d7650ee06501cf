/** The page: the alerts that fire or are about to, since when, and what to do. */

import { byId, element, say } from '../element.js';
import { lasting, time } from '../format.js';
import { type Section, section } from '../section.js';
import type { PageAlert, PageAlerts } from '../shape.js';

const severities: Readonly<Record<string, string>> = { page: 'wakes someone', ticket: 'on a working day' };

/** @param last - of those that ask for the same; what to do is said once */
function alertRow(alert: PageAlert, last: boolean): HTMLElement {
  const { name, state, since, severity, summary, description, action } = alert;
  const lasted = element('span', {}, sinceWords(since));
  return element(
    'li',
    { class: state, 'data-alert': name, 'data-since': `${since}` },
    element('b', {}, `${state === 'firing' ? 'Firing' : 'Pending'}: ${summary}`),
    element('small', {}, lasted, severities[severity] ? `, ${severities[severity]}` : null),
    element('p', {}, description),
    last ? element('p', {}, element('b', {}, 'What to do: '), action) : null,
  );
}

const sinceWords = (since: number): string =>
  `since ${time(since)} (${lasting(Math.max(0, Date.now() / 1000 - since))})`;

const rowsOf = (active: readonly PageAlert[]): HTMLElement[] =>
  active.map((alert, place) =>
    alertRow(alert, active.findLastIndex(({ action }) => action === alert.action) === place),
  );

/** What the chip says. */
function stateOf({ active, watched }: PageAlerts): readonly [state: string, words: string] {
  const firing = active.filter(({ state }) => state === 'firing').length;
  if (firing > 0) return ['bad', `${firing} firing`];
  if (active.length > 0) return ['warn', `${active.length} pending`];
  return ['good', `all quiet, none of ${watched.length} firing`];
}

export function alertsSection(): Section {
  const [chip, list, names, trouble] = [
    byId('alert-state'),
    byId('alerts'),
    byId('alert-names'),
    byId('alert-trouble'),
  ];
  return section('alerts', {
    place: byId('alert-card'),
    always: true,
    tell(answer) {
      const [state, words] = stateOf(answer);
      chip.dataset.state = state;
      say(chip, words);
      const key = JSON.stringify(answer.active);
      if (list.dataset.key !== key) list.replaceChildren(...rowsOf(answer.active));
      list.dataset.key = key;
      for (const row of list.querySelectorAll<HTMLElement>('[data-since]'))
        say(row.querySelector('small span') as HTMLElement, sinceWords(Number(row.dataset.since)));
      if (names.childElementCount !== answer.watched.length)
        names.replaceChildren(
          ...answer.watched.map(({ name, summary }) => element('li', {}, element('code', {}, name), ` ${summary}`)),
        );
      const broken = answer.watched.flatMap(({ name, trouble }) => (trouble ? [`${name}: ${trouble}`] : []));
      say(trouble, broken.length > 0 ? `Cannot be told: ${broken.join('; ')}` : '');
      trouble.hidden = broken.length === 0;
    },
    fail(words) {
      chip.dataset.state = 'unknown';
      say(chip, `not known: ${words}`);
    },
  });
}
