/** Monitoring, the emitter for Google's Cloud Monitoring over a Cloud Run service: objectives, alert policies and a dashboard, as data. */

import { bottleneckText, bottleneckTitle } from './bottleneck-platforms.js';
import { type Chart, type CloudMonitoring, cloudMonitoring, dashboardJson } from './cloud-monitoring.js';
import type { Expression } from './expression.js';
import type { MonitoringPlan } from './plan.js';
import { cloudRunQuery, instancesQuery } from './queries/cloud-run.js';

const metricFilter = (service: string, metric: string, more = ''): string =>
  `metric.type="run.googleapis.com/${metric}" AND resource.type="cloud_run_revision" AND resource.label."service_name"=${JSON.stringify(service)}${more}`;

/** Objectives and their alerts for a service. */
export const cloudRunMonitoring = (plan: MonitoringPlan, service: string): CloudMonitoring =>
  cloudMonitoring(plan, {
    platform: 'Cloud Run',
    requests: metricFilter(service, 'request_count'),
    errors: metricFilter(service, 'request_count', ' AND metric.label."response_code_class"="5xx"'),
    latencies: metricFilter(service, 'request_latencies'),
  });

/**
 * The dashboard's JSON, canonical: the same plan gives the same text.
 *
 * @param instance - its processors, whether it has an accelerator, and what an hour of it costs; null where no price is known
 */
export function cloudRunDashboard(
  plan: MonitoringPlan,
  service: string,
  instance: { readonly processors: number; readonly accelerated: boolean; readonly usdPerHour: number | null },
): string {
  const { processors, accelerated, usdPerHour } = instance;
  const instances = instancesQuery({ service });
  const say = (value: Expression): string | null => cloudRunQuery(value, { service, windowSeconds: 300, processors });
  const further: readonly Chart[] = [
    {
      title: 'Memory',
      unit: '%',
      lines: [{ query: `${say(plan.signals.memoryFill.value)} * 100`, legend: 'the fullest instances' }],
    },
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Cloud Monitoring fills it in.
    { title: 'Instances', unit: 'instances', lines: [{ query: instances, legend: '${metric.labels.state}' }] },
    ...(usdPerHour === null
      ? []
      : [
          {
            title: 'Cost',
            unit: 'USD an hour',
            lines: [{ query: `sum(${instances}) * ${usdPerHour}`, legend: 'instances' }],
          },
        ]),
  ];
  const words = { title: bottleneckTitle, content: bottleneckText('gcp-cloud-run', accelerated) };
  return dashboardJson(plan, say, further, words);
}
