/** The page, at the top: the model's name, whether it is ready, what Slipway made of it, and where it answers. */

import { byId, element, say } from '../element.js';
import { digits, shown } from '../format.js';
import { type Section, section } from '../section.js';
import type { PageModel, PagePlan } from '../shape.js';
import { percent } from './percent.js';

export function fact(term: string, value: string | Node, note = ''): HTMLElement {
  return element(
    'div',
    {},
    element('dt', {}, term),
    element('dd', {}, value, note ? element('small', {}, ` ${note}`) : null),
  );
}

export function showName({ model }: PagePlan): void {
  document.title = `${model} · Slipway`;
  say(byId('model'), model);
}

export function showModel(plan: PagePlan, { report }: PageModel): void {
  say(byId('verdict'), report?.verdict ?? 'Served as it is: no report of an optimization was given.');
  const address = element('a', { href: `${plan.endpoint}/v2` }, plan.endpoint);
  byId('facts').replaceChildren(
    ...(report
      ? [
          fact('Precision', report.winner.precision),
          fact('Speed-up', report.winner.speedup === null ? '–' : `${digits(report.winner.speedup)}x`, 'over fp32'),
          report.winner.accuracy === null
            ? fact('Agreement', percent(report.winner.agreement), 'with fp32')
            : fact('Accuracy', percent(report.winner.accuracy), `agreement ${percent(report.winner.agreement)}`),
          fact('Size', shown(report.winner.bytes, 'bytes'), `of ${shown(report.model.bytes, 'bytes')}`),
        ]
      : []),
    element('div', { class: 'wide' }, element('dt', {}, 'Endpoint'), element('dd', {}, address)),
  );
  const warnings = byId('warnings');
  warnings.replaceChildren(...[...(report?.warnings ?? []), ...plan.notes].map((text) => element('li', {}, text)));
  warnings.hidden = warnings.childElementCount === 0;
}

export function readySection(): Section {
  const chip = byId('ready');
  const show = (state: 'good' | 'bad', words: string): void => {
    chip.dataset.state = state;
    say(chip, words);
  };
  return section('ready', {
    place: chip,
    always: true,
    tell: ({ ready, detail }) => show(ready ? 'good' : 'bad', ready ? 'Ready' : `Not ready: ${detail}`),
    fail: (words) => show('bad', `Not known: ${words}`),
  });
}
