/**
 * Monitoring, for SageMaker's detailed observability: alarms in PromQL over what AWS's collector reads of the server and its machine. They
 * tell what SageMaker's own metrics do not.
 */

import type { Alert } from './alerts.js';
import type { MonitoringPlan } from './plan.js';
import { promql, selectorOf } from './queries/prometheus.js';
import { signals } from './signals.js';

/** A variant, as the collector labels its series. */
export interface CollectedVariant {
  readonly endpoint: string;
  readonly variant: string;
}

export interface DetailedAlarm {
  readonly alert: Alert;
  readonly query: string;
  readonly pendingSeconds: number;
}

export const DISK_FILL_LIMIT = 0.9;
/** CloudWatch's PromQL reads no further back. */
const longestWindow = 7 * 86_400;

/** Names with dots stand in quotes; the spellings with underscores find nothing and say so nowhere (AWS, SageMaker developer guide). */
const scopeOf = ({ endpoint, variant }: CollectedVariant) => ({
  '"aws.sagemaker.endpoint.name"': endpoint,
  '"aws.sagemaker.variant.name"': variant,
});

const disk: Alert = {
  name: 'DiskFull',
  severity: 'ticket',
  when: [],
  forSeconds: 300,
  summary: `A disk of the machine is more than ${100 * DISK_FILL_LIMIT} % full`,
  meaning: 'What cannot be written fails: logs, captured requests, files of hooks.',
  action: 'Look at what writes there, and give the variant a larger volume.',
};

/** Whether the collector can tell it: it has the server's metrics, and not whether a scrape succeeded. */
const collected = ({ when }: Alert): boolean =>
  when.every(({ value, windowSeconds }) => value !== signals.reachable.value && windowSeconds <= longestWindow);

/**
 * Alarms for the alerts that nothing else tells, and for the machine's disk.
 *
 * @param told - names of alerts that have an alarm already
 */
export function detailedAlarms(
  plan: MonitoringPlan,
  variant: CollectedVariant,
  told: readonly string[],
): readonly DetailedAlarm[] {
  const scope = scopeOf(variant);
  const selector = selectorOf(scope);
  const own = plan.alerts
    .filter((alert) => !told.includes(alert.name) && collected(alert))
    .map((alert) => ({
      alert,
      query: alert.when
        .map(({ value, windowSeconds, is, than }) => `${promql(value, { scope, windowSeconds })} ${is} ${than}`)
        .join(' and '),
      pendingSeconds: alert.forSeconds,
    }));
  const left = `node_filesystem_avail_bytes{${selector}} / node_filesystem_size_bytes{${selector}}`;
  return [...own, { alert: disk, query: `1 - min(${left}) > ${DISK_FILL_LIMIT}`, pendingSeconds: disk.forSeconds }];
}
