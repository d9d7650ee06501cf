/** What every SageMaker endpoint can do for a stack, one that is made here or one that is only referred to. */

import { Resource } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as sagemaker from 'aws-cdk-lib/aws-sagemaker';
import { EndpointMetrics, type MetricOptions } from './endpoint-metrics.js';

/** An endpoint that can be invoked and watched. */
export interface IModelEndpoint extends sagemaker.IEndpoint {
  /** Name of the variant that metrics are read from. */
  readonly variantName: string;
  /** Requests answered, a count. */
  metricInvocations(options?: MetricOptions): cloudwatch.IMetric;
  /** Time in the container, milliseconds; p99 unless told otherwise. */
  metricLatency(options?: MetricOptions): cloudwatch.IMetric;
  /** Time that SageMaker adds, milliseconds; the mean unless told otherwise. It has no percentiles. */
  metricOverhead(options?: MetricOptions): cloudwatch.IMetric;
  /** Server errors of all requests, percent, 0 to 100. */
  metricErrorRate(options?: MetricOptions): cloudwatch.IMetric;
  /** Requests waiting or running, a count. */
  metricConcurrentRequests(options?: MetricOptions): cloudwatch.IMetric;
}

/** Every way to ask an endpoint. */
export const invokeActions = [
  'sagemaker:InvokeEndpoint',
  'sagemaker:InvokeEndpointWithResponseStream',
  'sagemaker:InvokeEndpointAsync',
] as const;

/** Grants and metrics, the same for an own endpoint and an imported one. */
export abstract class ModelEndpointBase extends Resource implements IModelEndpoint {
  abstract readonly endpointArn: string;
  abstract readonly endpointName: string;
  abstract readonly variantName: string;
  /** The inference component that answers, and what grants have to name besides the endpoint. */
  protected component: { readonly name: string; readonly arn: string } | undefined = undefined;

  get endpointRef(): sagemaker.IEndpoint['endpointRef'] {
    return { endpointArn: this.endpointArn };
  }

  /** Lets `grantee` ask the endpoint: at once, as a stream, or by way of a queue. */
  grantInvoke(grantee: iam.IGrantable): iam.Grant {
    return iam.Grant.addToPrincipal({
      grantee,
      actions: [...invokeActions],
      resourceArns: [this.endpointArn, ...(this.component ? [this.component.arn] : [])],
    });
  }

  metricInvocations(options?: MetricOptions): cloudwatch.IMetric {
    return this.metrics().invocations(options);
  }

  metricLatency(options?: MetricOptions): cloudwatch.IMetric {
    return this.metrics().latency(options);
  }

  metricOverhead(options?: MetricOptions): cloudwatch.IMetric {
    return this.metrics().overhead(options);
  }

  metricErrorRate(options?: MetricOptions): cloudwatch.IMetric {
    return this.metrics().errorRate(options);
  }

  metricConcurrentRequests(options?: MetricOptions): cloudwatch.IMetric {
    return this.metrics().concurrentRequests(options);
  }

  protected metrics(): EndpointMetrics {
    return new EndpointMetrics(this.endpointName, this.variantName, this.component?.name);
  }
}
