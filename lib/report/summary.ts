/** The report of an optimization, after the road: in the terminal. */

import type { CandidateResult, ReportFile } from '../contract/report.js';
import { textTable } from '../text-table.js';

const none = '–';

const fixed = (value: number | null | undefined, digits: number): string => value?.toFixed(digits) ?? none;

function speed({ speedup, speedupInterval }: CandidateResult): string {
  if (speedup === null) return none;
  const interval = speedupInterval ? ` (${speedupInterval.map((end) => end?.toFixed(2)).join('–')})` : '';
  return `${speedup.toFixed(2)}x${interval}`;
}

/** What was tried, a line each, and above it the names of the columns. Empty without candidates. */
export function candidateTable({ candidates, winner, reference }: ReportFile): string[] {
  if (candidates.length === 0) return [];
  const rows = candidates.map((candidate) => [
    candidate.name,
    candidate.name === winner.name ? 'served' : candidate.status,
    speed(candidate),
    fixed(candidate.fidelity?.agreement, 4),
    fixed(candidate.fidelity?.sqnrDb, 1),
    fixed(candidate.accuracy?.value, 4),
    ...(reference.task ? [candidate.metric ? candidate.metric.value.toPrecision(4) : none] : []),
    candidate.bytes === null ? none : `${Math.round(candidate.bytes / 1000)} KB`,
    candidate.reasons.join('; '),
  ]);
  const metric = reference.task ? [reference.task.metric] : [];
  const header = ['candidate', 'status', 'speed', 'agreement', 'SQNR dB', 'accuracy', ...metric, 'size', ''];
  return textTable([header, ...rows.map((row) => row.map(plain))].map((row) => row.map(plain)));
}

/** Text that cannot steer a terminal: a report may come from elsewhere. */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]+/g, ' ');
}

/** Verdict, table, warnings and notes. */
export function summary(report: ReportFile): string {
  const { host, recheck } = report;
  const lines = [
    `${report.model.name}: ${report.verdict}`,
    '',
    ...candidateTable(report).map((line) => `  ${line}`),
    ...(report.candidates.length > 0 ? [''] : []),
    ...report.warnings.map((text) => `Warning: ${text}`),
    ...report.notes.map((text) => `Note: ${text}`),
    ...(recheck ? [`Made again from the lock; its bytes are ${recheck.sha256Matches ? 'the same' : 'others'}.`] : []),
    `Measured on ${host.cpu} (${host.instructionSet})${host.judgesSpeed ? '' : ', where speed was not judged'}.`,
  ];
  return lines.map(plain).join('\n');
}
