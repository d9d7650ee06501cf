/** The page: drawn from the plan; nothing about a particular model is in here. */

import { type Chart, makeChart } from './chart.js';
import { choices } from './choices.js';
import { byId, say } from './element.js';
import { time } from './format.js';
import { startRounds } from './rounds.js';
import { type Section, section } from './section.js';
import { alertsSection } from './sections/alerts.js';
import { budgetsSection } from './sections/budgets.js';
import { showCandidates } from './sections/candidates.js';
import { showCommand } from './sections/command.js';
import { driftSection } from './sections/drift.js';
import { readySection, showModel, showName } from './sections/header.js';
import { showCard } from './sections/model-card.js';
import { tilesSection } from './sections/tiles.js';
import { verdictSection } from './sections/verdict.js';
import type { PageModel, PagePlan } from './shape.js';
import { followTheme } from './theme.js';

async function json<Value>(path: string): Promise<Value> {
  const response = await fetch(path, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`${path} answers with status ${response.status}`);
  return (await response.json()) as Value;
}

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function showTrouble(troubles: readonly string[]): void {
  const trouble = byId('trouble');
  say(
    trouble,
    troubles.length > 0 ? `The figures below are not up to date: ${troubles.join('; ')}. Trying again.` : '',
  );
  trouble.hidden = troubles.length === 0;
}

/** The parts that are told from the report. They change when another model is served. */
function modelSection(plan: PagePlan, keep: (model: PageModel) => void): Section {
  let key = '';
  return section('model', {
    place: byId('model-card'),
    always: true,
    paceSeconds: 60,
    tell(model) {
      const next = JSON.stringify(model);
      if (next === key) return;
      key = next;
      keep(model);
      showModel(plan, model);
      showCard(model);
      showCandidates(model.report);
    },
    fail: (failed) => say(byId('card-note'), `Not up to date: ${failed}.`),
  });
}

function makeControls(plan: PagePlan, sections: readonly Section[]): void {
  const rounds = startRounds(sections, plan.ranges, showTrouble);
  byId('ranges').replaceChildren(
    choices(
      'How far back the charts look',
      plan.ranges.map(({ title }) => title),
      rounds.choose,
    ),
  );
  const [button, note] = [byId('pause'), byId('paused')];
  let paused = false;
  const toggle = (): void => {
    paused = !paused;
    button.setAttribute('aria-pressed', `${paused}`);
    say(button, paused ? 'Resume' : 'Pause');
    say(note, paused ? `Paused at ${time(Date.now() / 1000)}` : '');
    if (paused) rounds.pause();
    else rounds.resume();
  };
  button.addEventListener('click', toggle);
  // By its place on the keyboard: with Alt some layouts make another letter of it.
  document.addEventListener('keydown', (event) => {
    if (!event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.code !== 'KeyP') return;
    event.preventDefault();
    toggle();
  });
}

async function start(): Promise<void> {
  const [plan, sample] = await Promise.all([json<PagePlan>('/plan.json'), json<object>('/sample.json')]);
  showName(plan);
  showCommand(plan, sample);
  const missing = byId('missing');
  missing.hidden = plan.missing === null;
  say(missing, plan.missing ?? '');
  for (const part of document.querySelectorAll<HTMLElement>('[data-needs="prometheus"]'))
    part.hidden = plan.missing !== null;

  let model: PageModel | undefined;
  const charts: readonly Chart[] = plan.missing === null ? plan.panels.map(makeChart) : [];
  byId('charts').replaceChildren(...charts.map((chart) => chart.section.place));
  const watched =
    plan.missing === null
      ? [
          tilesSection(plan.tiles),
          verdictSection(plan),
          alertsSection(),
          budgetsSection(plan.objectives),
          ...charts.map((chart) => chart.section),
          driftSection(plan, () => model?.report?.drift?.reason ?? null),
        ]
      : [];
  followTheme(() => {
    for (const chart of charts) chart.repaint();
  });
  new ResizeObserver(() => {
    for (const chart of charts) chart.resize();
  }).observe(byId('charts'));
  const own = modelSection(plan, (given) => {
    model = given;
  });
  makeControls(plan, [readySection(), own, ...watched]);
}

start().catch((error: unknown) => {
  const trouble = byId('trouble');
  trouble.hidden = false;
  say(trouble, `The page cannot be drawn: ${words(error)}. Reload it once the endpoint runs.`);
});
