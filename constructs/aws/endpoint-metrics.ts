/** What CloudWatch has of one variant, in units that people read. */

import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { type CloudWatchValue, read, type SageMakerMetric } from '../../lib/monitoring/queries/cloudwatch.js';

export interface MetricOptions {
  /**
   * `p99`, `Average`, `Maximum`, …
   *
   * @default - what suits the metric, see each method
   */
  readonly statistic?: string;
  /** @default Duration.minutes(1) */
  readonly period?: Duration;
  /** @default - the metric's own name */
  readonly label?: string;
  readonly color?: string;
}

/** Metrics of a variant of an endpoint, or of the inference component that serves it. */
export class EndpointMetrics {
  /** @param componentName - requests are counted by component where there is one, machines by variant all the same */
  constructor(
    readonly endpointName: string,
    readonly variantName: string,
    readonly componentName?: string | undefined,
  ) {}

  invocations({ statistic = 'Sum', ...rest }: MetricOptions = {}): cloudwatch.Metric {
    return this.metric({ namespace: 'AWS/SageMaker', name: 'Invocations', statistic }, rest);
  }

  /** Milliseconds. */
  latency({ statistic = 'p99', ...rest }: MetricOptions = {}): cloudwatch.MathExpression {
    return this.milliseconds({ namespace: 'AWS/SageMaker', name: 'ModelLatency', statistic }, rest);
  }

  /** Milliseconds. */
  overhead({ statistic = 'Average', ...rest }: MetricOptions = {}): cloudwatch.MathExpression {
    return this.milliseconds({ namespace: 'AWS/SageMaker', name: 'OverheadLatency', statistic }, rest);
  }

  /** Percent. The mean of a metric that is 1 for a failed request and 0 for another. */
  errorRate({
    statistic = 'Average',
    label = 'server errors',
    ...rest
  }: MetricOptions = {}): cloudwatch.MathExpression {
    const errors: SageMakerMetric = { namespace: 'AWS/SageMaker', name: 'Invocation5XXErrors', statistic };
    return this.math(
      read(errors, (id) => `100 * ${id}`),
      { label, ...rest },
    );
  }

  concurrentRequests({ statistic = 'Maximum', ...rest }: MetricOptions = {}): cloudwatch.Metric {
    return this.metric({ namespace: 'AWS/SageMaker', name: 'ConcurrentRequestsPerModel', statistic }, rest);
  }

  /** Machines that reported: each does once a minute, so that another period than a minute counts machine minutes. */
  instances({ period, ...options }: Omit<MetricOptions, 'statistic'> = {}): cloudwatch.Metric {
    const metric: SageMakerMetric = {
      namespace: '/aws/sagemaker/Endpoints',
      name: 'CPUUtilization',
      statistic: 'SampleCount',
    };
    return this.metric(metric, { label: 'machines', ...options, period: period ?? Duration.minutes(1) });
  }

  /** Percent of all processors, the mean machine's; CloudWatch counts in percent of one. */
  processors(count: number, { label = 'busy', ...rest }: MetricOptions = {}): cloudwatch.MathExpression {
    const cpu: SageMakerMetric = {
      namespace: '/aws/sagemaker/Endpoints',
      name: 'CPUUtilization',
      statistic: 'Average',
    };
    return this.math(
      read(cpu, (id) => `${id} / ${count}`),
      { label, ...rest },
    );
  }

  /** A value of the monitoring plan. */
  math(value: CloudWatchValue, { period = Duration.minutes(1), label, color }: MetricOptions = {}) {
    return new cloudwatch.MathExpression({
      expression: value.expression,
      usingMetrics: Object.fromEntries(
        Object.entries(value.metrics).map(([id, metric]) => [id, this.metric(metric, { period })]),
      ),
      period,
      ...(label !== undefined && { label }),
      ...(color !== undefined && { color }),
    });
  }

  private milliseconds(metric: SageMakerMetric, { label, ...rest }: MetricOptions): cloudwatch.MathExpression {
    const name = label ?? `${metric.name} ${metric.statistic}`;
    return this.math(
      read(metric, (id) => `${id} / 1000`),
      { label: name, ...rest },
    );
  }

  private metric(metric: SageMakerMetric, { period = Duration.minutes(1), label, color }: MetricOptions) {
    const { endpointName, variantName, componentName } = this;
    const byComponent = componentName !== undefined && metric.namespace === 'AWS/SageMaker';
    return new cloudwatch.Metric({
      namespace: metric.namespace,
      metricName: byComponent ? metric.name.replace('PerModel', 'PerCopy') : metric.name,
      statistic: metric.statistic,
      period,
      dimensionsMap: byComponent
        ? { InferenceComponentName: componentName }
        : { EndpointName: endpointName, VariantName: variantName },
      ...(label !== undefined && { label }),
      ...(color !== undefined && { color }),
    });
  }
}
