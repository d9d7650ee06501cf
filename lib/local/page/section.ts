/** The page: a section is what one answer of a round is shown in. */

import type { PageAnswers, PageGrid, PageOutcome } from './shape.js';

export interface ShownRange {
  /** Such as `5 min`. */
  readonly title: string;
  readonly grid: PageGrid;
}

export interface Section {
  /** By which its answer is known. */
  readonly id: string;
  /** Read while this is in sight. */
  readonly place: HTMLElement;
  /** Read out of sight too: people have to hear of it. */
  readonly always: boolean;
  /** Whether it is drawn on the grid; then it is read once for each point that the grid gains. */
  readonly onGrid: boolean;
  /** Between two readings, seconds; 0: in every round. */
  readonly paceSeconds: number;
  hear(outcome: PageOutcome<unknown>, shown: ShownRange): void;
}

interface How<Key extends keyof PageAnswers> {
  readonly place: HTMLElement;
  readonly always?: boolean;
  readonly onGrid?: boolean;
  readonly paceSeconds?: number;
  tell(answer: PageAnswers[Key], shown: ShownRange): void;
  /** Says so in the section, beside what was told before. */
  fail(words: string): void;
}

export function section<Key extends keyof PageAnswers>(id: Key, how: How<Key>): Section {
  const { place, always = false, onGrid = false, paceSeconds = 0 } = how;
  return {
    ...{ id, place, always, onGrid, paceSeconds },
    hear(outcome, shown) {
      if ('ok' in outcome) how.tell(outcome.ok as PageAnswers[Key], shown);
      else how.fail(outcome.failed);
    },
  };
}
