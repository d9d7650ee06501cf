/** The page: when what is read. One request a round, for the sections in sight; nothing while the page is hidden or paused. */

import type { Section } from './section.js';
import type { PageOutcome, PageRange, PageRound } from './shape.js';

/** Between two rounds, seconds: as often as a chart gains a point, within these. */
const QUICKEST = 5;
const SLOWEST = 30;
/** So long a section that comes into sight waits for others that come with it, milliseconds. */
const GATHER_MS = 120;
/** Of the height of the window, beyond which a section is out of sight. */
const MARGIN = '40%';
const TIMEOUT_MS = 30_000;

export interface Rounds {
  choose(rangeIndex: number): void;
  /** Reads all sections once more, so that what is scrolled to later is of the same moment; then nothing. */
  pause(): void;
  resume(): void;
}

interface Told {
  /** Unix seconds. */
  readonly at: number;
  readonly gridEnd: number;
  readonly rangeIndex: number;
  readonly failed: string | null;
}

const now = (): number => Date.now() / 1000;

async function askRound(rangeIndex: number, sections: readonly Section[]): Promise<PageRound> {
  const of = sections.map(({ id }) => id).join(',');
  let response: Response;
  try {
    response = await fetch(`/round.json?${new URLSearchParams({ range: `${rangeIndex}`, of })}`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    const slow = error instanceof Error && error.name === 'TimeoutError';
    throw new Error(
      slow
        ? 'the page’s server takes too long to answer'
        : 'the page’s server does not answer, Slipway may have been stopped',
    );
  }
  if (!response.ok) throw new Error(`the page’s server answers with status ${response.status}`);
  return (await response.json()) as PageRound;
}

/**
 * Starts the rounds.
 *
 * @param report - hears after each round what is wrong now, in words; nothing when all is well
 */
export function startRounds(
  sections: readonly Section[],
  ranges: readonly PageRange[],
  report: (troubles: readonly string[]) => void,
): Rounds {
  const told = new Map<Section, Told>();
  const seen = new Set<Element>();
  const asked = new Set<Section>();
  let rangeIndex = 0;
  let paused = false;
  let timer: number | undefined;
  let gathering: number | undefined;

  const wanted = (section: Section): boolean => section.always || seen.has(section.place);
  const due = (section: Section): boolean => {
    const last = told.get(section);
    if (last === undefined || last.failed !== null || last.rangeIndex !== rangeIndex) return true;
    const { stepSeconds } = ranges[rangeIndex]!;
    if (section.onGrid) return Math.floor(now() / stepSeconds) * stepSeconds > last.gridEnd;
    return now() - last.at >= section.paceSeconds;
  };

  const read = async (some: readonly Section[]): Promise<void> => {
    const due_ = some.filter((section) => !asked.has(section));
    if (due_.length === 0) return;
    const own = rangeIndex;
    for (const section of due_) asked.add(section);
    let troubles: string[];
    try {
      const { grid, outcomes } = await askRound(own, due_);
      // A choice made meanwhile has started a round of its own.
      if (own !== rangeIndex) return;
      for (const section of due_) {
        const outcome: PageOutcome<unknown> = outcomes[section.id] ?? { failed: 'it was not answered' };
        const failed = 'failed' in outcome ? outcome.failed : null;
        told.set(section, { at: now(), gridEnd: grid.end, rangeIndex: own, failed });
        section.hear(outcome, { title: ranges[own]!.title, grid });
      }
      troubles = [...told].filter(([section]) => wanted(section)).flatMap(([, { failed }]) => failed ?? []);
    } catch (error) {
      troubles = [error instanceof Error ? error.message : String(error)];
    } finally {
      for (const section of due_) asked.delete(section);
    }
    report([...new Set(troubles)]);
  };

  const next = (): void => {
    window.clearTimeout(timer);
    if (paused || document.hidden) return;
    const seconds = Math.min(SLOWEST, Math.max(QUICKEST, ranges[rangeIndex]!.stepSeconds));
    timer = window.setTimeout(refresh, seconds * 1000);
  };
  const refresh = (): void => {
    window.clearTimeout(timer);
    void read(sections.filter((section) => wanted(section) && due(section))).finally(next);
  };

  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) seen.add(target);
        else seen.delete(target);
      }
      window.clearTimeout(gathering);
      if (paused) return;
      const late = (): void => void read(sections.filter((section) => wanted(section) && due(section)));
      // The first of all is read at once.
      if (told.size === 0) refresh();
      else gathering = window.setTimeout(late, GATHER_MS);
    },
    { rootMargin: `${MARGIN} 0px` },
  );
  for (const { place } of sections) observer.observe(place);
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) window.clearTimeout(timer);
    else if (!paused) refresh();
  });

  const readAll = (): void => void read(sections.filter(due));
  return {
    choose(index) {
      rangeIndex = index;
      asked.clear();
      if (paused) readAll();
      else refresh();
    },
    pause() {
      paused = true;
      window.clearTimeout(timer);
      window.clearTimeout(gathering);
      readAll();
    },
    resume() {
      paused = false;
      refresh();
    },
  };
}
