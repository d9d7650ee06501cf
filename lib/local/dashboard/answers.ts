/** The dashboard page's server: what each section of the page is told. One function a section; a round asks for those in sight. */

import { verdicts } from '../../monitoring/bottleneck.js';
import { figures } from '../../monitoring/bottleneck-figures.js';
import type { MonitoringPlan } from '../../monitoring/plan.js';
import type {
  PageAlerts,
  PageAnswers,
  PageBottleneck,
  PageBudgets,
  PageGrid,
  PageLines,
  PageTiles,
} from '../page/shape.js';
import { ask, askNow, askOne, askRange, type Line } from './ask.js';
import { driftAnswer } from './drift.js';
import {
  budgetQueries,
  panelQueries,
  readingsQuery,
  replicasQuery,
  type SeriesQueries,
  signalQueries,
  verdictQueries,
} from './queries.js';
import { spansOf } from './spans.js';

/** Which range is shown, and the points that its charts are drawn at. */
export interface Shown {
  readonly rangeIndex: number;
  readonly grid: PageGrid;
}

type Answer<Key extends keyof PageAnswers> = (shown: Shown) => Promise<PageAnswers[Key]>;

/** Points at the end of the grid that count as now; the newest may not be read yet. */
const RECENT = 5;

const lastOf = (values: readonly (number | null)[]): number | null =>
  values.slice(-RECENT).findLast((value) => value !== null) ?? null;

async function linesOf(url: string, series: SeriesQueries, { rangeIndex, grid }: Shown): Promise<PageLines['lines']> {
  const { split, title, order } = series;
  const lines: readonly Line[] = await askRange(url, series.queries[rangeIndex]!, grid);
  if (split === null) return lines.map(({ values }) => ({ title, values }));
  const place = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  return lines
    .map(({ labels, values }) => ({ name: labels[split] ?? '', values }))
    .sort((a, b) => place(a.name) - place(b.name) || a.name.localeCompare(b.name))
    .map(({ name, values }) => ({ title: `${title} ${name.replaceAll('_', ' ')}`.trim(), values }));
}

/** A chart's lines, and its limit apart from them. */
function panelAnswer(url: string, series: readonly SeriesQueries[]): Answer<`panel:${string}`> {
  return async (shown) => {
    const read = async (role: SeriesQueries['role']): Promise<PageLines['lines']> =>
      (await Promise.all(series.filter((each) => each.role === role).map((each) => linesOf(url, each, shown)))).flat();
    const [lines, [first]] = await Promise.all([read('line'), read('limit')]);
    const value = first ? lastOf(first.values) : null;
    return { lines, limit: first && value !== null ? { title: first.title, value } : null };
  };
}

/** The figures at the top, and what they come to in money. */
function tilesAnswer(plan: MonitoringPlan, url: string, usdPerHour: number | null): Answer<'tiles'> {
  const asked = plan.dashboard.tiles.map(({ id, signal }) => ({ id, queries: signalQueries(plan, signal) }));
  const throughput = signalQueries(plan, 'throughput');
  const costOf = async (price: number, rangeIndex: number): Promise<PageTiles['cost']> => {
    const [replicas, perSecond] = await Promise.all([
      askOne(url, replicasQuery(plan)),
      askOne(url, throughput[rangeIndex]!),
    ]);
    const hourly = price * (replicas ?? 0);
    return { usdPerHour: hourly, usdPerMillion: perSecond ? (hourly * 1e6) / (perSecond * 3600) : null };
  };
  return async ({ rangeIndex }) => {
    const [values, cost] = await Promise.all([
      Promise.all(asked.map(async ({ id, queries }) => [id, await askOne(url, queries[rangeIndex]!)] as const)),
      usdPerHour === null ? null : costOf(usdPerHour, rangeIndex),
    ]);
    return { values: Object.fromEntries(values), cost };
  };
}

