/** Monitoring, CloudWatch without the CDK: bodies that its own API takes, for an endpoint that is made elsewhere. */

import { bottleneckText, bottleneckTitle } from './bottleneck-platforms.js';
import {
  acceleratorLines,
  type CloudWatchAlarm,
  type CloudWatchLine,
  type CloudWatchPanel,
  cloudWatchAlarms,
  cloudWatchPanels,
  machineCount,
  overheadLine,
} from './cloudwatch.js';
import type { MonitoringPlan } from './plan.js';
import type { CloudWatchValue, SageMakerMetric, VariantMachine } from './queries/cloudwatch.js';

/** A variant of an endpoint, by its names. */
export interface CloudWatchVariant {
  readonly endpoint: string;
  readonly variant: string;
  readonly region: string;
  readonly machine: VariantMachine & { readonly acceleratorCount: number };
  /** Of one machine; null where no price is known. */
  readonly usdPerHour: number | null;
}

/** What `PutDashboard`, `PutMetricAlarm` and `PutCompositeAlarm` of CloudWatch take. */
export interface CloudWatchDocument {
  readonly dashboardName: string;
  readonly dashboardBody: { readonly widgets: readonly object[] };
  readonly metricAlarms: readonly object[];
  readonly compositeAlarms: readonly object[];
  /** What could not be watched, in words. */
  readonly notes: readonly string[];
}

const columns = 24;
const width = 8;
const height = 6;
const minute = 60;

type Named = Pick<CloudWatchVariant, 'endpoint' | 'variant'>;

const dimensions = ({ endpoint, variant }: Named) => [
  { Name: 'EndpointName', Value: endpoint },
  { Name: 'VariantName', Value: variant },
];

/** Rows of a widget's metrics: what is drawn, then what it is made from. */
function rows(lines: readonly CloudWatchLine[], named: Named): readonly unknown[] {
  const metrics: Record<string, SageMakerMetric> = Object.assign({}, ...lines.map(({ value }) => value.metrics));
  return [
    ...lines.map(({ label, value }, index) => [{ expression: value.expression, label, id: `line${index + 1}` }]),
    ...Object.entries(metrics).map(([id, { namespace, name, statistic }]) => [
      namespace,
      name,
      ...dimensions(named).flatMap(({ Name, Value }) => [Name, Value]),
      { id, stat: statistic, period: minute, visible: false },
    ]),
  ];
}

const costLine = (usdPerHour: number): CloudWatchLine => ({
  label: 'USD an hour',
  value: { ...machineCount, expression: `${machineCount.expression} * ${usdPerHour}` },
});

/** What only SageMaker knows of a variant. */
function platformPanels({ machine, usdPerHour }: CloudWatchVariant): readonly CloudWatchPanel[] {
  const panel = (title: string, unit: string, lines: readonly CloudWatchLine[]): CloudWatchPanel => ({
    ...{ title, unit, lines },
    stacked: false,
    marks: [],
  });
  return [
    panel('Machines', 'machines', [{ label: 'machines', value: machineCount }]),
    ...(usdPerHour === null ? [] : [panel('Cost (USD an hour)', 'USD an hour', [costLine(usdPerHour)])]),
    panel('Time that SageMaker adds (ms)', 'ms', [overheadLine]),
    ...(machine.acceleratorCount > 0
      ? [panel('Accelerators (%)', '%', acceleratorLines(machine.acceleratorCount))]
      : []),
  ];
}

function widget(
  { title, unit, stacked, lines, marks }: CloudWatchPanel,
  index: number,
  variant: CloudWatchVariant,
): object {
  return {
    type: 'metric',
    x: (index * width) % columns,
    y: Math.floor((index * width) / columns) * height,
    ...{ width, height },
    properties: {
      title,
      view: 'timeSeries',
      stacked,
      region: variant.region,
      period: minute,
      metrics: rows(lines, variant),
      yAxis: { left: { min: 0, showUnits: false, label: unit } },
      ...(marks.length > 0 && { annotations: { horizontal: marks.map(({ label, value }) => ({ label, value })) } }),
    },
  };
}

/** Below the panels: what limits the variant, as far as they tell. */
const words = (accelerated: boolean, above: number): object => ({
  ...{ type: 'text', x: 0, y: Math.ceil((above * width) / columns) * height, width: columns, height },
  properties: { markdown: `### ${bottleneckTitle}\n\n${bottleneckText('aws-sagemaker', accelerated)}` },
});

const metricsOf = ({ expression, metrics }: CloudWatchValue, label: string, Period: number, named: Named) => [
  { Id: 'value', Expression: expression, Label: label, ReturnData: true },
  ...Object.entries(metrics).map(([Id, { namespace, name, statistic }]) => ({
    Id,
    ReturnData: false,
    MetricStat: {
      Metric: { Namespace: namespace, MetricName: name, Dimensions: dimensions(named) },
      Period,
      Stat: statistic,
    },
  })),
];

const comparisons = { '>': 'GreaterThanThreshold', '>=': 'GreaterThanOrEqualToThreshold' } as const;

const alarmBody = (alarm: CloudWatchAlarm, name: string, named: Named) => ({
  AlarmName: name,
  AlarmDescription: alarm.description,
  ComparisonOperator: comparisons[alarm.is],
  Threshold: alarm.than,
  EvaluationPeriods: alarm.periods,
  TreatMissingData: 'notBreaching',
  Metrics: metricsOf(alarm.value, alarm.label, alarm.periodSeconds, named),
});

/** Everything that CloudWatch can watch of a variant. The same input gives the same document. */
export function cloudWatchDocument(plan: MonitoringPlan, variant: CloudWatchVariant): CloudWatchDocument {
  const { rollback, alerts, notes } = cloudWatchAlarms(plan, variant.machine);
  const named = (id: string): string => `${variant.endpoint}-${variant.variant}-${id}`;
  const panels = [...cloudWatchPanels(plan, variant.machine), ...platformPanels(variant)];
  return {
    dashboardName: `${variant.endpoint}-${variant.variant}`,
    dashboardBody: {
      widgets: [
        ...panels.map((panel, index) => widget(panel, index, variant)),
        words(variant.machine.acceleratorCount > 0, panels.length),
      ],
    },
    metricAlarms: [...alerts.flatMap(({ alarms }) => alarms), ...rollback].map((alarm) =>
      alarmBody(alarm, named(alarm.id), variant),
    ),
    compositeAlarms: alerts.flatMap(({ alert, description, alarms }) =>
      alarms.length === 1
        ? []
        : [
            {
              AlarmName: named(alert.name),
              AlarmDescription: description,
              AlarmRule: alarms.map(({ id }) => `ALARM("${named(id)}")`).join(' AND '),
            },
          ],
    ),
    notes,
  };
}
