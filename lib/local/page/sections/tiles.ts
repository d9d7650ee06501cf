/** The page: the numbers of the moment, and what they come to in money. */

import { byId, element, say } from '../element.js';
import { shown, usd } from '../format.js';
import { type Section, section } from '../section.js';
import type { PageTile, PageTiles } from '../shape.js';

function makeTile(id: string, title: string): { readonly box: HTMLElement; show(value: string, note?: string): void } {
  const value = element('span', {}, '–');
  const note = element('small');
  const box = element(
    'div',
    { class: 'tile', 'data-tile': id },
    element('dt', {}, title),
    element('dd', { class: 'value' }, value, note),
  );
  return {
    box,
    show(text, more = '') {
      say(value, text);
      say(note, more);
    },
  };
}

function costOf(cost: PageTiles['cost']): readonly [value: string, note: string] {
  if (cost === null) return ['none', 'on this machine'];
  const each =
    cost.usdPerMillion === null ? 'no requests to share it' : `${usd(cost.usdPerMillion)} a million requests`;
  return [`${usd(cost.usdPerHour)} an hour`, each];
}

/** Each keeps its place from the first moment. */
export function tilesSection(tiles: readonly PageTile[]): Section {
  const places = tiles.map((tile) => ({ ...tile, ...makeTile(tile.id, tile.title) }));
  const cost = makeTile('cost', 'Cost');
  const place = byId('tiles');
  place.replaceChildren(...places.map(({ box }) => box), cost.box);
  return section('tiles', {
    place,
    tell(answer) {
      for (const { id, unit, show } of places) show(shown(answer.values[id], unit));
      cost.show(...costOf(answer.cost));
    },
    fail() {
      // A figure that is not of now is none.
      for (const { show } of places) show('–');
    },
  });
}
