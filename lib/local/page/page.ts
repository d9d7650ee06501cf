/** The page: what is read when. Drawn from the plan; nothing about a particular model is in here. */

import { type Chart, makeChart } from './charts.js';
import { byId, element, say } from './element.js';
import { activeAlerts, gridOf } from './prometheus.js';
import {
  makeObjectives,
  makeTiles,
  showAlerts,
  showCandidates,
  showCommand,
  showModel,
  showReady,
} from './sections.js';
import type { PagePlan, PageReady, PageReport } from './shape.js';
import { followTheme } from './theme.js';

const QUICKEST_SECONDS = 5;
const SLOWEST_SECONDS = 30;

async function json<Value>(path: string): Promise<Value> {
  const response = await fetch(path, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`${path} answers with status ${response.status}`);
  return (await response.json()) as Value;
}

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Asks the endpoint itself: it answers whether or not there is a Prometheus. */
async function refreshReady(): Promise<void> {
  showReady(await json<PageReady>('/ready.json'));
}

function showTrouble(errors: readonly unknown[]): void {
  const texts = [...new Set(errors.map(words))];
  const trouble = byId('trouble');
  say(trouble, texts.length > 0 ? `The figures below are not up to date: ${texts.join('; ')}. Trying again.` : '');
  trouble.hidden = texts.length === 0;
}

/** Buttons of which one is pressed. */
function makeRanges(plan: PagePlan, choose: (index: number) => void): void {
  const buttons = plan.ranges.map(({ title }, index) => {
    const button = element('button', { type: 'button', 'aria-pressed': `${index === 0}` }, title);
    button.addEventListener('click', () => {
      for (const other of buttons) other.setAttribute('aria-pressed', `${other === button}`);
      choose(index);
    });
    return button;
  });
  byId('ranges').replaceChildren(...buttons);
}

function watch(plan: PagePlan, charts: readonly Chart[]): void {
  const refreshTiles = makeTiles(plan.tiles);
  const refreshObjectives = makeObjectives(plan.objectives);
  let rangeIndex = 0;
  let paused = false;
  let timer: number | undefined;
  let round = 0;

  const refresh = async (): Promise<void> => {
    window.clearTimeout(timer);
    round += 1;
    const own = round;
    const shownRange = plan.ranges[rangeIndex]!;
    const grid = gridOf(Date.now() / 1000, shownRange.seconds, shownRange.stepSeconds);
    const results = await Promise.allSettled([
      refreshReady(),
      ...(plan.missing === null
        ? [
            ...charts.map((chart) => chart.refresh(grid, rangeIndex)),
            refreshTiles(rangeIndex),
            refreshObjectives(),
            activeAlerts().then((alerts) => showAlerts(alerts, plan.alerts)),
          ]
        : []),
    ]);
    // A choice made meanwhile has started a round of its own.
    if (own !== round) return;
    showTrouble(results.filter((result) => result.status === 'rejected').map(({ reason }) => reason));
    const seconds = Math.min(SLOWEST_SECONDS, Math.max(QUICKEST_SECONDS, shownRange.stepSeconds));
    if (!paused && !document.hidden) timer = window.setTimeout(refresh, seconds * 1000);
  };

  makeRanges(plan, (index) => {
    rangeIndex = index;
    void refresh();
  });
  const pause = byId('pause');
  pause.addEventListener('click', () => {
    paused = !paused;
    pause.setAttribute('aria-pressed', `${paused}`);
    say(pause, paused ? 'Resume' : 'Pause');
    if (paused) window.clearTimeout(timer);
    else void refresh();
  });
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && !paused) void refresh();
  });
  void refresh();
}

async function start(): Promise<void> {
  const [plan, report, sample] = await Promise.all([
    json<PagePlan>('/plan.json'),
    json<PageReport | null>('/report.json'),
    json<object>('/sample.json'),
  ]);
  showModel(plan, report);
  showCandidates(report);
  showCommand(plan, sample);
  const charts = plan.missing === null ? plan.panels.map(makeChart) : [];
  byId('charts').replaceChildren(...charts.map(({ section }) => section));
  const missing = byId('missing');
  missing.hidden = plan.missing === null;
  say(missing, plan.missing ?? '');
  for (const part of document.querySelectorAll<HTMLElement>('[data-needs="prometheus"]'))
    part.hidden = plan.missing !== null;
  followTheme(() => {
    for (const chart of charts) chart.repaint();
  });
  new ResizeObserver(() => {
    for (const chart of charts) chart.resize();
  }).observe(byId('charts'));
  watch(plan, charts);
}

start().catch((error: unknown) => {
  const trouble = byId('trouble');
  trouble.hidden = false;
  say(trouble, `The page cannot be drawn: ${words(error)}. Reload it once the endpoint runs.`);
});
