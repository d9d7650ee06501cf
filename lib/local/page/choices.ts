/** The page: buttons of which one is pressed. */

import { element } from './element.js';

/** A group of buttons; the first is pressed. `choose` hears the place of the one that is pressed next. */
export function choices(label: string, titles: readonly string[], choose: (index: number) => void): HTMLElement {
  const buttons = titles.map((title, index) => {
    const button = element('button', { type: 'button', 'aria-pressed': `${index === 0}` }, title);
    button.addEventListener('click', () => {
      for (const other of buttons) other.setAttribute('aria-pressed', `${other === button}`);
      choose(index);
    });
    return button;
  });
  return element('div', { class: 'choices', role: 'group', 'aria-label': label }, ...buttons);
}
