/** The dashboard of one variant, drawn from its monitoring plan, with what only SageMaker knows: machines, its own overhead, accelerators. */

import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { bottleneckText, bottleneckTitle } from '../../lib/monitoring/bottleneck-platforms.js';
import { acceleratorLines, type CloudWatchPanel, cloudWatchPanels } from '../../lib/monitoring/cloudwatch.js';
import type { MonitoringPlan } from '../../lib/monitoring/plan.js';
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

/** Widgets for the panels that CloudWatch has data for, those of the platform, and what limits the variant in words. */
export function dashboardWidgets(
  plan: MonitoringPlan,
  metrics: EndpointMetrics,
  machine: DashboardMachine,
): cloudwatch.IWidget[] {
  return [
    ...cloudWatchPanels(plan, machine).map((panel) => planned(panel, metrics)),
    ...platformWidgets(metrics, machine),
    words(machine.acceleratorCount > 0),
  ];
}

const words = (accelerated: boolean): cloudwatch.TextWidget =>
  new cloudwatch.TextWidget({
    markdown: `### ${bottleneckTitle}\n\n${bottleneckText('aws-sagemaker', accelerated)}`,
    width: 24,
    height: 6,
  });

const planned = (
  { title, unit, stacked, lines, marks }: CloudWatchPanel,
  metrics: EndpointMetrics,
): cloudwatch.GraphWidget =>
  new cloudwatch.GraphWidget({
    title,
    width: 8,
    height: 6,
    stacked,
    left: lines.map(({ label, value }) => metrics.math(value, { label })),
    leftYAxis: { min: 0, showUnits: false, label: unit },
    leftAnnotations: marks.map(({ label, value, objective }) => ({
      label,
      value,
      ...(objective && { color: cloudwatch.Color.RED }),
    })),
    period: Duration.minutes(1),
  });

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
  return [
    machinesAndCost(metrics, usdPerHour),
    graph('Time that SageMaker adds (ms)', [metrics.overhead()]),
    ...(acceleratorCount > 0
      ? [
          graph(
            'Accelerators (%)',
            acceleratorLines(acceleratorCount).map(({ label, value }) => metrics.math(value, { label })),
          ),
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