function budgetsAnswer(plan: MonitoringPlan, url: string): Answer<'budgets'> {
  const asked = plan.objectives.map((objective) => [objective.id, budgetQueries(plan, objective)] as const);
  return async () => {
    const [readings, objectives] = await Promise.all([
      askOne(url, readingsQuery(plan)),
      Promise.all(
        asked.map(async ([id, { recorded, counted, burn }]) => {
          const [left, ...rates] = await Promise.all([
            askOne(url, recorded).then((value) => value ?? askOne(url, counted)),
            ...burn.map(({ query }) => askOne(url, query)),
          ]);
          return [
            id,
            {
              left: left ?? null,
              burn: burn.map(({ windowSeconds }, i) => ({ windowSeconds, rate: rates[i] ?? null })),
            },
          ] as const;
        }),
      ),
    ]);
    const answer: PageBudgets = {
      watchedSeconds: (readings ?? 0) * plan.scrapeSeconds,
      objectives: Object.fromEntries(objectives),
    };
    return answer;
  };
}

function verdictAnswer(plan: MonitoringPlan, url: string): Answer<'verdict'> {
  const queries = verdictQueries(plan);
  return async ({ grid }) => {
    const [strongest, holding, past] = await Promise.all([
      askNow(url, queries.strongest),
      askNow(url, queries.holding),
      askRange(url, queries.strongest, grid),
    ]);
    const id = strongest[0]?.labels.verdict ?? null;
    const verdict = verdicts.find((each) => each.id === id);
    const values = verdict && verdict.when.length > 0 ? await askNow(url, queries.figures(verdict.id)) : [];
    const history = spansOf(
      past.map(({ labels, values }) => ({ id: labels.verdict ?? '', values })),
      grid,
    );
    const last = history.at(-1);
    const answer: PageBottleneck = {
      id,
      since: last !== undefined && last.id === id && last.from > grid.start ? last.from : null,
      also: holding.map(({ labels }) => labels.verdict ?? '').filter((other) => other !== id),
      figures: (verdict?.when ?? []).map(({ figure, is, than }, place) => ({
        ...figures[figure],
        ...{ is, than },
        value: values.find(({ labels }) => labels.condition === `${place}`)?.value ?? null,
      })),
      history,
    };
    return answer;
  };
}

interface AlertRule {
  readonly name: string;
  readonly lastError?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly alerts?: readonly {
    readonly state: string;
    readonly activeAt: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  }[];
}

/** A summary without the model's name before it, and without what only a firing alert knows. */
const generalWords = (summary: string, model: string): string =>
  summary
    .replace(/^\{\{[^}]*\}\}: /, '')
    .replace(/:? *\{\{.*$/s, '')
    .replace(`${model}: `, '');

/** Alerts that fire or are about to, firing ones first, and all that are watched. */
function alertsAnswer(plan: MonitoringPlan, url: string): Answer<'alerts'> {
  return async () => {
    const { groups } = await ask<{ groups: readonly { readonly rules: readonly AlertRule[] }[] }>(url, 'rules', {
      type: 'alert',
    });
    const rules = groups.flatMap((group) => group.rules);
    const active = rules.flatMap(({ name, alerts = [] }) =>
      alerts.map(({ state, activeAt, labels, annotations }) => ({
        name,
        state: state === 'firing' ? ('firing' as const) : ('pending' as const),
        since: Date.parse(activeAt) / 1000,
        severity: labels.severity ?? '',
        summary: annotations.summary ?? name,
        description: annotations.description ?? '',
        action: annotations.action ?? '',
      })),
    );
    const answer: PageAlerts = {
      active: active.sort((a, b) => a.state.localeCompare(b.state) || a.since - b.since),
      watched: rules.map(({ name, annotations = {}, lastError }) => ({
        name,
        summary: generalWords(annotations.summary ?? name, plan.model),
        trouble: lastError ? lastError : null,
      })),
    };
    return answer;
  };
}

/** Every section that is told from Prometheus. */
export function prometheusAnswers(
  plan: MonitoringPlan,
  url: string,
  usdPerHour: number | null,
): Readonly<Record<string, (shown: Shown) => Promise<unknown>>> {
  return {
    ...Object.fromEntries(
      plan.dashboard.panels.map((panel) => [`panel:${panel.id}`, panelAnswer(url, panelQueries(plan, panel))]),
    ),
    tiles: tilesAnswer(plan, url, usdPerHour),
    budgets: budgetsAnswer(plan, url),
    verdict: verdictAnswer(plan, url),
    alerts: alertsAnswer(plan, url),
    drift: driftAnswer(plan, url),
  };
}
