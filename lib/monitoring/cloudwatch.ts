/** Monitoring, the emitter for CloudWatch over what SageMaker publishes of a variant: alarms and panels, as data. */

import { type Alert, type Comparison, objectiveNames } from './alerts.js';
import { MIN_BAD_REQUESTS } from './burn-rate.js';
import type { Panel } from './dashboard.js';
import type { Objective } from './objectives.js';
import type { MonitoringPlan } from './plan.js';
import { type CloudWatchValue, cloudWatchValue, read, type VariantMachine } from './queries/cloudwatch.js';
import type { Unit } from './signals.js';

/** The longest period of an alarm, seconds. */
const longestPeriod = 86_400;

/** Goes off when a value is beyond a threshold in so many periods on end. Periods without data are none of them. */
export interface CloudWatchAlarm {
  /** Unique in a plan; letters and digits. */
  readonly id: string;
  readonly value: CloudWatchValue;
  readonly label: string;
  readonly is: '>' | '>=';
  readonly than: number;
  readonly periodSeconds: number;
  readonly periods: number;
  readonly description: string;
}

/** An alert of the plan: one alarm, or several that all have to be on. */
export interface CloudWatchAlert {
  readonly alert: Alert;
  readonly description: string;
  readonly alarms: readonly CloudWatchAlarm[];
}

export interface CloudWatchAlarms {
  /** One for each objective, quick enough to take a rollout back: the short window of the fastest burn rate. */
  readonly rollback: readonly CloudWatchAlarm[];
  /** One for each alert of the plan that can be told from CloudWatch; the page ones first. */
  readonly alerts: readonly CloudWatchAlert[];
  /** Alerts that are left out, in words. */
  readonly notes: readonly string[];
}

const text = ({ summary, meaning, action }: Alert): string => `${summary}. ${meaning} ${action}`;

interface Part {
  readonly comparison: Comparison;
  readonly value: CloudWatchValue;
}

/** A least number of requests is no alarm of its own: where there are fewer, the share over the same time is 0. */
function guarded(parts: readonly Part[]): readonly Part[] {
  const guard = parts.find(({ comparison }) => comparison.unit === 'requests' && comparison.is === '>=');
  if (!guard || parts.length === 1) return parts;
  const { comparison: least, value: count } = guard;
  return parts
    .filter((part) => part !== guard)
    .map(({ comparison, value }) => {
      if (comparison.windowSeconds !== least.windowSeconds) return { comparison, value };
      const expression = `IF((${count.expression}) >= ${least.than}, ${value.expression}, 0)`;
      return { comparison, value: { expression, metrics: { ...count.metrics, ...value.metrics } } };
    });
}

function alarmOf(id: string, alert: Alert, { comparison, value }: Part): CloudWatchAlarm {
  const { windowSeconds, is, than } = comparison;
  return {
    id,
    value,
    label: alert.summary,
    is: is as CloudWatchAlarm['is'],
    than,
    periodSeconds: windowSeconds,
    periods: Math.max(1, Math.ceil(alert.when.length > 1 ? 1 : alert.forSeconds / windowSeconds)),
    description: text(alert),
  };
}

/** A share of bad requests over the shortest window, with the guard against a single error in the same expression. */
function rollbackAlarm({ id, title, bad, total, burn }: Objective, machine: VariantMachine): CloudWatchAlarm[] {
  const [over, under] = [cloudWatchValue(bad, machine), cloudWatchValue(total, machine)];
  const [fastest] = burn;
  if (!over || !under || !fastest) return [];
  return [
    {
      id: `${objectiveNames[id]}Rollback`,
      value: {
        expression: `IF((${over.expression}) >= ${MIN_BAD_REQUESTS}, (${over.expression}) / (${under.expression}), 0)`,
        metrics: { ...over.metrics, ...under.metrics },
      },
      label: `missed: ${title}`,
      is: '>',
      than: fastest.badShare,
      periodSeconds: fastest.shortSeconds,
      periods: 1,
      description: `A rollout is taken back: more than ${Number((100 * fastest.badShare).toPrecision(4))} % of requests missed the objective (${title}) within ${fastest.shortSeconds / 60} minutes.`,
    },
  ];
}

