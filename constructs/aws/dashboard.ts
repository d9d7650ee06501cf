/** The dashboard of one variant, drawn from its monitoring plan, with what only SageMaker knows: machines, its own overhead, accelerators. */

import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type { Panel } from '../../lib/monitoring/dashboard.js';
import type { MonitoringPlan } from '../../lib/monitoring/plan.js';
import { type CloudWatchValue, cloudWatchValue, read } from '../../lib/monitoring/queries/cloudwatch.js';
import type { Unit } from '../../lib/monitoring/signals.js';
import type { EndpointPlan } from '../../lib/plan.js';
import type { EndpointMetrics } from './endpoint-metrics.js';

/** The machine of a variant, as far as a dashboard needs it. */
export interface DashboardMachine {
  readonly processors: number;
  readonly memoryBytes: number;
  readonly acceleratorCount: number;
  /** Of one machine; null where no price is known. */
  readonly usdPerHour: number | null;
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

/** Widgets for the panels that CloudWatch has data for, and those of the platform. */
export function dashboardWidgets(
  plan: MonitoringPlan,
  metrics: EndpointMetrics,
  machine: DashboardMachine,
): cloudwatch.IWidget[] {
  return [
    ...plan.dashboard.panels.flatMap((panel) => planned(panel, plan, metrics, machine)),
    ...platformWidgets(metrics, machine),
  ];
}

function planned(
  { title, form, series, threshold }: Panel,
  plan: MonitoringPlan,
  metrics: EndpointMetrics,
  machine: DashboardMachine,
): cloudwatch.IWidget[] {
  const unit = plan.signals[series[0]!.signal].unit;
  const { label, times = 1, over = 1 } = shown[unit] ?? { label: unit };
  const values = series.flatMap(({ signal, role }) => {
    const value = cloudWatchValue(plan.signals[signal].value, machine);
    return value ? [{ title: plan.signals[signal].title, role, value }] : [];
  });
  const lines = values.filter(({ value }) => Object.keys(value.metrics).length > 0);
  if (lines.length === 0) return [];
  const limits = values.filter(({ role, value }) => role === 'limit' && Object.keys(value.metrics).length === 0);
  return [
    new cloudwatch.GraphWidget({
      title: `${title} (${label})`,
      width: 8,
      height: 6,
      stacked: form === 'stacked',
      left: lines.map(({ title: name, value }) => metrics.math(scaled(value, times, over), { label: name })),
      leftYAxis: { min: 0, showUnits: false, label },
      leftAnnotations: [
        ...limits.map(({ title: name, value }) => ({ label: name, value: (Number(value.expression) * times) / over })),
        ...(threshold
          ? [{ label: threshold.title, value: (threshold.value * times) / over, color: cloudwatch.Color.RED }]
          : []),
      ],
      period: Duration.minutes(1),
    }),
  ];
}

/** Lines from 0 up, in a third of a dashboard's width. */
export const graph = (
  title: string,
  left: cloudwatch.IMetric[],
  right: cloudwatch.IMetric[] = [],
): cloudwatch.GraphWidget =>
  new cloudwatch.GraphWidget({
    ...{ title, left, right, width: 8, height: 6 },
    leftYAxis: { min: 0, showUnits: false },
    period: Duration.minutes(1),
  });

/** How many machines there are, and what they cost an hour where the price is known. */
export function machinesAndCost(metrics: EndpointMetrics, usdPerHour: number | null): cloudwatch.GraphWidget {
  const machines = metrics.instances();
  const cost =
    usdPerHour === null
      ? []
      : [
          new cloudwatch.MathExpression({
            expression: `machines * ${usdPerHour}`,
            usingMetrics: { machines },
            label: 'USD an hour',
            period: Duration.minutes(1),
          }),
        ];
  return graph('Machines and cost', [machines], cost);
}

function platformWidgets(
  metrics: EndpointMetrics,
  { acceleratorCount, usdPerHour }: DashboardMachine,
): cloudwatch.IWidget[] {
  const accelerator = (name: string, label: string) =>
    metrics.math(
      read(
        { namespace: '/aws/sagemaker/Endpoints', name, statistic: 'Average' },
        (id) => `${id} / ${acceleratorCount}`,
      ),
      { label },
    );
  return [
    machinesAndCost(metrics, usdPerHour),
    graph('Time that SageMaker adds (ms)', [metrics.overhead()]),
    ...(acceleratorCount > 0
      ? [
          graph('Accelerators (%)', [
            accelerator('GPUUtilization', 'busy'),
            accelerator('GPUMemoryUtilization', 'memory'),
          ]),
        ]
      : []),
  ];
}

/** A variant on a dashboard. */
export interface DashboardVariant {
  readonly name: string;
  readonly plan: EndpointPlan;
  readonly metrics: EndpointMetrics;
}

/** The widgets of every variant, on a dashboard of the user's or a new one; null where none is wanted. */
export function endpointDashboard(
  scope: Construct,
  given: cloudwatch.Dashboard | false | undefined,
  variants: readonly DashboardVariant[],
): cloudwatch.Dashboard | null {
  if (given === false) return null;
  const dashboard = given ?? new cloudwatch.Dashboard(scope, 'Dashboard');
  for (const { name, plan, metrics } of variants) {
    const { chosen } = plan.hardware;
    if (variants.length > 1) {
      dashboard.addWidgets(new cloudwatch.TextWidget({ markdown: `## ${name}: ${plan.name}`, width: 24, height: 1 }));
    }
    const machine = { ...chosen, usdPerHour: chosen.price?.usdPerHour ?? null };
    dashboard.addWidgets(...dashboardWidgets(plan.monitoring, metrics, machine));
  }
  return dashboard;
}
