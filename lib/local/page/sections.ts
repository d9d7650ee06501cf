/** The page: everything that is words and tables: the model's verdict, objectives, alerts, candidates, the command to try. */

import { byId, element, say } from './element.js';
import { digits, shellQuoted, shown } from './format.js';
import { type ActiveAlert, now } from './prometheus.js';
import type { PageObjective, PagePlan, PageReady, PageReport, PageTile } from './shape.js';

const percent = (share: number | null): string => shown(share, 'share');

function fact(term: string, value: string, note = ''): HTMLElement {
  return element(
    'div',
    {},
    element('dt', {}, term),
    element('dd', {}, value, note ? element('small', {}, ` ${note}`) : null),
  );
}

/** The model's name, what Slipway made of it, and where it answers. */
export function showModel(plan: PagePlan, report: PageReport | null): void {
  document.title = `${plan.model} · Slipway`;
  say(byId('model'), plan.model);
  say(byId('verdict'), report?.verdict ?? 'Served as it is: no report of an optimization was given.');
  const facts = byId('facts');
  const address = element('a', { href: `${plan.endpoint}/v2` }, plan.endpoint);
  facts.replaceChildren(
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

export function showReady({ ready, detail }: PageReady): void {
  const chip = byId('ready');
  chip.dataset.state = ready ? 'good' : 'bad';
  say(chip, ready ? 'Ready' : `Not ready: ${detail}`);
}

/** The numbers at the top; each keeps its place from the first moment. */
export function makeTiles(tiles: readonly PageTile[]): (rangeIndex: number) => Promise<void> {
  const places = tiles.map((tile) => {
    const value = element('dd', { class: 'value' }, '–');
    return {
      tile,
      value,
      box: element('div', { class: 'tile', 'data-tile': tile.id }, element('dt', {}, tile.title), value),
    };
  });
  byId('tiles').replaceChildren(...places.map(({ box }) => box));
  return async (rangeIndex) => {
    await Promise.all(
      places.map(async ({ tile, value }) => say(value, shown(await now(tile.queries[rangeIndex] ?? ''), tile.unit))),
    );
  };
}

/** What is left of each error budget. */
export function makeObjectives(objectives: readonly PageObjective[]): () => Promise<void> {
  const places = objectives.map((objective) => {
    const left = element('b', {}, '–');
    const meter = element('meter', {
      min: '0',
      max: '1',
      low: '0.25',
      optimum: '1',
      value: '0',
      'aria-label': 'Error budget left',
    });
    const row = element(
      'li',
      { 'data-objective': objective.id },
      element('span', {}, `${objective.title}, over ${objective.periodDays} days`),
      meter,
      element('span', {}, 'error budget left: ', left),
    );
    return { objective, left, meter, row };
  });
  byId('objectives').replaceChildren(...places.map(({ row }) => row));
  return async () => {
    await Promise.all(
      places.map(async ({ objective, left, meter }) => {
        const share = await now(objective.query);
        say(left, share === null ? 'no requests yet' : share < 0 ? `overspent, ${percent(share)}` : percent(share));
        meter.value = Math.max(0, share ?? 0);
      }),
    );
  };
}

function alertRow(alert: ActiveAlert): HTMLElement {
  const { summary = alert.labels.alertname ?? 'Alert', description = '', action = '' } = alert.annotations;
  const word = alert.state === 'firing' ? 'Firing' : 'Pending';
  return element(
    'li',
    { class: alert.state, 'data-alert': alert.labels.alertname ?? '' },
    element('b', {}, `${word}: ${summary}`),
    element('p', {}, description),
    element('p', {}, action),
  );
}

/** The alerts that fire or are about to, in plain words; firing ones first. */
export function showAlerts(alerts: readonly ActiveAlert[], watched: number): void {
  const ordered = [...alerts].sort((a, b) => a.state.localeCompare(b.state) || a.activeAt.localeCompare(b.activeAt));
  const firing = ordered.filter(({ state }) => state === 'firing').length;
  const heading = byId('alert-state');
  heading.dataset.state = firing > 0 ? 'bad' : ordered.length > 0 ? 'warn' : 'good';
  say(
    heading,
    firing > 0 ? `${firing} firing` : ordered.length > 0 ? `${ordered.length} pending` : `none of ${watched} firing`,
  );
  const key = JSON.stringify(ordered.map(({ state, labels, annotations }) => [state, labels, annotations]));
  const list = byId('alerts');
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(...ordered.map(alertRow));
}

const columns = ['Candidate', 'Result', 'Latency p50', 'Speed-up', 'Agreement', 'Accuracy', 'Size', 'Why not'] as const;
const wordColumns: ReadonlySet<string> = new Set(['Candidate', 'Result', 'Why not']);

/** On narrow screens the style makes blocks of rows and cells; the roles keep them a table for screen readers. */
function candidateRow(texts: readonly string[], status: string): HTMLElement {
  const cells = texts.map((text, i) => {
    const title = columns[i]!;
    if (title === 'Candidate') return element('th', { role: 'rowheader', scope: 'row' }, text);
    if (title === 'Result')
      return element('td', { role: 'cell' }, element('span', { class: `status ${status}` }, text));
    const style: Record<string, string> = wordColumns.has(title) ? {} : { class: 'number', 'data-title': title };
    return element('td', { role: 'cell', ...style }, text);
  });
  return element('tr', { role: 'row', class: status }, ...cells);
}

function figures(
  ms: number | undefined,
  speedup: number | null,
  agreement: number | null,
  accuracy: number | null,
  bytes: number | null,
): string[] {
  return [
    shown(ms === undefined ? null : ms / 1000, 'seconds'),
    speedup === null ? '–' : `${digits(speedup)}x`,
    percent(agreement),
    percent(accuracy),
    shown(bytes, 'bytes'),
  ];
}

/** What was tried, and why it was not taken. */
export function showCandidates(report: PageReport | null): void {
  byId('candidates').hidden = report === null;
  if (!report) return;
  const { reference, winner, candidates } = report;
  const result = (name: string, otherwise: string): string => (name === winner.name ? 'served' : otherwise);
  const rows = [
    candidateRow(
      [
        'fp32',
        result('fp32', 'reference'),
        ...figures(reference.latencyMs.p50, 1, null, reference.accuracy, reference.bytes),
        '',
      ],
      result('fp32', 'reference'),
    ),
    ...candidates.map(({ name, status, reasons, latencyMs, speedup, fidelity, accuracy, bytes }) => {
      const numbers = figures(latencyMs?.p50, speedup, fidelity?.agreement ?? null, accuracy?.value ?? null, bytes);
      return candidateRow([name, result(name, status), ...numbers, reasons.join('; ')], result(name, status));
    }),
  ];
  const heads = columns.map((title) =>
    element(
      'th',
      { role: 'columnheader', scope: 'col', ...(wordColumns.has(title) ? {} : { class: 'number' }) },
      title,
    ),
  );
  byId('candidates').append(
    element(
      'table',
      { role: 'table', 'aria-labelledby': 'candidates-title' },
      element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' }, ...heads)),
      element('tbody', { role: 'rowgroup' }, ...rows),
    ),
  );
}

/** A body up to this length stands in the command itself; a longer one is fetched from this page. */
const INLINE = 600;

/** A command that works when pasted. */
export function showCommand(plan: PagePlan, sample: object): void {
  const body = JSON.stringify(sample);
  const json = "-H 'Content-Type: application/json'";
  const command =
    body.length <= INLINE
      ? `curl -s ${shellQuoted(plan.infer)} ${json} -d ${shellQuoted(body)}`
      : `curl -s ${shellQuoted(`${location.origin}/sample.json`)} | curl -s ${shellQuoted(plan.infer)} ${json} --data-binary @-`;
  say(byId('command'), command);
  const button = byId('copy');
  button.addEventListener('click', () => {
    navigator.clipboard.writeText(command).then(
      () => say(button, 'Copied'),
      () => say(button, 'Select it and copy by hand'),
    );
  });
}
