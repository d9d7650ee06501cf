/** The page: what the optimizer tried, and why it was not taken. */

import { byId, element } from '../element.js';
import { digits, shown } from '../format.js';
import type { PageReport } from '../shape.js';
import { percent } from './percent.js';

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
  const place = byId('candidates');
  place.querySelector('table')?.remove();
  place.append(
    element(
      'table',
      { role: 'table', 'aria-labelledby': 'candidates-title' },
      element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' }, ...heads)),
      element('tbody', { role: 'rowgroup' }, ...rows),
    ),
  );
}
