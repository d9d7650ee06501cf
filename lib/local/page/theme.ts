/** The page: dark or light, as the system has it until the reader chooses. */

import { byId, say } from './element.js';

const KEY = 'slipway-theme';

type Theme = 'dark' | 'light';

const system = (): Theme => (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');

function chosen(): Theme | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'dark' || value === 'light' ? value : null;
  } catch {
    // Storage may be forbidden; then the choice lasts as long as the page.
    return null;
  }
}

/** Sets the theme, keeps it, and tells `repaint` whenever it changes: a canvas does not follow style sheets. */
export function followTheme(repaint: () => void): void {
  let choice = chosen();
  const button = byId('theme');
  const apply = (): void => {
    const theme = choice ?? system();
    document.documentElement.dataset.theme = theme;
    say(button, theme === 'dark' ? 'Light' : 'Dark');
    button.setAttribute('aria-label', theme === 'dark' ? 'Use light colours' : 'Use dark colours');
    repaint();
  };
  button.addEventListener('click', () => {
    choice = (choice ?? system()) === 'dark' ? 'light' : 'dark';
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // See above.
    }
    apply();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', apply);
  apply();
}