/** Alarms for the alerts and the objectives of a plan. */
export function cloudWatchAlarms(plan: MonitoringPlan, machine: VariantMachine): CloudWatchAlarms {
  const notes: string[] = [];
  const alerts = plan.alerts.flatMap((alert): CloudWatchAlert[] => {
    const parts = alert.when.map((comparison) => ({ comparison, value: cloudWatchValue(comparison.value, machine) }));
    const missing = parts.some(({ comparison, value }) => value === null || comparison.is === '==');
    if (missing || parts.some(({ comparison }) => comparison.windowSeconds > longestPeriod)) {
      notes.push(
        missing
          ? `no alarm ${alert.name}: SageMaker publishes no metric for it`
          : `no alarm ${alert.name}: an alarm looks back one day at most`,
      );
      return [];
    }
    const watched = guarded(parts as readonly Part[]);
    const alarms = watched.map((part, index) =>
      alarmOf(`${alert.name}${watched.length > 1 ? index + 1 : ''}`, alert, part),
    );
    return [{ alert, description: text(alert), alarms }];
  });
  return { rollback: plan.objectives.flatMap((objective) => rollbackAlarm(objective, machine)), alerts, notes };
}

/** A line over time. */
export interface CloudWatchLine {
  readonly label: string;
  readonly value: CloudWatchValue;
}

/** A graph from 0 up. */
export interface CloudWatchPanel {
  readonly title: string;
  /** Of the axis. */
  readonly unit: string;
  readonly stacked: boolean;
  readonly lines: readonly CloudWatchLine[];
  /** Lines that do not move. */
  readonly marks: readonly { readonly label: string; readonly value: number; readonly objective: boolean }[];
}

/** What people read instead of base units, and by how much it is larger. */
const shown: Readonly<
  Partial<Record<Unit, { readonly label: string; readonly times?: number; readonly over?: number }>>
> = {
  seconds: { label: 'ms', times: 1000 },
  share: { label: '%', times: 100 },
  bytes: { label: 'GiB', over: 2 ** 30 },
};

/** Whole numbers only: metric math reads the `e` of 1e-9 as a name. */
const scaled = ({ expression, metrics }: CloudWatchValue, times: number, over: number): CloudWatchValue => {
  const product = times === 1 ? expression : `(${expression}) * ${times}`;
  return { expression: over === 1 ? product : `(${product}) / ${over}`, metrics };
};

function panelOf(
  { title, form, series, threshold }: Panel,
  { signals }: MonitoringPlan,
  machine: VariantMachine,
): CloudWatchPanel[] {
  const unit = signals[series[0]!.signal].unit;
  const { label, times = 1, over = 1 } = shown[unit] ?? { label: unit };
  const values = series.flatMap(({ signal, role }) => {
    const value = cloudWatchValue(signals[signal].value, machine);
    return value ? [{ label: signals[signal].title, role, value }] : [];
  });
  const lines = values.filter(({ value }) => Object.keys(value.metrics).length > 0);
  if (lines.length === 0) return [];
  const limits = values.filter(({ role, value }) => role === 'limit' && Object.keys(value.metrics).length === 0);
  return [
    {
      title: `${title} (${label})`,
      unit: label,
      stacked: form === 'stacked',
      lines: lines.map(({ label: name, value }) => ({ label: name, value: scaled(value, times, over) })),
      marks: [
        ...limits.map(({ label: name, value }) => ({
          label: name,
          value: (Number(value.expression) * times) / over,
          objective: false,
        })),
        ...(threshold ? [{ label: threshold.title, value: (threshold.value * times) / over, objective: true }] : []),
      ],
    },
  ];
}

/** The panels of a plan that CloudWatch has data for. */
export const cloudWatchPanels = (plan: MonitoringPlan, machine: VariantMachine): readonly CloudWatchPanel[] =>
  plan.dashboard.panels.flatMap((panel) => panelOf(panel, plan, machine));

/** Machines that reported in a minute. */
export const machineCount: CloudWatchValue = read({
  namespace: '/aws/sagemaker/Endpoints',
  name: 'CPUUtilization',
  statistic: 'SampleCount',
});

/** Percent of the accelerators of one machine; CloudWatch counts in percent of one. */
export const acceleratorLines = (count: number): readonly CloudWatchLine[] =>
  (
    [
      ['GPUUtilization', 'busy'],
      ['GPUMemoryUtilization', 'memory'],
    ] as const
  ).map(([name, label]) => ({
    label,
    value: read({ namespace: '/aws/sagemaker/Endpoints', name, statistic: 'Average' }, (id) => `${id} / ${count}`),
  }));

/** Milliseconds that SageMaker adds to a request. */
export const overheadLine: CloudWatchLine = {
  label: 'OverheadLatency Average',
  value: read({ namespace: 'AWS/SageMaker', name: 'OverheadLatency', statistic: 'Average' }, (id) => `${id} / 1000`),
};
