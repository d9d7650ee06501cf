/** Monitoring, the verdicts as recording rules for Prometheus: what limits the endpoint, at any time. */

import { type Condition, type Verdict, verdicts } from './bottleneck.js';
import type { BottleneckPlan } from './bottleneck-plan.js';
import type { MonitoringPlan } from './plan.js';
import { figureRecord, figuresIn } from './queries/bottleneck.js';
import { duration, prometheusScope, selectorOf } from './queries/prometheus.js';

/** By its label `verdict`, 1 while that verdict holds and 0 while it does not; nothing where it cannot be told. */
export const bottleneckRecord = 'endpoint:bottleneck';

/** The strongest verdict that holds: one series, 1, with its label `verdict`. */
export const strongestRecord = 'endpoint:bottleneck:strongest';

/** A twelfth of the window is soon enough. */
const paceOf = ({ windowSeconds }: BottleneckPlan): number => Math.floor(windowSeconds / 12);

/** One group: figures, then each verdict, then the strongest of them. None of it is an alert: to be limited by something is no fault. */
export function bottleneckGroup(plan: MonitoringPlan): object {
  const scope = prometheusScope(plan);
  const selector = selectorOf(scope);
  const recorded = ({ figure, orAbsent }: Condition): string => {
    const series = `${figureRecord(figure)}{${selector}}`;
    return orAbsent ? `(${series} or 0 * ${figureRecord('requests')}{${selector}})` : series;
  };
  const holds = (condition: Condition): string => `(${recorded(condition)} ${condition.is} bool ${condition.than})`;
  const verdict = (id: string): string => `${bottleneckRecord}{${selector}, verdict="${id}"}`;
  const expressionOf = ({ id, when }: Verdict): string =>
    when.length > 0
      ? when.map(holds).join(' * ')
      : // Nothing is known before there are rates.
        `(max by (job) (${bottleneckRecord}{${selector}, verdict!="${id}"}) == bool 0) * (${figureRecord('requests')}{${selector}} >= bool 0)`;
  return {
    name: `slipway ${plan.model} bottleneck`,
    interval: duration(Math.max(plan.scrapeSeconds, paceOf(plan.bottleneck))),
    rules: [
      ...figuresIn(plan.bottleneck, scope).map(([id, expr]) => ({ record: figureRecord(id), expr, labels: scope })),
      ...verdicts.map((each) => ({
        record: bottleneckRecord,
        expr: expressionOf(each),
        labels: { ...scope, verdict: each.id },
      })),
      {
        record: strongestRecord,
        expr: verdicts.map(({ id }) => `${verdict(id)} == 1`).join(' or on (job) '),
        labels: scope,
      },
    ],
  };
}
