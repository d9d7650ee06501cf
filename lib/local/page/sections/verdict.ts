/** The page: what limits the endpoint, what to do about it, and what limited it before. */

import { byId, element, say } from '../element.js';
import { lasting, shown, time } from '../format.js';
import { type Section, type ShownRange, section } from '../section.js';
import type { PageBottleneck, PagePlan, PageSpan, PageVerdict } from '../shape.js';

const states: Readonly<Record<PageVerdict['kind'], string>> = { limit: 'warn', waste: 'warn', none: 'good' };
const WAITING = 'Not known yet: it takes a minute of readings.';
/** Of what was before. */
const MOST_SPANS = 4;

const comparisons = { '>': 'above', '<': 'below', '<=': 'at most' } as const;

function figureRow({ title, unit, value, is, than }: PageBottleneck['figures'][number]): HTMLElement {
  return element(
    'li',
    {},
    `${title} `,
    element('b', {}, shown(value, unit)),
    element('small', {}, ` counts ${comparisons[is]} ${shown(than, unit)}`),
  );
}

/** Which verdicts the range has seen, as a strip. The list beside it says the latest in words. */
function strip(history: readonly PageSpan[], kindOf: (id: string) => string, { grid }: ShownRange): HTMLElement[] {
  const whole = grid.end + grid.step - grid.start;
  return history.map(({ id, from, to }) => {
    const part = element('span', { class: `span ${kindOf(id)}` });
    part.style.left = `${((from - grid.start) / whole) * 100}%`;
    part.style.width = `${((to - from) / whole) * 100}%`;
    return part;
  });
}

export function verdictSection({ verdicts }: PagePlan): Section {
  const [title, meaning, action] = [byId('bottleneck-now'), byId('bottleneck-meaning'), byId('bottleneck-action')];
  const [since, figures, also] = [byId('bottleneck-since'), byId('bottleneck-figures'), byId('bottleneck-also')];
  const [timeline, past] = [byId('bottleneck-strip'), byId('bottleneck-past')];
  const wordsOf = (id: string): PageVerdict | undefined => verdicts.find((verdict) => verdict.id === id);
  const titleOf = (id: string): string => wordsOf(id)?.title ?? id;

  const showNow = (answer: PageBottleneck, range: ShownRange): void => {
    const verdict = answer.id === null ? undefined : wordsOf(answer.id);
    title.dataset.state = verdict ? states[verdict.kind] : 'unknown';
    title.dataset.verdict = answer.id ?? '';
    say(title, answer.id === null ? 'Not known yet' : titleOf(answer.id));
    say(meaning, verdict?.meaning ?? WAITING);
    say(action, verdict ? verdict.action : '');
    const lasted = answer.since === null ? `for the last ${range.title} at least` : `since ${time(answer.since)}`;
    say(since, answer.id === null ? '' : lasted);
    figures.replaceChildren(...answer.figures.map(figureRow));
    const others = answer.also.map(titleOf);
    say(also, others.length > 0 ? `Holds too: ${others.join(', ')}.` : '');
  };

  const showPast = ({ history }: PageBottleneck, range: ShownRange): void => {
    const seen = [...new Set(history.map(({ id }) => titleOf(id)))];
    say(byId('bottleneck-range'), history.length > 0 ? `Over ${range.title}: ${seen.join(', ')}.` : '');
    timeline.replaceChildren(...strip(history, (id) => wordsOf(id)?.kind ?? 'none', range));
    const before = history.slice(0, -1).slice(-MOST_SPANS).reverse();
    past.replaceChildren(
      ...before.map(({ id, from, to }) =>
        element('li', {}, `${time(from)}, for ${lasting(to - from)}: `, element('b', {}, titleOf(id))),
      ),
    );
    byId('bottleneck-before').hidden = before.length === 0;
  };

  return section('verdict', {
    place: byId('bottleneck'),
    always: true,
    tell(answer, range) {
      showNow(answer, range);
      showPast(answer, range);
    },
    fail(words) {
      title.dataset.state = 'unknown';
      say(title, 'Not known');
      say(meaning, `It cannot be read: ${words}.`);
      for (const part of [action, since, also]) say(part, '');
      figures.replaceChildren();
    },
  });
}
