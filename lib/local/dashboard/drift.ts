/** The dashboard page's server: how outputs and inputs are spread, beside how the samples were. */

import type { MonitoringPlan } from '../../monitoring/plan.js';
import type { PageDriftFigure } from '../page/shape.js';
import { askNow, type Instant } from './ask.js';
import { driftLabels, driftQueries } from './queries.js';

const keyOf = ({ labels }: Instant): string => driftLabels.map((label) => labels[label] ?? '').join('\0');

/** Ranges are numbered; what is no number comes last, and so does what is in no category. */
const placeOf = (name: string): number => (/^\d+$/.test(name) ? Number(name) : Number.POSITIVE_INFINITY);

/** Bins of a figure in the order that they are drawn in: ranges as they rise, categories as they are named. */
const inOrder = (bins: PageDriftFigure['bins']): PageDriftFigure['bins'] =>
  [...bins].sort((a, b) => {
    const [one, other] = [placeOf(a.name), placeOf(b.name)];
    return one === other ? a.name.localeCompare(b.name, 'en', { numeric: true }) : one - other;
  });

const severity = ({ psi, limit }: PageDriftFigure): number => (psi === null || limit === null ? 0 : psi / limit);

/** Every figure that is watched, those that have parted furthest first; outputs before inputs where they are alike. */
export function driftAnswer(plan: MonitoringPlan, url: string): () => Promise<readonly PageDriftFigure[]> {
  if (plan.drift === null) return async () => [];
  const { bins: reference, seen, ...measures } = driftQueries(plan);
  const read = async (query: string): Promise<(key: string) => number | null> => {
    const values = new Map((await askNow(url, query)).map((each) => [keyOf(each), each.value]));
    return (key) => values.get(key) ?? null;
  };
  return async () => {
    const [expected, counted, rows, psi, js, ks, limit] = await Promise.all([
      askNow(url, reference),
      askNow(url, seen),
      read(measures.rows),
      read(measures.psi),
      read(measures.js),
      read(measures.ks),
      read(measures.limit),
    ]);
    const counts = new Map(counted.map((each) => [`${keyOf(each)}\0${each.labels.bin}`, each.value]));
    const binsOf = new Map<string, Instant[]>();
    for (const bin of expected) binsOf.set(keyOf(bin), [...(binsOf.get(keyOf(bin)) ?? []), bin]);
    const all = [...binsOf].map(([key, bins]): PageDriftFigure => {
      const { side, tensor = '', statistic = '' } = bins[0]!.labels;
      const total = rows(key);
      return {
        side: side === 'output' ? 'output' : 'input',
        ...{ tensor, statistic, rows: total },
        ...{ psi: psi(key), js: js(key), ks: ks(key), limit: limit(key) },
        bins: inOrder(
          bins.map(({ labels, value }) => {
            const { bin: name = '', upper = '' } = labels;
            const count = counts.get(`${key}\0${name}`) ?? null;
            return {
              name,
              upper: upper || null,
              expected: value,
              seen: count !== null && total ? count / total : null,
            };
          }),
        ),
      };
    });
    return all.sort((a, b) => severity(b) - severity(a) || b.side.localeCompare(a.side));
  };
}
