/** Monitoring, for Grafana: how far answers and inputs have parted from the samples, as the rules of an endpoint record it. */

import type { Drawn } from './grafana-panels.js';
import { range } from './grafana-prometheus.js';
import type { MonitoringPlan } from './plan.js';
import { driftRecord, prometheusScope, selectorOf } from './queries/prometheus.js';

const sides = [
  { side: 'output', title: 'Drift of predictions' },
  { side: 'input', title: 'Drift of inputs' },
] as const;

/** A panel for each side that is watched; none where drift is not. */
export function driftPanels(plan: MonitoringPlan): Drawn[] {
  const { drift } = plan;
  if (!drift) return [];
  const hours = drift.windowSeconds / 3600;
  return sides
    .filter(({ side }) => side === 'output' || drift.watch === 'all')
    .map(({ side, title }) => {
      const where = `${selectorOf(prometheusScope(plan))}, side="${side}"`;
      const psi = `max by (tensor, statistic) (${driftRecord('psi')}{${where}})`;
      const limit = `max(${driftRecord('limit')}{${where}})`;
      return {
        title,
        help: `Population stability index against the samples, over ${hours} h. Above the limit, and from ${drift.minCount} rows on, chance does not explain it.`,
        unit: 'none',
        targets: [range(psi, '{{tensor}} {{statistic}}'), range(limit, 'limit')],
      };
    });
}
