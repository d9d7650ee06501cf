/** The dashboard page's server: the plan as the page draws it. Words alone; what is asked of Prometheus stays here. */

import { verdicts } from '../../monitoring/bottleneck.js';
import { burnPairs } from '../../monitoring/burn-rate.js';
import type { MonitoringPlan } from '../../monitoring/plan.js';
import type { SignalId } from '../../monitoring/signals.js';
import type { PagePlan } from '../page/shape.js';
import { pageRanges } from './queries.js';

export interface PagePlanGiven {
  readonly plan: MonitoringPlan;
  /** Base URL of the endpoint. */
  readonly endpointUrl: string;
  /** In words, why there is no Prometheus; null where there is one. */
  readonly missing: string | null;
}

export function pagePlan({ plan, endpointUrl, missing }: PagePlanGiven): PagePlan {
  const unitOf = (id: SignalId) => plan.signals[id].unit;
  const { dashboard, objectives, drift } = plan;
  return {
    model: plan.model,
    endpoint: endpointUrl,
    infer: `${endpointUrl}/v2/models/${encodeURIComponent(plan.model)}/infer`,
    missing,
    ranges: pageRanges(plan).map(({ title, seconds, stepSeconds }) => ({ title, seconds, stepSeconds })),
    tiles: dashboard.tiles.map(({ id, title, signal }) => ({ id, title, unit: unitOf(signal) })),
    panels: dashboard.panels.map(({ id, title, help, width, form, series, threshold = null }) => ({
      ...{ id, title, help, width, form, threshold },
      unit: unitOf(series[0]!.signal),
    })),
    objectives: objectives.map(({ id, title, periodSeconds, burn }) => {
      const quick = burn.find(({ longSeconds }) => longSeconds === burnPairs[0]!.longSeconds);
      return { id, title, periodDays: periodSeconds / 86_400, pagesAt: quick?.factor ?? null };
    }),
    verdicts: verdicts.map(({ id, title, meaning, action, kind }) => ({ id, title, meaning, action, kind })),
    drift: drift && { minCount: drift.minCount, windowHours: drift.windowSeconds / 3600 },
    notes: plan.notes,
  };
}
